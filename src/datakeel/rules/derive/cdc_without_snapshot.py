"""`cdc-without-snapshot`: a connector copies only what changes from now on, falls silent, or keeps what was deleted."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.facts.capture import connector, fault_of
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def cdc_without_snapshot(operation: Operation) -> Iterator[Hit]:
    """A connector copies only what changes from now on, falls silent, or keeps what was deleted."""
    for call in operation.of(Kind.CALL):
        settings = connector(call) if not call.chain else {}
        fault = fault_of(settings)
        if fault is not None:
            yield hit(call, *fault)


def hit(call: Effect, what: str, harm: str, cure: str) -> Hit:
    return Hit(
        place=call.place,
        message=f"{what}: {harm}",
        story=(
            Step(call.place, f"the connector is set up: {what}"),
            Step(call.place, harm),
            Step(call.place, "nothing compares the copy with its source, and nobody notices"),
        ),
        rests_on=(call,),
        fix=Fix(title="take a snapshot first, keep a heartbeat, and carry deletes", text=cure),
    )
