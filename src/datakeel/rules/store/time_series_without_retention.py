"""`time-series-without-retention`: dated records are added for ever, and nothing ever removes the old ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, StoreKind
from datakeel.model.place import NOWHERE
from datakeel.model.system import System
from datakeel.rules.facts.growth import OUTSIDE, adds, series, started_by
from datakeel.rules.facts.lookups import filled
from datakeel.rules.facts.parts import dropped, made
from datakeel.rules.rule import Hit, Record, rule

KEPT = re.compile(r"audit|billing|journal|ledger|history|deletion", re.I)  # what has to stay
STORES = (StoreKind.RELATIONAL, StoreKind.WIDE_COLUMN)
REMOVES = ("delete", "truncate")


@rule(Severity.MAJOR, Record(0, 2))
def time_series_without_retention(dataset: Dataset, system: System) -> Iterator[Hit]:
    """Dated records are added for ever, and nothing ever removes the old ones."""
    if dataset.kind != "table" or dataset.bounded or not series(dataset) or KEPT.search(dataset.name):
        return
    if in_parts(dataset):
        yield from only_made(dataset, system)
        return
    if dataset.schema.expires:
        return
    writers = list(system.writers(dataset.name))
    added = next((w for o, w in writers if w.store in STORES and adds(w) and started_by(o, OUTSIDE)), None)
    if added is not None and not any(w.verb in REMOVES or w.option("expiry") is not None for _, w in writers):
        yield hit(dataset, added)


def only_made(dataset: Dataset, system: System) -> Iterator[Hit]:
    """A program that makes the parts of a table as time goes on, and drops none."""
    part, added = made(dataset, system), filled(dataset.name, system)
    removed = any(w.verb in REMOVES for _, w in system.writers(dataset.name))
    if part is not None and added is not None and not removed and not dropped(dataset, system):
        yield kept(dataset, part, added)


def kept(dataset: Dataset, part: Effect, added: Effect) -> Hit:
    return Hit(
        place=part.place,
        message=f"{dataset.name} only grows: the program makes its partitions, and drops none",
        story=(
            Step(added.place, f"dated rows are added to {dataset.name}"),
            Step(part.place, "a partition is made for each stretch of time"),
            Step(part.place, "nothing that the program runs detaches or drops one whose time is over"),
            Step(added.place, "the disk fills, and every write fails"),
        ),
        rests_on=(part, added),
        apart=True,  # what was judged were tables that one cleans
        doubts=1,  # somebody may drop them by hand, or from another place
        datasets=(dataset.name,),
        fix=Fix(
            title="drop the oldest partition where the next one is made",
            text=f"ALTER TABLE {dataset.name} DETACH PARTITION … CONCURRENTLY;\nDROP TABLE …;",
        ),
    )


def in_parts(dataset: Dataset) -> bool:
    """Whether it is cut into parts by time, which are dropped as a whole (Cassandra's parts are not)."""
    parts = dataset.schema.partitioning
    return bool(dataset.partitions) or (parts is not None and dataset.technology != "cassandra")


def hit(dataset: Dataset, added: Effect) -> Hit:
    place = dataset.place or NOWHERE
    cassandra = dataset.technology == "cassandra"
    text = (
        f"ALTER TABLE {dataset.name} WITH default_time_to_live = 7776000;"
        if cassandra
        else f"CREATE TABLE {dataset.name} (…) PARTITION BY RANGE (…);  -- and a job that drops the oldest partition"
    )
    return Hit(
        place=place,
        message=f"{dataset.name} only grows: nothing removes its old rows, and the disk is full one day",
        story=(
            Step(added.place, f"a dated row is added to {dataset.name} for each request, message or job"),
            Step(place, "no job, partition or time to live takes the old ones away"),
            Step(
                added.place,
                "backups, restores and index builds take longer every month; the disk fills, and every write fails",
            ),
        ),
        rests_on=(added,),
        apart=cassandra,  # whose rows are rarely deleted by a job; what was judged were tables that one cleans
        doubts=1,  # somebody may remove them by hand, or from another place
        datasets=(dataset.name,),
        fix=Fix(title="say how long its rows are kept, and let the store drop them", text=text),
    )
