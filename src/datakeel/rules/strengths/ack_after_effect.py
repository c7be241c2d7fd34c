"""`ack-after-effect`: a message is acknowledged when its effect is done."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.acks import automatic, durable
from datakeel.rules.facts.derivation import RECORDS, committed_before
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

REFUSALS = ("nack", "reject")


@strength("process", unless=("ack-before-processing", "non-idempotent-consumer", "retry-without-idempotency"))
def ack_after_effect(survey: Survey) -> Iterator[Seen]:
    """A message is acknowledged when its effect is durable: a crash in between means a repetition, not a loss."""
    for operation, ack in survey.own(Kind.ACK):
        work = None if ack.verb in REFUSALS or refuses(ack) else done_before(operation, ack)
        if work is not None:
            said = f"acknowledged after {work.dataset or 'its effect'} is written"
            yield seen(operation, ack.place, said, ack.dataset)
    for operation, entry in survey.entries:
        late = entry.option("late-ack")
        chosen = entry.kind == "task" and late is not None and late.given and late.value == "True"
        if chosen and any(durable(e) for e in operation.effects):
            yield seen(operation, entry.place, f"{operation.symbol} is acknowledged when it is done")


def done_before(operation: Operation, ack: Effect) -> Effect | None:
    """The effect that every acknowledged message has had; None where the client acknowledges by itself, or something is
    done only afterwards."""
    if any(automatic(c) is not None for c in operation.of(Kind.CONSUME)):
        return None
    work = [
        e for e in operation.effects if durable(e) and e.store != StoreKind.NONE and not operation.exclusive(e, ack)
    ]
    if any(e.number > ack.number and not refuses(e) for e in work):
        return None
    before = (e for e in work if e.number < ack.number and here(e) != here(ack))
    return next((e for e in before if e.store not in RECORDS or committed_before(operation, e, ack)), None)


def refuses(effect: Effect) -> bool:
    """Whether an effect stands where a failure leads too: in a handler, or in what is done in any case."""
    return any(s.kind == "try" and s.arm.startswith(("handler", "finally")) for s in effect.scopes)
