"""`no-checkpoint`: a stream job keeps nowhere how far it has read, and begins anew after each restart."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.rule import Hit, rule


@rule(Severity.CRITICAL)
def no_checkpoint(operation: Operation) -> Iterator[Hit]:
    """A stream job keeps nowhere how far it has read, and begins anew after each restart."""
    for start in operation.of(Kind.SPAWN):
        if start.verb != "stream" or start.chain:
            continue
        kept, own = start.option("checkpointLocation"), start.option("func")
        # any other sink refuses to start without one, but for those that only show what comes
        if kept is not None and kept.value == "None" and own is not None and own.value != "None":
            yield hit(start)


def hit(start: Effect) -> Hit:
    return Hit(
        place=start.place,
        message="this stream keeps its position and its state in a folder that ends with it: a restart loses or "
        "repeats what was between",
        story=(
            Step(start.place, "the stream starts with no checkpoint location: a temporary folder takes its place"),
            Step(start.place, "the job is stopped, or dies: position and state go with the folder"),
            Step(
                start.place,
                "it starts where its source begins: what came meanwhile is skipped or repeated",
            ),
        ),
        rests_on=(start,),
        doubts=1,  # a session may have one for all of its streams
        fix=Fix(
            title="give it a checkpoint location on durable storage, of its own",
            text='.option("checkpointLocation", "s3://…/checkpoints/<name of this stream>")',
        ),
    )
