"""`graph-walk-in-application`: a function asks for one level of a hierarchy, and calls itself for the next."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import way

PARENT = re.compile(r"^(parent|ancestor|superior|manager|reports_to|replaces|reply_to)(_\w+)?$")
NEAR = 1  # calls between the function and its query


@rule(Severity.MAJOR, Record(8, 11))
def graph_walk_in_application(operation: Operation, system: System) -> Iterator[Hit]:
    """A function recurses over a hierarchy, and sends a query for each node or level."""
    if not operation.recursive or operation.role != Role.PRODUCT:
        return
    level = next((e for e in operation.of(Kind.READ) if of_level(e, system)), None)
    if level is not None:
        yield hit(operation, level)


def of_level(read: Effect, system: System) -> bool:
    """Whether a query gives what hangs directly on the node that the function was called for. The way up, from
    parent to parent, is as short as the tree is deep."""
    selection = read.selection
    if read.store != StoreKind.RELATIONAL or selection is None or len(read.chain) > NEAR:
        return False
    if any(s.kind == "memo" for s in read.scopes) or not read.dataset:
        return False
    return any(
        p.operator in ("=", "in") and any(s.kind == "parameter" for s in p.sources) and leads(read, p.column, system)
        for p in selection.predicates
    )


def leads(read: Effect, column: str, system: System) -> bool:
    """Whether a column of the table refers to another row of the same table."""
    dataset = system.dataset_of(read)
    found = dataset.column(column) if dataset is not None else None
    if dataset is None or found is None or not found.references:
        return PARENT.match(column) is not None and (dataset is None or found is not None)
    return system.dataset(found.references.rpartition(".")[0], read.place.path) is dataset


def hit(operation: Operation, level: Effect) -> Hit:
    return Hit(
        place=operation.place,
        message=f"{operation.symbol} sends a query to {level.dataset} for each node that it comes to: a tree of "
        "a thousand nodes is a thousand round trips",
        story=(
            Step(operation.place, f"{operation.symbol} is called for a node"),
            *way(level),
            Step(level.place, f"{level.dataset} is asked for what hangs directly on it"),
            Step(operation.place, f"{operation.symbol} calls itself for what it found: the next query, and the next"),
            Step(
                level.place, "between two of them somebody moves a node: it is met twice, or not at all, or without end"
            ),
        ),
        rests_on=(level,),
        doubts=2 if any(w.dataset == level.dataset for w in operation.of(Kind.WRITE)) else 1,
        datasets=(level.dataset,),
        fix=Fix(
            title="ask for the whole tree in one recursive query",
            text=f"WITH RECURSIVE tree AS (SELECT * FROM {level.dataset} WHERE id = :id UNION ALL\n"
            f"  SELECT c.* FROM {level.dataset} c JOIN tree ON c.parent_id = tree.id) SELECT * FROM tree;",
        ),
    )
