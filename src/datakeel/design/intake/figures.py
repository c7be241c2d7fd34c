"""The figures of a request: each value with its reason, and what was not understood."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from datakeel.design.intake.quantities import DAY, HOUR, MINUTE, YEAR, Quantity
from datakeel.design.intake.text import Text, verb_forms
from datakeel.requirements.units import UNITS, text

PEAK_FACTOR = 3.0  # the busiest hour of a day against its mean
RECORD = 500.0  # bytes: a dozen short columns
LONGEST = 9  # characters of a figure that is as it was said: 250k/month
MOST_REGIONS = 40  # the largest cloud has fewer


class Figures:
    """Values by their path, and the reason for each. What was not understood is kept too."""

    def __init__(self, request: Text, quantities: list[Quantity], mentioned: frozenset[str]) -> None:
        self.request, self.quantities = request, quantities
        self.mentioned = mentioned  # words that the domains are called by
        self.record: float = RECORD  # bytes, where nothing is said
        self.values: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}
        self.unread: list[str] = []
        self.rates: list[tuple[Quantity, float]] = []
        self.written: list[tuple[Quantity, float]] = []  # those of the rates that are of writes, and no bytes
        self.at_most: list[tuple[int, str, str]] = []  # so many, for each of what, and of what
        self.records: list[Quantity] = []
        self.multiplied: list[Quantity] = []  # counts that a rate was multiplied by
        self.factors: dict[int, tuple[Quantity, ...]] = {}  # these, by where the rate stands
        self.paces: dict[int, str] = {}  # how often something happens, in words, by where that is said
        self.guessed: set[int] = set()  # the rates that are taken to be those of each, by where they stand
        self.others: list[Quantity] = []  # what is no number of users, and counts none of what the whole keeps
        self.pages: list[str] = []  # how many are shown at a time of what is in order
        self.users: Quantity | None = None
        self.capacity: int | None = None  # seats of one event
        self.seats: Quantity | None = None  # as they were said
        self.reach: tuple[float, str] | None = None
        self.rollup: list[float] = []
        self.kept: tuple[float, str] | None = None  # for how long averages are

    def put(self, path: str, value: Any, quantity: Quantity | str, how: str = "said") -> None:
        """Keeps a value, if there is none yet; what is beyond all bounds is kept as not understood."""
        said = quantity if isinstance(quantity, str) else f"“{self.quote(quantity)}”"
        if not possible(path, value):
            self.unread.append(said.strip("“”"))
        elif path not in self.values:
            self.values[path], self.reasons[path] = value, f"{how}: {said}"
        elif isinstance(quantity, Quantity) and value != self.values[path] and quantity not in self.multiplied:
            self.unread.append(self.quote(quantity))  # there is room for one

    def assume(self, path: str, value: Any, why: str) -> None:
        if path not in self.values and value is not None:
            self.values[path], self.reasons[path] = value, f"assumed: {why}"

    def multiply(self, q: Quantity, *counts: Quantity) -> None:
        """Something was multiplied by these counts: they are understood."""
        self.factors[q.first] = counts
        self.multiplied += counts
        said = {self.quote(q) for q in counts}
        self.unread = [left for left in self.unread if left not in said]

    def quote(self, q: Quantity) -> str:
        return " ".join(self.request.said(q.first, q.last).split())

    def near(self, q: Quantity, before: int = 6, after: int = 4) -> set[str]:
        """The words around a quantity in its own part of the sentence, and the verbs that they may be."""
        left: list[str] = []
        for token in reversed(self.request.before(q.first, before)):
            if token.text in ",:" or token.is_number:
                break
            left.append(token.low)
        right: list[str] = []
        for token in self.request.after(q.last, after):
            if token.text in ",:" or token.is_number:
                break
            right.append(token.low)
        return {v for w in (*left, *right) for v in verb_forms(w)}

    def left(self, q: Quantity, count: int = 3) -> list[str]:
        return [t.low for t in self.request.before(q.first, count)]


UNIT_OF = {
    "workload.reads": "rate",
    "workload.writes": "rate",
    "workload.peak": "factor",
    "workload.record": "size",
    "workload.records": "count",
    "workload.retention": "period",
    "workload.growth": "growth",
    "workload.users": "heads",
    "latency.read": "latency",
    "latency.write": "latency",
    "availability.target": "share",
    "availability.loss": "loss",
    "availability.outage": "period",
    "freshness": "period",
    "lateness": "period",
}


def possible(path: str, value: Any) -> bool:
    """Whether a value can be meant: neither nothing, nor beyond the physical world."""
    if path == "availability.regions":
        return 1 <= int(value) <= MOST_REGIONS
    unit = UNITS.get(UNIT_OF.get(path, ""))
    return unit is None or unit.least <= value <= unit.most


def tidy(path: str, value: Any) -> Any:
    """A figure that was worked out, as people would write it: in four digits where its exact text is longer.

    >>> tidy("workload.writes", 1899.9999999999998), tidy("workload.writes", 50_000 / 86_400) == 50_000 / 86_400
    (1900.0, True)
    """
    kind = UNIT_OF.get(path, "")
    if kind not in ("rate", "count") or not value or len(text(value, kind)) <= LONGEST:
        return value
    every = next(s for s in (1, MINUTE, HOUR, DAY, YEAR) if kind == "count" or value * s >= 1 or s == YEAR)
    return float(Fraction(f"{value * every:.4g}") / every)
