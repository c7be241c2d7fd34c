"""From the schema that a database has to the one that new requirements ask for, while it is in use: what is new is
added first, and what nothing uses any more is dropped by a later step, when that is asked for.

A migration of the first kind comes in two files: what takes a short lock, in one transaction; and what reads whole
tables (an index, a check of the rows that are there), each statement by itself and without holding up who writes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from msgspec import Struct, structs

from datakeel.write.schema import Column, Schema, Statement, Table, schema, statements

ONE_BY_ONE = "-- no transaction"  # how a file begins whose statements are committed one by one
BRIEFLY = "SET lock_timeout = '5s'"  # who waits for a lock holds up all who come after
PATIENTLY = "SET lock_timeout = 0"  # an index that is built waits for every transaction that is open
WHOLE = "It holds up who reads and writes the table while it looks at every row: apply it at a quiet hour."
FAILS = "Fails while"
EMPTY = "No row can break it yet; all are looked at while others read and write."
BOTH = "It holds for new rows at once; those that are there are checked in the next file."
# What rows that are there have in a new field that every row must have, by its type. Of a time, an id or a reference
# nobody can say.
CONSTANTS = {"text": "'unknown'", "bigint": "0", "numeric": "0", "boolean": "false", "jsonb": "'{}'"}


class Step(Struct, frozen=True):
    """One or more statements. `online`: each is committed by itself. `why`: what a reader should know."""

    table: str
    sql: tuple[str, ...]
    why: str = ""
    online: bool = False


class Refused(Struct, frozen=True):
    """What cannot be done to rows that are there, and what can be done in its place."""

    table: str
    why: str


class Evolution(Struct, frozen=True, kw_only=True):
    """`files`: names without numbers, and texts, in their order. `schema`: what the database has afterwards. `left`:
    what stays in it although nothing will use it, in words."""

    files: tuple[tuple[str, str], ...] = ()
    schema: Schema = Schema()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def evolve(
    old: Schema, fresh: Mapping[str, str], views: Mapping[str, str], copies: frozenset[str] = frozenset()
) -> Evolution:
    """The migrations that follow the ones that made `old`. `fresh`: those of a new project, by their names, in their
    order. `views`: who fills the tables that are derived; `copies`: those that fill them from rows, and not from the
    log."""
    views = {**old.views, **views}
    by_file = {name: tuple(statements(sql)) for name, sql in fresh.items()}
    new = schema(chain.from_iterable(by_file.values()))
    whole = [name for name, made in by_file.items() if _all_new(made, old)]
    rest = tuple(s for name, made in by_file.items() if name not in whole for s in made)
    steps: list[Step] = []
    refused: list[Refused] = []
    for step in _steps(old, new, rest, views, copies):
        (steps if isinstance(step, Step) else refused).append(step)  # type: ignore[arg-type]
    anew = {s.table for s in steps if s.why.startswith(ANEW)}
    left = _left(old, new, {table for table, view in views.items() if view in anew})
    unused = {table: view for table, view in views.items() if table in left.tables and table not in new.tables}
    left = structs.replace(left, views=unused)
    return Evolution(
        files=(*((name, fresh[name]) for name in whole), *_files(steps)),
        schema=left,
        notes=tuple(_notes(old, new, steps, views, copies)),
        refused=tuple(f"{r.table}: {r.why}" for r in refused),
        left=tuple(_in_words(left, new)),
    )


def contract(old: Schema, new: Schema) -> tuple[tuple[str, str], ...]:
    """The migration that drops what nothing uses any more: its name without a number, and its text; or nothing."""
    drops = list(_drops(old, new))
    if not drops:
        return ()
    head = f"{ONE_BY_ONE}: each statement is committed by itself, and may run again.\n"
    about = "-- Nothing of the version that runs now uses these any more: apply it when no older one runs.\n"
    tables = [table for table, _ in drops]
    lines = "".join(f"{sql};\n" for sql in [BRIEFLY, *(sql for _, sql in drops)])
    return ((f"{_slug(tables)}_contract", head + about + lines),)


# What is added ------------------------------------------------------------------------------------------------------

ANEW = "Made anew"
FOLLOWING = ("processed_events", "dead_letters", "consumer_offsets")  # what is known of a view
COPYING = ("copy_dead_letters", "copy_positions")  # and of a copy


def _all_new(made: tuple[Statement, ...], old: Schema) -> bool:
    tables = [s.name for s in made if s.what == "table"]
    return bool(tables) and not any(table in old.tables for table in tables)


def _steps(
    old: Schema, new: Schema, rest: tuple[Statement, ...], views: Mapping[str, str], copies: frozenset[str]
) -> Iterator[Step | Refused]:
    """The functions first, then new tables, then the changes of those that are there, then triggers."""
    for statement in (s for s in rest if s.what == "function" and old.routines.get(s.name) != s.plain):
        yield Step(statement.name, (re.sub(r"CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", statement.text),))
    changes = {name: list(_of_table(name, old, new)) for name in new.tables if name in old.tables}
    anew = {views[n] for n, steps in changes.items() if n in views and any(isinstance(s, Refused) for s in steps)}
    yield from (Step(s.name, (s.text,)) for s in rest if _of_new_table(s, old) and views.get(_owner(s)) not in anew)
    yield from chain.from_iterable(steps for name, steps in changes.items() if views.get(name) not in anew)
    for view in sorted(anew):
        made_anew = _copied_anew if view in copies else _anew
        yield made_anew(view, [table for table, v in views.items() if v == view], rest)
    for statement in (s for s in rest if s.what == "trigger" and old.routines.get(s.name) != s.plain):
        table = _owner(statement)
        if table not in old.tables:
            continue
        yield Step(table, (f"DROP TRIGGER IF EXISTS {statement.name} ON {table}", statement.text))


def _of_new_table(statement: Statement, old: Schema) -> bool:
    return statement.what != "function" and _owner(statement) not in old.tables


def _owner(statement: Statement) -> str:
    """The table that a statement is about."""
    found = re.search(r" ON (\w+)", statement.plain) if statement.what in ("index", "trigger") else None
    return found[1] if found else statement.name


def _anew(view: str, tables: list[str], rest: tuple[Statement, ...]) -> Step:
    """A view's tables made again; its process fills them from the beginning of the log."""
    return Step(
        view,
        (
            *_made_again(tables, rest),
            f"DELETE FROM processed_events WHERE consumer = '{view}'",
            f"DELETE FROM dead_letters WHERE consumer = '{view}'",
            f"UPDATE consumer_offsets SET position = 0 WHERE consumer = '{view}'",
        ),
        why=f"{ANEW}, since it is derived: it is empty until its process has read the log from the beginning.",
    )


def _copied_anew(copy: str, tables: list[str], rest: tuple[Statement, ...]) -> Step:
    """A copy's tables made again; its process, when it has no position, begins with all rows."""
    forgotten = [f"DELETE FROM {place} WHERE copy = '{copy}'" for place in COPYING]
    why = f"{ANEW}, since it is a copy: it is empty until its process has read the rows."
    return Step(copy, (*_made_again(tables, rest), *forgotten), why=why)


def _made_again(tables: list[str], rest: tuple[Statement, ...]) -> Iterator[str]:
    yield from (f"DROP TABLE IF EXISTS {table}" for table in tables)
    yield from (s.text for s in rest if s.what in ("table", "index") and _owner(s) in tables)


def _of_table(name: str, old: Schema, new: Schema) -> Iterator[Step | Refused]:
    """What changes of one table."""
    before, after = old.tables[name], new.tables[name]
    if before.tail != after.tail:
        yield Refused(name, "is partitioned another way: make a new table, and copy the rows")
        return
    yield from _gone_constraints(name, before, after)
    for column, wanted in after.columns.items():
        if column not in before.columns:
            yield from _new_column(name, column, wanted, after)
        elif before.columns[column] != wanted:
            yield from _changed_column(name, column, before.columns[column], wanted)
    for column, had in before.columns.items():
        if column not in after.columns and had.required:
            yield Step(name, (f"ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL",), "Nothing fills it any more.")
    yield from _new_constraints(name, before, after)
    yield from _new_indexes(name, old, new)


def _gone_constraints(name: str, before: Table, after: Table) -> Iterator[Step | Refused]:
    for constraint, clause in before.constraints.items():
        if after.constraints.get(constraint) == clause:
            continue
        if clause.startswith("PRIMARY KEY"):
            yield Refused(name, f"its key {clause[12:]} would change: make a new table, and copy the rows")
            return
        yield Step(name, (f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {constraint}",))


def _new_column(name: str, column: str, wanted: Column, table: Table) -> Iterator[Step | Refused]:
    alone = re.compile(rf"(UNIQUE|FOREIGN KEY) \({column}\)")
    add = f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {column} {wanted.sql}"
    if wanted.generated and "IDENTITY" not in wanted.generated:
        if wanted.required:
            yield Refused(name, f"{column} would be required of rows that have none: make it optional")
        else:
            yield Step(name, (add,), f"The rows are written again with it. {WHOLE}")
    elif not wanted.required or wanted.default:
        yield Step(name, (add,))
    elif any(alone.match(clause) for clause in table.constraints.values()) or _constant(column, wanted, table) is None:
        yield Refused(
            name,
            f"{column} would be required of rows that have none, and nothing can be put there that is true: make it "
            "optional, fill it, and make it required then",
        )
    else:
        with_default = structs.replace(wanted, default=_constant(column, wanted, table))
        sql = f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {column} {with_default.sql}"
        yield Step(name, (sql,), "Rows that are there, and those that an older version still writes, get the default.")


def _constant(column: str, wanted: Column, table: Table) -> str | None:
    """What rows that are there get in a new column that must have a value; None: nobody can say."""
    for clause in table.constraints.values():
        known = re.match(rf"CHECK \({column} IN \(('(?:[^']|'')*')", clause)
        least = re.match(rf"CHECK \({column} >= (\d+)\)", clause)
        if known or least:
            return (known or least)[1]  # type: ignore[index]
    if wanted.type.endswith("[]"):
        return "'{}'"
    return CONSTANTS.get(wanted.type.partition("(")[0])


def _changed_column(name: str, column: str, had: Column, wanted: Column) -> Iterator[Step | Refused]:
    table = f"ALTER TABLE {name}"
    if had.generated != wanted.generated and had.type == wanted.type and "IDENTITY" not in f"{had}{wanted}":
        add = f"{table} ADD COLUMN {column} {wanted.sql}"
        why = f"What it is computed from has changed: the rows are written again. {WHOLE}"
        yield Step(name, (f"{table} DROP COLUMN IF EXISTS {column}", add), why)
        return
    if had.type != wanted.type or had.generated != wanted.generated:
        yield Refused(
            name,
            f"{column} would change from {had.type} to {wanted.type}: add a field beside it, copy the values, and take "
            "this one away when nothing reads it",
        )
        return
    if wanted.default and had.default != wanted.default:
        yield Step(name, (f"{table} ALTER COLUMN {column} SET DEFAULT {wanted.default}",))
    if had.required and not wanted.required:
        yield Step(name, (f"{table} ALTER COLUMN {column} DROP NOT NULL",))
    elif wanted.required and not had.required:
        yield _required(name, column)


def _required(name: str, column: str) -> Step:
    """A column whose every row must have a value: checked while others write; the lock at the end is short."""
    table, check = f"ALTER TABLE {name}", f"{name}_{column}_given"[:63]
    return Step(
        name,
        (
            BRIEFLY,
            f"{table} DROP CONSTRAINT IF EXISTS {check}",
            f"{table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID",
            f"{table} VALIDATE CONSTRAINT {check}",
            f"{table} ALTER COLUMN {column} SET NOT NULL",
            f"{table} DROP CONSTRAINT {check}",
        ),
        f"{FAILS} rows have no {column}: fill them first (UPDATE {name} SET {column} = … WHERE {column} IS NULL).",
        online=True,
    )


def _new_constraints(name: str, before: Table, after: Table) -> Iterator[Step | Refused]:
    table = f"ALTER TABLE {name}"
    for constraint, clause in after.constraints.items():
        if before.constraints.get(constraint) == clause or clause.startswith("PRIMARY KEY"):
            continue
        empty = _is_of_empty_columns(clause, before, after)
        if clause.startswith("UNIQUE"):
            agree = f"{FAILS} two rows agree in {clause[len('UNIQUE ') :]}: put them right first."
            yield Step(
                name,
                (
                    BRIEFLY,
                    f"{table} DROP CONSTRAINT IF EXISTS {constraint}",
                    *_indexed(constraint, f"ON {name} {clause[len('UNIQUE ') :]}", unique=True),
                    BRIEFLY,
                    f"{table} ADD CONSTRAINT {constraint} UNIQUE USING INDEX {constraint}",
                ),
                EMPTY if empty else agree,
                online=True,
            )
        elif clause.startswith("EXCLUDE"):
            yield Step(name, (f"{table} ADD CONSTRAINT {constraint} {clause}",), WHOLE)
        else:
            yield Step(name, (f"{table} ADD CONSTRAINT {constraint} {clause} NOT VALID",), BOTH)
            validate = f"{table} VALIDATE CONSTRAINT {constraint}"
            broken = f"{FAILS} rows break {constraint}: put them right first."
            yield Step(name, (BRIEFLY, validate), EMPTY if empty else broken, online=True)


def _is_of_empty_columns(clause: str, before: Table, after: Table) -> bool:
    """Whether a constraint is about columns alone that come with it and have no value yet."""
    columns = {c for c in re.findall(r"\w+", clause) if c in after.columns}
    return bool(columns) and not any(c in before.columns or after.columns[c].required for c in columns)


def _new_indexes(name: str, old: Schema, new: Schema) -> Iterator[Step]:
    before, after = old.tables[name], new.tables[name]
    again = {
        c for c, had in before.columns.items() if c in after.columns and had.generated != after.columns[c].generated
    }
    for index, wanted in new.of(name).items():
        lost = again.intersection(re.findall(r"\w+", wanted.rest))
        if old.indexes.get(index) == wanted and not lost:
            continue
        if after.tail:  # PostgreSQL builds none of a partitioned table concurrently
            unique = "UNIQUE " if wanted.unique else ""
            yield Step(name, (f"CREATE {unique}INDEX IF NOT EXISTS {index} {wanted.rest}",), WHOLE)
        else:
            yield Step(name, tuple(_indexed(index, wanted.rest, unique=wanted.unique)), online=True)


def _indexed(index: str, rest: str, *, unique: bool) -> Iterator[str]:
    """An index, while others write. One that was broken off stays behind without use, so it goes first."""
    yield PATIENTLY
    yield f"DROP INDEX CONCURRENTLY IF EXISTS {index}"
    yield f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {index} {rest}"


# What is dropped, later ---------------------------------------------------------------------------------------------


def _left(old: Schema, new: Schema, anew: set[str]) -> Schema:
    """What a database has after the steps: what is new, and what nothing uses any more."""
    tables = {**{n: t for n, t in old.tables.items() if n not in new.tables and n not in anew}, **new.tables}
    for name in (n for n in new.tables if n in old.tables and n not in anew):
        tables[name] = _left_of(old.tables[name], new.tables[name])
    indexes = {n: i for n, i in old.indexes.items() if n not in new.indexes and i.table not in anew}
    return Schema(tables=tables, indexes={**indexes, **new.indexes}, routines={**old.routines, **new.routines})


def _left_of(before: Table, after: Table) -> Table:
    gone = {n: structs.replace(c, required=False) for n, c in before.columns.items() if n not in after.columns}
    kept = {n: _with_default(n, before, c, after) for n, c in after.columns.items()}
    return structs.replace(after, columns={**kept, **gone})


def _with_default(name: str, before: Table, wanted: Column, after: Table) -> Column:
    if name in before.columns:
        had = before.columns[name].default
    else:
        had = (_constant(name, wanted, after) or "") if wanted.required and not wanted.generated else ""
    return wanted if wanted.default else structs.replace(wanted, default=had)


def _drops(old: Schema, new: Schema) -> Iterator[tuple[str, str]]:
    """Each with the table that it concerns."""
    for owner, trigger in _idle_triggers(old, new):
        yield owner, f"DROP TRIGGER IF EXISTS {trigger} ON {owner}"
    for name, index in old.indexes.items():
        if name not in new.indexes and index.table in new.tables:
            yield index.table, f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    for name, table in new.tables.items():
        had = old.tables.get(name, table)
        gone = [c for c in had.columns if c not in table.columns]
        for column in sorted(gone, key=lambda c: not had.columns[c].generated):  # what is computed from others first
            yield name, f"ALTER TABLE {name} DROP COLUMN IF EXISTS {column}"
        for column, wanted in table.columns.items():
            if not wanted.default and column in had.columns and had.columns[column].default:
                yield name, f"ALTER TABLE {name} ALTER COLUMN {column} DROP DEFAULT"
    for name in reversed([n for n in old.tables if n not in new.tables]):
        yield name, f"DROP TABLE IF EXISTS {name}"
        if name == old.views.get(name):
            for place in (place for place in FOLLOWING if place in old.tables):
                yield name, f"DELETE FROM {place} WHERE consumer = '{name}'"
            for place in (place for place in COPYING if place in old.tables):
                yield name, f"DELETE FROM {place} WHERE copy = '{name}'"
    for name, made in old.routines.items():
        if name not in new.routines and "TRIGGER" not in made.split("(")[0]:
            yield name, f"DROP FUNCTION IF EXISTS {name}"


def _idle_triggers(old: Schema, new: Schema) -> Iterator[tuple[str, str]]:
    """Triggers that nothing needs any more, of tables that stay."""
    for name, made in old.routines.items():
        found = re.match(r"CREATE TRIGGER .*? ON (\w+)", made, re.S)
        if found and name not in new.routines and found[1] in new.tables:
            yield found[1], name


def _in_words(old: Schema, new: Schema) -> Iterator[str]:
    for name, table in old.tables.items():
        if name not in new.tables:
            yield f"table {name}"
            continue
        wanted = new.tables[name].columns
        yield from (f"column {name}.{column}" for column in table.columns if column not in wanted)
        for column, had in table.columns.items():
            if had.default and column in wanted and not wanted[column].default:
                yield f"default of {name}.{column} ({had.default})"
    yield from (f"trigger {trigger} of {owner}" for owner, trigger in _idle_triggers(old, new))
    for name, index in old.indexes.items():
        if name not in new.indexes and index.table in new.tables:
            yield f"index {name}"


# Words and files ----------------------------------------------------------------------------------------------------


def _notes(
    old: Schema, new: Schema, steps: list[Step], views: Mapping[str, str], copies: frozenset[str]
) -> Iterator[str]:
    for name, after in new.tables.items():
        before = old.tables.get(name)
        if before is None:
            continue
        come = {c: w for c, w in after.columns.items() if c not in before.columns}
        gone = {c: w for c, w in before.columns.items() if c not in after.columns}
        for column, had in gone.items():
            for other in (c for c, w in come.items() if w.type == had.type and not w.generated):
                yield (
                    f"{name}.{column} goes and {name}.{other} comes: if it is the same under another name, copy it "
                    f"before you drop it: UPDATE {name} SET {other} = {column}"
                )
        anew = any(s.table == views.get(name) and s.why.startswith(ANEW) for s in steps)
        if come and name in views and not anew:
            command = "rebuild-copy" if views[name] in copies else "rebuild"
            yield f"{name} has new columns; rows from before get them by: python -m PACKAGE {command} {views[name]}"
    for step in steps:
        if step.why.startswith(ANEW):
            read = "the rows" if step.table in copies else "the log from the beginning"
            yield f"{step.table} is made anew, and is empty until its process has read {read}"
        elif step.why.startswith(FAILS):
            yield f"{step.table}: a migration {step.why[0].lower()}{step.why[1:].rstrip('.')}"
        elif step.why.endswith(WHOLE):
            yield f"{step.table}: a migration holds up who reads and writes the table: apply it at a quiet hour"


def _files(steps: list[Step]) -> Iterator[tuple[str, str]]:
    expand = [s for s in steps if not s.online]
    online = [s for s in steps if s.online]
    if expand:
        yield f"{_slug(s.table for s in expand)}_expand", "\n".join(_written(expand))
    if online:
        head = f"{ONE_BY_ONE}: each statement is committed by itself, and may run again.\n"
        yield f"{_slug(s.table for s in online)}_online", head + "\n".join(_written(online))


def _written(steps: list[Step]) -> Iterator[str]:
    said = ""
    for step in steps:
        why = f"{_comment(step.why)}\n" if step.why and step.why != said else ""
        said = step.why
        yield why + "".join(f"{sql.rstrip()};\n" for sql in step.sql)


def _comment(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="-- ", subsequent_indent="-- ")


def _slug(tables: Iterable[str]) -> str:
    first, *others = dict.fromkeys(tables)
    return f"{first}_and_others" if others else first
