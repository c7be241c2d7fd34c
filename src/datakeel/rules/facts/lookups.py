"""Lookups in growing tables that no index of the known schema serves."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.model.certainty import Answer
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Cardinality, Effect, Kind, Predicate, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.growth import APPENDS, OUTSIDE, appended, started_by
from datakeel.rules.facts.indexes import asked, indexes, known_whole, references_indexed, served, telling

VERBS = ("select", "update", "delete")


class Lookup(Struct, frozen=True, gc=False):
    """A statement that looks for rows of a table by columns that no index begins with; `grown` adds rows to it."""

    operation: Operation
    found: Effect
    dataset: Dataset
    columns: tuple[str, ...]
    grown: Effect


def lookups(system: System) -> dict[str, list[Lookup]]:
    """The lookups that no index serves, by table, in the order of the code; each set of columns once."""
    known: dict[str, list[Lookup]] = {}
    for operation in system.operations:
        for one in of_operation(operation, system):
            others = known.setdefault(one.dataset.name, [])
            if all(o.columns != one.columns for o in others):
                others.append(one)
    return known


def of_operation(operation: Operation, system: System) -> Iterator[Lookup]:
    polled = polls(operation, system)
    if operation.role != Role.PRODUCT or not (polled or started_by(operation, OUTSIDE)):
        return
    for found in operation.of(Kind.READ, Kind.WRITE):
        dataset = known_whole(found, system) if looks(found) else None
        columns = unserved(found, dataset, polled or by_request(operation)) if dataset is not None else ()
        grown = appended(found.dataset, dataset, system) if columns else None
        if dataset is not None and not columns:
            columns = unserved_texts(found, dataset)
            grown = filled(found.dataset, system) if columns else None
        if dataset is not None and grown is not None and not indexed_unseen(dataset, columns, system):
            yield Lookup(operation, found, dataset, columns, grown)


def polls(operation: Operation, system: System) -> bool:
    """Whether a process of its own calls it again and again, as long as it lives: in a loop without an end, and in none
    that goes through something."""
    starts = {e.kind for e in operation.entries}
    if starts != {"main"} or operation.role != Role.PRODUCT or not any(c.loop for c in operation.contexts):
        return False
    reached = (e for own in operation.own() for e in system.effects_at(own.place) if e.chain)
    return any(s.kind == "loop" and s.unbounded for e in reached for s in e.round_call)


def looks(effect: Effect) -> bool:
    """Whether a statement of the function's own text looks for rows."""
    return not effect.chain and effect.store == StoreKind.RELATIONAL and effect.verb in VERBS


def indexed_unseen(dataset: Dataset, columns: tuple[str, ...], system: System) -> bool:
    """Whether a column is a foreign key, of which the engine may keep an index that no file speaks of."""
    references = any((found := dataset.column(c)) is not None and found.references for c in columns)
    return references and references_indexed(dataset, system) != Answer.NO


def refers(dataset: Dataset, name: str) -> bool:
    column = dataset.column(name)
    return column is not None and bool(column.references)


def unserved_texts(found: Effect, dataset: Dataset) -> tuple[str, ...]:
    """The columns of words that a statement searches, where no index of any kind speaks of one: whoever keeps words
    apart has too much text to go through."""
    searched = {dataset.own(p.column) for p in found.predicates if words_asked(p, dataset)}
    known = frozenset(c for i in indexes(dataset) for c in (*i.columns, *i.reads()))
    return () if searched & known else tuple(sorted(searched))


def words_asked(predicate: Predicate, dataset: Dataset) -> bool:
    column = dataset.column(predicate.column)
    return predicate.operator in ("search", "=") and column is not None and column.type == "tsvector"


def filled(name: str, system: System) -> Effect | None:
    """A write of the product by which a table gets its rows."""
    writes = (w for o, w in system.writers(name) if o.role == Role.PRODUCT and w.store == StoreKind.RELATIONAL)
    return next((w for w in writes if w.verb in (*APPENDS, "upsert", "get-or-create")), None)


def by_request(operation: Operation) -> bool:
    return any(e.kind == "request" for e in operation.entries)


def unserved(found: Effect, dataset: Dataset, ranges: bool) -> tuple[str, ...]:
    """The columns by which a statement looks, where no index begins with one of them, or with that of the order; a
    look for a range alone counts where somebody waits for it. An order finds the last row of an owner, and not many of
    one owner among those of all."""
    predicates = asked(found, dataset)
    columns = tuple(sorted({dataset.own(p.column) for p in predicates}))
    if not any(telling(dataset, p.column) and (ranges or p.operator in ("=", "in")) for p in predicates):
        return ()
    chosen = found.selection
    limited = chosen is not None and chosen.cardinality in (Cardinality.ONE, Cardinality.AT_MOST)
    owned = any(p.operator == "=" and refers(dataset, p.column) for p in predicates)
    several = chosen is not None and chosen.cardinality == Cardinality.AT_MOST and chosen.limit != 1
    order = chosen.order if chosen is not None and limited and not (owned and several) else ()
    values = {dataset.own(p.column): p.value for p in predicates if p.operator == "=" and p.value.startswith("const:")}
    compared = frozenset(dataset.own(p.column) for p in predicates if p.operator != "is-null")
    return () if served(dataset, frozenset(columns), order, values, compared) else columns
