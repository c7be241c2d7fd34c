"""`allow-filtering`: Cassandra reads what it then leaves out, on all nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset, Index
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Role
from datakeel.model.place import NOWHERE
from datakeel.model.system import System
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.rule import Hit, rule

MANY_NAMES = re.compile(r"(^|_)(id|uuid|email|mail|token|phone|key|hash|name|number|reference|url|ip|address)$")
MANY_TYPES = ("uuid", "timeuuid", "timestamp", "blob", "inet", "decimal", "double")


@rule(Severity.MAJOR)
def allow_filtering(system: System) -> Iterator[Hit]:
    """Cassandra reads what it then leaves out, on all nodes."""
    for operation in system.operations:
        if operation.role != Role.PRODUCT or of_tests(operation.place.path):
            continue
        for read in operation.of(Kind.READ):
            if read.store == StoreKind.WIDE_COLUMN and not read.chain and read.option("allow-filtering") is not None:
                dataset = system.dataset_of(read)
                if not in_one_partition(read, dataset):
                    yield filtered(operation.symbol, read, known=dataset is not None)
    for dataset in system.datasets:
        if dataset.technology == "cassandra":
            yield from (indexed(dataset, i) for i in dataset.schema.indexes if spread(i, dataset))


def in_one_partition(read: Effect, dataset: Dataset | None) -> bool:
    """Whether the whole partition key is given: what is filtered is one partition, on its own nodes."""
    partitioning = dataset.schema.partitioning if dataset is not None else None
    given = read.selection.equality_columns() if read.selection is not None else frozenset()
    given |= {p.column for p in read.predicates if p.operator == "in"}
    return partitioning is not None and set(partitioning.columns) <= given


def spread(index: Index, dataset: Dataset) -> bool:
    """Whether it is a secondary index of the old kind over a column of many values: each node has a part of it, and a
    lookup asks all of them for one row."""
    if index.primary or index.unique or index.method not in ("", "btree") or len(index.columns) != 1:
        return False
    column = dataset.schema.column(index.columns[0])
    if column is None:
        return False
    return column.type in MANY_TYPES or bool(MANY_NAMES.search(column.name))


def filtered(symbol: str, read: Effect, known: bool) -> Hit:
    table = read.dataset or "the table"
    return Hit(
        place=read.place,
        symbol=symbol,
        message=f"{table} is read with ALLOW FILTERING: every node goes through its rows for the few that are wanted",
        story=(
            Step(read.place, f"{table} is asked for rows by columns that are not its key"),
            Step(read.place, "no node knows where they are: all of them read all of their rows, and leave out most"),
            Step(
                read.place,
                "the query times out as soon as the table is no longer small, and slows down everything beside it",
            ),
        ),
        rests_on=(read,),
        doubts=0 if known else 1,
        datasets=(read.dataset,) if read.dataset else (),
        fix=Fix(
            title="keep a table whose partition key is what is asked for, and write both",
            text=f"CREATE TABLE {table}_by_… (…, PRIMARY KEY ((…), …));  -- and without ALLOW FILTERING",
        ),
    )


def indexed(dataset: Dataset, index: Index) -> Hit:
    column = index.columns[0]
    place = index.place or dataset.place or NOWHERE
    return Hit(
        place=place,
        message=f"a secondary index on {dataset.name}.{column}: a lookup of one row asks every node",
        story=(
            Step(place, f"each node indexes {column} of its own rows only"),
            Step(place, f"a lookup by {column} finds one row, and must ask all nodes for it"),
            Step(place, "more nodes make it slower, and one that is down makes it fail"),
        ),
        datasets=(dataset.name,),
        fix=Fix(
            title="keep a table by that column",
            text=f"CREATE TABLE {dataset.name}_by_{column} (…, PRIMARY KEY ({column}));",
        ),
    )
