"""`compaction-mismatch`: a Cassandra table is compacted in a way that does not fit how it is written."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, StoreKind
from datakeel.model.operation import Role
from datakeel.model.place import NOWHERE
from datakeel.model.system import System
from datakeel.rules.rule import Hit, rule

TIMES = ("timestamp", "timeuuid", "date")
BY_SIZE, BY_TIME = "SizeTieredCompactionStrategy", "TimeWindowCompactionStrategy"
CHANGES = ("update", "delete")


@rule(Severity.MINOR)
def compaction_mismatch(dataset: Dataset, system: System) -> Iterator[Hit]:
    """A Cassandra table is compacted in a way that does not fit how it is written."""
    if dataset.technology != "cassandra" or not dataset.columns_complete:
        return
    strategy = dataset.schema.option("compaction") or BY_SIZE  # what a table has that says nothing
    changed = next((w for o, w in system.writers(dataset.name) if changes(w) and o.role == Role.PRODUCT), None)
    if strategy == BY_SIZE and dataset.schema.expires and in_time_order(dataset) and changed is None:
        yield hit(dataset, "its rows expire in the order in which they came, and are merged by size", BY_TIME, None)
    elif strategy == BY_TIME and changed is not None:
        yield hit(
            dataset,
            "its rows are changed later, and are merged by the time of the change",
            "LeveledCompactionStrategy",
            changed,
        )


def changes(write: Effect) -> bool:
    return write.store == StoreKind.WIDE_COLUMN and write.verb in CHANGES


def in_time_order(dataset: Dataset) -> bool:
    """Whether rows stand in their partition by the time that they are of."""
    parts = dataset.schema.partitioning
    key = dataset.schema.primary_key()
    within = key[len(parts.columns) :] if parts is not None else ()
    column = dataset.schema.column(within[0]) if within else None
    return column is not None and column.type in TIMES


def hit(dataset: Dataset, why: str, better: str, changed: Effect | None) -> Hit:
    place = dataset.place or NOWHERE
    last = (
        "old files hold a few rows that still live: none of them can be dropped, and the disk keeps what has expired"
        if changed is None
        else "a row is spread over the files of many windows, which are never merged: a read looks into all of them"
    )
    return Hit(
        place=place,
        message=f"{dataset.name}: {why}",
        story=(
            Step(place, why),
            *((Step(changed.place, "here a row is changed after it was written"),) if changed is not None else ()),
            Step(place, last),
        ),
        rests_on=(changed,) if changed is not None else (),
        datasets=(dataset.name,),
        fix=Fix(title=f"take {better}", text=f"ALTER TABLE {dataset.name} WITH compaction = {{'class': '{better}'}};"),
    )
