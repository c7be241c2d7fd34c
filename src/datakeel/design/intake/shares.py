"""What a request says of one construct among several: how much is written of it, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from datakeel import naming
from datakeel.design.estimate import seldom
from datakeel.design.intake.figures import Figures, possible, tidy
from datakeel.design.intake.givers import at_most
from datakeel.design.intake.quantities import Quantity
from datakeel.design.intake.text import singular, verb_forms
from datakeel.requirements import Domain, Workload

KINDS = ("aggregates", "tables", "documents", "series", "graphs")


class Own(Struct):
    """What is said of one construct, and in which words."""

    value: float
    said: list[str]


def shared(domain: Domain, found: Figures) -> tuple[Domain, dict[str, str]]:
    """The constructs with the figures that are said of them, where there are several, and the reasons. What is said of
    one is no longer a figure of the whole."""
    names = {word: path for kind in KINDS for one in getattr(domain, kind) for path, word in _called(kind, one)}
    found.written += _parts(found, names)
    if sum(len(getattr(domain, kind)) for kind in KINDS) < 2 or domain.sagas or domain.replicated:
        return domain, {}
    written = _written(found, names)
    for path, own in [(p, own) for p, own in written.items() if p.partition(".")[2] not in seldom(domain)]:
        written |= {other: own for other in _following(domain, path) if other not in written}
    counted = _counted(found, names)
    reasons: dict[str, str] = {}
    for figure, owns in (("writes", written), ("records", counted)):
        for path, own in owns.items():
            domain = _put(domain, path, figure, tidy(f"workload.{figure}", own.value))
            reasons[f"domain.{path}.workload.{figure}"] = f"said: {' and '.join(own.said)}"
    return domain, reasons


def _called(kind: str, one: Any) -> Iterable[tuple[str, str]]:
    """The words that mean a construct: ``stock item``, and its last."""
    words = naming.words(one.name)
    return [(f"{kind}.{one.name}", singular(word.lower())) for word in words[-1:]]


def _written(found: Figures, names: Mapping[str, str]) -> dict[str, Own]:
    """By the path of a construct how much is written of it each second."""
    series = [path for path in names.values() if path.startswith("series.")]
    measured = series[0] if len(series) == 1 else None  # of what comes every so often
    owns: dict[str, Own] = {}
    for q, value in found.written:
        path = _path(found, q, names) if q.kind == "rate" else measured
        if path is not None and possible("workload.writes", value):
            own = owns.setdefault(path, Own(0.0, []))
            own.value += value
            own.said.append(found.paces[q.first])
    return owns


def _parts(found: Figures, names: Mapping[str, str]) -> list[tuple[Quantity, float]]:
    """What comes with each of what a rate is of, and is kept: ``500 listings a day, 10 photos per listing``. It is
    written beside what was said."""
    parts = []
    for c in (c for c in found.quantities if c.kind == "count" and c.each and not at_most(found.request, c)):
        whole = next(((q, value) for q, value in found.written if c.each in q.of), None)
        total = found.values.get("workload.writes", 0.0) + (whole[1] * c.value if whole is not None else 0.0)
        if whole is not None and set(c.of) & set(names) and possible("workload.writes", total):
            parts.append((replace(c, kind="rate"), whole[1] * c.value))
            found.paces[c.first] = f"“{found.quote(c)}” × {found.paces[whole[0].first]}"
            found.values["workload.writes"] = total
            found.reasons["workload.writes"] += f" and {found.paces[c.first]}"
            found.unread = [left for left in found.unread if left != found.quote(c)]
    return parts


def _counted(found: Figures, names: Mapping[str, str]) -> dict[str, Own]:
    """By the path of a construct how many there are of it: the largest number that is said."""
    owns: dict[str, Own] = {}
    counts = [q for q in (*found.records, *found.others) if q.kind == "count" and not q.each]
    for q in sorted(counts, key=lambda q: -q.value):
        path = next((names[word] for word in reversed(q.of) if word in names), None)
        if path is not None and path not in owns and possible("workload.records", q.value):
            owns[path] = Own(q.value, [f"“{found.quote(q)}”"])
            for them in (found.records, found.others):
                them[:] = [one for one in them if one is not q]
    return owns


def _path(found: Figures, q: Quantity, names: Mapping[str, str]) -> str | None:
    """Which construct a rate speaks of: by its things, or by what is done so often (``each books twice a week``)."""
    things = next((names[word] for word in reversed(q.of) if word in names), None)
    if things is not None or q.of != ("time",):
        return things
    done = {verb for word in found.left(q, 3) for verb in verb_forms(word)}
    return next((path for word, path in names.items() if done & verb_forms(word)), None)


def _following(domain: Domain, path: str) -> list[str]:
    """The tables that refer to what is written: they have a row for each of it at least, as transfers have entries."""
    name = path.partition(".")[2]
    return [f"tables.{t.name}" for t in domain.tables if name in {f.references for f in t.fields} and t.name != name]


def _put(domain: Domain, path: str, figure: str, value: float) -> Domain:
    kind, _, name = path.partition(".")
    ones = (
        replace(one, workload=replace(one.workload or Workload(), **{figure: value})) if one.name == name else one
        for one in getattr(domain, kind)
    )
    return replace(domain, **{kind: tuple(ones)})
