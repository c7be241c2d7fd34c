"""Questions about requirements that several decisions ask."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.design.estimate import Estimate
from datakeel.requirements import Aggregate, Invariant, Requirements, Table, View, held
from datakeel.technologies import value


def tables(requirements: Requirements) -> tuple[Table, ...]:
    """All tables: the system's own, and those of its services."""
    return (*requirements.domain.tables, *held.tables(requirements.domain))


def invariants(requirements: Requirements) -> Iterator[tuple[Table, Invariant]]:
    return ((table, invariant) for table in tables(requirements) for invariant in table.invariants)


def views(requirements: Requirements, kind: str) -> tuple[View, ...]:
    return tuple(view for view in requirements.domain.views if view.kind == kind)


def followed(requirements: Requirements, estimate: Estimate) -> tuple[str, ...]:
    """The constructs whose events somebody follows through a log: aggregates that views and stream jobs are over."""
    domain = requirements.domain
    aggregates = {a.name for a in domain.aggregates}
    viewed = (source for view in copied(requirements, estimate) for source in view.sources)
    return tuple(dict.fromkeys(n for n in (*viewed, *(job.source for job in domain.streams)) if n in aggregates))


def noted(requirements: Requirements, estimate: Estimate) -> tuple[str, ...]:
    """The tables and documents of which copies are kept: each change of theirs is noted with it."""
    own = rows(requirements)
    viewed = (source for view in copied(requirements, estimate) for source in view.sources)
    return tuple(dict.fromkeys(name for name in viewed if name in own))


def rows(requirements: Requirements) -> frozenset[str]:
    """What is kept as it is now, without its history: tables and documents."""
    domain = requirements.domain
    return frozenset((*(table.name for table in domain.tables), *(document.name for document in domain.documents)))


def copied(requirements: Requirements, estimate: Estimate) -> tuple[View, ...]:
    """The views that are kept as copies."""
    return tuple(view for view in requirements.domain.views if not in_place(view, requirements, estimate))


def in_place(view: View, requirements: Requirements, estimate: Estimate) -> bool:
    """Whether a view needs no copy of its own: an index or a query over tables of the same database, an index of
    documents, answers that a reader may keep for a time, or the rollups of measurements. What a search or a sum would
    have to read every document for has one."""
    if not view.sources:
        return False
    if measured(view, requirements):
        return True
    if view.kind in ("lookup", "cache"):
        return set(view.sources) <= rows(requirements)
    own = {t.name for t in requirements.domain.tables}
    small = sum(estimate.things_of(source) for source in view.sources) <= value("postgresql", "searched_rows")
    return set(view.sources) <= own and small


def measured(view: View, requirements: Requirements) -> bool:
    """Whether a view is of measurements alone."""
    return set(view.sources) <= {series.name for series in requirements.domain.series}


def ends(aggregate: Aggregate) -> bool:
    """Whether the aggregate's life is finite: its events never lead back to a state that it had.

    Without states nothing says so, and it may go on for ever.
    """
    moves = {(before, event.state) for event in aggregate.events for before in event.after}
    if not any(event.state for event in aggregate.events):
        return False
    reached = {event.state for event in aggregate.events if not event.after}
    for _ in aggregate.events:
        reached = {after for before, after in moves if before in reached}
    return not reached


def strong(requirements: Requirements) -> tuple[str, ...]:
    """The constructs that need one order of all their writes: said to be strong, or with an invariant to keep."""
    needing = [t.name for t in tables(requirements) if t.consistency == "strong" or t.invariants]
    return (*needing, *(a.name for a in requirements.domain.aggregates if a.invariants))
