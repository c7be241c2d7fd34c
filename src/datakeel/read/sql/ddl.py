"""DDL text → changes of tables. Read by its words: what is not understood costs one clause, not the statement."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from datakeel.model.dataset import Column, Constraint, Index, Partitioning, Schema
from datakeel.model.place import Place
from datakeel.read.change import Change, Copied, add_column, add_constraint, add_index, validate_constraint
from datakeel.read.sql.column import read_column
from datakeel.read.sql.cursor import Cursor
from datakeel.read.sql.key import key_column, key_columns, read_key, sorted_by
from datakeel.read.sql.text import tokens

TECHNOLOGIES = {"postgres": "postgresql", "mysql": "mysql", "sqlite": "sqlite", "cql": "cassandra"}
_KEYS = frozenset({"constraint", "primary", "unique", "foreign", "check", "exclude"})
_MYSQL_KEYS = frozenset({"key", "index", "fulltext", "spatial"})


def read_changes(text: str, dialect: str = "postgres", place: Place | None = None, namespace: str = "") -> list[Change]:
    """What one statement of DDL does to tables, views and indexes; nothing for any other (types, routines, rights).
    `namespace` is that of tables whose names say none (``SET search_path``).

    >>> [(c.kind, c.table, c.name) for c in read_changes("ALTER TABLE t ADD a int, DROP COLUMN b")]
    [('add-column', 't', 'a'), ('drop-column', 't', 'b')]
    """
    found = [t for t in tokens(text, dialect) if t.kind != "comment"]
    cursor = Cursor(found, text, dialect, namespace)
    word = cursor.next()
    reader = {"create": _create, "alter": _alter, "drop": _drop, "rename": _rename, "comment": _comment}.get(word)
    changes = reader(cursor) if reader is not None else iter(())
    technology = TECHNOLOGIES.get(dialect, "")
    placed = (replace(c, index=replace(c.index, place=place)) if c.index is not None else c for c in changes)
    return [replace(c, technology=technology, place=place) for c in placed]


# CREATE --------------------------------------------------------------------------------------------------------------


def _create(cursor: Cursor) -> Iterator[Change]:
    before: set[str] = set()
    while cursor.word() not in ("table", "columnfamily", "index", "view", ""):
        word = cursor.next()
        before.add(word)
        if word not in _BEFORE_OBJECT:
            return  # a table of one session only, or no table
    what = cursor.next()
    if what == "view":
        yield from _create_view(cursor, "replace" in before)
    elif "replace" in before:
        return  # a warehouse's table, that is filled anew
    elif what != "index":
        yield from _create_table(cursor)
    else:
        kind = next((word for word in ("fulltext", "spatial") if word in before), "")
        yield from _create_index(cursor, "unique" in before, kind)


_BEFORE_OBJECT = frozenset(
    ("unlogged", "global", "local", "foreign", "external", "virtual", "unique", "fulltext", "spatial", "custom")
) | {"or", "replace", "materialized", "recursive"}


def _create_view(cursor: Cursor, replaces: bool) -> Iterator[Change]:
    """A view and what it reads. Its columns are the query's: not all known."""
    exists = cursor.take("if", "not", "exists")
    name = cursor.table()
    if not name or cursor.dialect == "cql":
        return
    read = tuple(Copied(table) for table in dict.fromkeys(_tables_read(cursor)) if table)
    to = "replace" if replaces else ""
    yield Change(kind="create-view", table=name, to=to, copied=read, if_absent=exists, complete=False)


def _tables_read(cursor: Cursor) -> Iterator[str]:
    """The names behind FROM and JOIN, and behind the commas of such a list."""
    while not cursor.done():
        word = cursor.next()
        listed = word in ("from", "join")
        while listed:
            cursor.take("only")
            before = cursor.at
            yield cursor.table()
            cursor.take("as")
            if cursor.at > before and cursor.peek(1) == ",":
                cursor.next()  # another name for it
            listed = cursor.at > before and cursor.take(",")


def _create_table(cursor: Cursor) -> Iterator[Change]:
    exists = cursor.take("if", "not", "exists")
    table = cursor.table()
    if not table:
        return
    if cursor.take("partition", "of"):
        yield Change(kind="attach", table=table, to=cursor.table())
        return
    made = _Made(table, cursor.dialect)
    copied: list[Copied] = []
    if cursor.take("like"):
        copied.append(_like(cursor))
    elif cursor.sign() == "(":
        for item in cursor.items():
            if item.take("like"):
                copied.append(replace(_like(item), at=len(made.columns)))
            else:
                made.element(item)
    selected = _table_options(cursor, made, copied)
    keys = tuple(made.indexes), tuple(made.constraints)
    schema = Schema(tuple(made.columns), *keys, made.partitioning, made.options)
    yield Change(
        kind="create-table",
        table=table,
        schema=schema,
        copied=tuple(copied),
        if_absent=exists,
        complete=made.complete and not selected,
    )


class _Made:
    """What the elements of a CREATE TABLE say."""

    def __init__(self, table: str, dialect: str) -> None:
        self.table = table
        self.dialect = dialect
        self.columns: list[Column] = []
        self.indexes: list[Index] = []
        self.constraints: list[Constraint] = []
        self.partitioning: Partitioning | None = None
        self.options: tuple[tuple[str, str], ...] = ()
        self.complete = True

    def element(self, item: Cursor) -> None:
        """A column with its own constraints, or a constraint of the table."""
        if is_key(item):
            if self.dialect == "cql" and item.word() == "primary":
                self.cassandra_key(item)
                return
            self.keep(read_key(item))
            return
        read = read_column(item)
        if read is None:
            self.complete = False
            return
        self.columns.append(read.column)
        for key in read.keys:
            self.keep(key)

    def keep(self, key: Index | Constraint | None) -> None:
        if isinstance(key, Index):
            self.indexes.append(key)
        elif isinstance(key, Constraint):
            self.constraints.append(key)
        else:
            self.complete = False

    def cassandra_key(self, item: Cursor) -> None:
        """``PRIMARY KEY ((a, b), c)``: rows are spread by a and b, and ordered by c inside."""
        item.take("primary", "key")
        first, *rest = [list(part.items()) if part.sign() == "(" else [part] for part in item.items()] or [[]]
        spread = tuple(part.name() for part in first)
        ordered = tuple(part.name() for parts in rest for part in parts)
        self.partitioning = Partitioning("key", spread)
        self.indexes.append(Index(spread + ordered, unique=True, primary=True))


def is_key(item: Cursor) -> bool:
    """Whether an element is a constraint or index rather than a column (PostgreSQL lets a column be called key)."""
    word = item.word()
    if word == "primary" and item.dialect == "cql":
        return True
    return word in _KEYS or (word in _MYSQL_KEYS and item.dialect == "mysql")


def _like(cursor: Cursor) -> Copied:
    """``LIKE t INCLUDING ALL``; MySQL's takes all."""
    table = cursor.table()
    wanted: set[str] = set()
    while cursor.word() in ("including", "excluding"):
        including = cursor.next() == "including"
        word = cursor.next()
        parts = {"indexes", "constraints", "defaults"} if word == "all" else {word}
        wanted = wanted | parts if including else wanted - parts
    if cursor.dialect == "mysql":
        wanted = {"indexes", "constraints", "defaults"}
    return Copied(table, "indexes" in wanted, "constraints" in wanted, "defaults" in wanted)


def _table_options(cursor: Cursor, made: _Made, copied: list[Copied]) -> bool:
    """What follows the elements; True: the table is filled from a query, whose columns are not all known."""
    while not cursor.done():
        if cursor.take("inherits"):
            copied += [Copied(part.table(), constraints=True, defaults=True) for part in cursor.items()]
        elif cursor.take("partition", "by"):
            made.partitioning = _partitioning(cursor)
        elif made.dialect == "cql" and cursor.take("with"):
            made.options = cassandra_options(cursor.text_to_end())
        elif cursor.word() in ("as", "select") and made.dialect != "cql":
            return True
        else:
            cursor.next()
    keyed = next((i.columns for i in made.indexes if i.primary), ())
    if made.dialect == "cql" and made.partitioning is None and keyed:
        made.partitioning = Partitioning("key", keyed[:1])
    return False


_LIVES = re.compile(r"default_time_to_live\s*=\s*(\d+)", re.I)
_COMPACTION = re.compile(r"compaction\s*=\s*\{[^}]*'class'\s*:\s*'(?:[\w.]*\.)?(\w+)'", re.I)


def cassandra_options(text: str) -> tuple[tuple[str, str], ...]:
    """What ``WITH`` says of a table's compaction, and of how long its rows live.

    >>> cassandra_options("compaction = {'class': 'LeveledCompactionStrategy'} AND default_time_to_live = 60")
    (('compaction', 'LeveledCompactionStrategy'), ('default_time_to_live', '60'))
    """
    found = (("compaction", _COMPACTION.search(text)), ("default_time_to_live", _LIVES.search(text)))
    return tuple((name, match[1]) for name, match in found if match is not None)


def _partitioning(cursor: Cursor) -> Partitioning | None:
    """``PARTITION BY RANGE (created_at)``, also MySQL's ``RANGE COLUMNS`` and ``LINEAR HASH``."""
    kind = ""
    while cursor.word() and cursor.sign() != "(":
        word = cursor.next()
        kind = word if word in ("range", "list", "hash", "key") else kind
    if not kind or cursor.sign() != "(":
        return None
    return Partitioning(kind, tuple(c for c in key_columns(cursor) if c))


def _create_index(cursor: Cursor, unique: bool, method: str) -> Iterator[Change]:
    concurrently = cursor.take("concurrently")
    exists = cursor.take("if", "not", "exists")
    name = "" if cursor.word() == "on" else cursor.name()
    if cursor.take("using"):
        method = cursor.next()
    if not cursor.take("on"):
        return
    cursor.take("only")
    table = cursor.table()
    if cursor.take("using"):
        method = cursor.next()
    index = read_index_body(cursor, Index((), name=name.rsplit(".", 1)[-1], unique=unique, method=method.lower()))
    if index is None:
        return
    if cursor.dialect == "postgres" and not index.method:
        index = replace(index, method="btree")
    change = add_index(table, index)
    yield replace(change, concurrently=concurrently, if_absent=exists)


def read_index_body(cursor: Cursor, index: Index) -> Index | None:
    """From the columns on: INCLUDE, NULLS NOT DISTINCT, WHERE."""
    if cursor.sign() != "(":
        return None
    parts = list(cursor.items())
    columns = tuple(map(key_column, parts))
    sorting = tuple(map(sorted_by, parts))
    distinct, predicate = True, ""
    carried: tuple[str, ...] = ()
    while not cursor.done():
        if cursor.take("nulls", "not", "distinct"):
            distinct = False
        elif cursor.take("where"):
            predicate = cursor.expression_to_end()
        elif cursor.take("include"):
            carried = key_columns(cursor)
        else:
            cursor.next()
    if not columns or not all(columns):
        return None
    index = replace(index, columns=columns, predicate=predicate, nulls_distinct=distinct, carried=carried)
    return replace(index, sorting=sorting) if any(sorting) else index


# ALTER ---------------------------------------------------------------------------------------------------------------


def _alter(cursor: Cursor) -> Iterator[Change]:
    word = cursor.next()
    if word == "index":
        cursor.take("if", "exists")
        name = cursor.name().rsplit(".", 1)[-1]
        if cursor.take("rename", "to"):
            yield Change(kind="rename-index", name=name, to=cursor.name())
        return
    if word == "view" or (word == "materialized" and cursor.take("view")):
        cursor.take("if", "exists")
        view = cursor.table()
        if view and cursor.take("rename", "to"):
            yield Change(kind="rename-table", table=view, to=cursor.name(), if_exists=True)
        return
    if word in ("foreign", "columnfamily"):
        cursor.next()
    elif word != "table":
        return
    exists = cursor.take("if", "exists")
    cursor.take("only")
    table = cursor.table()
    if not table:
        return
    if cursor.dialect == "cql" and cursor.take("with"):
        yield Change(kind="options", table=table, options=cassandra_options(cursor.text_to_end()))
        return
    verb = ""
    for action in cursor.parts():
        if cursor.dialect == "cql" and verb in _ACTIONS and action.word() not in _ACTIONS:
            changes = _ACTIONS[verb](action, table)  # ``ADD a int, b text``
        else:
            action.take("online")
            verb = action.next()
            changes = _ACTIONS[verb](action, table) if verb in _ACTIONS else iter(())
        yield from (replace(c, if_exists=exists) for c in changes)


def _add(action: Cursor, table: str) -> Iterator[Change]:
    if is_key(action):
        yield from _added(read_key(action), table)
        return
    if not action.take("column") and action.take("partition"):
        return
    absent = action.take("if", "not", "exists")
    for item in list(action.items()) if action.sign() == "(" else [action]:
        yield from (replace(c, if_absent=absent) for c in _added_column(item, table))


def _added_column(item: Cursor, table: str) -> Iterator[Change]:
    if is_key(item):
        yield from _added(read_key(item), table)
        return
    read = read_column(item)
    if read is None:
        return
    yield add_column(table, read.column)
    for key in read.keys:
        yield from _added(key, table)


def _added(key: Index | Constraint | None, table: str) -> Iterator[Change]:
    if isinstance(key, Index):
        yield add_index(table, key)
    elif isinstance(key, Constraint):
        yield add_constraint(table, key)


def _dropped(action: Cursor, table: str) -> Iterator[Change]:
    if action.take("primary", "key"):
        yield Change(kind="drop-constraint", table=table, name="PRIMARY")
        return
    word = action.word()
    if word in ("constraint", "index", "key", "check", "foreign") and action.peek(1) not in ("", "cascade", "restrict"):
        action.take("foreign") if word == "foreign" else None
        action.next()
        action.take("if", "exists")
        kind = "drop-index" if word in ("index", "key") else "drop-constraint"
        yield Change(kind=kind, table=table, name=action.name())
        return
    if action.take("partition"):
        return
    action.take("column")
    action.take("if", "exists")
    for item in list(action.items()) if action.sign() == "(" else [action]:
        name = item.name()
        if name:
            yield Change(kind="drop-column", table=table, name=name)


def _altered(action: Cursor, table: str) -> Iterator[Change]:
    if action.word() in ("constraint", "index", "check"):
        return
    action.take("column")
    change = Change(kind="alter-column", table=table, name=action.name())
    if action.take("set", "not", "null"):
        yield replace(change, nullable=False)
    elif action.take("drop", "not", "null"):
        yield replace(change, nullable=True)
    elif action.take("set", "default"):
        yield replace(change, default=action.text_to_end())
    elif action.take("drop", "default") or action.take("drop", "identity"):
        yield replace(change, default="")
    elif action.take("add", "generated"):
        yield replace(change, default="identity", nullable=False)
    elif action.take("set", "data", "type") or action.take("type"):
        read = read_column(action, name=change.name)
        if read is not None:
            yield replace(change, type=read.column.type)


def _modified(action: Cursor, table: str) -> Iterator[Change]:
    """MySQL's MODIFY and CHANGE: the column anew."""
    action.take("column")
    old = action.name() if action.at_change else ""
    read = read_column(action)
    if read is None:
        return
    yield Change(kind="alter-column", table=table, name=old or read.column.name, column=read.column)
    for key in read.keys:
        yield from _added(key, table)


def _changed(action: Cursor, table: str) -> Iterator[Change]:
    action.at_change = True
    return _modified(action, table)


def _renamed(action: Cursor, table: str) -> Iterator[Change]:
    if action.take("to") or action.take("as"):
        yield Change(kind="rename-table", table=table, to=action.name())
        return
    word = action.word()
    kind = {"constraint": "rename-constraint", "index": "rename-index", "key": "rename-index"}.get(
        word, "rename-column"
    )
    if word in ("constraint", "index", "key", "column") and action.peek(1) != "to":
        action.next()
    old = action.name()
    if old and action.take("to"):
        yield Change(kind=kind, table=table, name=old, to=action.name())


def _attached(action: Cursor, table: str) -> Iterator[Change]:
    if action.take("partition"):
        yield Change(kind="attach", table=action.table(), to=table)


def _detached(action: Cursor, table: str) -> Iterator[Change]:
    if action.take("partition"):
        yield Change(kind="detach", table=action.table(), to=table)


def _validated(action: Cursor, table: str) -> Iterator[Change]:
    if action.take("constraint"):
        yield validate_constraint(table, action.name())


def _partitioned(action: Cursor, table: str) -> Iterator[Change]:
    if action.take("by"):
        yield Change(kind="partition", table=table, schema=Schema(partitioning=_partitioning(action)))


_ACTIONS = {
    "add": _add,
    "drop": _dropped,
    "alter": _altered,
    "modify": _modified,
    "change": _changed,
    "rename": _renamed,
    "attach": _attached,
    "detach": _detached,
    "partition": _partitioned,
    "validate": _validated,
}

# DROP, RENAME, COMMENT -----------------------------------------------------------------------------------------------


def _drop(cursor: Cursor) -> Iterator[Change]:
    cursor.take("foreign") or cursor.take("materialized")
    word = cursor.next()
    if word not in ("table", "index", "columnfamily", "view"):
        return
    concurrently = cursor.take("concurrently")
    exists = cursor.take("if", "exists")
    cascade = cursor.tokens[-1].text == "cascade"
    for part in cursor.parts():
        name = part.name() if word == "index" else part.table()
        if not name:
            continue
        if word == "index":
            table = part.table() if part.take("on") else ""
            change = Change(kind="drop-index", table=table, name=name.rsplit(".", 1)[-1], concurrently=concurrently)
        else:
            kind = "drop-view" if word == "view" else "drop-table"
            change = Change(kind=kind, table=name, cascade=cascade)
        yield replace(change, if_exists=exists)


def _rename(cursor: Cursor) -> Iterator[Change]:
    """MySQL: ``RENAME TABLE a TO b, c TO d``."""
    if not cursor.take("table"):
        return
    for part in cursor.parts():
        old = part.table()
        if old and part.take("to"):
            yield Change(kind="rename-table", table=old, to=part.name())


def _comment(cursor: Cursor) -> Iterator[Change]:
    if not cursor.take("on"):
        return
    kind = cursor.next()
    name = cursor.table() if kind == "table" else cursor.name()
    if kind == "table":
        yield Change(kind="comment", table=name)
    elif kind == "column" and "." in name:
        table, column = name.rsplit(".", 1)
        yield Change(kind="comment", table=table, name=column)
