"""Pages that are tests: Markdown with one heading a case, fenced files under it, and expectations that stand at the
line.

In a rule's page a line that ends in ``# finding: rule`` (``--`` in SQL) must be reported by that rule, and no other
line by any; in a strength's page ``# strength: name`` does the same for what is praised. In a reader's page, and in a
library's example, a line that ends in ``# effect: kind verb dataset`` (what follows the kind may be left out) must have
just these effects; several are parted by ``;``. A line with no mark has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from datakeel.finding import Finding, Strength
from datakeel.model.effect import Effect
from datakeel.model.system import System
from datakeel.read import facts, reader
from datakeel.read.source import discover
from datakeel.rules.judge import judge

FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
MARK = re.compile(r"(?:#|--|//)\s*(finding|strength|effect):\s*(.+?)\s*$")
DEFAULT_NAMES = {"python": "shop/code.py", "sql": "schema.sql"}


@dataclass(frozen=True)
class Case:
    """One heading of a page, with its files."""

    title: str
    files: dict[str, str] = field(default_factory=dict)

    def marks(self, kind: str) -> Iterator[tuple[str, int, str]]:
        """Path, line and text of each expectation."""
        for path, text in self.files.items():
            for number, line in enumerate(text.splitlines(), 1):
                found = MARK.search(line)
                if found and found.group(1) == kind:
                    yield path, number, found.group(2)


def cases(text: str) -> list[Case]:
    """The cases of a page: every heading of the second level that has a fence below it."""
    found = []
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        title, _, rest = part.partition("\n")
        files = {
            (m.group(2) or DEFAULT_NAMES.get(m.group(1), f"file.{m.group(1)}")): m.group(3)
            for m in FENCE.finditer(rest)
        }
        if files:
            found.append(Case(title.strip(), files))
    return found


def read_system(files: dict[str, str], folder: Path) -> System:
    """The linked system of some files."""
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return reader.system(facts.read(discover([folder]), jobs=1))


def findings(files: dict[str, str], folder: Path) -> tuple[Finding, ...]:
    """What all rules say of some files, at default confidence."""
    return tuple(f for f in judge(read_system(files, folder)) if f.confidence.word != "low")


def said(found: tuple[Finding, ...]) -> list[tuple[str, int, str]]:
    return sorted((f.place.path, f.place.line, f.rule) for f in found)


def praised(found: tuple[Strength, ...]) -> list[tuple[str, int, str]]:
    return sorted((step.place.path, step.place.line, s.name) for s in found for step in s.evidence)


def expected(case: Case) -> list[tuple[str, int, str]]:
    return marked(case, "finding")


def marked(case: Case, kind: str) -> list[tuple[str, int, str]]:
    return sorted((path, line, name.strip()) for path, line, names in case.marks(kind) for name in names.split(","))


def own_effects(system: System) -> dict[tuple[str, int], list[Effect]]:
    """The effects of functions' own text (and of modules'), by place; one place counts once however many functions
    inline it. That something is handed to code that is not in view is no table's word."""
    found: dict[tuple[str, int], list[Effect]] = {}
    for operation in system.operations:
        for effect in operation.own():
            if effect.place.path == operation.place.path and effect.verb != "hand-over":
                found.setdefault((effect.place.path, effect.place.line), []).append(effect)
    return found


def words(effect: Effect) -> str:
    return " ".join(w for w in (effect.kind.value, effect.verb, effect.dataset) if w)


def wrong_effects(case: Case, system: System) -> list[str]:
    """What of the marked effects is not as the page says, in words."""
    found = own_effects(system)
    wrong = []
    marked = {(path, line): [t.strip() for t in text.split(";")] for path, line, text in case.marks("effect")}
    for place in sorted(found.keys() | marked.keys()):
        said_here = [words(e) for e in found.get(place, ())]
        wanted = marked.get(place, [])
        left = list(said_here)
        for one in wanted:
            match = next((s for s in left if s == one or s.startswith(one + " ")), None)
            if match is None:
                wrong.append(f"{place[0]}:{place[1]}: wanted '{one}', found {said_here or 'nothing'}")
            else:
                left.remove(match)
        wrong += [
            f"{place[0]}:{place[1]}: found '{extra}', which is not marked"
            for extra in left
            if place not in marked or left
        ]
    return wrong
