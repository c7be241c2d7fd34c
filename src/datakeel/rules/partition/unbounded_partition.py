"""`unbounded-partition`: rows are added to a partition for ever, until it is too large to be read or repaired."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect
from datakeel.model.operation import Role
from datakeel.model.place import NOWHERE
from datakeel.model.system import System
from datakeel.rules.facts.partitions import hashed
from datakeel.rules.rule import Hit, rule

TIMES = re.compile(r"timestamp|timeuuid|datetime|^date$|^time$")
BUCKET = re.compile(r"bucket|(^|_)(day|week|month|year|hour|date|period|shard|slot|epoch|window|yyyy\w*)($|_)", re.I)
EXPIRES = re.compile(r"\busing\s+ttl\b|\band\s+ttl\b", re.I)


@rule(Severity.MAJOR)
def unbounded_partition(dataset: Dataset, system: System) -> Iterator[Hit]:
    """Rows are added to a partition for ever, until it is too large to be read or repaired."""
    key = hashed(dataset)
    if dataset.technology != "cassandra" or not key or dataset.bounded or bucketed(dataset, key):
        return
    by = clustering_time(dataset, key)
    if not by:
        return
    written = [w for o, w in system.writers(dataset.name) if o.role == Role.PRODUCT]
    added = next((w for w in written if w.verb == "insert" and not EXPIRES.search(w.text)), None)
    if added is not None and not any(w.verb == "delete" or EXPIRES.search(w.text) for w in written):
        yield hit(dataset, key, by, added)


def bucketed(dataset: Dataset, key: tuple[str, ...]) -> bool:
    """Whether a stretch of time is part of the key, or rows expire."""
    return dataset.schema.expires or any(BUCKET.search(c) or TIMES.search(type_of(dataset, c)) for c in key)


def clustering_time(dataset: Dataset, key: tuple[str, ...]) -> str:
    """The column of a time by which rows follow each other within a partition."""
    return next((c for c in dataset.schema.primary_key() if c not in key and TIMES.search(type_of(dataset, c))), "")


def type_of(dataset: Dataset, name: str) -> str:
    column = dataset.schema.column(name)
    return column.type if column is not None else ""


def hit(dataset: Dataset, key: tuple[str, ...], by: str, added: Effect) -> Hit:
    place, keys = dataset.place or NOWHERE, ", ".join(key)
    return Hit(
        place=place,
        message=f"a partition of {dataset.name} grows for ever: its key is {keys}, and each new {by} adds a row",
        story=(
            Step(place, f"all rows of one {keys} are one partition, in the order of {by}"),
            Step(added.place, "a row is inserted, and nothing takes one away"),
            Step(place, "after months a partition has millions of rows: reads and repairs time out, one node is full"),
        ),
        rests_on=(added,),
        doubts=1,
        datasets=(dataset.name,),
        fix=Fix(title="put a stretch of time into the partition key", text=f"PRIMARY KEY (({keys}, month), {by})"),
    )
