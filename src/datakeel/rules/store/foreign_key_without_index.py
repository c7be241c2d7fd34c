"""`foreign-key-without-index`: each delete of a parent reads the whole of a growing child table."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect
from datakeel.model.operation import Role
from datakeel.model.place import NOWHERE
from datakeel.model.system import System
from datakeel.rules.facts.growth import appended
from datakeel.rules.facts.indexes import making, references_indexed, served
from datakeel.rules.facts.lookups import lookups
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR, sure=False)
def foreign_key_without_index(system: System) -> Iterator[Hit]:
    """Each delete of a parent reads the whole of a growing child table."""
    searched = lookups(system)  # of these, query-without-index speaks
    for dataset in system.datasets:
        if dataset.name not in searched:
            yield from referring(dataset, system)


def referring(dataset: Dataset, system: System) -> Iterator[Hit]:
    """The first column of a table that refers to one that is deleted from: who adds one index looks at the others."""
    if dataset.kind != "table" or not dataset.columns_complete:
        return
    bare = [c for c in dataset.schema.columns if c.references and not served(dataset, frozenset((c.name,)))]
    grown = appended(dataset.name, dataset, system) if bare else None
    if grown is None or references_indexed(dataset, system) != Answer.NO:
        return
    for column in bare:
        parent = system.dataset(column.references.rpartition(".")[0])
        removed = deleted(parent, system) if parent is not None else None
        if parent is not None and removed is not None:
            yield hit(dataset, column, parent, grown, removed, [c.name for c in bare if c is not column])
            return


def deleted(parent: Dataset, system: System) -> Effect | None:
    """Where the product deletes rows of a table."""
    return next((w for o, w in system.writers(parent.name) if w.verb == "delete" and o.role == Role.PRODUCT), None)


def hit(dataset: Dataset, column: Column, parent: Dataset, grown: Effect, removed: Effect, others: list[str]) -> Hit:
    more = f" (so is it with {', '.join(others[:3])})" if others else ""
    place = column.place or dataset.place or NOWHERE
    return Hit(
        place=place,
        message=f"{dataset.name}.{column.name} refers to {parent.name}, which is deleted from, and has no index: "
        f"each delete reads all of {dataset.name}{more}",
        story=(
            Step(grown.place, f"a row is added to {dataset.name} for each thing that happens"),
            Step(removed.place, f"a row of {parent.name} is deleted"),
            Step(
                place,
                f"the database looks for what refers to it by {column.name}: it reads all rows, under a lock",
            ),
        ),
        rests_on=(grown, removed),
        datasets=(dataset.name, parent.name),
        fix=Fix(
            title=f"create an index on {column.name}",
            text=making(dataset, column.name),
        ),
    )
