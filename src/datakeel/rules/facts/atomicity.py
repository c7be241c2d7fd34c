"""Which effects commit together, which transaction is whose, and what it holds while it is open."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Transaction


def inside(operation: Operation, effect: Effect) -> Answer:
    """Whether an effect stands in a transaction that lasts longer than its own statement."""
    if effect.transaction is None:
        return Answer.NO
    if effect.transaction > 0:
        return Answer.YES
    if not operation.contexts:
        return Answer.UNKNOWN
    if all(c.transaction for c in operation.contexts):
        return Answer.YES
    return Answer.UNKNOWN if any(c.transaction for c in operation.contexts) else Answer.NO


def together(operation: Operation, a: Effect, b: Effect) -> Answer:
    """Whether two effects commit in one transaction, or not at all."""
    if a.connection != b.connection:
        return Answer.NO
    if a.transaction != b.transaction:
        return Answer.NO
    return inside(operation, a)


def begun_here(operation: Operation) -> Iterator[Transaction]:
    """The transactions that this function opens: a callee's are the callee's to judge."""
    return (t for t in operation.transactions if t.call is None and t.kind != "ambient")


def inside_of(operation: Operation, transaction: Transaction) -> tuple[Effect, ...]:
    """The effects of one transaction, in order."""
    return tuple(e for e in operation.effects if e.transaction == transaction.number)


def holds_locks(effect: Effect) -> bool:
    """Whether an effect leaves row or table locks behind until its transaction ends."""
    if effect.store != StoreKind.RELATIONAL:
        return False
    if effect.kind in (Kind.WRITE, Kind.ALTER, Kind.LOCK):
        return True
    return effect.kind == Kind.READ and effect.selection is not None and bool(effect.selection.lock)


def commits_between(operation: Operation, a: Effect, b: Effect) -> Effect | None:
    """A commit that parts two effects of one connection."""
    return next(
        (
            e
            for e in operation.of(Kind.COMMIT)
            if a.number < e.number < b.number and e.connection == a.connection and not operation.exclusive(a, e)
        ),
        None,
    )
