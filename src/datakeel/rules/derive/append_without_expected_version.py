"""`append-without-expected-version`: two writers append to one stream, and neither sees the other's event."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.event_store import event_log, stream_column, stream_key, version_column
from datakeel.rules.rule import Hit, rule


@rule(Severity.CRITICAL)
def append_without_expected_version(operation: Operation, system: System) -> Iterator[Hit]:
    """Two writers append to one stream, and neither sees the other's event."""
    for write in operation.of(Kind.WRITE):
        if write.chain or write.verb != "insert" or not write.dataset:
            continue
        dataset = system.dataset(write.dataset)
        if dataset is None or not event_log(dataset) or stream_key(dataset) is not None or write.locks:
            continue
        yield hit(write, f"{stream_column(dataset)}, {version_column(dataset)}", int(not dataset.columns_complete))


def hit(write: Effect, key: str, doubts: int) -> Hit:
    return Hit(
        place=write.place,
        message=f"two events can get the same place of a stream in {write.dataset}: no expected version is checked",
        story=(
            Step(write.place, "A decides on the stream's state at version 7"),
            Step(write.place, "B decides on the same state"),
            Step(write.place, "both append an event 8: each was decided without knowledge of the other"),
        ),
        rests_on=(write,),
        doubts=doubts,
        datasets=(write.dataset,),
        fix=Fix(
            title="make the place in the stream unique, and retry the decision on a conflict",
            text=f"CREATE UNIQUE INDEX ON {write.dataset} ({key});",
        ),
    )
