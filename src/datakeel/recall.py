"""What the last review judged, recalled where nothing that it rests on has changed: not a file, or only comments and
where the code stands.

A finding rests on the whole project, so all is recalled or nothing. Places move with their code: a comment above a
function moves what was found in it, and no more.
"""

from __future__ import annotations

import os
import sys
from functools import cache as once
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from datakeel.config import Config
from datakeel.finding import Finding, Strength
from datakeel.model.atlas import Atlas
from datakeel.model.place import Place
from datakeel.model.system import Remark
from datakeel.read.facts import Facts, Shelf
from datakeel.read.kept import Kept as KeptLink
from datakeel.read.kept import touch
from datakeel.read.moved import Changed, Lines, moves
from datakeel.read.program import decode, rewritten
from datakeel.rules.memory import Verdicts
from datakeel.rules.overview import Portrait
from datakeel.rules.rule import rules

T = TypeVar("T")


class Judged(Struct, frozen=True):
    """What linking and judging gave. `remarks` say what could not be analysed; `whole`: nothing was lost on the way
    that another run may find."""

    findings: tuple[Finding, ...]
    portrait: Portrait
    remarks: tuple[Remark, ...] = ()
    whole: bool = True
    strengths: tuple[Strength, ...] = ()
    atlas: Atlas = Atlas()


class Kept(Struct, frozen=True):
    """A judgement, with the keys of the facts that it rests on, by path."""

    keys: dict[str, bytes]
    judged: Judged


class Recall:
    """The memory of one project's reviews under one configuration, on the shelf where its facts are."""

    def __init__(self, shelf: Shelf, facts: Facts, config: Config) -> None:
        self.shelf = shelf
        self.facts = facts
        project = blake2b(circumstances(facts, config), digest_size=16)
        self.link_key = blake2b(project.digest(), digest_size=16, person=b"link").digest()
        self.verdicts_key = blake2b(project.digest(), digest_size=16, person=b"verdicts").digest()
        project.update(msgspec.msgpack.encode(sorted(facts.elsewhere)))  # which tell what nobody needs, and no more
        self.key = project.digest()

    def linked(self) -> KeptLink:
        """What the last review left of its link."""
        return KeptLink(self.shelf, self.link_key, self.facts)

    def verdicts(self) -> Verdicts:
        """What the last review's rules found in single functions."""
        blob = self.shelf.get(self.verdicts_key)
        try:
            return msgspec.msgpack.decode(blob, type=Verdicts) if blob is not None else Verdicts()
        except msgspec.DecodeError:
            return Verdicts()

    def judged(self) -> Judged | None:
        """What was judged, where it still holds; None where the project must be judged anew."""
        blob = self.shelf.get(self.key)
        if blob is None:
            return None
        try:
            kept = msgspec.msgpack.decode(blob, type=Kept)
            moved = {path: self.lines(path, kept.keys[path], key) for path, key in self.facts.keys.items()}
            known = kept.judged
            if any(moved.values()):  # something will be saved: what was linked is of use for later edits
                touch(self.shelf, self.link_key)
                self.shelf.get(self.verdicts_key)
            return replace(
                known,
                findings=tuple(relocated(f, moved) for f in known.findings),
                strengths=tuple(relocated(s, moved) for s in known.strengths),
                atlas=relocated(known.atlas, moved),
                remarks=tuple(shifted(r, moved.get(r.path)) for r in known.remarks),
            )
        except (Changed, KeyError, msgspec.DecodeError):
            return None

    def keep(self, judged: Judged, verdicts: Verdicts) -> None:
        """Keeps a judgement, and what single functions have to do with it; one that lost something on the way (a
        function that took too long) is not kept."""
        if judged.whole:
            self.shelf.put(self.verdicts_key, msgspec.msgpack.encode(verdicts))
            self.shelf.put(self.key, msgspec.msgpack.encode(Kept(self.facts.keys, judged)))

    def lines(self, path: str, before: bytes, now: bytes) -> Lines | None:
        """Where the lines of a file have gone; None where they are where they were. Raises Changed."""
        if before == now:
            return None
        old = self.shelf.get(before)
        if old is None or path not in self.facts.files:
            raise Changed
        was, is_now = decode(bytes(old)), self.facts.files[path]
        found = moves(was, is_now)
        if found.functions or found.declarations or any(before[1] != now[1] for before, now in found.ends.items()):
            raise Changed
        if was.loads != is_now.loads:  # what a function imports may leave no other trace in it
            raise Changed
        return found.lines


def circumstances(facts: Facts, config: Config) -> bytes:
    """All that a judgement rests on but the files' contents: the program, the configuration, which files there are."""
    sources = facts.sources
    return msgspec.msgpack.encode(
        (
            program(),
            [rule.name for rule in rules() if config.runs(rule.name, rule.category)],
            [(r.file, Path(r.file).read_bytes(), r.page.read_bytes()) for r in config.team if config.trusted],
            config.libraries,
            config.facts,
            os.path.relpath(config.source, sources.root) if config.source else "",
            [(s.path, s.role, s.foreign) for s in sources.files if s.path in facts.keys],
            sorted(sources.packages),
            sources.links,
            sources.projects,
        ),
        order="deterministic",
    )


@once
def program() -> list[object]:
    """This program as it is installed, and the Python that runs it."""
    here = Path(__file__).parent
    files = sorted(f for f in here.rglob("*") if f.suffix in (".py", ".toml", ".md"))
    stated = [(f.relative_to(here).as_posix(), (s := f.stat()).st_size, s.st_mtime_ns) for f in files]
    return [sys.implementation.name, list(sys.version_info[:3]), stated]


# What has moved -------------------------------------------------------------------------------------------------------


def relocated(part: T, moved: dict[str, Lines | None]) -> T:
    """A finding, or a part of one, where its code stands now. Raises Changed where that cannot be told."""
    return rewritten(part, Place, lambda place: at(place, moved.get(place.path)))


def shifted(remark: Remark, lines: Lines | None) -> Remark:
    """A remark where its code stands now. Raises Changed where that cannot be told."""
    if lines is None or not remark.line:
        return remark
    if remark.line not in lines:
        raise Changed
    return replace(remark, line=lines[remark.line])


def at(place: Place, lines: Lines | None) -> Place:
    if lines is None:
        return place
    ends = place.end_line or place.line
    if place.line not in lines or ends not in lines:
        raise Changed
    return replace(place, line=lines[place.line], end_line=lines[ends] if place.end_line else 0)
