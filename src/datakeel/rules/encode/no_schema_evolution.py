"""`no-schema-evolution`: messages between processes carry neither a schema nor a version, and cannot change safely."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.running import ONCE
from datakeel.rules.facts.schemas import bare
from datakeel.rules.rule import Hit, Record, rule


@rule(Severity.MAJOR, Record(0, 5))
def no_schema_evolution(operation: Operation) -> Iterator[Hit]:
    """Messages between processes carry neither a schema nor a version."""
    for publish in operation.of(Kind.PUBLISH):
        if publish.chain or publish.store != StoreKind.LOG or not bare(publish):
            continue
        yield hit(publish, 2 if operation.entries and all(e.kind in ONCE for e in operation.entries) else 1)


def hit(publish: Effect, doubts: int) -> Hit:
    """`doubts`: what somebody sends by a command is not what the log is made of."""
    keys = ", ".join(sorted(a.column for a in publish.assigned)[:4])
    topic = publish.dataset or "this topic"
    return Hit(
        place=publish.place,
        message=f"messages of {topic} ({keys}) say nothing of their shape: no reader can tell an old "
        "one from a new one",
        story=(
            Step(publish.place, f"a message with {keys} is written to {topic}, and kept there"),
            Step(publish.place, "a later release renames or retypes a key"),
            Step(
                publish.place,
                "readers meet both shapes in one log, at a deployment and at every replay, and cannot tell them apart",
            ),
        ),
        rests_on=(publish,),
        doubts=doubts,
        datasets=(publish.dataset,) if publish.dataset else (),
        fix=Fix(
            title="write with a schema from a registry, or put a version into the message",
            text='{"schema_version": 1, …}',
        ),
    )
