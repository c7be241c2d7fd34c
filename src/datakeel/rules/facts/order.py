"""In which order rows are locked, and whether it is the same in every run."""

from __future__ import annotations

from datakeel.model.effect import Cardinality, Effect, Scope, Source
from datakeel.model.operation import Operation

NEAR = 3  # calls between the loop and the lock


def loop_unsorted(lock: Effect, operation: Operation) -> Scope | None:
    """The loop inside the lock's transaction that locks one row after the other, where nothing sorts what it goes
    through."""
    transaction = operation.transaction_of(lock)
    begun = transaction.number if transaction is not None else 0
    for scope in lock.scopes:
        if scope.kind == "loop" and scope.number > begun:
            return None if scope.text in ("sorted", "ordered") else scope
    return None


def chosen_by_loop(lock: Effect, operation: Operation) -> bool:
    """Whether each turn locks a row of its own that belongs to others too: found by what the loop's element says, in
    another dataset than the one that is gone through."""
    if lock.selection is None or len(lock.chain) > NEAR:
        return False
    return any(varies(s, lock, operation) for p in lock.selection.predicates for s in p.sources)


def varies(source: Source, lock: Effect, operation: Operation) -> bool:
    """Whether a value is another one in each turn: a column of the rows that are gone through, other than the one by
    which all of them were found."""
    if source.kind == "loop":
        return True
    read = operation.effect(source.number) if source.kind == "read" and source.path else None
    if read is None or read.dataset == lock.dataset or read.selection is None:
        return False
    if read.selection.cardinality == Cardinality.ONE or read.selection.order:
        return False
    return all(p.column != source.path[0] for p in read.selection.predicates)
