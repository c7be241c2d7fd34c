"""`ack-before-processing`: a message is acknowledged before its effect is durable, and a crash loses it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Option, When
from datakeel.model.operation import Operation
from datakeel.rules.facts.acks import automatic, durable, handed
from datakeel.rules.facts.decided import elsewhere
from datakeel.rules.rule import Hit, rule


@rule(Severity.CRITICAL, sure=False)
def ack_before_processing(operation: Operation) -> Iterator[Hit]:
    """A message is acknowledged before its effect is durable, and a crash loses it."""
    for consume in operation.of(Kind.CONSUME):
        option = automatic(consume) if not consume.chain else None
        if option is None:
            continue
        work = work_for(operation, consume)
        if work is not None and (option.word != "auto-commit" or in_background(operation, consume, work)):
            yield by_itself(operation, consume, work, option)
    yield from acknowledged_first(operation)


def work_for(operation: Operation, consume: Effect) -> Effect | None:
    """What is done for a message that would be lost with it: what surely is an effect, else the code not in view that
    the message is handed to."""
    later = [e for e in operation.effects if e.number > consume.number and not operation.exclusive(consume, e)]
    given = next((e for e in later if handed(e, {consume.number})), None)
    return next((e for e in later if durable(e)), given)


def in_background(operation: Operation, consume: Effect, work: Effect) -> bool:
    """Whether offsets are committed while a message is still being handled.

    A client that stores an offset when it hands a message out, or that commits from a task of the same event loop,
    does; one that commits what it gave last when it is asked for more does so only where the work goes on beside the
    loop.
    """
    return consume.option("offset-store") is not None or operation.is_async or work.when == When.CONCURRENT


def acknowledged_first(operation: Operation) -> Iterator[Hit]:
    """An explicit acknowledgement that stands before the work."""
    consumed = {e.number for e in operation.of(Kind.CONSUME)}
    for ack in operation.of(Kind.ACK):
        if ack.chain or ack.verb in ("nack", "reject"):
            continue
        work = [e for e in operation.effects if (durable(e) or handed(e, consumed)) and not operation.exclusive(e, ack)]
        later = next((e for e in work if e.number > ack.number), None)
        if later is None or any(e.number < ack.number for e in work):
            continue
        if operation.before_on_some_path(ack, later) and operation.meet_here(ack, later):
            yield in_order(ack, later)


def by_itself(operation: Operation, consume: Effect, work: Effect, option: Option) -> Hit:
    made = option.place if option.place is not None and elsewhere(operation, option.place) else consume.place
    return Hit(
        place=made,
        message=f"messages are lost when this consumer dies: {option.name} acknowledges them before they are handled",
        story=(
            Step(option.place or consume.place, f"{option.name} is on{'' if option.given else ' by default'}"),
            Step(consume.place, "a message is handed out, and acknowledged in the background"),
            Step(work.place, "the process dies here, before the effect is durable"),
            Step(consume.place, "after the restart the broker goes on behind the message: its effect never happens"),
        ),
        rests_on=(consume, work),
        datasets=tuple(d for d in (consume.dataset, work.dataset) if d),
        fix=Fix(
            title="turn it off, and acknowledge after the effect",
            text=f'"{option.name}": False  # then acknowledge after the work',
        ),
    )


def in_order(ack: Effect, work: Effect) -> Hit:
    return Hit(
        place=ack.place,
        message="a message is lost when this consumer dies: it is acknowledged before its work is done",
        story=(
            Step(ack.place, "the message is acknowledged: the broker forgets it"),
            Step(work.place, "the process dies here, before the effect is durable"),
            Step(ack.place, "nobody has the message any more"),
        ),
        rests_on=(ack, work),
        datasets=tuple(d for d in (ack.dataset, work.dataset) if d),
        fix=Fix(title="acknowledge after the effect"),
    )
