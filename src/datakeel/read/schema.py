"""Changes of tables, in order → one schema per table. SQL, Django and Alembic all speak in these changes.

A reader of models or migrations makes Changes with the constructors below and gives all of them, in the order in which
they run, to `apply`:

>>> from datakeel.model.dataset import Column, Index
>>> made = apply([
...     create_table("users", [Column("id", "bigint", nullable=False), Column("email", "text")], [primary_key("id")]),
...     add_index("users", unique("email")),
...     alter_column("users", "email", nullable=False),
... ])
>>> made["users"].schema.unique_within(frozenset({"email"})).name
'users_email_key'

A column's `default` is SQL text; ``identity``, ``auto_increment`` and ``nextval`` say that the store numbers the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.dataset import Column, Constraint, Dataset, Index, Partitioning, Schema, Step
from datakeel.model.place import NOWHERE, Place


class Copied(Struct, frozen=True, gc=False):
    """A table whose columns another takes over (LIKE, INHERITS, an abstract class), and what comes along."""

    table: str
    indexes: bool = False
    constraints: bool = False
    defaults: bool = False


class Change(Struct, frozen=True, gc=False, kw_only=True):
    """One change of one table; the constructors below say which fields a `kind` fills.

    `kind`: create-table, drop-table, rename-table, add-column, drop-column, alter-column, rename-column, add-index,
    drop-index, rename-index, add-constraint, drop-constraint, rename-constraint, partition, attach, detach, comment.
    Keys and unique constraints are Indexes; checks, exclusions and foreign keys are Constraints. `table` may be empty
    where only an index is named. `name` is the column, index or constraint; `to` a new name, or the parent of a
    partition. `step` names the migration; `transactional`: its runner holds a transaction round it. `complete` False:
    part of it was not understood.
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
    type: str | None = None
    nullable: bool | None = None
    default: str | None = None  # empty: dropped
    if_exists: bool = False
    technology: str = ""
    concurrently: bool = False
    complete: bool = True
    place: Place | None = None
    step: str = ""
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
    type: str | None = None,  # noqa: A002
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


def drop_index(table: str, name: str = "", columns: Sequence[str] = (), place: Place | None = None) -> Change:
    """By name (then `table` may be empty), or the unique key over just these columns (Django's unique_together)."""
    index = Index(tuple(columns), unique=True) if columns else None
    return Change(kind="drop-index", table=table, name=name, index=index, place=place)


def rename_index(table: str, name: str, to: str, place: Place | None = None) -> Change:
    return Change(kind="rename-index", table=table, name=name, to=to, place=place)


def add_constraint(table: str, constraint: Constraint, place: Place | None = None) -> Change:
    """A check, exclusion or foreign key; keys go by `add_index`."""
    return Change(kind="add-constraint", table=table, name=constraint.name, constraint=constraint, place=place)


def drop_constraint(table: str, name: str, place: Place | None = None) -> Change:
    """Whatever bears that name: key, unique, check, exclusion, foreign key."""
    return Change(kind="drop-constraint", table=table, name=name, place=place)


def attach(partition: str, parent: str, place: Place | None = None) -> Change:
    """A partition of a table: from now on its name means its parent."""
    return Change(kind="attach", table=partition, to=parent, place=place)


def in_step(changes: Iterable[Change], step: str, transactional: bool = True) -> list[Change]:
    """The changes of one migration."""
    return [replace(c, step=step, transactional=transactional) for c in changes]


# Applying ------------------------------------------------------------------------------------------------------------


def apply(changes: Iterable[Change]) -> dict[str, Dataset]:
    """The tables that stand at the end. A partition's name gives its parent's Dataset.

    What was not seen is not invented: a change of an unknown table makes one whose columns are not complete.
    """
    tables = _Tables()
    for change in changes:
        tables.change(change)
    return tables.datasets()


class _Table:
    """One table while changes run over it."""

    def __init__(self, name: str, complete: bool = True) -> None:
        self.name = name
        self.schema = Schema()
        self.complete = complete
        self.technology = ""
        self.place: Place | None = None
        self.steps: list[Step] = []
        self.step: tuple[str, Schema | None, bool, Place] | None = None

    def enter(self, change: Change, before: Schema | None) -> None:
        """Open the change's step, where it is another than the open one."""
        if self.step is not None and self.step[0] == change.step:
            return
        self.leave()
        if change.step:
            self.step = (change.step, before, change.transactional, change.place or NOWHERE)

    def leave(self, gone: bool = False) -> None:
        if self.step is not None:
            name, before, transactional, place = self.step
            self.steps.append(Step(name, before, None if gone else self.schema, transactional, place))
        self.step = None

    def dataset(self) -> Dataset:
        self.leave()
        return Dataset(
            name=self.name,
            technology=self.technology,
            schema=self.schema,
            steps=tuple(self.steps),
            place=self.place,
            columns_complete=self.complete,
        )


class _Tables:
    def __init__(self) -> None:
        self.known: dict[str, _Table] = {}
        self.parents: dict[str, str] = {}  # partition → parent

    def datasets(self) -> dict[str, Dataset]:
        made = {name: table.dataset() for name, table in self.known.items()}
        for partition in self.parents:
            parent = self.resolved(partition)
            if parent in made and partition not in made:
                made[partition] = made[parent]
        return made

    def resolved(self, name: str) -> str:
        """The table that a name means: its partitions' parent, and whatever the letters' case."""
        for _ in range(8):
            if name not in self.parents:
                break
            name = self.parents[name]
        if name in self.known:
            return name
        folded = name.casefold()
        return next((n for n in self.known if n.casefold() == folded), name)

    def table(self, change: Change) -> _Table | None:
        name = self.resolved(change.table)
        found = self.known.get(name)
        if found is not None or not name:
            return found
        if change.if_exists or change.kind.startswith("drop-table"):
            return None
        found = self.known[name] = _Table(name, complete=False)
        found.place = change.place
        found.technology = change.technology
        return found

    def change(self, change: Change) -> None:
        if change.kind == "create-table":
            self.create(change)
        elif change.kind in ("attach", "detach"):
            self.attach(change)
        elif change.kind in ("drop-index", "rename-index") and not change.table:
            self.index_by_name(change)
        elif change.kind != "comment":
            self.alter(change)

    def create(self, change: Change) -> None:
        name = self.resolved(change.table)
        old = self.known.get(name)
        if not change.table or (old is not None and change.if_exists):
            return
        table = _Table(change.table if old is None else name, change.complete)
        table.technology = change.technology
        table.place = change.place
        if old is not None:
            old.leave()
            table.steps = old.steps
        table.enter(change, old.schema if old is not None else None)
        schema = self.copied(change)
        given = change.schema or Schema()
        table.schema = Schema((*schema.columns, *(c for c in given.columns if c.name)), (), (), given.partitioning)
        for index in (*schema.indexes, *given.indexes):
            table.schema = with_index(table, index)
        for constraint in (*schema.constraints, *given.constraints):
            table.schema = with_constraint(self, table, constraint)
        self.parents.pop(name, None)
        self.known[table.name] = table

    def copied(self, change: Change) -> Schema:
        """What LIKE and INHERITS bring: NOT NULL always, the rest where it was asked for."""
        made = Schema()
        for copy in change.copied:
            source = self.known.get(self.resolved(copy.table))
            if source is None:
                continue
            columns = source.schema.columns
            if not copy.defaults:
                columns = tuple(replace(c, default=None) for c in columns)
            if not copy.constraints:
                columns = tuple(replace(c, references="") for c in columns)
            indexes = tuple(replace(i, name="") for i in source.schema.indexes) if copy.indexes else ()
            checks = tuple(c for c in source.schema.constraints if c.kind == "check") if copy.constraints else ()
            made = Schema(made.columns + columns, made.indexes + indexes, made.constraints + checks)
        return made

    def attach(self, change: Change) -> None:
        if change.kind == "detach":
            self.parents.pop(change.table, None)
        elif change.table and change.to and self.resolved(change.to) != change.table:
            self.known.pop(change.table, None)
            self.parents[change.table] = change.to

    def index_by_name(self, change: Change) -> None:
        for table in self.known.values():
            if any(same(i.name, change.name) for i in table.schema.indexes):
                self.alter(replace(change, table=table.name))
                return

    def alter(self, change: Change) -> None:
        table = self.table(change)
        if table is None:
            return
        if change.kind == "drop-table":
            self.drop(table, change)
            return
        table.enter(change, table.schema)
        table.complete = table.complete and change.complete
        if change.kind == "rename-table":
            self.rename(table, change.to)
        elif change.kind == "rename-column":
            self.rename_column(table, change)
        elif change.kind == "add-constraint" and change.constraint is not None:
            table.schema = with_constraint(self, table, change.constraint)
        else:
            table.schema = altered(table, change)

    def drop(self, table: _Table, change: Change) -> None:
        if self.parents.pop(change.table, None) is not None:
            return  # a partition goes, its parent stays
        del self.known[table.name]
        self.parents = {p: parent for p, parent in self.parents.items() if parent != table.name}

    def rename(self, table: _Table, to: str) -> None:
        if not to:
            return
        old = table.name
        if "." in old and "." not in to:
            to = f"{old.rsplit('.', 1)[0]}.{to}"
        self.known[to] = self.known.pop(old)
        table.name = to
        self.parents = {p: to if parent == old else parent for p, parent in self.parents.items()}
        self.repoint(f"{old}.", lambda column: f"{to}.{column}")

    def rename_column(self, table: _Table, change: Change) -> None:
        table.schema = renamed(table.schema, change.name, change.to)
        self.repoint(f"{table.name}.{change.name}", lambda _: f"{table.name}.{change.to}")

    def repoint(self, prefix: str, to: Callable[[str], str]) -> None:
        """Let the foreign keys that point at a table or column point at its new name."""
        for table in self.known.values():
            if any(c.references.startswith(prefix) for c in table.schema.columns):
                columns = tuple(_repointed(c, prefix, to) for c in table.schema.columns)
                table.schema = replace(table.schema, columns=columns)


def _repointed(column: Column, prefix: str, to: Callable[[str], str]) -> Column:
    whole = column.references == prefix
    if not whole and not (prefix.endswith(".") and column.references.startswith(prefix)):
        return column
    return replace(column, references=to(column.references.removeprefix(prefix)))


# Schemas -------------------------------------------------------------------------------------------------------------


def same(a: str, b: str) -> bool:
    return a == b or (bool(a) and a.casefold() == b.casefold())


def altered(table: _Table, change: Change) -> Schema:
    """The schema after a change that touches this table only."""
    schema = table.schema
    if change.kind == "add-column" and change.column is not None:
        return with_column(schema, change.column)
    if change.kind == "drop-column":
        return without_column(schema, change.name, shrink=table.technology == "mysql")
    if change.kind == "alter-column":
        return with_altered_column(schema, change)
    if change.kind == "add-index" and change.index is not None:
        return with_index(table, change.index)
    if change.kind == "drop-index" and change.index is not None and not change.name:
        return without_unique(schema, change.index.columns)
    if change.kind in ("drop-index", "drop-constraint"):
        return without_named(schema, change.name)
    if change.kind in ("rename-index", "rename-constraint"):
        return with_renamed(schema, change.name, change.to)
    if change.kind == "partition" and change.schema is not None:
        return replace(schema, partitioning=change.schema.partitioning)
    return schema


def with_column(schema: Schema, column: Column) -> Schema:
    if any(same(c.name, column.name) for c in schema.columns):
        columns = tuple(column if same(c.name, column.name) else c for c in schema.columns)
        return replace(schema, columns=columns)
    return replace(schema, columns=(*schema.columns, column))


def with_altered_column(schema: Schema, change: Change) -> Schema:
    old = next((c for c in schema.columns if same(c.name, change.name)), None)
    if change.column is not None:
        schema = renamed(schema, change.name, change.column.name) if old is not None else schema
        return with_column(schema, change.column)
    if old is None:
        return schema
    new = replace(
        old,
        type=old.type if change.type is None else change.type,
        nullable=old.nullable if change.nullable is None else change.nullable,
        default=old.default if change.default is None else change.default or None,
    )
    return replace(schema, columns=tuple(new if c is old else c for c in schema.columns))


def mentions(text: str, column: str) -> bool:
    return text == column or re.search(rf"(?<![\w'\"]){re.escape(column)}(?![\w'\"])", text, re.I) is not None


def without_column(schema: Schema, name: str, shrink: bool) -> Schema:
    """Without a column: its keys, indexes and constraints go with it; MySQL takes the column out of them instead."""
    indexes: list[Index] = []
    for index in schema.indexes:
        touched = [c for c in index.columns if mentions(c, name)]
        if shrink and touched and len(touched) < len(index.columns):
            indexes.append(replace(index, columns=tuple(c for c in index.columns if c not in touched)))
        elif not touched and not (index.predicate and mentions(index.predicate, name)):
            indexes.append(index)
    return Schema(
        tuple(c for c in schema.columns if not same(c.name, name)),
        tuple(indexes),
        tuple(c for c in schema.constraints if not mentions(_own_part(c), name)),
        schema.partitioning,
    )


def _own_part(constraint: Constraint) -> str:
    """The part of a constraint's text that speaks of its own table."""
    return constraint.text.split(" references ", 1)[0] if constraint.kind == "foreign" else constraint.text


def renamed(schema: Schema, name: str, to: str) -> Schema:
    """The schema with a column renamed, also where expressions and conditions speak of it."""
    if not name or not to or same(name, to):
        return schema
    word = re.compile(rf"(?<![\w'\"]){re.escape(name)}(?![\w'\"])", re.I)

    def new(text: str) -> str:
        return to if same(text, name) else word.sub(lambda _: to, text)

    partitioning = schema.partitioning
    if partitioning is not None:
        partitioning = replace(partitioning, columns=tuple(map(new, partitioning.columns)))
    return Schema(
        tuple(replace(c, name=to) if same(c.name, name) else c for c in schema.columns),
        tuple(replace(i, columns=tuple(map(new, i.columns)), predicate=new(i.predicate)) for i in schema.indexes),
        tuple(replace(c, text=c.text.replace(_own_part(c), new(_own_part(c)), 1)) for c in schema.constraints),
        partitioning,
    )


def without_unique(schema: Schema, columns: tuple[str, ...]) -> Schema:
    wanted = sorted(c.casefold() for c in columns)
    kept = [
        i
        for i in schema.indexes
        if i.primary or not i.unique or i.predicate or sorted(c.casefold() for c in i.columns) != wanted
    ]
    return replace(schema, indexes=tuple(kept))


def without_named(schema: Schema, name: str) -> Schema:
    gone = [c for c in schema.constraints if same(c.name, name)]
    columns = schema.columns
    for constraint in gone:
        own = re.match(r"\((\w+)\) references ", constraint.text) if constraint.kind == "foreign" else None
        if own:
            columns = tuple(replace(c, references="") if same(c.name, own[1]) else c for c in columns)
    return Schema(
        columns,
        tuple(i for i in schema.indexes if not same(i.name, name)),
        tuple(c for c in schema.constraints if not same(c.name, name)),
        schema.partitioning,
    )


def with_renamed(schema: Schema, name: str, to: str) -> Schema:
    return replace(
        schema,
        indexes=tuple(replace(i, name=to) if same(i.name, name) else i for i in schema.indexes),
        constraints=tuple(replace(c, name=to) if same(c.name, name) else c for c in schema.constraints),
    )


def with_index(table: _Table, index: Index) -> Schema:
    """With one more index; a primary key makes its columns NOT NULL. ``USING INDEX`` turns an index into a constraint."""
    schema = table.schema
    taken = {i.name for i in schema.indexes} | {c.name for c in schema.constraints}
    if not index.columns and index.method.startswith("using:"):
        source = next((i for i in schema.indexes if same(i.name, index.method.removeprefix("using:"))), None)
        if source is None:
            return schema
        schema = replace(schema, indexes=tuple(i for i in schema.indexes if i is not source))
        index = replace(source, name=index.name or source.name, unique=True, primary=index.primary)
    elif not index.name:
        index = replace(index, name=index_name(table.name, index, taken, table.technology))
    else:
        schema = replace(schema, indexes=tuple(i for i in schema.indexes if not same(i.name, index.name)))
    if index.primary:
        keyed = {c.casefold() for c in index.columns}
        columns = tuple(replace(c, nullable=False) if c.name.casefold() in keyed else c for c in schema.columns)
        others = tuple(i for i in schema.indexes if not i.primary)
        schema = replace(schema, columns=columns, indexes=others)
    return replace(schema, indexes=(*schema.indexes, index))


_FOREIGN = re.compile(r"\(([^()]*)\) references ([^\s()]+)(?: \(([^()]*)\))?(.*)", re.S)


def with_constraint(tables: _Tables, table: _Table, constraint: Constraint) -> Schema:
    """With one more constraint; a foreign key over one column stands at the column too, with the key it points at."""
    schema = table.schema
    found = _FOREIGN.match(constraint.text) if constraint.kind == "foreign" else None
    columns = schema.columns
    if found:
        own = [c.strip() for c in found[1].split(",")]
        targets = [c.strip() for c in found[3].split(",")] if found[3] else []
        if not targets:
            parent = table if same(found[2], table.name) else tables.known.get(tables.resolved(found[2]))
            targets = list(parent.schema.primary_key()) if parent is not None else []
        if len(own) == 1:
            reference = f"{found[2]}.{targets[0]}" if targets else found[2]
            columns = tuple(replace(c, references=reference) if same(c.name, own[0]) else c for c in columns)
        constraint = replace(constraint, text=foreign_key(own, found[2], targets, rest=found[4].strip()).text)
    if not constraint.name:
        taken = {i.name for i in schema.indexes} | {c.name for c in schema.constraints}
        constraint = replace(constraint, name=constraint_name(table, constraint, taken))
    return replace(schema, columns=columns, constraints=(*schema.constraints, constraint))


# Names that the store gives ------------------------------------------------------------------------------------------


def index_name(table: str, index: Index, taken: set[str], technology: str) -> str:
    """The name of an index that was given none, as PostgreSQL and MySQL choose it (so that a later DROP finds it)."""
    if technology == "mysql":
        return _numbered("PRIMARY" if index.primary else index.columns[0] if index.columns else "", "_", taken, 2)
    if index.primary:
        return _chosen(table, "", "pkey", taken)
    # A plain CREATE UNIQUE INDEX without a name is told from UNIQUE by its method or expression.
    label = "key" if index.unique and not index.method else "idx"
    parts = [c if re.fullmatch(r"[\w$]+", c) else _function(c) for c in index.columns]
    return _chosen(table, "_".join(_numbered_parts(parts)), label, taken)


def _function(expression: str) -> str:
    """PostgreSQL names an expression's column after its function, or ``expr``."""
    found = re.match(r"(\w+)\(", expression)
    return found[1] if found else "expr"


def _numbered_parts(parts: list[str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        found.append(_numbered(part, "", set(found), 1))
    return found


def constraint_name(table: _Table, constraint: Constraint, taken: set[str]) -> str:
    own = _own_part(constraint)
    columns = [c.name for c in table.schema.columns if mentions(own, c.name)]
    if constraint.kind == "foreign":
        if table.technology == "mysql":
            return _numbered(f"{table.name}_ibfk_1", "_", taken, 2)
        columns = [c.strip() for c in own.strip("()").split(",")]
        return _chosen(table.name, "_".join(columns), "fkey", taken)
    if constraint.kind == "exclude":
        return _chosen(table.name, "_".join(columns), "excl", taken)
    if table.technology == "mysql":
        return _numbered(f"{table.name}_chk_1", "_", taken, 2)
    return _chosen(table.name, columns[0] if len(columns) == 1 else "", "check", taken)


def _chosen(table: str, columns: str, label: str, taken: set[str]) -> str:
    """PostgreSQL's rule: ``table_columns_label`` in 63 bytes, the longer part cut, and a number where it is taken."""
    table = table.rsplit(".", 1)[-1]
    for number in range(1000):
        suffix = f"{label}{number or ''}"
        room = 63 - len(suffix) - 1 - (1 if columns else 0)
        first, second = table, columns
        while len(first) + len(second) > room:
            if len(first) > len(second):
                first = first[:-1]
            else:
                second = second[:-1]
        name = "_".join(p for p in (first, second, suffix) if p)
        if name not in taken:
            return name
    return ""


def _numbered(name: str, sign: str, taken: set[str], first: int) -> str:
    if name not in taken:
        return name
    number = first
    while f"{name}{sign}{number}" in taken:
        number += 1
    return f"{name}{sign}{number}"
