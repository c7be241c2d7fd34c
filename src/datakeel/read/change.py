"""One change of one table, and its constructors: what SQL, Django and Alembic alike say that they do to a schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.dataset import Column, Constraint, Index, Partitioning, Schema
from datakeel.model.place import Place


class Copied(Struct, frozen=True, gc=False):
    """A table whose columns another takes over (LIKE, INHERITS, an abstract class), and what comes along; `at` is how
    many of the other's own columns stand before them."""

    table: str
    indexes: bool = False
    constraints: bool = False
    defaults: bool = False
    at: int = 0


class Home(Struct, frozen=True, gc=False):
    """The migration that a change stands in: its tool (django, alembic, sql), and where it begins."""

    tool: str
    place: Place


class Change(Struct, frozen=True, gc=False, kw_only=True):
    """One change of one table; the constructors below say which fields a `kind` fills.

    `kind`: create-table, drop-table, rename-table, create-view, drop-view, add-column, drop-column, alter-column,
    rename-column, add-index, drop-index, rename-index, add-constraint, drop-constraint, rename-constraint,
    validate-constraint, partition, attach, detach, options, comment, rows (rows that stand are changed or deleted),
    unseen-keys (to tables that are not known), unseen-names (tables that are not known are renamed or dropped).
    A view's `copied` are the tables and views that it reads; `to` is ``replace`` where it may stand already.
    Keys and unique constraints are Indexes; checks, exclusions and foreign keys are Constraints. `table` may be empty
    where only an index is named. `name` is the column, index or constraint; `to` a new name, or the parent of a
    partition. `step` names the migration; `home` says where it stands, where it is one of the project's own that may
    be judged; `transactional`: its runner holds a transaction round it. `complete` False: part of it was not
    understood.
    """

    kind: str
    table: str = ""
    name: str = ""
    to: str = ""
    column: Column | None = None
    index: Index | None = None
    constraint: Constraint | None = None
    schema: Schema | None = None
    copied: tuple[Copied, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    type: str | None = None
    nullable: bool | None = None
    default: str | None = None  # empty: dropped
    if_exists: bool = False
    if_absent: bool = False  # CREATE or ADD … IF NOT EXISTS
    technology: str = ""
    concurrently: bool = False
    cascade: bool = False  # a DROP takes the views that read it along
    complete: bool = True
    place: Place | None = None
    step: str = ""
    home: Home | None = None
    transactional: bool = True


# Constructors --------------------------------------------------------------------------------------------------------


def primary_key(*columns: str, name: str = "") -> Index:
    return Index(columns, name=name, unique=True, primary=True)


def unique(*columns: str, name: str = "", predicate: str = "", nulls_distinct: bool = True) -> Index:
    return Index(columns, name=name, unique=True, predicate=predicate, nulls_distinct=nulls_distinct)


def foreign_key(
    columns: Sequence[str], table: str, targets: Sequence[str] = (), name: str = "", rest: str = ""
) -> Constraint:
    """
    >>> foreign_key(["user_id"], "users", ["id"]).text
    '(user_id) references users (id)'
    """
    target = f" ({', '.join(targets)})" if targets else ""
    return Constraint("foreign", f"({', '.join(columns)}) references {table}{target} {rest}".rstrip(), name)


def create_table(
    table: str,
    columns: Iterable[Column] = (),
    indexes: Iterable[Index] = (),
    constraints: Iterable[Constraint] = (),
    partitioning: Partitioning | None = None,
    *,
    place: Place | None = None,
) -> Change:
    schema = Schema(tuple(columns), tuple(indexes), tuple(constraints), partitioning)
    return Change(kind="create-table", table=table, schema=schema, place=place)


def drop_table(table: str, place: Place | None = None) -> Change:
    return Change(kind="drop-table", table=table, place=place)


def rename_table(table: str, to: str, place: Place | None = None) -> Change:
    return Change(kind="rename-table", table=table, to=to, place=place)


def add_column(table: str, column: Column, place: Place | None = None) -> Change:
    return Change(kind="add-column", table=table, name=column.name, column=column, place=place)


def drop_column(table: str, name: str, place: Place | None = None) -> Change:
    return Change(kind="drop-column", table=table, name=name, place=place)


def rename_column(table: str, name: str, to: str, place: Place | None = None) -> Change:
    return Change(kind="rename-column", table=table, name=name, to=to, place=place)


def alter_column(
    table: str,
    name: str,
    *,
    type: str | None = None,
    nullable: bool | None = None,
    default: str | None = None,
    place: Place | None = None,
) -> Change:
    """Change what is given and leave the rest; an empty default drops it."""
    return Change(
        kind="alter-column", table=table, name=name, type=type, nullable=nullable, default=default, place=place
    )


def replace_column(table: str, name: str, column: Column, place: Place | None = None) -> Change:
    """The column as it is from now on (Django's AlterField, MySQL's CHANGE)."""
    return Change(kind="alter-column", table=table, name=name, column=column, place=place)


def add_index(table: str, index: Index, place: Place | None = None) -> Change:
    """An index, a unique constraint, or a primary key."""
    return Change(kind="add-index", table=table, name=index.name, index=index, place=place)


def drop_index(
    table: str, name: str = "", columns: Sequence[str] = (), place: Place | None = None, *, unique: bool = True
) -> Change:
    """By name (then `table` may be empty), or the unique key (or plain index) over just these columns."""
    index = Index(tuple(columns), unique=unique) if columns else None
    return Change(kind="drop-index", table=table, name=name, index=index, place=place)


def rename_index(table: str, name: str, to: str, place: Place | None = None) -> Change:
    return Change(kind="rename-index", table=table, name=name, to=to, place=place)


def add_constraint(table: str, constraint: Constraint, place: Place | None = None) -> Change:
    """A check, exclusion or foreign key; keys go by `add_index`."""
    return Change(kind="add-constraint", table=table, name=constraint.name, constraint=constraint, place=place)


def drop_constraint(
    table: str, name: str = "", constraint: Constraint | None = None, place: Place | None = None
) -> Change:
    """Whatever bears that name: key, unique, check, exclusion, foreign key; or the check or foreign key that says just
    this."""
    return Change(kind="drop-constraint", table=table, name=name, constraint=constraint, place=place)


def validate_constraint(table: str, name: str, place: Place | None = None) -> Change:
    """Rows that stood before a constraint are checked now."""
    return Change(kind="validate-constraint", table=table, name=name, place=place)


def change_rows(table: str, place: Place | None = None) -> Change:
    """Rows that stand are changed or deleted; the table stays as it is."""
    return Change(kind="rows", table=table, place=place)


def attach(partition: str, parent: str, place: Place | None = None) -> Change:
    """A partition of a table: from now on its name means its parent."""
    return Change(kind="attach", table=partition, to=parent, place=place)


def in_step(changes: Iterable[Change], step: str, transactional: bool = True) -> list[Change]:
    """The changes of one migration."""
    return [replace(c, step=step, transactional=transactional) for c in changes]
