"""The stories of `fix` and `prove`: find a finding again, link the system, and write the patch that cures it, or the
test that plays its story."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from datakeel.cache import Cache
from datakeel.config import Config
from datakeel.finding import Confidence, Finding, Review
from datakeel.mend.patch import Files, Patch, patch
from datakeel.mend.proof import Setting, proof
from datakeel.mend.text import data_of, text_of, write
from datakeel.mender import spot_of, with_edits
from datakeel.mistake import Mistake
from datakeel.model.system import System
from datakeel.read import facts, reader
from datakeel.read.source import discover
from datakeel.reviewer import Progress, review


class Cure(Struct, frozen=True):
    """A patch, the folder that its paths are relative to, and the files with it."""

    patch: Patch
    root: Path
    texts: dict[str, bytes]

    def write(self) -> None:
        """Writes all files, or none. Raises Mistake."""
        write({self.root / path: data for path, data in self.texts.items()})


def cure(finding: str, path: Path | str, *, config: Config, progress: Progress | None = None) -> Cure:
    """The patch that cures a finding. Raises Mistake where there can be none."""
    one, done = found(finding, path, config=config, progress=progress)
    root = Path(done.root)

    def text(path: str) -> str | None:
        place = root / path
        return text_of(place.read_bytes()) if place.is_file() else None

    known = [source.path for source in discover([root], exclude=config.exclusions()).files]
    below = lambda folder: [p for p in known if not folder or p.startswith(f"{folder}/")]  # noqa: E731
    with readable(one):
        made = patch(one, linked(path, config), Files(text, below))
    texts = {p: data_of(t, (root / p).read_bytes() if made.before.get(p) else b"") for p, t in made.after.items()}
    better(one, done, review([path], config=config, confidence=Confidence.LOW, progress=progress, texts=texts))
    return Cure(made, root, texts)


@contextmanager
def readable(finding: Finding) -> Iterator[None]:
    """Raises Mistake where a file is written for a younger Python than the one that runs: it is read all the same, and
    not edited."""
    try:
        yield
    except SyntaxError as wrong:
        raise Mistake(
            f"{finding.place}: this Python does not understand the file, or one of its models ({wrong.msg}): run "
            "datakeel with the Python that the project runs on"
        ) from None


def better(one: Finding, first: Review, second: Review) -> None:
    """Raises Mistake where a patch does not cure its finding, or brings a new one."""
    broken = {r.path for r in second.summary.remarks} - {r.path for r in first.summary.remarks}
    if broken:
        raise Mistake(f"no patch is made: with it {min(broken)} could not be read any more")
    was, now = (Counter(map(spot_of, (*r.findings, *r.doubtful))) for r in (first, second))
    if now[spot_of(one)] >= was[spot_of(one)]:
        raise Mistake(f"no patch is made: {one.rule} would still speak of {one.symbol or one.place}")
    before = Counter(f.rule for f in first.findings)
    after = Counter(f.rule for f in second.findings)
    new = [f for f in second.findings if after[f.rule] > before[f.rule] and spot_of(f) not in was]
    if new:
        raise Mistake(f"no patch is made: with it {new[0].rule} would speak of {new[0].symbol or new[0].place}")


SHORTEST = 4  # characters of a fingerprint
SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")


def proven(fingerprint: str, path: Path | str, *, config: Config, progress: Progress | None = None) -> tuple[str, str]:
    """The name and the text of a test that fails while a finding is there. Raises Mistake where there can be none."""
    finding, done = found(fingerprint, path, config=config, progress=progress)
    system = linked(path, config)
    text = text_of(Path(done.root, finding.place.path).read_bytes())
    holder = next(
        (o for o in system.operations if o.place.path == finding.place.path and o.symbol == finding.symbol), None
    )
    module = holder.name.removesuffix("." + holder.symbol) if holder is not None else ""
    with readable(finding):
        folder, named = settings(Path(done.root))
        folders = tuple(dict.fromkeys(f for f in (root(finding.place.path, module), folder) if f))
        return proof(finding, system, Setting(text or "", folders, named))


def found(
    fingerprint: str, path: Path | str, *, config: Config, progress: Progress | None = None
) -> tuple[Finding, Review]:
    """The finding of that fingerprint, or of one that begins so, in a review of the path; or the one at a place
    (``shop/services.py:12``). Raises Mistake."""
    done = with_edits(review([path], config=config, confidence=Confidence.LOW, progress=progress))
    known = (*done.findings, *done.suppressed, *done.doubtful)
    fitting = [f for f in known if fits(f, fingerprint)]
    if not fitting:
        raise Mistake(
            f'there is no finding "{fingerprint}": name one by its place (shop/services.py:12) or its fingerprint '
            "(datakeel review --format json has them)"
        )
    if len(fitting) > 1:
        some = ", ".join(f"{f.fingerprint} ({f.rule})" for f in fitting[:3])
        raise Mistake(f'"{fingerprint}" means {len(fitting)} findings: {some}; give more of one')
    return fitting[0], done


def fits(finding: Finding, words: str) -> bool:
    if ":" in words:
        return str(finding.place) == words or str(finding.place).endswith("/" + words)
    return len(words) >= SHORTEST and finding.fingerprint.startswith(words.lower())


def linked(path: Path | str, config: Config) -> System:
    sources = discover([path], exclude=config.exclusions())
    cache = Cache.open(sources.root) if config.cache else Cache.none()
    return reader.system(facts.read(sources, cache, jobs=config.jobs), config.libraries, config.jobs)


def root(path: str, module: str) -> str:
    """The folder that a file's package stands in.

    >>> root("src/shop/services.py", "shop.services"), root("shop/__init__.py", "shop")
    ('src', '.')
    """
    folder = path.removesuffix("/__init__.py").removesuffix(".py").removesuffix(module.replace(".", "/"))
    return folder.rstrip("/") or "."


def settings(project: Path) -> tuple[str, str]:
    """The folder of the project's `manage.py`, and Django's settings module as it names it; no folder where there
    is none."""
    for file in sorted(project.glob("manage.py")) + sorted(project.glob("*/manage.py")):
        named = SETTINGS.search(file.read_text(encoding="utf-8", errors="replace"))
        if named:
            return file.parent.relative_to(project).as_posix(), named[1]
    return "", "settings"
