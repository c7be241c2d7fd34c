"""`query-without-index`: rows of a growing table are looked for by columns that no index serves."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.indexes import making
from datakeel.rules.facts.lookups import Lookup, lookups, polls
from datakeel.rules.facts.running import ONCE
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def query_without_index(system: System) -> Iterator[Hit]:
    """Rows of a growing table are looked for by columns that no index serves."""
    for first, *others in lookups(system).values():
        yield hit(first, others, system)


def seldom(operation: Operation, system: System) -> bool:
    """Whether only a plan or a person asks, now and then: a scan is not what they wait for."""
    kinds = {e.kind for e in operation.entries}
    return (
        bool(kinds)
        and not polls(operation, system)
        and (kinds <= {"schedule", *ONCE} or (kinds <= {"schedule", "task", *ONCE} and "schedule" in kinds))
    )


def hit(lookup: Lookup, others: list[Lookup], system: System) -> Hit:
    """One finding for each table: who adds one index looks at the other lookups."""
    operation, found, dataset, grown = lookup.operation, lookup.found, lookup.dataset, lookup.grown
    names = ", ".join(lookup.columns)
    more = f" (so is it by {'; by '.join(', '.join(o.columns) for o in others[:3])})" if others else ""
    return Hit(
        place=found.place,
        symbol=operation.symbol,
        message=f"{dataset.name} is searched by {names}, and no index begins so: each call reads all rows{more}",
        story=(
            Step(grown.place, f"a row is added to {dataset.name} for each thing that happens"),
            Step(found.place, f"rows are looked for by {names}: no index, unique key or primary key begins with it"),
            Step(
                found.place,
                "every call reads all rows there are by now; it takes longer every day, and fills the cache with them",
            ),
        ),
        rests_on=(found, grown),
        doubts=2 * int(all(seldom(o.operation, system) for o in (lookup, *others))),
        datasets=(dataset.name,),
        fix=Fix(
            title=f"create an index on {names}",
            text=making(dataset, names),
        ),
    )
