"""`table-without-primary-key`: nothing names a single row of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset, Index
from datakeel.model.effect import Kind
from datakeel.model.system import System
from datakeel.rules.facts.tables import answered_for, own_name, stands
from datakeel.rules.rule import Hit, rule

PASSING = re.compile(r"(^|_)(tmp|temp|staging|stage|import|backup|bak|old|archive|raw|load)(_|$|\d)", re.I)


@rule(Severity.MAJOR)
def table_without_primary_key(dataset: Dataset, system: System) -> Iterator[Hit]:
    """A table has no primary key: no row of it can be named, replicated or deduplicated."""
    if not unnamed(dataset) or not used(dataset, system):
        return
    alike = [d for d in system.datasets if pairs(d) and unnamed(d) and d.service == dataset.service]
    if not pairs(dataset):
        yield hit(dataset, [dataset])
    elif dataset is min(alike, key=lambda d: (stands(d), d.name)):
        yield hit(dataset, alike)


def unnamed(dataset: Dataset) -> bool:
    """Whether it is a whole table that lives on, and nothing in its schema names a row."""
    schema = dataset.schema
    if not answered_for(dataset) or not schema.columns or not dataset.columns_complete or schema.primary_key():
        return False
    if schema.partitioning is not None or dataset.parent or PASSING.search(own_name(dataset)):
        return False
    return not any(k.total and (pairs(dataset) or never_null(dataset, k)) for k in schema.unique_keys())


def never_null(dataset: Dataset, key: Index) -> bool:
    return all((c := dataset.schema.column(name)) is not None and not c.nullable for name in key.columns)


def pairs(dataset: Dataset) -> bool:
    """Whether it only says what belongs to what: the pair is the key, and a pair that stands twice does little harm."""
    references = [c for c in dataset.schema.columns if c.references]
    return len(references) > 1 and len(dataset.schema.columns) <= len(references) + 1


def used(dataset: Dataset, system: System) -> bool:
    """Whether it is a table of this program: a class maps it, a migration made it, or it is read or written here."""
    if dataset.model or dataset.steps or pairs(dataset):
        return True
    return any(system.dataset_of(e) is dataset for o in system.operations for e in o.of(Kind.READ, Kind.WRITE))


def hit(dataset: Dataset, alike: list[Dataset]) -> Hit:
    place = stands(dataset)
    key = ", ".join(c.name for c in dataset.schema.columns if c.references) if pairs(dataset) else ""
    cure = f"ADD PRIMARY KEY ({key});" if key else "ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;"
    more = f", nor have {len(alike) - 1} more tables of pairs" if len(alike) > 1 else ""
    return Hit(
        place=place,
        message=f"{dataset.name} has no primary key{more}: a row can stand in it twice, and nothing tells the two "
        "apart",
        story=(
            Step(place, f"{dataset.name} is made without a primary key, or any unique key that is never NULL"),
            *(Step(stands(d), f"{d.name} too") for d in alike[:6] if d is not dataset),
            Step(place, "a retry inserts a row again: nothing refuses it, and nothing can delete just one of the two"),
            Step(place, "logical replication and change capture refuse its updates and deletes, or scan it for each"),
        ),
        doubts=max(int(dataset.origin), int(bool(key))),
        severity=Severity.MINOR if key else None,
        datasets=tuple(d.name for d in alike),
        fix=Fix(title="name its rows", text=f"ALTER TABLE {dataset.name} {cure}"),
    )
