"""`missing-reference-integrity`: two tables are joined by a column that no foreign key holds."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Role
from datakeel.model.system import System
from datakeel.rules.facts.tables import answered_for, named, stands
from datakeel.rules.facts.trails import is_trail
from datakeel.rules.rule import Hit, rule

CHANGES = ("update", "delete", "truncate")  # they make no row
Joined = tuple[Dataset, Column, Dataset, Effect]


@rule(Severity.MINOR)
def missing_reference_integrity(system: System) -> Iterator[Hit]:
    """A column joins another table of the same database, and no foreign key holds it. Speaks once for each table."""
    keyed = {d.service for d in system.datasets if any(c.references for c in d.schema.columns)}
    found: dict[tuple[str, str], list[Joined]] = {}
    for joined in joins(system):
        child = joined[0]
        if child.service in keyed:
            found.setdefault((child.name, child.service), []).append(joined)
    for _, uses in sorted(found.items()):
        yield hit(sorted(uses, key=lambda j: j[3].place), system)


def joins(system: System) -> Iterator[Joined]:
    """The columns by which statements join two tables where no foreign key says so."""
    for operation in system.operations:
        if operation.role != Role.PRODUCT:
            continue
        for read in operation.of(Kind.READ):
            if read.chain or read.selection is None or not read.selection.joins or read.store != StoreKind.RELATIONAL:
                continue
            for predicate in read.selection.predicates:
                if predicate.operator == "=" and predicate.value.startswith("column:"):
                    yield from unheld(read, predicate.column, predicate.value.removeprefix("column:"), system)


def unheld(read: Effect, first: str, second: str, system: System) -> Iterator[Joined]:
    """Of a comparison of two columns the one that refers to the other's key, where nothing holds it."""
    for here, there in ((first, second), (second, first)):
        child, column = resolved(read, here, system)
        parent, key = resolved(read, there, system)
        if child is None or parent is None or column is None or key is None or child is parent:
            continue
        if not named_for(column, parent) or parent.schema.primary_key() != (key.name,) or column.references:
            continue
        same = child.service == parent.service and child.technology == parent.technology
        held = any(k.primary and k.columns == (column.name,) for k in child.schema.indexes)
        if same and not held and lasting(child) and answered_for(parent) and child.columns_complete:
            yield child, column, parent, read


def named_for(column: Column, parent: Dataset) -> bool:
    """Whether a column is named for the table that it leads to: ``customer_id`` for customers."""
    stem = column.name.lower().removesuffix("_id")
    return stem != column.name.lower() and named(parent)[-1].startswith(stem.rpartition("_")[2][:-1] or stem)


def resolved(read: Effect, name: str, system: System) -> tuple[Dataset | None, Column | None]:
    """The table and column that a name in a statement means; without a table's name it is the statement's own."""
    table, _, column = name.rpartition(".")
    dataset = system.dataset(table or read.dataset, read.place.path)
    return dataset, dataset.column(column) if dataset is not None else None


def lasting(dataset: Dataset) -> bool:
    """Whether its rows are facts that must hold: no trail that may outlive what it tells of, no partitioned table."""
    return answered_for(dataset) and dataset.schema.partitioning is None and not is_trail(dataset.name)


def hit(uses: list[Joined], system: System) -> Hit:
    child, column, parent, read = uses[0]
    place = stands(child, column)
    return Hit(
        place=place,
        message=f"{child.name}.{column.name} joins {parent.name}, and no foreign key holds it: a deleted row leaves "
        "others behind that lead nowhere",
        story=(
            Step(place, f"{column.name} holds a key of {parent.name}; nothing in the database says so"),
            Step(read.place, "the two are joined by it here"),
            Step(place, f"a row of {parent.name} is deleted, or a wrong key is written: nothing refuses it"),
            Step(read.place, "the join leaves those rows out, silently, and totals no longer agree"),
        ),
        rests_on=(read,),
        doubts=1
        if any(w.verb not in CHANGES for _, w in system.writers(child.name))
        else 2,  # who fills it may see to it
        datasets=(child.name, parent.name),
        fix=Fix(
            title="let the database hold the reference",
            text=f"ALTER TABLE {child.name} ADD FOREIGN KEY ({column.name}) REFERENCES {parent.name} NOT VALID;\n"
            "-- then VALIDATE CONSTRAINT, when what leads nowhere is mended",
        ),
    )
