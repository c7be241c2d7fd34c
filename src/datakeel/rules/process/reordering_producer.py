"""`reordering-producer`: a retried batch lands behind the one that was sent after it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.rule import Hit, rule

UNSAFE = ("0", "1", "'0'", "'1'")  # acknowledgements with which no producer is idempotent


@rule(Severity.MAJOR)
def reordering_producer(system: System) -> Iterator[Hit]:
    """Retries with several requests in flight, and no idempotence: what was sent later may stand first."""
    told: set[Place] = set()
    for operation in system.operations:
        for publish in operation.of(Kind.PUBLISH) if operation.role in (Role.PRODUCT, Role.SCRIPT) else ():
            made = made_at(publish)
            if made not in told and ordered(publish) and reorders(publish):
                told.add(made)
                yield hit(operation, publish, made)


def made_at(publish: Effect) -> Place:
    """Where its producer was made, as far as that is known: one finding for each."""
    option = publish.option("in-flight") or publish.option("retries")
    return option.place if option is not None and option.place is not None else publish.place


def ordered(publish: Effect) -> bool:
    """Whether order means something: messages of one key are read in the order in which they stand."""
    return publish.store == StoreKind.LOG and publish.technology == "kafka" and not publish.chain and bool(publish.key)


def reorders(publish: Effect) -> bool:
    """Whether all of it is known: it tries again, has several requests in flight, and is not idempotent."""
    retries, flying = number(publish, "retries"), number(publish, "in-flight")
    if retries is None or retries < 1 or flying is None or flying < 2:
        return False
    once, acks = publish.option("idempotence"), publish.option("acks")
    if once is not None and once.value == "False":
        return True
    return once is not None and not once.value and not once.given and acks is not None and acks.value in UNSAFE


def decided(publish: Effect) -> bool:
    """Whether somebody has set any of it, rather than left all to the defaults."""
    return any(o is not None and o.given for o in map(publish.option, ("retries", "in-flight", "idempotence")))


def number(publish: Effect, word: str) -> float | None:
    option = publish.option(word)
    try:
        return float(option.value) if option is not None else None
    except ValueError:
        return None


def hit(operation: Operation, publish: Effect, made: Place) -> Hit:
    what = publish.dataset.replace("\ufffc", "…") or "the topic"
    return Hit(
        place=made,
        message=f"messages of one key may stand in {what} in the wrong order: a batch that is sent again lands behind "
        "the next one",
        story=(
            Step(made, "the producer has several requests on their way, tries again what fails, and is not idempotent"),
            Step(publish.place, f"batch 1 and batch 2 of one key are sent to {what}"),
            Step(publish.place, "the broker refuses batch 1 for a moment, and takes batch 2"),
            Step(publish.place, "batch 1 is sent again, and taken: the older state of the key is now the last one"),
        ),
        rests_on=(publish,),
        doubts=1 if decided(publish) else 2,
        datasets=(publish.dataset,) if publish.dataset else (),
        symbol=operation.symbol,
        fix=Fix(title="make the producer idempotent: it then keeps the order", text='"enable.idempotence": True'),
    )
