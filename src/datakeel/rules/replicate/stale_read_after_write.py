"""`stale-read-after-write`: a flow writes at the leader, then reads the same rows from a follower that lags."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect
from datakeel.model.operation import Operation, Role
from datakeel.rules.facts.replicas import behind_own_writes
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way

CURES = {
    "django": '.using("default")',
    "mongodb": "read_preference=ReadPreference.PRIMARY, or one session with causal_consistency=True",
    "dynamodb": "ConsistentRead=True",
}


@rule(Severity.CRITICAL)
def stale_read_after_write(operation: Operation) -> Iterator[Hit]:
    """A flow writes at the leader, then reads the same rows from a follower that lags."""
    if operation.role != Role.PRODUCT:
        return
    told: set[str] = set()
    for write, read in behind_own_writes(operation):
        if read.dataset not in told:
            told.add(read.dataset)
            yield hit(write, read)


def hit(write: Effect, read: Effect) -> Hit:
    named = read.technology == "django" and read.connection != "default" and ":" not in read.connection
    where = read.connection if named else "a follower"
    return Hit(
        place=read.place,
        message=f"what was just written to {read.dataset} may not be there yet: it is read back from {where}",
        story=(
            *way(write),
            Step(write.place, f"{write.verb} {write.dataset} at the leader"),
            *way(read),
            Step(
                read.place,
                f"the same rows of {read.dataset} are asked of {where}, which is milliseconds or minutes behind",
            ),
            Step(
                read.place, "it answers with the old rows, or with none: the flow goes on with what is no longer true"
            ),
        ),
        rests_on=(write, read),
        doubts=1,
        datasets=(read.dataset,),
        fix=Fix(title="read it from the leader", text=CURES.get(read.technology, "read in the session that wrote")),
    )
