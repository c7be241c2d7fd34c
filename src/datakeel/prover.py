"""The story of `prove`: find the finding again, link the system, and write the test that plays its story."""

from __future__ import annotations

import re
from pathlib import Path

from datakeel.cache import Cache
from datakeel.config import Config
from datakeel.finding import Confidence, Finding, Review
from datakeel.mend.proof import Setting, proof
from datakeel.mend.text import text_of
from datakeel.mistake import Mistake
from datakeel.model.system import System
from datakeel.read import facts, reader
from datakeel.read.source import discover
from datakeel.reviewer import Progress, review

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
    return proof(finding, system, Setting(text or "", root(finding.place.path, module), settings(Path(done.root))))


def found(
    fingerprint: str, path: Path | str, *, config: Config, progress: Progress | None = None
) -> tuple[Finding, Review]:
    """The finding of that fingerprint, or of one that begins so, in a review of the path; or the one at a place
    (``shop/services.py:12``). Raises Mistake."""
    done = review([path], config=config, confidence=Confidence.LOW, progress=progress)
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


def settings(project: Path) -> str:
    """Django's settings module, as the project's `manage.py` names it."""
    for file in sorted(project.glob("manage.py")) + sorted(project.glob("*/manage.py")):
        named = SETTINGS.search(file.read_text(encoding="utf-8", errors="replace"))
        if named:
            return named[1]
    return "settings"
