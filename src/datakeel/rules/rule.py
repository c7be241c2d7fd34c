"""What a rule is, and how rules are found.

A rule is one function over one noun of the model, in ``rules/<category>/<name>.py``, beside its page ``<name>.md``.
The file's name is the rule's name, the folder its category. The first parameter's type says what it is fed:
`Operation`, `Dataset`, `Migration`, `Resource` or `System`; a second parameter of type `System`, where there is one,
gives it the rest.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from msgspec import Struct

from datakeel.finding import Fix, Pillar, Severity, Step
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect
from datakeel.model.migration import Migration
from datakeel.model.operation import Operation, Resource
from datakeel.model.place import Place
from datakeel.model.system import System

CATEGORIES = (
    "model",
    "store",
    "encode",
    "replicate",
    "partition",
    "transact",
    "distribute",
    "process",
    "derive",
    "operate",
)


class Hit(Struct, frozen=True, kw_only=True):
    """What a rule yields. `rests_on` are the effects and resources whose facts it needs: the finding is as sure as
    the weakest. `doubts` counts the places where a guard might stand unseen: each takes one step of confidence.
    `likely`: what it says is not certain to matter however sure its facts are; it is of medium confidence at best.
    `apart`: it is of a form that the rule's record does not speak of, or speaks well of: that does not lower it.
    `also` are rules that would speak of the same places and shall not. `severity` overrides the rule's."""

    place: Place
    message: str
    story: tuple[Step, ...] = ()
    rests_on: tuple[Effect | Resource, ...] = ()
    doubts: int = 0
    likely: bool = False
    apart: bool = False
    datasets: tuple[str, ...] = ()
    severity: Severity | None = None
    fix: Fix | None = None
    symbol: str = ""


class Record(Struct, frozen=True):
    """How many of a rule's findings were true, of those that were judged and that it still says (docs/accuracy.md). A
    rule that declares it is told at low confidence until it is mended."""

    true: int
    judged: int

    def __str__(self) -> str:
        """What the rule's page says of it, word for word."""
        findings = "finding that was" if self.judged == 1 else "findings that were"
        true = f"{self.true or 'none'} {'was' if self.true < 2 else 'were'} true"
        return f"told at low confidence: of {self.judged} {findings} judged, {true}"


class Rule(Struct, frozen=True, kw_only=True):
    name: str
    category: str
    severity: Severity
    judge: Callable[..., Iterable[Hit]]
    nouns: tuple[type, ...]
    wants_system: bool
    file: Path | None = None  # of the page, where it is a team's own rule
    record: Record | None = None
    race: bool = False
    sure: bool = True

    @property
    def of_migrations(self) -> bool:
        """Whether it judges migrations. One that has run is not changed any more: it speaks of those alone that
        somebody names."""
        return Migration in self.nouns

    @property
    def page(self) -> Page:
        return page(self.category, self.name) if self.file is None else own_page(self.file)


class Page(Struct, frozen=True):
    """A rule's page, read as far as a report needs it: `why` is its first paragraph, `pattern` and `pillar` its
    header lines."""

    title: str
    why: str
    pattern: str
    pillar: Pillar
    text: str


def rule(
    severity: Severity, record: Record | None = None, *, race: bool = False, sure: bool = True
) -> Callable[[Callable[..., Iterable[Hit]]], Callable[..., Iterable[Hit]]]:
    """Marks a function as its file's rule. With a record, it is told at low confidence, but for hits `apart`; `race`:
    what it tells of takes two runs at once; not `sure`: of what it told at high confidence less than nine in ten were
    true (docs/accuracy.md), and it is told at medium confidence at best."""

    def mark(function: Callable[..., Iterable[Hit]]) -> Callable[..., Iterable[Hit]]:
        function.severity = severity  # type: ignore[attr-defined]
        function.record = record  # type: ignore[attr-defined]
        function.race = race  # type: ignore[attr-defined]
        function.sure = sure  # type: ignore[attr-defined]
        return function

    return mark


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, found by walking the categories in the order of the review."""
    return tuple(found for category in CATEGORIES for found in in_category(category))


def in_category(category: str) -> Iterator[Rule]:
    package = importlib.import_module(f"datakeel.rules.{category}")
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        function = getattr(importlib.import_module(f"{package.__name__}.{module}"), module)
        yield described(category, module, function)


def described(category: str, module: str, function: Callable[..., Iterable[Hit]], file: Path | None = None) -> Rule:
    hints = typing.get_type_hints(function)
    parameters = list(inspect.signature(function).parameters)
    hint = hints[parameters[0]]
    nouns = typing.get_args(hint) or (hint,)
    if not {Operation, Dataset, Migration, Resource, System}.issuperset(nouns):
        raise TypeError(f"a rule judges an Operation, Dataset, Migration, Resource or System, not {hint}")
    return Rule(
        name=module.replace("_", "-"),
        category=category,
        severity=function.severity,  # type: ignore[attr-defined]
        judge=function,
        nouns=nouns,
        wants_system=len(parameters) > 1,
        file=file,
        record=function.record,  # type: ignore[attr-defined]
        race=function.race,  # type: ignore[attr-defined]
        sure=function.sure,  # type: ignore[attr-defined]
    )


@cache
def page(category: str, name: str) -> Page:
    """Reads the page beside a rule. Raises ValueError when its header is not as it must be."""
    return paged(resources.files(f"datakeel.rules.{category}") / f"{name.replace('-', '_')}.md")


def own_page(file: Path) -> Page:
    """Reads the page of a team's own rule. Raises ValueError when its header is not as it must be."""
    return _own_page(file, file.stat().st_mtime_ns)


@cache
def _own_page(file: Path, changed: int) -> Page:
    return paged(file)


def paged(file: Traversable) -> Page:
    """A page, as far as a report needs it. Raises ValueError when its header is not as it must be."""
    text = file.read_text(encoding="utf-8")
    title = re.match(r"# (\S+)\n", text)
    pattern = re.search(r"^Pattern: (.+)$", text, re.M)
    pillar = re.search(r"^Pillar: (\w+)$", text, re.M)
    if not (title and pattern and pillar):
        raise ValueError(f"{file}: a page begins with '# name', a paragraph, 'Pattern: …' and 'Pillar: …'")
    paragraphs = [p.strip() for p in text[title.end() :].split("\n\n")]
    why = next(p for p in paragraphs if p and not p.startswith(("Pattern:", "Pillar:")))
    return Page(title.group(1), " ".join(why.split()), pattern.group(1), Pillar(pillar.group(1)), text)
