"""What the services of sagas keep: of what one is said to hold, what a hold can be made of. A hold is made, confirmed
and released; it has a state of its own, and takes its units from a counter, or notes what it is about."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from datakeel import naming
from datakeel.requirements.nouns import Domain, Field, Invariant, Service, Table

COUNTED = ("integer", "money")
KEYS = ("text", "uuid", "enum")


def tables(domain: Domain) -> tuple[Table, ...]:
    """Those that the services of sagas have, each in its own database."""
    called = {naming.snake(step.service) for saga in domain.sagas for step in saga.steps}
    own = (counted(service) for service in domain.services if naming.snake(service.name) in called)
    return tuple(table for table in own if table is not None)


def counted(service: Service) -> Table | None:
    """The first table with a counter that is never below zero, as it is kept: its key and its counter."""
    for table in service.holds:
        counter = _counter(table)
        if counter is not None:
            key = _key(table, counter)
            fields = (replace(key, unique=True), counter)
            return replace(
                table, fields=fields, access=(), invariants=(Invariant(kind="non-negative", fields=(counter.name,)),)
            )
    return None


def noted(service: Service) -> tuple[Field, ...]:
    """What a hold is about, where it takes nothing from a counter: the fields of the first table, less its state."""
    if not service.holds:
        return (Field(name="reference"),)
    (table, *_) = service.holds
    states = _states(table)
    return tuple(f for f in table.fields if f.name not in states) or (Field(name="reference"),)


def left_out(service: Service) -> Iterator[str]:
    """What it is said to hold, and no hold is made of: the names of tables, and of fields with their table's."""
    kept = counted(service)
    first = next((t for t in service.holds if kept is None or t.name == kept.name), None)
    fields = {f.name for f in (kept.fields if kept else noted(service))}
    for table in service.holds:
        if table is not first:
            yield table.name
            continue
        yield from (f"{table.name}.{f.name}" for f in table.fields if f.name not in fields | _states(table))
        yield from (f"{table.name} by {', '.join(way.by)}" for way in table.access if way.by)
        if kept is None:
            yield from (f"unique {table.name}.{f.name}" for f in table.fields if f.unique)


def _counter(table: Table) -> Field | None:
    never_below = {i.fields[0] for i in table.invariants if i.kind == "non-negative"}
    found = (f for f in table.fields if f.type in COUNTED and (f.minimum == 0 or f.name in never_below))
    return next(found, None)


def _key(table: Table, counter: Field) -> Field:
    unique = {i.fields[0] for i in table.invariants if i.kind == "unique" and len(i.fields) == 1}
    candidates = [f for f in table.fields if f != counter and f.type in KEYS]
    named = (f for f in candidates if f.unique or f.name in unique)
    return next(named, candidates[0] if candidates else Field(name="name"))


def _states(table: Table) -> set[str]:
    """The fields that say how far it is, which a hold does itself."""
    return {i.fields[0] for i in table.invariants if i.kind == "transitions"}
