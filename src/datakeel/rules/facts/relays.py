"""How a relay sends what waits in an outbox: alone, and marked only when it is sent."""

from __future__ import annotations

from datakeel.model.certainty import Answer
from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.derivation import MARK, OUTBOX, together
from datakeel.rules.facts.guards import outer_guard, single_runner
from datakeel.rules.facts.survey import Survey


def alone(operation: Operation, read: Effect, publish: Effect) -> bool:
    """Whether no second relay reads the rows while this one sends them."""
    locked = (read.selection is not None and read.selection.lock) or read.locks or publish.locks
    taken = any(e.number < read.number and not operation.exclusive(e, read) for e in operation.of(Kind.LOCK))
    return bool(locked) or taken or single_runner(operation) or outer_guard(operation) == Answer.YES


def marking(operation: Operation, read: Effect) -> Effect | None:
    """What takes the rows out of the outbox: a delete, or a column that says so."""
    for write in operation.of(Kind.WRITE):
        if write.dataset == read.dataset and (
            write.verb == "delete" or any(MARK.search(a.column) for a in write.assigned)
        ):
            return write
    return None


def settled(operation: Operation, mark: Effect, publish: Effect) -> bool:
    """Whether the mark is committed before the message leaves."""
    if not together(operation, mark, publish):
        return True
    return any(c.number > mark.number and c.number < publish.number for c in operation.of(Kind.COMMIT))


def relayed(survey: Survey) -> dict[str, tuple[Operation, Effect]]:
    """The outboxes that something empties: reads them, sends what it read, and marks that or deletes it; each with the
    innermost function that does all of it."""
    found: dict[str, tuple[Operation, Effect]] = {}
    for operation in survey.operations:
        for read in operation.of(Kind.READ):
            if not OUTBOX.search(read.dataset) or read.selection is None or read.dataset in found:
                continue
            if read.selection.cardinality == Cardinality.ONE or marking(operation, read) is None:
                continue
            if any(leaves(e) and e.number > read.number for e in operation.of(Kind.PUBLISH, Kind.CALL)):
                found[read.dataset] = (operation, read)
    return found


def leaves(effect: Effect) -> bool:
    """Whether an effect sends something to another process."""
    return effect.store in (StoreKind.LOG, StoreKind.QUEUE, StoreKind.REMOTE)
