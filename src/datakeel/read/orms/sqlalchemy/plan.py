"""What SQLAlchemy code builds before anything runs: columns, conditions, statements and queries."""

from __future__ import annotations

from msgspec import Struct

from datakeel.model.effect import Assignment, Predicate
from datakeel.read.values import Value, canonical, union

SESSION = "sqlalchemy.orm.Session"
CONNECTION = "sqlalchemy.engine.Connection"
FACTORY = "sqlalchemy.orm.sessionmaker"
ENGINE = "sqlalchemy.engine.Engine"
RESULT = "sqlalchemy.engine.Result"
STATEMENTS = {"select": "select", "insert": "insert", "update": "update", "delete": "delete", "exists": "select"}
CHAINS = frozenset(
    ("where", "filter", "filter_by", "order_by", "limit", "offset", "join", "outerjoin", "options", "with_for_update", "group_by", "having",
     "distinct", "values", "returning", "on_conflict_do_nothing", "on_conflict_do_update", "on_duplicate_key_update", "execution_options",
     "with_only_columns", "select_from", "yield_per", "prefix_with", "subquery", "cte", "scalar_subquery", "params", "with_entities",
     "enable_eagerloads", "populate_existing", "correlate", "add_columns", "union", "union_all", "slice", "unique", "alias")
)  # fmt: skip
ENDINGS = {
    "all": "many", "first": "first", "one": "get", "one_or_none": "get", "scalar": "scalar", "scalar_one": "scalar", "scalar_one_or_none": "scalar",
    "get": "get", "get_or_404": "get", "first_or_404": "first", "one_or_404": "get", "count": "count", "paginate": "page",
}  # fmt: skip
RESULT_ONE = frozenset(
    ("one", "one_or_none", "first", "scalar_one", "scalar_one_or_none", "scalar", "fetchone", "mappings_one")
)
RESULT_MANY = frozenset(
    ("all", "scalars", "mappings", "fetchall", "unique", "fetchmany", "partitions", "columns", "tuples", "yield_per")
)
COLUMN_OPERATORS = {
    "in_": "in", "is_": "=", "is_not": "!=", "isnot": "!=", "like": "like", "ilike": "like", "contains": "like", "startswith": "like", "between": "between",
    "notin_": "!=", "not_in": "!=", "any_": "contains", "op": "contains", "has": "contains", "any": "contains", "endswith": "like", "match": "search",
}  # fmt: skip
SESSION_CALLS = frozenset(
    ("add", "add_all", "delete", "merge", "execute", "scalars", "scalar", "get", "get_one", "query", "commit", "rollback", "flush", "refresh",
     "begin_nested", "begin", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings", "exec", "stream", "stream_scalars", "connection",
     "expunge", "expire", "close", "run_sync", "in_transaction")
)  # fmt: skip


class ColumnOf(Struct, frozen=True):
    """A column of a mapped class or table, in an expression."""

    model: str
    table: str
    column: str


class Clause(Struct, frozen=True):
    """A condition: predicates that all hold; not `complete` where part of it was not understood."""

    predicates: tuple[Predicate, ...] = ()
    complete: bool = True


class Plan(Struct, frozen=True):
    """A statement or query that is not executed yet. `connection` is set where a session made it (``session.query``)."""

    verb: str = "select"
    model: str = ""
    table: str = ""
    predicates: tuple[Predicate, ...] = ()
    complete: bool = True
    lock: str = ""
    skip_locked: bool = False
    nowait: bool = False
    order: tuple[str, ...] = ()
    limit: int | None = None
    offset: bool = False
    columns: tuple[str, ...] | None = None
    aggregate: str = ""
    assigned: tuple[Assignment, ...] = ()
    conflict: str = ""
    joins: tuple[str, ...] = ()
    eager: tuple[str, ...] = ()
    connection: str | None = None
    returning: bool = False
    streamed: bool = False
    many: bool = False


def assignment(name: str, value: Value) -> Assignment:
    sources = tuple(sorted(union((value,))))
    if value.atomic:
        return Assignment(name, "atomic", sources)
    if value.known:
        return Assignment(name, "constant", (), text=canonical(value))
    return Assignment(name, "value", sources)
