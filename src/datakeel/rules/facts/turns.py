"""What a loop over rows does in each of its turns: which rows it goes through, and what is asked once for each."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Cardinality, Effect, Guard, Kind, Rows, Scope, StoreKind, When
from datakeel.model.operation import Operation, conditional
from datakeel.model.system import System

ASKED = (StoreKind.RELATIONAL, StoreKind.DOCUMENT)
FEW = 10  # rows at most: so many queries more are no harm
ELSEWHERE = (StoreKind.REMOTE, StoreKind.MAIL, StoreKind.PROCESS, StoreKind.OBJECT, StoreKind.QUEUE, StoreKind.LOG)
ABSENT = (("in", False), ("is-none", True), ("truth", False))


def loops_over_rows(operation: Operation, asked: Effect) -> Iterator[tuple[Scope, Effect]]:
    """The loops that an effect stands in, outermost first, each with the query whose rows it goes through."""
    for loop in asked.scopes:
        if loop.kind != "loop" or loop.unbounded or loop.over is None or loop.place is None:
            continue
        kind, _, number = loop.over.root.partition(":")
        rows = operation.effect(int(number)) if kind in ("read", "element") and number.isdigit() else None
        if rows is not None and rows.kind == Kind.READ and loop not in rows.scopes:
            yield loop, rows


def in_process(effect: Effect, system: System) -> bool:
    """Whether the database is a file that the process itself reads, as all say who hand the connection in: there is no
    round trip to save."""
    if effect.technology:
        return effect.technology == "sqlite"
    return {e.technology for e in system.effects_at(effect.place) if e.technology} == {"sqlite"}


def many(rows: Effect) -> bool:
    """Whether a query may give many rows: nothing bounds them to one or a few."""
    selection = rows.selection
    if rows.store not in ASKED or selection is None or selection.aggregate:
        return False
    if selection.cardinality == Cardinality.ONE:
        return False
    return selection.limit is None or selection.limit == 0 or selection.limit > FEW


def asked_by(asked: Effect, over: Rows) -> str:
    """The column of a loop's row by which an effect finds its own rows; empty where it does not."""
    number = int(over.root.partition(":")[2])
    for predicate in asked.predicates:
        for source in predicate.sources:
            own = source.kind == "read" and source.number == number and source.path[: len(over.path)] == over.path
            if predicate.operator == "=" and own and source.path:
                return source.path[-1]
    return ""


def once_a_turn(asked: Effect, loop: Scope) -> bool:
    """Whether each turn of a loop comes to an effect: no memory, no failure, no lookup that found it is between."""
    inside = asked.scopes[asked.scopes.index(loop) + 1 :]
    if any(s.kind in ("memo", "retry") or s.arm.startswith("handler") for s in inside):
        return False
    return asked.when == When.NOW and not any(absent(g) for g in within(asked, loop))


def within(asked: Effect, loop: Scope) -> Iterator[Guard]:
    """The conditions that an effect stands under inside a loop's text, and in what is called there."""
    for guard in asked.guards:
        place = guard.place
        if place is None or loop.place is None:
            continue
        if place.path != loop.place.path or place.line >= loop.place.line:
            yield guard


def absent(guard: Guard) -> bool:
    """Whether it says that something is not at hand yet (``key not in known``, ``found is None``)."""
    return (guard.test, guard.polarity) in ABSENT


def tested(asked: Effect, loop: Scope) -> bool:
    """Whether only some turns of a loop come to an effect."""
    inside = asked.scopes[asked.scopes.index(loop) + 1 :]
    return any(s.kind == "branch" for s in inside) or any(True for _ in within(asked, loop))


def waits_elsewhere(operation: Operation, loop: Scope) -> bool:
    """Whether each turn also waits for the world outside: a query more is not what it takes its time for."""
    kinds = (Kind.CALL, Kind.PUBLISH, Kind.WAIT, Kind.READ, Kind.WRITE)
    return any(
        loop in e.scopes and (e.store in ELSEWHERE or e.kind == Kind.WAIT) and e.when == When.NOW
        for e in operation.of(*kinds)
    )


def leaves_after(operation: Operation, asked: Effect, loop: Scope) -> bool:
    """Whether the turn that comes to an effect is the loop's last: from there on every way leads out of it."""
    standing = {(s.number, s.arm) for s in asked.scopes}
    return any(
        left.number > asked.number
        and left.kind in ("return", "break", "raise")
        and any(s.number == loop.number for s in left.scopes)
        and all((s.number, s.arm) in standing for s in left.scopes if conditional(s))
        for left in operation.exits
    )
