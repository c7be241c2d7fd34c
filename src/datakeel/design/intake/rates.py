"""Rates that a request says: reads, writes and peaks."""

from __future__ import annotations

from datakeel.design.intake.figures import PEAK_FACTOR, Figures
from datakeel.design.intake.quantities import Quantity
from datakeel.design.intake.vocabulary import lexicon


def rates(found: Figures) -> None:
    """Reads, writes and peaks; what is said twice of one is added up where the things differ."""
    means: dict[str, list[tuple[Quantity, float]]] = {"reads": [], "writes": [], "mixed": []}
    peaks = []
    for q, value in found.rates:
        if value <= 0:
            found.unread.append(found.quote(q))
            continue
        if lexicon("peaks") & found.near(q, 3, 3):
            peaks.append((q, value))
        else:
            means[_direction(found, q)].append((q, value))
    found.written = [(q, value) for q, value in means["writes"] if q.kind != "flow"]
    for kind in ("writes", "reads"):
        if means[kind]:
            _put_rate(found, f"workload.{kind}", means[kind])
    if means["mixed"]:
        _mixed(found, means["mixed"])
    for q, value in peaks:
        _peak(found, q, value)


def _peak(found: Figures, q: Quantity, value: float) -> None:
    """A peak beside a mean is so many times the mean; alone it is three times a mean that nobody said."""
    direction = _direction(found, q)
    path = f"workload.{'writes' if direction == 'mixed' else direction}"
    mean = found.values.get(path)
    if mean and value > mean:
        found.put("workload.peak", round(value / mean, 2), q)
    elif mean:
        found.unread.append(found.quote(q))
    else:
        times = found.values.get("workload.peak", PEAK_FACTOR)
        found.put(path, value / times, f"“{found.quote(q)}” at the peak, {times:g} times the mean", "inferred")
        found.put("workload.peak", times, f"“{found.quote(q)}” is the peak", "inferred")


def _direction(found: Figures, q: Quantity) -> str:
    asked = {"read", "polled", "queried", "fetched"} & set(found.left(q, 2))  # read by 5,000 servers every 10 s
    measured = {"is", "are"} & set(found.left(q, 4)) and "by" not in found.left(q, 2)  # each sensor is read every 10 s
    if asked and not measured:
        return "reads"
    if q.kind == "flow":
        return "reads" if lexicon("reads") & found.near(q, 2, 3) else "writes"
    if any(lexicon("people") & set(c.of) for c in found.factors.get(q.first, ())):
        return "reads" if set(q.of) & lexicon("reads") else "writes"  # of people's calls there is a record
    things = set(q.of)
    if not things and q.kind == "rate":
        things = found.near(q, 3, 3)
    viewed = {"view"} | ({"visit", "visitor"} if found.request.has(("page", "site", "website", "web")) else set())
    if things & lexicon("reads") or (viewed & things and not viewed & found.mentioned):
        return "reads"
    if things & lexicon("requests") and not things & found.mentioned:
        after = found.near(q, 0, 4)
        return "reads" if lexicon("reads") & after else "writes" if {"write", "insert"} & after else "mixed"
    return "writes"


def _put_rate(found: Figures, path: str, rates: list[tuple[Quantity, float]]) -> None:
    total, said = 0.0, []
    for q, value in rates:
        times = _times(found, q)
        if q.kind == "flow":
            record = found.values.get("workload.record", found.record)
            value /= record
            said.append(f"“{found.quote(q)}”{times} in records of {record:,.0f} B")
        elif q.kind == "period":
            said.append(found.paces.get(q.first, f"“{found.quote(q)}”"))
        else:
            said.append(f"“{found.quote(q)}”{times}{', read as two of them' if q.vague else ''}")
            found.paces[q.first] = said[-1]
        total += value
    found.put(path, total, " and ".join(said), "said")


def _times(found: Figures, q: Quantity) -> str:
    """By what a rate was multiplied."""
    guessed = ", taken to be so many for each" if q.first in found.guessed else ""
    return "".join(f" × “{found.quote(count)}”" for count in found.factors.get(q.first, ())) + guessed


def _mixed(found: Figures, rates: list[tuple[Quantity, float]]) -> None:
    """Requests: nine in ten are taken to read, unless a ratio is said."""
    ratio = found.values.get("ratio", 9)
    total = sum(value for _, value in rates)
    said = " and ".join(f"“{found.quote(q)}”{_times(found, q)}" for q, _ in rates)
    found.put(
        "workload.reads", total * ratio / (1 + ratio), f"{said}, of which {ratio / (1 + ratio):.0%} read", "inferred"
    )
    found.put("workload.writes", total / (1 + ratio), f"{said}, of which {1 / (1 + ratio):.0%} write", "inferred")
