"""Which effects commit together, which transaction is whose, and what it holds while it is open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Transaction
from datakeel.model.system import System
from datakeel.rules.facts.decisions import first_filling


def inside(operation: Operation, effect: Effect) -> Answer:
    """Whether an effect stands in a transaction that lasts longer than its own statement."""
    if effect.transaction is None:
        return Answer.NO
    return Answer.YES if effect.transaction > 0 else around(operation)


def around(operation: Operation) -> Answer:
    """Whether callers have a transaction open; UNKNOWN where no caller is known, or only some of them have."""
    if not operation.contexts:
        return Answer.UNKNOWN
    if all(c.transaction for c in operation.contexts):
        return Answer.YES
    return Answer.UNKNOWN if any(c.transaction for c in operation.contexts) else Answer.NO


def together(operation: Operation, a: Effect, b: Effect) -> Answer:
    """Whether two effects commit in one transaction, or not at all. Two scopes are parts of what a caller has open;
    what an object's own method changes goes out with the session that holds the object, whichever that is."""
    if on_lent_cursor(a, b) or on_lent_cursor(b, a):
        return Answer.UNKNOWN
    known = a.connection and b.connection
    if a.connection != b.connection and (known or not operation.same_transaction(a, b)):
        return Answer.NO
    if a.transaction == b.transaction:
        return inside(operation, a)
    return around(operation) if part_of_outer(operation, a) and part_of_outer(operation, b) else Answer.NO


def on_lent_cursor(effect: Effect, other: Effect) -> bool:
    """Whether an effect goes to a cursor that a caller hands in, which may be of the connection on which another has
    its transaction open."""
    return (
        effect.transaction == 0
        and effect.connection.startswith("parameter:")
        and not effect.technology
        and bool(other.transaction)
        and other.connection != effect.connection
    )


def part_of_outer(operation: Operation, effect: Effect) -> bool:
    """Whether an effect's transaction would be the caller's, where the caller has one."""
    if effect.transaction == 0:
        return True
    transaction = operation.transaction_of(effect)
    return transaction is not None and transaction.kind == "atomic" and transaction.joins


def begun_here(operation: Operation, system: System) -> Iterator[Transaction]:
    """The transactions that this function opens: a callee's are the callee's to judge. Where each request has one, a
    request's function counts as the one that opens it."""
    yield from (t for t in operation.transactions if t.call is None)
    if system.setting("django.ATOMIC_REQUESTS") is not None:
        starts = [e for e in operation.entries if e.kind == "request" and e.place == operation.place]
        if starts and all(c.transaction for c in operation.contexts):
            yield Transaction(0, "atomic", "default", place=operation.place)


def one_writer(transaction: Transaction, operation: Operation, work: Iterable[Effect]) -> bool:
    """Whether the database is a file that lets one transaction write at a time: whoever comes second waits, and is
    never refused for what it has read."""
    urls = (r.option("url") for r in operation.resources if transaction.connection == f"new:{r.number}")
    named = any(url is not None and url.value.strip("'\"").startswith("sqlite") for url in urls)
    return named or any(e.technology == "sqlite" for e in work)


def effects_of(transaction: Transaction, effects: Iterable[Effect]) -> Iterator[Effect]:
    """Those of some effects that happen while a transaction is open."""
    return (e for e in effects if e.transaction == transaction.number)


def locks_of(operation: Operation, transaction: Transaction) -> list[Effect]:
    """What of a transaction holds locks: first the rows that others need, then new ones, which nobody sees yet."""
    held = [e for e in effects_of(transaction, operation.effects) if holds_locks(e) and not first_filling(operation, e)]
    return sorted(held, key=lambda e: e.verb == "insert")


def lock_before(operation: Operation, locks: list[Effect], moment: Effect) -> Effect | None:
    """The first of a transaction's locks that is held when a later effect of it happens."""
    held = (
        e
        for e in locks
        if e.number < moment.number
        and not operation.exclusive(e, moment)
        and sent(operation, e, moment)
        and not let_go(operation, e, moment)
    )
    return next(held, None)


def let_go(operation: Operation, lock: Effect, moment: Effect) -> bool:
    """Whether every run that takes a lock commits before a later moment, but for one that fails in between. (What ends
    a block inside the transaction's own commits nothing.)"""
    return any(
        e.transaction == lock.transaction
        and e.number < moment.number
        and operation.before_on_all_paths_after(lock, e)
        and not any(s.kind == "transaction" and s.number == lock.transaction for s in e.scopes)
        for e in operation.of(Kind.COMMIT)
    )


def sent(operation: Operation, write: Effect, moment: Effect) -> bool:
    """Whether a write has gone to the database by then: a unit of work keeps it until a flush, a query or the
    commit."""
    if write.blocking or write.kind != Kind.WRITE:
        return True
    return any(
        write.number < e.number < moment.number
        and e.connection == write.connection
        and e.store == StoreKind.RELATIONAL
        and (e.blocking or e.verb == "flush")
        for e in operation.effects
    )


def holds_locks(effect: Effect) -> bool:
    """Whether an effect leaves row or table locks behind until its transaction ends."""
    if effect.store != StoreKind.RELATIONAL:
        return False
    if effect.kind in (Kind.WRITE, Kind.ALTER, Kind.LOCK):
        return True
    return effect.kind == Kind.READ and effect.selection is not None and bool(effect.selection.lock)
