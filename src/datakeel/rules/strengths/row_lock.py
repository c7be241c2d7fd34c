"""`row-lock`: a row is locked when it is read, and until what was computed from it is committed."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.guards import here, locks_nothing
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength(
    "transact",
    unless=(
        "lost-update",
        "write-skew",
        "unguarded-state-transition",
        "lock-released-by-non-owner",
        "inconsistent-lock-order",
        "long-transaction",
        "remote-call-in-transaction",
    ),
)
def row_lock(survey: Survey) -> Iterator[Seen]:
    """A row is locked when it is read, until what was decided or computed from it is committed."""
    for operation in survey.operations:
        for lock in operation.of(Kind.READ):
            if locked(lock) and (write := resting_on(operation, lock)) is not None:
                said = f"{lock.dataset} is locked before {write.dataset} is changed"
                yield seen(operation, here(lock), said, lock.dataset, write.dataset)


def locked(read: Effect) -> bool:
    selection = read.selection
    if selection is None or not read.dataset or selection.lock not in ("update", "share") or selection.skip_locked:
        return False
    return read.store == StoreKind.RELATIONAL and not locks_nothing(read)


def resting_on(operation: Operation, lock: Effect) -> Effect | None:
    """The write under a lock whose values or conditions come from the locked row; in the innermost function that has
    both."""
    for write in operation.of(Kind.WRITE):
        if not write.dataset or lock.number not in write.locks or not operation.meet_here(lock, write):
            continue
        numbers = {s.number for s in write.computed_from} | {s.number for g in write.guards for s in g.sources}
        same = write.rows is not None and write.rows == lock.rows
        if same or lock.number in numbers:
            return write
    return None
