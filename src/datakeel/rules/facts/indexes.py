"""Whether an index of the known schema helps to find the rows that a statement asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from datakeel.model.certainty import Answer, Origin
from datakeel.model.dataset import Dataset, Index
from datakeel.model.effect import Effect, Option, Predicate
from datakeel.model.system import System

FOUND_BY = frozenset(("=", "in", "<", "<=", ">", ">=", "between", "is-null"))
FEW_VALUES = re.compile(r"^bool|^tinyint\(1\)|^enum")
FEW_NAMES = re.compile(r"(^|_)(type|kind|status|state|level|category|language|locale|currency|country)$|^is_|^has_")
BY_THEMSELVES = ("mysql", "mariadb")
OWN_TYPES = re.compile(r"jsonb|tsvector|citext|inet|cidr|hstore|\w+range$")  # PostgreSQL's
URL = re.compile(r"^'(mysql|mariadb|postgres|postgresql|sqlite|cockroachdb)[+:]")
LARGE = re.compile(r"json|text\[\]|array|vector|geo|tsvector", re.I)


def making(dataset: Dataset, columns: str) -> str:
    """The statement that makes an index, in the words of the table's engine.

    >>> making(Dataset(name="orders", technology="mysql"), "shop, placed")
    'CREATE INDEX orders_shop_placed ON orders (shop, placed);'
    """
    name = "_".join((dataset.name, *columns.split(", ")))
    if dataset.technology in BY_THEMSELVES:
        return f"CREATE INDEX {name} ON {dataset.name} ({columns});"
    if dataset.technology == "postgresql":
        return f"CREATE INDEX CONCURRENTLY ON {dataset.name} ({columns});"
    return f"CREATE INDEX {name} ON {dataset.name} ({columns});  -- PostgreSQL: CONCURRENTLY, so that nobody waits"


def asked(read: Effect, dataset: Dataset) -> tuple[Predicate, ...]:
    """The conditions on the table's own columns that an index could serve; none where other tables take part, or not
    all conditions are known."""
    chosen = read.selection
    if chosen is None or not chosen.complete or chosen.joins or not chosen.predicates:
        return ()
    found = tuple(p for p in chosen.predicates if p.operator in FOUND_BY and plain(p, dataset))
    whole = all(dataset.column(p.column) is not None for p in chosen.predicates)
    return found if whole else ()


def plain(predicate: Predicate, dataset: Dataset) -> bool:
    """Whether it asks a column by a value, in which a B-tree can look."""
    column = dataset.column(predicate.column)
    return column is not None and not LARGE.search(column.type) and not predicate.value.startswith("column:")


def served(
    dataset: Dataset, columns: frozenset[str], order: tuple[str, ...] = (), values: Mapping[str, str] | None = None,
    compared: frozenset[str] = frozenset(),
) -> bool:  # fmt: skip
    """Whether an index begins with one of the columns, or speaks of one where only an expression or a part of the rows
    is indexed; or gives the rows in the order that is asked for. An index of other rows than those with `values`
    (column → canonical value) is of no use, nor is one of rows that have no value in a column that is compared."""
    spoken = (i for i in indexes(dataset) if i.holds(values or {}) != Answer.NO and not without(i, compared))
    return any(helps(i, columns) or (order and in_order(i, order)) for i in spoken)


def without(index: Index, columns: frozenset[str]) -> bool:
    return any(c.operator == "is-null" and c.column in columns for c in index.conditions() or ())


def helps(index: Index, columns: frozenset[str]) -> bool:
    if index.total:
        return index.columns[0] in columns or index.method in ("brin", "bloom", "gin", "gist")
    spoken = index.reads() | frozenset(c.column for c in index.conditions() or ())
    return bool(spoken & columns)


def in_order(index: Index, order: tuple[str, ...]) -> bool:
    first = order[0].lstrip("-").rpartition(".")[2].partition(" ")[0]
    return bool(index.columns) and index.columns[0] in (first, {"pk": "id"}.get(first, first))


def indexes(dataset: Dataset) -> tuple[Index, ...]:
    inherited = dataset.inherited.indexes if dataset.inherited is not None else ()
    return (*dataset.schema.indexes, *inherited)


def references_indexed(dataset: Dataset, system: System) -> Answer:
    """Whether the engine indexes foreign keys by itself; where nothing names it, what only one engine has tells."""
    engine = dataset.technology or next((e for r in system.resources for o in r.options if (e := addressed(o))), "")
    if engine in BY_THEMSELVES:
        return Answer.YES
    told = engine or any(OWN_TYPES.match(c.type) for d in system.datasets for c in d.schema.columns)
    return Answer.NO if told else Answer.UNKNOWN


def addressed(option: Option) -> str:
    """The engine that a URL names (``mysql+pymysql://…``)."""
    found = URL.match(option.value) if option.name in ("url", "dsn", "conninfo") else None
    return found[1] if found is not None else ""


def telling(dataset: Dataset, column: str) -> bool:
    """Whether a column has so many values that one of them names few rows."""
    found = dataset.column(column)
    return found is not None and not FEW_VALUES.search(found.type) and not FEW_NAMES.search(found.name)


def known_whole(read: Effect, system: System) -> Dataset | None:
    """The table that a statement reads, where all its columns and indexes are known: a class over a table that
    something else keeps (Django's ``managed = False``) tells of no index."""
    dataset = system.dataset_of(read)
    if dataset is None or dataset.origin is not Origin.RESOLVED:
        return None
    return dataset if dataset.columns_complete and dataset.schema.indexes else None
