"""`outbox-relay-defect`: a relay marks rows before they are sent, or two relays send the same rows."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Cardinality, Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.facts.derivation import OUTBOX
from datakeel.rules.facts.relays import alone, marking, settled
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
