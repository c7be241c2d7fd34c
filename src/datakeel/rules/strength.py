"""What a strength is, and how strengths are found.

A strength is one function over a `Survey` of the system, in ``rules/strengths/<name>.py``, beside its page
``<name>.md``. It yields what it has seen: the places where the pattern holds, and those where it could and does not.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from importlib import resources

from msgspec import Struct

from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.rules.facts.survey import Survey
from datakeel.rules.rule import Page, paged


class Seen(Struct, frozen=True, kw_only=True):
    """One place of a pattern, or (`holds` False) one where it could be and is not. `datasets` and `symbol` tell which
    findings speak of the same thing."""

    place: Place
    message: str = ""
    symbol: str = ""
    datasets: tuple[str, ...] = ()
    entered: bool = False  # something is known to start the function that it stands in, and more than once
    holds: bool = True


Look = Callable[[Survey], Iterable[Seen]]


class Pattern(Struct, frozen=True, kw_only=True):
    """A strength as it is looked for. `says`: what is done, a sentence. `unless`: rules that say the opposite of it;
    where one speaks of the same function or dataset, the place is no merit. `fewest`: so many places make it one.
    `everywhere`: it is one only where it holds wherever it could. `rank`: how much of the system it carries."""

    name: str
    category: str
    says: str
    look: Look
    unless: tuple[str, ...]
    rank: int
    fewest: int
    everywhere: bool

    @property
    def page(self) -> Page:
        return page(self.name)


def strength(
    category: str, *, unless: tuple[str, ...] = (), rank: int = 2, fewest: int = 1, everywhere: bool = False
) -> Callable[[Look], Look]:
    """Marks a function as its file's strength."""

    def mark(function: Look) -> Look:
        function.given = {  # type: ignore[attr-defined]
            "category": category,
            "unless": unless,
            "rank": rank,
            "fewest": fewest,
            "everywhere": everywhere,
        }
        return function

    return mark


def seen(operation: Operation | None, place: Place, message: str, *datasets: str, holds: bool = True) -> Seen:
    return Seen(
        place=place,
        message=message,
        symbol=operation.symbol if operation is not None else "",
        datasets=tuple(d for d in datasets if d),
        entered=operation is not None and bool(operation.entries) and "/migrations/" not in operation.place.path,
        holds=holds,
    )


@cache
def strengths() -> tuple[Pattern, ...]:
    """Every strength, what carries most of a system first."""
    package = importlib.import_module("datakeel.rules.strengths")
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    found = (described(name, getattr(importlib.import_module(f"{package.__name__}.{name}"), name)) for name in names)
    return tuple(sorted(found, key=lambda p: (p.rank, p.name)))


def described(module: str, function: Look) -> Pattern:
    says = " ".join((function.__doc__ or "").split("\n\n")[0].split())
    given = function.given  # type: ignore[attr-defined]
    return Pattern(name=module.replace("_", "-"), says=says, look=function, **given)


@cache
def page(name: str) -> Page:
    """Reads the page beside a strength. Raises ValueError when its header is not as it must be."""
    return paged(resources.files("datakeel.rules.strengths") / f"{name.replace('-', '_')}.md")
