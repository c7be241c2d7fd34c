"""`random-primary-key-on-clustered-table`: InnoDB keeps rows in the order of a key that is random."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect
from datakeel.model.place import NOWHERE
from datakeel.model.system import System
from datakeel.rules.facts.growth import appended
from datakeel.rules.rule import Hit, rule

CLUSTERED = ("mysql", "mariadb")
URL = re.compile(r"^'(mysql|mariadb)[+:]")
UNORDERED = re.compile(r"\buuid\(\)", re.I)
ORDERED = re.compile(r"uuid_to_bin\(\s*uuid\(\)\s*,\s*(1|true)\s*\)", re.I)


@rule(Severity.MINOR)
def random_primary_key_on_clustered_table(dataset: Dataset, system: System) -> Iterator[Hit]:
    """InnoDB keeps rows in the order of a key that is random."""
    key = dataset.schema.primary_key()
    column = dataset.schema.column(key[0]) if len(key) == 1 else None
    if dataset.kind != "table" or column is None or not clustered(dataset, system):
        return
    if random_default(column) or random_value(dataset, column, system) is not None:
        yield hit(dataset, column, slow=appended(dataset.name, dataset, system) is not None)


def clustered(dataset: Dataset, system: System) -> bool:
    """Whether the store keeps a table's rows in its primary key's tree."""
    if dataset.technology:
        return dataset.technology in CLUSTERED
    return any(o.name == "url" and URL.match(o.value) for r in system.resources for o in r.options)


def random_default(column: Column) -> bool:
    default = column.default or ""
    return column.filled_by == "uuid4" or bool(UNORDERED.search(default) and not ORDERED.search(default))


def random_value(dataset: Dataset, column: Column, system: System) -> Effect | None:
    """An insert that gives the key a random value."""
    for _, write in system.writers(dataset.name):
        for assigned in write.assigned if write.verb in ("insert", "save") else ():
            if assigned.column == column.name and any(
                s.kind == "random" and s.name.endswith("uuid4") for s in assigned.sources
            ):
                return write
    return None


def hit(dataset: Dataset, column: Column, slow: bool) -> Hit:
    place = column.place or dataset.place or NOWHERE
    return Hit(
        place=place,
        message=f"rows of {dataset.name} are kept in the random order of {column.name}: each goes to another page",
        story=(
            Step(place, f"{column.name} is a random UUID, and the primary key: InnoDB keeps the rows in its order"),
            Step(
                place, "each insert reads and splits a page somewhere in the table, and each index carries the long key"
            ),
            Step(place, "once the table no longer fits into memory, inserts wait for the disk"),
        ),
        doubts=0 if slow else 2,  # a table that hardly grows stays in memory
        datasets=(dataset.name,),
        fix=Fix(
            title="take an ordered key, and keep the UUID in a column of its own if others know it",
            text="uuid7()  -- or: id BIGINT AUTO_INCREMENT PRIMARY KEY, public_id BINARY(16) UNIQUE",
        ),
    )
