"""`outbox-relay-defect`: a relay marks rows before they are sent, or two relays send the same rows."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Cardinality, Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.facts.derivation import MARK, OUTBOX, together
from datakeel.rules.facts.guards import outer_guard, single_runner
from datakeel.rules.rule import Hit, rule


@rule(Severity.CRITICAL)
def outbox_relay_defect(operation: Operation) -> Iterator[Hit]:
    """A relay marks rows before they are sent, or two relays send the same rows."""
    for read in operation.of(Kind.READ):
        if not OUTBOX.search(read.dataset) or read.selection is None or read.selection.cardinality == Cardinality.ONE:
            continue
        publish = next(
            (p for p in operation.of(Kind.PUBLISH) if p.number > read.number and not operation.exclusive(read, p)), None
        )
        if publish is None or not operation.meet_here(read, publish):
            continue
        mark = marking(operation, read)
        if mark is not None and mark.number < publish.number and settled(operation, mark, publish):
            yield early(read, mark, publish)
        elif not alone(operation, read, publish):
            yield unlocked(read, publish)


def alone(operation: Operation, read: Effect, publish: Effect) -> bool:
    """Whether no second relay reads the rows while this one sends them."""
    locked = (read.selection is not None and read.selection.lock) or read.locks or publish.locks
    return bool(locked) or single_runner(operation) or outer_guard(operation) == Answer.YES


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


def early(read: Effect, mark: Effect, publish: Effect) -> Hit:
    return Hit(
        place=mark.chain[0] if mark.chain else mark.place,
        message=f"messages of {read.dataset} are lost: they are marked as sent before they are sent",
        story=(
            Step(read.place, "the relay reads what is to be sent"),
            Step(mark.place, "it marks the rows as sent, and that is committed"),
            Step(publish.place, "it dies here: the messages are never sent, and no later run finds them"),
        ),
        rests_on=(read, mark, publish),
        datasets=(read.dataset,),
        fix=Fix(
            title="send first, and mark after the broker has confirmed",
            text="publish(row); then mark it sent, in one transaction that holds its lock",
        ),
    )


def unlocked(read: Effect, publish: Effect) -> Hit:
    return Hit(
        place=read.chain[0] if read.chain else read.place,
        message=f"two relays send the same rows of {read.dataset}: nobody locks them",
        story=(
            Step(read.place, "relay A reads the next rows"),
            Step(read.place, "relay B (a second replica, or the old one at a deployment) reads the same rows"),
            Step(publish.place, "both send them: each message goes out twice, and out of order"),
        ),
        rests_on=(read, publish),
        doubts=1,
        datasets=(read.dataset,),
        fix=Fix(
            title="lock the rows while they are sent",
            text=f"SELECT … FROM {read.dataset} ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED",
        ),
    )
