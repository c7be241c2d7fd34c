"""`unchecked-publish`: a message is handed to a client, and nobody asks whether the broker has taken it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.sending import asked, heard, reported, waited_for
from datakeel.rules.facts.stakes import valuable
from datakeel.rules.rule import Hit, rule

WHERE = {
    "future": "the client puts it into a buffer; a failure would stand in the future that is dropped here",
    "callback": "the client puts it into a buffer; a failure would go to a callback that is not given",
    "answer": "the call succeeds although some entries are refused: the answer, which is dropped here, names them",
    "return": "it is mandatory, but the channel does not confirm: what cannot be routed is given back to nobody",
}
CURES = {
    "future": "future = producer.send(…)\nfuture.get(timeout=10) # or add_errback(report); aiokafka: send_and_wait",
    "callback": "producer.produce(…, on_delivery=report)  # and producer.flush() before the process ends",
    "answer": "answer = client.…(…)\n…  # send again what the answer counts as failed, and raise if any is left",
    "return": "channel.confirm_delivery()  # once: basic_publish raises UnroutableError or NackError from then on",
}


@rule(Severity.CRITICAL)
def unchecked_publish(system: System) -> Iterator[Hit]:
    """A message is handed to a client, and nobody asks whether the broker has taken it."""
    sent: dict[object, list[tuple[Operation, Effect]]] = {}
    for operation in system.operations:
        if operation.role in (Role.PRODUCT, Role.SCRIPT):
            for publish in operation.of(Kind.PUBLISH):
                if reported(publish):
                    sent.setdefault(publish.place, []).append((operation, publish))
    for pairs in sent.values():
        own = next(((o, p) for o, p in pairs if not p.chain), None)
        if own is None or any(asked(p) for _, p in pairs) or losable(system, own[1]):
            continue
        how = reported(own[1])
        if how == "return" and heard(system, own[1]):
            continue
        if how in ("answer", "return") or not any(waited_for(o, p) for o, p in pairs):
            yield hit(system, *own)


def losable(system: System, publish: Effect) -> bool:
    dataset = system.dataset_of(publish)
    return dataset is not None and dataset.losable


def flushed(system: System, publish: Effect) -> bool:
    """Whether the end of the process, or something else in the same file, waits for what is in the buffer."""
    return any(
        e.verb == "flush" and not e.chain and e.place.path == publish.place.path
        for o in system.operations
        if o.place.path == publish.place.path
        for e in o.of(Kind.WAIT)
    )


def hit(system: System, operation: Operation, publish: Effect) -> Hit:
    how = reported(publish)
    what = publish.dataset.replace("\ufffc", "…") or publish.technology
    lost = "some of a batch are" if how == "answer" else "a message is"
    return Hit(
        place=publish.place,
        message=f"when {what} refuses it, {lost} lost, and nobody is told: how the sending ended is never looked at",
        story=(
            Step(publish.place, f"{operation.symbol} sends to {what}"),
            Step(publish.place, WHERE[how]),
            Step(publish.place, "the broker is away, too slow, or refuses it: the message is given up"),
            Step(operation.place, "the flow has long reported success: what the message was to bring about is missing"),
        ),
        rests_on=(publish,),
        datasets=(publish.dataset,) if publish.dataset else (),
        severity=Severity.MAJOR
        if how == "answer" or flushed(system, publish) or not valuable(publish.dataset, operation.name)
        else None,
        symbol=operation.symbol,
        fix=Fix(title="look at how the sending ended", text=CURES[how]),
    )
