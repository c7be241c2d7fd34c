"""Changes of tables, in order → one schema per table. SQL, Django and Alembic all speak in these changes.

A reader of models or migrations makes Changes with the constructors below and gives all of them, in the order in which
they run, to `apply`:

>>> from datakeel.model.dataset import Column, Index
>>> tables = apply([
...     create_table("users", [Column("id", "bigint", nullable=False), Column("email", "text")], [primary_key("id")]),
...     add_index("users", unique("email")),
...     alter_column("users", "email", nullable=False),
... ])
>>> tables["users"].schema.unique_within(frozenset({"email"})).name
'users_email_key'

A column's `default` is SQL text; ``identity``, ``auto_increment`` and ``nextval`` say that the store numbers the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from datakeel.model.dataset import Column, Constraint, Dataset, Index, Schema
from datakeel.read.change import (
    Change,
    Copied,
    Home,
    add_column,
    add_constraint,
    add_index,
    alter_column,
    attach,
    change_rows,
    create_table,
    drop_column,
    drop_constraint,
    drop_index,
    drop_table,
    foreign_key,
    in_step,
    primary_key,
    rename_column,
    rename_index,
    rename_table,
    replace_column,
    unique,
    validate_constraint,
)
from datakeel.read.history import History
from datakeel.read.table import Table, altered, has, pointing, renamed, same, with_constraint, with_index

__all__ = [
    "Change",
    "Copied",
    "Home",
    "add_column",
    "add_constraint",
    "add_index",
    "alter_column",
    "apply",
    "attach",
    "change_rows",
    "create_table",
    "drop_column",
    "drop_constraint",
    "drop_index",
    "drop_table",
    "foreign_key",
    "in_step",
    "primary_key",
    "rename_column",
    "rename_index",
    "rename_table",
    "replace_column",
    "unique",
    "validate_constraint",
]


def apply(changes: Iterable[Change], history: History | None = None) -> dict[str, Dataset]:
    """The tables that stand at the end. A partition's name gives its parent's Dataset. What migrations do on the way is
    noted in the `history`.

    What was not seen is not invented: a change of an unknown table makes one whose columns are not complete.
    """
    tables = _Tables()
    for change in changes:
        if history is None or change.home is None:
            tables.change(change)
        else:
            tables.noted(change, change.home, history)
    return tables.datasets()


class _Tables:
    def __init__(self) -> None:
        self.known: dict[str, Table] = {}
        self.parents: dict[str, str] = {}  # partition → parent

    def datasets(self) -> dict[str, Dataset]:
        for table in self.known.values():
            for read in table.needs:
                read.viewed = True
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

    def key_of(self, name: str) -> tuple[str, ...]:
        """The primary key of the table that a name means."""
        found = self.known.get(self.resolved(name))
        return found.schema.primary_key() if found is not None else ()

    def table(self, change: Change) -> Table | None:
        name = self.resolved(change.table)
        found = self.known.get(name)
        if found is not None or not name:
            return found
        if change.if_exists or change.kind in ("drop-table", "drop-view"):
            return None
        found = self.known[name] = Table(name, complete=False)
        found.place = change.place
        found.technology = change.technology
        return found

    def noted(self, change: Change, home: Home, history: History) -> None:
        """Runs a change of a migration, and notes what it does."""
        table = self.known.get(self.resolved(change.table))
        before = table.schema if table is not None else None
        fresh = table is not None and table.made_in(change.step)
        self.change(change)
        history.note(change, home, table or self.known.get(self.resolved(change.table)), before, fresh=fresh)

    def change(self, change: Change) -> None:
        if change.kind == "create-table":
            self.create(change)
        elif change.kind == "create-view":
            self.create_view(change)
        elif change.kind == "unseen-keys":
            self.unsee_keys()
        elif change.kind == "unseen-names":
            for table in self.known.values():
                table.stands = False
        elif change.kind in ("attach", "detach"):
            self.attach(change)
        elif change.kind == "rows":
            pass
        elif change.kind in ("drop-index", "rename-index") and not change.table:
            self.index_by_name(change)
        elif change.kind != "comment" or not change.complete:
            self.alter(change)

    def create(self, change: Change) -> None:
        name = self.resolved(change.table)
        old = self.known.get(name)
        if not change.table or (old is not None and change.if_absent):
            return
        table = Table(change.table if old is None else name, change.complete)
        table.technology = change.technology
        table.place = change.place
        if old is not None:
            old.leave()
            table.steps = old.steps
        table.enter(change, old.schema if old is not None else None)
        given = self.filled(change)
        table.schema = Schema(given.columns, partitioning=given.partitioning, options=given.options)
        # As PostgreSQL does: checks come with the table, then keys, then foreign keys; names are chosen in that order.
        checks = [c for c in given.constraints if c.kind == "check"]
        for constraint in checks:
            table.schema = with_constraint(table, constraint, self.key_of)
        for index in given.indexes:
            table.schema = with_index(table, index)
        for constraint in given.constraints:
            if constraint not in checks:
                table.schema = with_constraint(table, constraint, self.key_of)
        self.parents.pop(name, None)
        self.known[table.name] = table

    def create_view(self, change: Change) -> None:
        """A view that is made anew is another relation: it has none of the indexes of the one before."""
        name = self.resolved(change.table)
        old = self.known.get(name)
        if old is not None and (change.if_absent or (old.view and change.to == "replace")):
            view = old
        else:
            view = self.known[name] = Table(name, complete=False)
            view.technology, view.place, view.view = change.technology, change.place, True
        found = (self.known.get(c.table) for c in change.copied)
        view.needs = tuple(t for t in found if t is not None and t is not view)

    def unsee_keys(self) -> None:
        """Some tables were given keys by a statement whose table is not known: none is known to have no key."""
        for table in self.known.values():
            table.complete = table.complete and bool(table.schema.primary_key())

    def filled(self, change: Change) -> Schema:
        """The given schema with what LIKE and INHERITS bring: NOT NULL always, the rest where it was asked for."""
        given = change.schema or Schema()
        columns = [c for c in given.columns if c.name]
        indexes: list[Index] = []
        constraints: list[Constraint] = []
        for copy in reversed(change.copied):
            source = self.known.get(self.resolved(copy.table))
            if source is None:
                continue
            schema = source.schema
            columns[copy.at : copy.at] = [
                replace(c, default=c.default if copy.defaults else None, references="") for c in schema.columns
            ]
            indexes[:0] = [replace(i, name="") for i in schema.indexes] if copy.indexes else []
            constraints[:0] = [c for c in schema.constraints if c.kind == "check"] if copy.constraints else []
        keys = (*indexes, *given.indexes), (*constraints, *given.constraints)
        return Schema(tuple(columns), *keys, given.partitioning, given.options)

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
        if change.kind == "drop-table" or (change.kind == "drop-view" and (table.view or not table.complete)):
            self.drop(table, change)
            return
        if change.table in self.parents or (change.if_absent and has(table.schema, change)):
            return  # an index of one partition is none of the table
        table.enter(change, table.schema)
        table.complete = table.complete and change.complete
        if change.kind == "rename-table":
            self.rename(table, change.to)
        elif change.kind == "rename-column":
            self.rename_column(table, change)
        elif change.kind == "add-constraint" and change.constraint is not None:
            table.schema = with_constraint(table, change.constraint, self.key_of)
        else:
            table.schema = altered(table, change)

    def drop(self, table: Table, change: Change) -> None:
        if self.parents.pop(change.table, None) is not None:
            return  # a partition goes, its parent stays
        del self.known[table.name]
        if change.cascade:
            self.drop_readers(table)
        self.parents = {p: parent for p, parent in self.parents.items() if parent != table.name}

    def drop_readers(self, table: Table) -> None:
        """The views that read a dropped table or view, and those that read them."""
        gone = [table]
        while gone:
            read = gone.pop()
            for view in [v for v in self.known.values() if any(n is read for n in v.needs)]:
                del self.known[view.name]
                gone.append(view)

    def rename(self, table: Table, to: str) -> None:
        if not to:
            return
        old = table.name
        if "." in old and "." not in to:
            to = f"{old.rsplit('.', 1)[0]}.{to}"
        self.known[to] = self.known.pop(old)
        table.name = to
        self.parents = {p: to if parent == old else parent for p, parent in self.parents.items()}
        self.repoint(f"{old}.", lambda column: f"{to}.{column}")

    def rename_column(self, table: Table, change: Change) -> None:
        table.schema = renamed(table.schema, change.name, change.to)
        self.repoint(f"{table.name}.{change.name}", lambda _: f"{table.name}.{change.to}")

    def repoint(self, prefix: str, to: Callable[[str], str]) -> None:
        """Let the foreign keys that point at a table or column point at its new name."""
        old, _, column = prefix.rpartition(".")
        for table in self.known.values():
            schema = table.schema
            if any(c.references.startswith(prefix) for c in schema.columns):
                schema = replace(schema, columns=tuple(_repointed(c, prefix, to) for c in schema.columns))
            if any(c.kind == "foreign" and f" references {old}" in c.text for c in schema.constraints):
                new, _, name = to(column).rpartition(".")
                constraints = tuple(pointing(c, old, new, column, name) for c in schema.constraints)
                schema = replace(schema, constraints=constraints)
            table.schema = schema


def _repointed(column: Column, prefix: str, to: Callable[[str], str]) -> Column:
    whole = column.references == prefix
    if not whole and not (prefix.endswith(".") and column.references.startswith(prefix)):
        return column
    return replace(column, references=to(column.references.removeprefix(prefix)))
