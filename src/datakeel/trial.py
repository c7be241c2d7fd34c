"""The story of a rule's trial: its page's cases are read as small projects, and each line must be said what its mark
says.

A page has one heading of the second level for each case (``## Wrong: …``, ``## Silent when …``) and fenced files under
it. A line that ends in ``# finding: rule`` (``--`` in SQL) must be reported by that rule, at default confidence; one
that ends in ``# low: rule`` by that rule at low confidence, which only who asks for it sees; no other line by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from datakeel.finding import Confidence, Finding
from datakeel.model.system import System
from datakeel.read import facts, reader
from datakeel.read.source import discover
from datakeel.rules import team
from datakeel.rules.judge import judge
from datakeel.rules.rule import Rule

FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
MARK = re.compile(r"(?:#|--|//)\s*(finding|low|strength|effect):\s*(.+?)\s*$")
DEFAULT_NAMES = {"python": "shop/code.py", "sql": "schema.sql"}
FEWEST = 3  # cases that must be found, and cases that must not

Said = tuple[str, int, str]  # path, line, rule


@dataclass(frozen=True)
class Case:
    """One heading of a page, with its files."""

    title: str
    files: dict[str, str] = field(default_factory=dict)

    def marks(self, kind: str) -> Iterator[Said]:
        """Path, line and text of each expectation."""
        for path, text in self.files.items():
            for number, line in enumerate(text.splitlines(), 1):
                found = MARK.search(line)
                if found and found.group(1) == kind:
                    yield path, number, found.group(2)

    def marked(self, kind: str) -> list[Said]:
        """The same, each name by itself, in order."""
        found = ((path, line, name.strip()) for path, line, names in self.marks(kind) for name in names.split(","))
        return sorted(found)


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


def tried(rules: Sequence[Rule]) -> Iterator[str]:
    """What is wrong with rules of a team's own, one sentence each: by their pages' cases, where of all rules theirs
    and those that a case names are asked."""
    for rule in rules:
        found = cases(rule.page.text)
        for kind in ("Wrong: ", "Silent when "):
            count = sum(c.title.startswith(kind) for c in found)
            if count < FEWEST:
                yield f"{rule.file}: {count} cases begin with '## {kind}…'; a page has at least {FEWEST}"
        for case in found:
            for path, line, text in differences(rules, case):
                yield f"{rule.file}: {case.title}: {path}:{line}: {text}"


def differences(rules: Sequence[Rule], case: Case) -> Iterator[Said]:
    """Where a case is said something else than its lines say."""
    names = {rule.name for rule in rules} | {name for _, _, name in (*case.marked("finding"), *case.marked("low"))}
    with TemporaryDirectory(prefix="datakeel-") as folder:
        system = read_system(case.files, Path(folder))
    own, failed = team.verdict(rules, system, lambda rule, category: True, lambda file: file.name)
    yield from ((remark.path, remark.line, remark.text) for remark in failed)
    found = (*own, *judge(system, lambda rule, category: rule in names))
    for kind, low in (("finding", False), ("low", True)):
        wanted, got = case.marked(kind), said(f for f in found if (f.confidence == Confidence.LOW) == low)
        aside = "" if not low else " at low confidence"
        yield from ((path, line, f"{name} says nothing here{aside}") for path, line, name in missing(wanted, got))
        yield from ((path, line, f"{name} speaks here{aside}, unmarked") for path, line, name in missing(got, wanted))


def said(found: Iterator[Finding] | Sequence[Finding]) -> list[Said]:
    return sorted((f.place.path, f.place.line, f.rule) for f in found)


def missing(wanted: list[Said], got: list[Said]) -> list[Said]:
    return [one for one in wanted if one not in got]
