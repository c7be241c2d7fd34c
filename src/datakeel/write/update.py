"""What a newer generation and the user's own changes make of a project: files are merged one by one, as git merges
branches; what databases hold already is carried on by steps of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath

from merge3 import Merge3
from msgspec import Struct

from datakeel import naming, requirements
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements
from datakeel.write import compatible
from datakeel.write.derived import derived
from datakeel.write.disk import OURS, put_over, texts
from datakeel.write.evolution import contract, evolve
from datakeel.write.project import MIGRATIONS, File, Project, frozen
from datakeel.write.schema import Schema, statements
from datakeel.write.written import (
    SCHEMAS,
    SOURCE,
    Written,
    base_of,
    digest,
    frozen_in,
    made_by,
    migrations,
    schemas_of,
    state_of,
    written_in,
)

NUMBER = re.compile(r"^(\d+)_")
COPY = re.compile(r'^COPY = Copy\(\s*"(\w+)",\s*"\w+",\s*\(([^)]*)\)', re.MULTILINE)


class Outcome(Struct, frozen=True):
    """What is to become of one file. `text` None: it goes. `conflict`: both sides changed the same lines, which are
    marked as git marks them. `note`: what the user should know."""

    path: str
    text: str | None
    conflict: bool = False
    note: str = ""
    executable: bool = False


class Steps(Struct, frozen=True, kw_only=True):
    """How what is stored follows: the files that are added, what the user should know, what stays although nothing will
    use it (in words), and what the databases have afterwards. `refused`: why it cannot; then nothing else counts."""

    files: tuple[File, ...] = ()
    notes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    schemas: dict[str, Schema] = {}
    refused: tuple[str, ...] = ()


class Plan(Struct, frozen=True, kw_only=True):
    """What an update would do to a folder. `yours`: the texts that are there; `old`, `new`: what it was last generated
    from, and what it says now."""

    written: Written
    fresh: Project
    yours: dict[str, str]
    old: Requirements
    new: Requirements
    outcomes: tuple[Outcome, ...]
    steps: Steps
    there: frozenset[str]


def plan(folder: Path, fresh: Project, new: Requirements) -> Plan:
    """What an update of a folder to `fresh` would do. Nothing is written. Raises Mistake."""
    written = written_in(folder)
    paths = {SCHEMAS, *written.base, *written.frozen, *(f.path for f in fresh.files)}
    yours, there, old = texts(folder, paths), frozen_in(folder, paths), described(written)
    return Plan(
        written=written,
        fresh=fresh,
        yours=yours,
        old=old,
        new=new,
        outcomes=tuple(merged(written.base, yours, fresh)),
        steps=steps(written, fresh, old, new, there),
        there=there,
    )


def carried_out(plan: Plan, steps: Steps, folder: Path) -> None:
    """Write what was planned, all of it or nothing."""
    put_over(files(plan, steps), gone(plan, steps), folder)


def _copied(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The tables that are copies of rows, each with the name of its copy, as modules declare them."""
    for path, text in texts.items():
        found = COPY.search(text) if "/processing/" in path else None
        if found:
            yield from ((table, found[1]) for table in re.findall(r"\w+", found[2]))


def described(written: Written) -> Requirements:
    """The requirements that a project was last generated from. Raises Mistake."""
    return requirements.read(written.base[SOURCE], f"the {SOURCE} that was last followed")


def steps(written: Written, fresh: Project, old: Requirements, new: Requirements, there: frozenset[str]) -> Steps:
    """How what is stored follows new requirements. `there`: the paths of the frozen kind that the folder holds."""
    refused = [*_renamed(old, new), *compatible.refusals(old, new)]
    if refused:
        return Steps(refused=tuple(refused))
    made_texts = {f.path: f.text for f in fresh.files}
    copied = dict(_copied({**written.base, **made_texts}))
    views = {t: v.table for of in (old, new) for v in derived(of) for t in (v.table, v.rows)} | copied
    files = [*_message_schemas(written.base, made_texts, there)]
    notes = [*compatible.notes(old, new)]
    left: list[str] = []
    schemas = dict(written.schemas)
    groups = migrations(made_texts)
    for folder, made in groups.items():
        found = evolve(
            written.schemas.get(folder, Schema()),
            made,
            *((views, frozenset(copied.values())) if folder == MIGRATIONS else ({},)),
        )
        schemas[folder] = found.schema
        files += _numbered(folder, found.files, there, first=next(iter(made)))
        notes += _seeds(migrations(written.base).get(folder, {}), made)
        notes += found.notes
        refused += found.refused
        left += found.left
    left += [f"{folder}, whose service is gone" for folder in written.schemas if folder not in groups]
    told = tuple(note.replace("PACKAGE", naming.snake(new.name)) for note in notes)
    return Steps(files=tuple(files), notes=told, left=tuple(left), schemas=schemas, refused=tuple(refused))


def contracted(plan: Plan) -> Steps:
    """The steps that drop what nothing uses any more. Raises Mistake while there is something to be added first."""
    if plan.steps.files or plan.outcomes:
        raise Mistake(
            "there is something to follow first: run `datakeel update` without --contract, bring the new version to "
            "every place where it runs, and drop what is left then"
        )
    fresh = {f.path: f.text for f in plan.fresh.files}
    new = made_by(fresh)
    files: list[File] = []
    for folder, made in migrations(fresh).items():
        drops = contract(plan.written.schemas[folder], new[folder])
        files += _numbered(folder, drops, plan.there, first=next(iter(made)))
    return Steps(files=tuple(files), schemas={**plan.written.schemas, **new})


def steps_between(old: Project, new: Project, was: Requirements, now: Requirements) -> Steps:
    """How what is stored would follow, from one project to another that nobody has written."""
    texts = {f.path: f.text for f in old.files}
    written = Written(base=texts, schemas=made_by(texts), frozen={}, version="")
    return steps(written, new, was, now, frozenset(path for path in texts if frozen(path)))


def refuse(refused: Iterable[str]) -> None:
    """Raises Mistake where there is a reason to."""
    reasons = tuple(dict.fromkeys(refused))
    if reasons:
        raise Mistake("\n".join((*reasons, "Nothing was written.")))


def merged(base: Mapping[str, str], yours: Mapping[str, str], fresh: Project) -> Iterator[Outcome]:
    """What becomes of each file that changes, in the order of paths. `yours`: the texts of the files of `base` and of
    `fresh` that are there now."""
    new = {f.path: f for f in fresh.files}
    for path in sorted({*base, *new}):
        if path.startswith(OURS) or path == SOURCE or frozen(path):
            continue
        before, mine = base.get(path), yours.get(path)
        file = new.get(path)
        theirs = file.text if file is not None else None
        if theirs in (before, mine):
            continue
        executable = file is not None and file.executable
        if mine == before:
            yield Outcome(path, theirs, executable=executable)
        elif mine is None:
            yield Outcome(path, None, note="you deleted it; it has changed, and stays deleted")
        elif theirs is None:
            yield Outcome(path, mine, note="it is generated no longer; you changed it, so it stays")
        else:
            text, conflict = merge(before or "", mine, theirs)
            yield Outcome(path, text, conflict, executable=executable)


def files(plan: Plan, steps: Steps) -> Iterator[File]:
    """What is to be written: the merged files, those that are added, and what the next update starts from."""
    yield from (File(o.path, o.text, o.executable) for o in plan.outcomes if o.text is not None and not o.note)
    yield from steps.files
    yield base_of(plan.fresh)
    yield state_of(plan.fresh, {**plan.written.frozen, **{f.path: digest(f.text) for f in steps.files}})
    if not _as_fresh(plan, steps):
        yield schemas_of(steps.schemas)


def gone(plan: Plan, steps: Steps) -> Iterator[str]:
    """The paths of the files that are to go."""
    yield from (o.path for o in plan.outcomes if o.text is None and o.path in plan.yours)
    if _as_fresh(plan, steps) and SCHEMAS in plan.yours:
        yield SCHEMAS


def _as_fresh(plan: Plan, steps: Steps) -> bool:
    """Whether databases have just what a fresh generation would give them."""
    return steps.schemas == made_by({f.path: f.text for f in plan.fresh.files})


def merge(before: str, mine: str, theirs: str) -> tuple[str, bool]:
    """Three texts as one, and whether lines of it are in conflict.

    >>> merge("a\\nb\\nc\\n", "A\\nb\\nc\\n", "a\\nb\\nC\\n")
    ('A\\nb\\nC\\n', False)
    >>> merge("a\\n", "b\\n", "c\\n")
    ('<<<<<<< yours\\nb\\n||||||| before\\na\\n=======\\nc\\n>>>>>>> generated\\n', True)
    """
    base, a, b = (text.splitlines(keepends=True) for text in (before, mine, theirs))
    texts = Merge3(base, a, b)
    conflict = any(group[0] == "conflict" for group in texts.merge_groups())
    lines = texts.merge_lines(name_a="yours", name_b="generated", name_base="before", base_marker="|||||||")
    return "".join(lines), conflict


def _renamed(old: Requirements, new: Requirements) -> Iterator[str]:
    if naming.snake(old.name) != naming.snake(new.name):
        yield (
            f"name: {old.name} would become {new.name}, and with it the package and all imports of it. Keep the name, "
            "and say another in `summary`; or generate a new project"
        )


def _seeds(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """What is said of rows that a migration put in, and a fresh one would put in another way."""
    had, wanted = (
        {s.name: s.plain for s in chain.from_iterable(map(statements, m.values())) if s.what == "seed"}
        for m in (before, after)
    )
    for table in had.keys() & wanted.keys():
        if had[table] != wanted[table]:
            yield f"{table} keeps the rows that it was made with; a new project would begin with others"


def _message_schemas(base: Mapping[str, str], texts: Mapping[str, str], there: frozenset[str]) -> Iterator[File]:
    """The schemas of messages that are new, or that have changed: as the next version, beside those that are there."""
    for path, text in texts.items():
        if not path.endswith(".avsc") or base.get(path) == text:
            continue
        stem = path.removesuffix(".1.avsc")
        versions = [int(p.split(".")[-2]) for p in there if p.startswith(f"{stem}.") and p.split(".")[-2].isdigit()]
        yield File(f"{stem}.{max(versions, default=0) + 1}.avsc", text)


def _numbered(folder: str, made: Iterable[tuple[str, str]], there: frozenset[str], first: str) -> Iterator[File]:
    """Migrations with the numbers that follow those in the folder; where it has none, as a fresh one does."""
    names = (PurePosixPath(path).name for path in there if str(PurePosixPath(path).parent) == folder)
    numbers = [int(match[1]) for name in names if (match := NUMBER.match(name))]
    match = NUMBER.match(first)
    begin = max(numbers) + 1 if numbers else int(match[1]) if match else 1
    for number, (name, sql) in enumerate(made, begin):
        plain = name.removesuffix(".sql")
        yield File(f"{folder}/{number:04}_{NUMBER.sub('', plain)}.sql", sql)
