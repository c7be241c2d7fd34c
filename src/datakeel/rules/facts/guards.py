"""What protects a read–write pair against a second writer: a lock, a version, an atomic update, an isolation level with retry."""

from __future__ import annotations

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Rows, Source
from datakeel.model.operation import Operation, same_rows
from datakeel.model.system import System

STRONG = ("repeatable-read", "serializable", "snapshot")


def rows_of(source: Source) -> Rows | None:
    """The rows whose column a value was computed from, or None when it is no column of a row."""
    if not source.path:
        return None
    if source.kind == "read":
        return Rows(f"read:{source.number}", source.path[:-1])
    if source.kind == "parameter":
        return Rows(f"parameter:{source.name}", source.path[:-1])
    return None


def locked_between(operation: Operation, read: Effect | None, write: Effect) -> bool:
    """Whether one lock is held from the read (or from the function's start, where the read is outside) to the write.

    A read that locks its own rows counts as the lock.
    """
    if read is None:
        return False
    if read.number in write.locks:
        return True
    return any(number in read.locks for number in write.locks)


def isolated(operation: Operation, read: Effect, write: Effect) -> bool:
    """Whether both stand in one transaction whose isolation makes the database refuse the second writer."""
    if not operation.same_transaction(read, write):
        return False
    transaction = operation.transaction_of(write)
    return transaction is not None and any(level in transaction.isolation for level in STRONG)


def versioned(operation: Operation, write: Effect, system: System) -> bool:
    """Whether the write checks that the row is still as it was read: a mapper's version column, or a predicate on a column
    that it also sets."""
    dataset = system.dataset(write.dataset)
    if dataset is not None and dataset.version_column:
        return True
    if write.selection is None:
        return False
    own = {a.column for a in write.assigned}
    return any(p.operator == "=" and p.column in own for p in write.selection.predicates)


def reread(operation: Operation, write: Effect) -> Effect | None:
    """The last locking read of the same rows before the write, on every path to it."""
    found = None
    for read in operation.of(Kind.READ):
        if read.selection is None or not read.selection.lock or not operation.before_on_all_paths(read, write):
            continue
        if same_rows(read, write) == Answer.YES and read.number in write.locks:
            found = read
    return found


def single_runner(operation: Operation) -> bool:
    """Whether nothing runs it beside itself: a migration, a command started by hand, a declared single job."""
    return bool(operation.entries) and not any(e.concurrent for e in operation.entries)


def outer_guard(operation: Operation) -> Answer:
    """Whether callers hold a lock round it: YES when all known ones do, UNKNOWN when none is known or only some do."""
    if not operation.contexts:
        return Answer.UNKNOWN
    if all(c.locks for c in operation.contexts):
        return Answer.YES
    return Answer.UNKNOWN if any(c.locks for c in operation.contexts) else Answer.NO
