"""`wrong-storage-engine`: an append-only table of a high rate lives in one heap with many indexes, and only grows."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset, Index
from datakeel.model.effect import Effect
from datakeel.model.operation import Operation
from datakeel.model.place import NOWHERE
from datakeel.model.system import System
from datakeel.rules.facts.growth import series
from datakeel.rules.rule import Hit, rule

MANY = 3  # secondary indexes: each costs a random write per row
RATES = ("request", "consumer", "event")


@rule(Severity.MAJOR)
def wrong_storage_engine(dataset: Dataset, system: System) -> Iterator[Hit]:
    """An append-only table of a high rate lives in one heap with many indexes, and only grows."""
    indexes = secondary(dataset)
    if not grows_by_time(dataset) or len(indexes) < MANY:
        return
    writers = list(system.writers(dataset.name))
    appended = next((e for o, e in writers if e.verb in ("insert", "copy") and rate(o)), None)
    if appended is not None and all(e.verb in ("insert", "copy") for _, e in writers):
        yield hit(dataset, indexes, appended)


def grows_by_time(dataset: Dataset) -> bool:
    """Whether it is a plain table of dated records that is named as what only grows."""
    whole = dataset.schema.partitioning is None and not dataset.partitions
    return dataset.kind == "table" and series(dataset) and whole


def secondary(dataset: Dataset) -> tuple[Index, ...]:
    return tuple(i for i in dataset.schema.indexes if not i.primary)


def rate(operation: Operation) -> bool:
    """Whether it runs as often as the outside asks."""
    return any(e.kind in RATES for e in operation.entries)


def hit(dataset: Dataset, indexes: tuple[Index, ...], appended: Effect) -> Hit:
    place = dataset.place or (indexes[0].place if indexes[0].place is not None else NOWHERE)
    return Hit(
        place=place,
        message=f"{dataset.name} only grows, and each of its rows is written into {len(indexes) + 1} B-trees",
        story=(
            Step(
                appended.place,
                f"a row is appended to {dataset.name} for each request or message, and none is ever removed",
            ),
            Step(
                place,
                f"each insert also goes to a random page of {len(indexes)} indexes, which no longer fit into memory",
            ),
            Step(
                appended.place,
                "inserts slow down as the table grows; vacuum and backups take hours; nothing is dropped cheaply",
            ),
        ),
        rests_on=(appended,),
        doubts=1,
        datasets=(dataset.name,),
        fix=Fix(
            title="partition it by time and drop old partitions, or keep it in a time-series or columnar store",
            text=f"CREATE TABLE {dataset.name} (…) PARTITION BY RANGE (…);",
        ),
    )
