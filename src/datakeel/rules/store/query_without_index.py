"""`query-without-index`: rows of a growing table are looked for by columns that no index serves."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.growth import OUTSIDE, appended, started_by
from datakeel.rules.facts.indexes import asked, known_whole, references_indexed, served, telling
from datakeel.rules.rule import Hit, rule

VERBS = ("select", "update", "delete")


@rule(Severity.MINOR)
def query_without_index(system: System) -> Iterator[Hit]:
    """Rows of a growing table are looked for by columns that no index serves."""
    told: set[tuple[str, tuple[str, ...]]] = set()
    for operation in system.operations:
        if operation.role != Role.PRODUCT or not started_by(operation, OUTSIDE):
            continue
        for found in operation.of(Kind.READ, Kind.WRITE):
            dataset = known_whole(found, system) if looks(found) else None
            columns = unserved(found, dataset, by_request(operation)) if dataset is not None else ()
            if dataset is None or not columns or (dataset.name, columns) in told:
                continue
            grown = appended(found.dataset, dataset, system)
            if grown is not None and not indexed_unseen(dataset, columns, system):
                told.add((dataset.name, columns))
                yield hit(operation, found, dataset, columns, grown)


def looks(effect: Effect) -> bool:
    """Whether a statement of the function's own text looks for rows."""
    return not effect.chain and effect.store == StoreKind.RELATIONAL and effect.verb in VERBS


def indexed_unseen(dataset: Dataset, columns: tuple[str, ...], system: System) -> bool:
    """Whether a column is a foreign key, of which the engine may keep an index that no file speaks of."""
    references = any((found := dataset.column(c)) is not None and found.references for c in columns)
    return references and references_indexed(dataset, system) != Answer.NO


def by_request(operation: Operation) -> bool:
    return any(e.kind == "request" for e in operation.entries)


def unserved(found: Effect, dataset: Dataset, ranges: bool) -> tuple[str, ...]:
    """The columns by which a statement looks, where no index begins with one of them, or with that of the order; a
    look for a range alone counts where somebody waits for it."""
    predicates = asked(found, dataset)
    columns = tuple(sorted({dataset.own(p.column) for p in predicates}))
    if not any(telling(dataset, p.column) and (ranges or p.operator in ("=", "in")) for p in predicates):
        return ()
    chosen = found.selection
    limited = chosen is not None and chosen.cardinality in (Cardinality.ONE, Cardinality.AT_MOST)
    order = chosen.order if chosen is not None and limited else ()
    return () if served(dataset, frozenset(columns), order) else columns


def hit(operation: Operation, found: Effect, dataset: Dataset, columns: tuple[str, ...], grown: Effect) -> Hit:
    names = ", ".join(columns)
    return Hit(
        place=found.place,
        symbol=operation.symbol,
        message=f"{dataset.name} is searched by {names}, and no index begins with that: each call reads all of it",
        story=(
            Step(grown.place, f"a row is added to {dataset.name} for each thing that happens"),
            Step(found.place, f"rows are looked for by {names}: no index, unique key or primary key begins with it"),
            Step(
                found.place,
                "every call reads all rows there are by now; it takes longer every day, and fills the cache with them",
            ),
        ),
        rests_on=(found, grown),
        datasets=(dataset.name,),
        fix=Fix(
            title=f"create an index on {names}, without locking the table",
            text=f"CREATE INDEX CONCURRENTLY ON {dataset.name} ({names});",
        ),
    )
