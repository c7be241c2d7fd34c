"""`mutable-event-log`: events that have happened are changed or deleted."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.event_store import event_log
from datakeel.rules.rule import Hit, rule


@rule(Severity.CRITICAL)
def mutable_event_log(operation: Operation, system: System) -> Iterator[Hit]:
    """Events that have happened are changed or deleted."""
    for write in operation.of(Kind.WRITE):
        if write.chain or write.verb not in ("update", "delete", "save", "truncate", "upsert"):
            continue
        if write.dataset and event_log(system.dataset(write.dataset)):
            yield hit(write)


def hit(write: Effect) -> Hit:
    done = "deleted" if write.verb in ("delete", "truncate") else "changed"
    return Hit(
        place=write.place,
        message=f"events in {write.dataset} are {done}: every view that was built from them can no longer be rebuilt",
        story=(
            Step(write.place, f"an event that consumers have already read is {done}"),
            Step(
                write.place, "views that were built before hold what it said then, views built later what it says now"
            ),
        ),
        rests_on=(write,),
        datasets=(write.dataset,),
        fix=Fix(
            title="append an event that corrects or compensates it",
            text=f"INSERT INTO {write.dataset} (…) VALUES (…)  -- a correcting event",
        ),
    )
