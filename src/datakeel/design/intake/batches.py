"""Batch jobs that a request speaks of: a nightly report of revenue per customer, orders older than two years that are
archived or deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.quantities import ADVERBS, PERIODS, WORDS
from datakeel.design.intake.text import singular
from datakeel.requirements import Aggregate, Batch, Domain, Field, Invariant, Table

OFTEN = (
    r"(?P<often>hourly|nightly|daily|weekly|monthly|quarterly|yearly"
    r"|(?:every|each) (?:hour|night|day|week|month|quarter|year))"
)
REPORT = r"(?:report|summary|summarie|statement|total|overview|calculation)s?"
WHAT = r"(?P<what>[\w-]+(?: [\w-]+){0,2}?) (?:per|by|for each|for every) (?P<by>[\w-]+)"
PER = re.compile(
    rf"\b{OFTEN},? (?:\w+ )?{REPORT} (?:per|by|for each|for every) (?P<by>[\w-]+)"
    r"(?: (?:of|on|about|with)(?: the)? (?P<what>[\w-]+(?: (?:and )?[\w-]+){0,2}))?",
    re.I,
)
PATTERNS = (
    re.compile(rf"\b{OFTEN},? (?:\w+ )?{REPORT}(?: (?:of|on|with|for|about))?(?: the)? {WHAT}", re.I),
    PER,
    re.compile(rf"\b{REPORT} (?:of |on |about )?(?:the )?{WHAT},? {OFTEN}", re.I),
)
AGE = r"(?P<number>[\w.]+) (?P<unit>(?:hour|day|week|month|year)s?)"
LEAVING = re.compile(
    rf"\b(?P<verb>archiv|delet|purg|remov|drop)(?:e|es|ed|ing|p|ping)? (?:all |the |old )*(?P<what>[\w-]+(?: [\w-]+)?)"
    rf"(?: that are| which are)? (?:older than|after) {AGE}",
    re.I,
)
MONEY = {"revenue", "sale", "turnover", "income", "spending", "takings"}  # of which a report adds up the money
COUNTED = {"number", "count"}  # of which it counts the rows
KINDS_OF_EVENT = {"action", "kind", "type"}  # fields that tell opens from clicks
MONTH = 2_629_800.0

Kind = Literal["aggregate", "archive", "retention"]


class Spoken(Struct, frozen=True):
    """A job as it is spoken of. `every`: seconds; `age`: how old rows are that leave. `rows`: where `what` is no number
    that could be added up, it counts the rows."""

    said: str
    kind: Kind
    what: str
    every: float
    by: str = ""
    age: float | None = None
    rows: bool = False


def spoken(request: str) -> list[Spoken]:
    """
    >>> [(s.kind, s.what, s.by, s.every) for s in spoken("a nightly report of revenue per customer")]
    [('aggregate', 'revenue', 'customer', 86400.0)]
    >>> [(s.kind, s.what, s.age / 31_557_600) for s in spoken("archive orders older than two years")]
    [('archive', 'orders', 2.0)]
    """
    found = [_report(match) for pattern in PATTERNS for match in pattern.finditer(request)]
    return [*found, *filter(None, map(_leaving, LEAVING.finditer(request)))]


def without(request: str, jobs: Iterable[Spoken]) -> str:
    """The request without what it says of its jobs."""
    for job in jobs:
        request = request.replace(job.said, " ")
    return request


def _report(match: re.Match[str]) -> Spoken:
    often = match["often"].lower().split()[-1]
    every = 3 * MONTH if often.startswith("quarter") else ADVERBS.get(often) or PERIODS.get(often) or 86_400.0
    what, by = (match["what"] or "").lower(), match["by"].lower()
    return Spoken(match[0], "aggregate", what, float(every), by, rows=match.re is PER)


def _leaving(match: re.Match[str]) -> Spoken | None:
    number = match["number"].lower()
    amount = 1.0 if number in ("a", "an", "one") else WORDS.get(number)
    if amount is None and re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", number):
        amount = float(number)
    unit = PERIODS.get(singular(match["unit"].lower()))
    if amount is None or unit is None:
        return None
    kind: Kind = "archive" if match["verb"].lower() == "archiv" else "retention"
    age = float(amount * unit)
    return Spoken(match[0], kind, match["what"].lower(), MONTH if age > 6 * MONTH else 86_400.0, age=age)


def with_jobs(domain: Domain, jobs: Iterable[Spoken]) -> tuple[Domain, dict[str, str], list[str]]:
    """The domain with these jobs, the reason for each, and what none of its constructs could be meant by."""
    reasons: dict[str, str] = {}
    unread = []
    for job in jobs:
        made = _reported(domain, job) if job.kind == "aggregate" else _left(domain, job)
        if made is None:
            unread.append(job.said)
            continue
        domain, batch, why = made
        others = tuple(b for b in domain.batches if (b.source, b.kind) != (batch.source, batch.kind))
        domain = replace(domain, batches=(*others, batch))
        reasons |= {f"domain.batches.{batch.name}": f"“{job.said}”", **why}
    return domain, reasons, unread


Made = tuple[Domain, Batch, dict[str, str]]


def _reported(domain: Domain, job: Spoken) -> Made | None:
    for source, fields in _sources(domain):
        by = next((f for f in fields if job.by in (f.name.lower(), singular(f.name.lower()))), None)
        measure = _measure(job.what, source, fields) or (("count",) if job.rows else None)
        if by is not None and measure is not None:
            name = f"{job.what or 'report'} per {job.by}"
            kinds = (f.name for f in fields if " and " in job.what and f.name in KINDS_OF_EVENT)
            by_all = (by.name, *kinds)
            batch = Batch(name=name, source=source, every=job.every, by=by_all, measures=measure)
            return domain, batch, {}
    return None


def _sources(domain: Domain) -> Iterator[tuple[str, tuple[Field, ...]]]:
    """What has rows over which a report can be made."""
    for aggregate in domain.aggregates:
        yield aggregate.name, tuple({f.name: f for e in aggregate.events for f in e.fields if not f.many}.values())
    for series in domain.series:
        yield series.name, (series.key, *series.values)
    for table in domain.tables:
        yield table.name, tuple(f for f in table.fields if not f.many)


def _measure(what: str, source: str, fields: tuple[Field, ...]) -> tuple[str, ...] | None:
    """
    >>> _measure("revenue", "Order", (Field(name="total", type="money"),))
    ('count', 'sum total')
    """
    words = {singular(word) for word in what.split()}
    numbers = [f for f in fields if f.type in ("money", "integer", "decimal")]
    named = [f for f in numbers if words & {singular(w) for w in f.name.lower().split()}]
    money = [f for f in numbers if f.type == "money"] if words & MONEY else []
    if named or money:
        return ("count", f"sum {(named or money)[0].name}")
    about = {singular(word) for word in source.lower().split()}
    if words & COUNTED or words & about:
        amounts = [f"sum {f.name}" for f in numbers[:1]] if not words & COUNTED else []
        return ("count", *amounts)
    return None


def _left(domain: Domain, job: Spoken) -> Made | None:
    """What is archived or deleted has rows that can go. The events of an aggregate cannot: where nothing follows them,
    it is a table instead."""
    named = {singular(word) for word in job.what.split()}
    name = f"{'old' if job.kind == 'archive' else 'outdated'} {job.what}"

    def batch(source: str) -> Batch:
        return Batch(name=name, source=source, every=job.every, kind=job.kind, older_than=job.age)

    table = next((t for t in domain.tables if named & {singular(w) for w in t.name.lower().split()}), None)
    if table is not None:
        path = f"domain.tables.{table.name}.fields.created at"
        dated = any(f.type == "timestamp" and not f.optional for f in table.fields)
        if not dated:
            fields = (*table.fields, Field(name="created at", type="timestamp"))
            domain = _with_table(domain, replace(table, fields=fields))
        return domain, batch(table.name), {} if dated else {path: "inferred: rows that leave by their age have one"}
    aggregate = next((a for a in domain.aggregates if named & {singular(w) for w in a.name.lower().split()}), None)
    if aggregate is None or not _may_be_rows(aggregate, domain):
        return None
    rows = as_table(aggregate)
    others = tuple(a for a in domain.aggregates if a is not aggregate)
    domain = replace(domain, aggregates=others, tables=(*domain.tables, rows))
    why = {f"domain.tables.{rows.name}": f"“{job.said}”: rows and not events, because events never leave"}
    return domain, batch(rows.name), why


def _with_table(domain: Domain, table: Table) -> Domain:
    return replace(domain, tables=tuple(table if t.name == table.name else t for t in domain.tables))


def _may_be_rows(aggregate: Aggregate, domain: Domain) -> bool:
    followed = {name for view in domain.views for name in view.sources} | {s.source for s in domain.streams}
    plain = not aggregate.totals and not aggregate.invariants and aggregate.ordered_by is None
    return plain and aggregate.name not in followed and not domain.sagas


def as_table(aggregate: Aggregate) -> Table:
    """Rows in place of a history: what it was created with and what came to it, its state, and when it was created."""
    first = next(e for e in aggregate.events if not e.after)
    later = {f.name: replace(f, optional=True) for e in aggregate.events if e is not first for f in e.fields}
    fields = {**later, **{f.name: f for f in first.fields}}
    states = tuple(dict.fromkeys(e.state for e in aggregate.events if e.state))
    moves = tuple(dict.fromkeys((b, e.state) for e in aggregate.events for b in e.after if e.state and b != e.state))
    made = [*(f for f in fields.values() if not f.optional), *(f for f in fields.values() if f.optional)]
    created = Field(name=f"{first.state or 'created'} at", type="timestamp")
    if not moves:
        return Table(name=aggregate.name.lower(), fields=(*made, created))
    status = Field(name="status", type="enum", values=states)
    return Table(
        name=aggregate.name.lower(),
        fields=(*made, status, created),
        invariants=(Invariant(kind="transitions", fields=("status",), moves=moves),),
        workload=aggregate.workload,
    )
