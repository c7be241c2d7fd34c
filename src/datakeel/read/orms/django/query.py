"""Plans: querysets that are not evaluated yet, and conditions; the words that they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Answer
from datakeel.model.effect import Assignment, Predicate, Rows
from datakeel.read.values import (
    Arguments,
    Value,
    canonical,
    union,
)

if TYPE_CHECKING:
    pass

LOOKUPS = {
    "exact": "=",
    "iexact": "=",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "in",
    "isnull": "is-null",
    "contains": "like",
    "icontains": "like",
    "startswith": "like",
    "istartswith": "like",
    "endswith": "like",
    "iendswith": "like",
    "range": "between",
    "regex": "like",
    "iregex": "like",
    "date": "=",
    "overlap": "contains",
    "has_key": "contains",
    "search": "search",
}
CHAINS = frozenset(
    (
        "all",
        "filter",
        "exclude",
        "order_by",
        "select_related",
        "prefetch_related",
        "only",
        "defer",
        "distinct",
        "annotate",
        "values",
        "values_list",
        "using",
        "select_for_update",
        "reverse",
        "none",
        "union",
        "intersection",
        "difference",
        "alias",
        "iterator",
        "complex_filter",
        "extra",
        "get_queryset",
        "dates",
        "datetimes",
        "db_manager",
        "raw",
        "aiterator",
    )
)
READS = frozenset(
    ("get", "first", "last", "latest", "earliest", "count", "exists", "aggregate", "in_bulk", "explain", "contains")
)
WRITES = frozenset(
    (
        "create",
        "get_or_create",
        "update_or_create",
        "bulk_create",
        "bulk_update",
        "update",
        "delete",
        "add",
        "remove",
        "set",
        "clear",
    )
)
ASYNC = {f"a{name}": name for name in READS | WRITES}


class Query(Struct, frozen=True):
    """A queryset that is not evaluated yet, or a manager (`managed`). `model` is the class's dotted name, empty
    until bound."""

    model: str
    predicates: tuple[Predicate, ...] = ()
    complete: bool = True
    lock: str = ""
    skip_locked: bool = False
    nowait: bool = False
    order: tuple[str, ...] = ()
    limit: int | None = None
    offset: bool = False
    columns: tuple[str, ...] | None = None
    eager: tuple[str, ...] = ()
    using: str = ""
    shape: str = ""  # values, values_list, flat
    grouped: bool = False
    managed: bool = False
    relation: str = ""  # the many-to-many field that it goes through
    empty: bool = False
    parent: Rows | None = None  # the object whose related rows these are


class Condition(Struct, frozen=True):
    """A Q object."""

    predicates: tuple[Predicate, ...] = ()
    complete: bool = True


def loose(predicate: Predicate) -> Predicate:
    keep = predicate.value.startswith("const:")
    return replace(predicate, sources=(), value=predicate.value if keep else "")


def assignment(name: str, value: Value) -> Assignment:
    sources = tuple(sorted(union((value,))))
    if value.atomic:
        return Assignment(name, "atomic", sources)
    if value.known:
        return Assignment(name, "constant", (), text=canonical(value))
    return Assignment(name, "value", sources)


def connection_of(using: str) -> str:
    """The alias; a name that was not understood stands for itself."""
    if not using:
        return "default"
    return using.removeprefix("const:").strip("'") if using.startswith("const:") else using


def replica(using: str) -> Answer:
    if not using or "default" in using:
        return Answer.NO
    return (
        Answer.YES
        if any(w in using.lower() for w in ("replica", "read", "slave", "follower", "secondary"))
        else Answer.UNKNOWN
    )


def text_argument(arguments: Arguments, name: str) -> str:
    found = arguments.keywords.get(name)
    return (found.text or canonical(found)) if found is not None and not (found.known and found.const is None) else ""
