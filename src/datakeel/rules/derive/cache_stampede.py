"""`cache-stampede`: when one hot entry expires, every reader recomputes it at once."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def cache_stampede(operation: Operation) -> Iterator[Hit]:
    """When one hot entry expires, every reader recomputes it at once."""
    for read in operation.of(Kind.READ):
        if (
            read.store != StoreKind.CACHE
            or read.chain
            or not hot(read.key)
            or (operation.entries and not served(operation))
        ):
            continue
        filled = filling(operation, read)
        work = costly(operation, read, filled) if filled is not None else None
        if filled is not None and work is not None and not filled.locks:
            yield hit(read, work, filled)


def hot(key: str | None) -> bool:
    """One entry for everybody: its key is a constant."""
    return (
        bool(key)
        and "\ufffc" not in (key or "")
        and not (key or "").startswith(("parameter:", "read:", "global:", "result:"))
    )


def served(operation: Operation) -> bool:
    return any(e.kind in ("request", "consumer") for e in operation.entries)


def filling(operation: Operation, read: Effect) -> Effect | None:
    return next(
        (
            e
            for e in operation.of(Kind.WRITE)
            if e.store == StoreKind.CACHE and e.key == read.key and e.number > read.number and e.verb == "set"
        ),
        None,
    )


def costly(operation: Operation, read: Effect, filled: Effect) -> Effect | None:
    """The work that a miss causes: an aggregate, a read of many rows, a remote call."""
    for effect in operation.between(read, filled):
        if effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE:
            return effect
        chosen = effect.selection
        many = chosen is not None and (chosen.aggregate or chosen.cardinality == Cardinality.MANY)
        if effect.kind == Kind.READ and effect.store == StoreKind.RELATIONAL and many:
            return effect
    return None


def hit(read: Effect, work: Effect, filled: Effect) -> Hit:
    return Hit(
        place=read.place,
        message=f"when {read.key!r} expires, every request at once does the work behind it",
        story=(
            Step(read.place, "the entry has just expired: all readers miss it"),
            Step(work.place, "each of them does the same work, at the same time"),
            Step(filled.place, "each of them sets the entry; the store behind was hit by all"),
        ),
        rests_on=(read, work, filled),
        fix=Fix(title="let one reader recompute it (a lock, or an early refresh), and give the others the old value"),
    )
