"""Questions about requirements that several decisions ask."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.requirements import Aggregate, Invariant, Requirements, Table, View
from datakeel.technologies import key_of


def tables(requirements: Requirements) -> tuple[Table, ...]:
    """All tables: the system's own, and those of its services."""
    domain = requirements.domain
    return (*domain.tables, *(table for service in domain.services for table in service.holds))


def invariants(requirements: Requirements) -> Iterator[tuple[Table, Invariant]]:
    return ((table, invariant) for table in tables(requirements) for invariant in table.invariants)


def views(requirements: Requirements, kind: str) -> tuple[View, ...]:
    return tuple(view for view in requirements.domain.views if view.kind == kind)


def followed(requirements: Requirements) -> tuple[str, ...]:
    """The constructs whose changes somebody follows: sources of views and of stream jobs, but for measurements, which
    are read where they lie."""
    domain = requirements.domain
    series = {s.name for s in domain.series}
    names = [*(source for view in domain.views for source in view.sources), *(job.source for job in domain.streams)]
    return tuple(dict.fromkeys(name for name in names if name not in series))


def follows_aggregates(requirements: Requirements) -> bool:
    return bool({a.name for a in requirements.domain.aggregates} & set(followed(requirements)))


def follows_rows(requirements: Requirements) -> bool:
    """Whether changes of something else than an aggregate are followed: its events need an outbox."""
    return bool(set(followed(requirements)) - {a.name for a in requirements.domain.aggregates})


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


def asked_for(requirements: Requirements, *roles: str) -> str | None:
    """The technology that an override names for the first of these roles that has one; None: nobody asked."""
    for role in roles:
        if role in requirements.overrides:
            return key_of(requirements.overrides[role]) or requirements.overrides[role]
    return None


def strong(requirements: Requirements) -> tuple[str, ...]:
    """The constructs that need one order of all their writes: said to be strong, or with an invariant to keep."""
    return tuple(table.name for table in tables(requirements) if table.consistency == "strong" or table.invariants)
