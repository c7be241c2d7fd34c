"""`side-effect-in-operator`: a function that transforms data also changes the world, as often as the engine runs it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Operation
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.started import covers
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule

INSIDE = (StoreKind.NONE, StoreKind.MEMORY, StoreKind.PROCESS, StoreKind.FILE)


@rule(Severity.MAJOR)
def side_effect_in_operator(operation: Operation) -> Iterator[Hit]:
    """A function that transforms data also changes the world, as often as the engine runs it."""
    for operator in operation.of(Kind.SPAWN):
        if operator.verb != "operator" or operator.chain:
            continue
        found = next((e for e in operation.effects if changes(e) and covers(operator.place, here(e))), None)
        if found is not None:
            yield hit(operator, found)


def changes(effect: Effect) -> bool:
    """Whether it changes something outside, and again when it is run again."""
    if effect.when != When.CONCURRENT or effect.store in INSIDE:
        return False
    if effect.kind == Kind.CALL:
        return effect.idempotent == Answer.NO
    return effect.kind in (Kind.WRITE, Kind.PUBLISH)


def hit(operator: Effect, effect: Effect) -> Hit:
    what = thing(effect)
    return Hit(
        place=operator.place,
        message=f"{what} happens as often as the engine computes this step: twice where a task is repeated, never "
        "where its result is not asked for",
        story=(
            Step(operator.place, "the function is only planned here: the engine runs it as often as it likes"),
            Step(effect.place, f"a task computes its partition: {what} happens for each row"),
            Step(operator.place, "the task fails near its end, is slow, or a second action asks for the same data"),
            Step(effect.place, f"the partition is computed again: {what} happens a second time"),
        ),
        rests_on=(operator, effect),
        datasets=(effect.dataset,) if effect.dataset else (),
        fix=Fix(
            title="keep the step pure, and change the world in a sink that may run twice",
            text="frame.foreachPartition(write)  # by a key that makes a second write harmless",
        ),
    )
