"""A finding of transactions → a test that plays its story on a real PostgreSQL: it calls the user's function twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from msgspec import Struct

from datakeel.finding import Finding
from datakeel.mend.calling import ROOT, Caller, table_named, table_of_users
from datakeel.mend.conditional import function_at
from datakeel.mend.guarded import guarded
from datakeel.mend.parts import place_of
from datakeel.mistake import Mistake
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect, Guard, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.read.languages.python.draft import Draft, Refused

RULES = ("lost-update", "check-then-insert", "unguarded-state-transition", "write-skew")
ORDERS = ("<", "<=", ">", ">=")
CONSTANT = r"'[^'\\]*'|\d+|True|False"
MOST = 50  # rows that a proof makes up of one set
DEEP = 4  # rows that a row refers to, and those that they do
# what a column of a type holds where nothing else is known
VALUES = (
    (r"uuid", "'00000000-0000-4000-8000-000000000001'"),
    (r"bool", "false"),
    (r"timestamp|datetime", "'2024-01-01 00:00:00+00'"),
    (r"^date", "'2024-01-01'"),
    (r"^time", "'00:00:00'"),
    (r"interval", "'1 day'"),
    (r"json", "'{}'"),
    (r"\[\]|array", "'{}'"),
    (r"bytea|binary|blob", "'x'"),
    (r"int|serial|numeric|decimal|float|double|real|money", "100"),
    (r"char|text|string|citext|varchar|^enum", "'x'"),
)


class Case(Struct, frozen=True):
    """What a proof rests on: the read that decides, the write, and the function that holds both. There is no read
    where the function is handed the row: then whoever calls it has read it."""

    finding: Finding
    operation: Operation
    read: Effect | None
    write: Effect
    table: Dataset


class Setting(Struct, frozen=True):
    """Where the function is: its file's text, the folders that its package and Django's settings stand in, and
    the settings."""

    text: str
    folders: tuple[str, ...] = (".",)
    settings: str = "settings"


def proof(finding: Finding, system: System, setting: Setting) -> tuple[str, str]:
    """The name and the text of a test. Raises Mistake where the statements or the schema do not tell enough."""
    case = found(finding, system)
    kind = library(case, setting.text)
    rows = Rows(case, system, setting.text)
    call, other = (
        Caller(case.operation, case.read, case.write, system, kind, partial(rows.value, number=n)).call(setting.text)
        for n in (1, 2 if rows.many > 1 else 1)
    )
    rows.handed = call.tables
    name = f"test_{finding.rule.replace('-', '_')}_{case.operation.symbol.lower().replace('.', '_')}.py"
    seeded = tuple(rows.all())
    tables = compared(case, system)
    touched = dict.fromkeys(table.name for table in (*rows.tables(), *tables))
    known: dict[str, object] = {
        "rule": finding.rule,
        "path": finding.place.path,
        "symbol": case.operation.symbol,
        "name": name,
        "story": [f"{step.place}: {step.message}" for step in finding.story],
        "folders": [literal(folder) for folder in setting.folders],
        "rows": [literal(row) for row in seeded],
        "drawn": [literal(s) for table in rows.tables() for s in beyond(table)],
        "rows_say": f"{len(seeded)} that the function needs" if seeded else "none",
        "left": [literal(state(table)) for table in tables],
        "emptied": literal(f"TRUNCATE {', '.join(map(quoted, touched))} RESTART IDENTITY CASCADE"),
        "decides": literal(deciding(case)),
        "imports": sorted(call.imports),
        "lines": partial(said, call.lines, other.lines),
        "differ": call.lines != other.lines,
        "handle": call.handle,
        "pooled": call.pool,
        "asynchronous": case.operation.is_async,
        "awaited": case.operation.is_async and kind != "django",
        "library_module": "asyncpg" if kind == "asyncpg" else "",
        "cursor": cursor(kind, case.operation),
        "methods": '("execute", "fetch", "fetchrow", "fetchval")' if kind == "asyncpg" else '("execute",)',
        "settings": literal(setting.settings),
        "model": case.table.model.rpartition(".")[2],
        "model_import": "from {} import {}".format(*case.table.model.rpartition(".")[::2]),
        "schema": [literal(s) for table in {t.name: t for t in (*rows.tables(), *tables)}.values() for s in ddl(table)],
    }
    body = page(f"proof_{kind}.py.jinja", known)
    return name, page("proof.py.jinja", known | {"library": body})


def deciding(case: Case) -> str:
    """The statement that decides, as a pattern: a count is told from the row that was looked up before it."""
    aggregate = case.read.selection.aggregate if case.read is not None and case.read.selection is not None else ""
    counts = rf"\b{aggregate}\(.*" if aggregate in ("count", "sum", "max", "min") else ""
    return rf"^\s*SELECT\b.*{counts}\bFROM\s+\S*{re.escape(case.table.name.rpartition('.')[2])}\b"


def said(first: tuple[str, ...], second: tuple[str, ...], columns: int) -> str:
    """The calls of the two runs, as they stand in a function."""
    lines = list(first)
    if first != second:
        lines = ['if who == "A":', *(f"    {line}" for line in first), "else:", *(f"    {line}" for line in second)]
    return "\n".join(" " * columns + line for line in lines)


def cursor(kind: str, operation: Operation) -> str:
    """The class whose methods send statements."""
    if kind == "asyncpg":
        return "asyncpg.Connection"
    return "psycopg.AsyncCursor" if operation.is_async and kind != "django" else "psycopg.Cursor"


def page(name: str, known: dict[str, object]) -> str:
    folder = resources.files("datakeel.mend") / "templates"
    loader = FunctionLoader(lambda file: (folder / file).read_text(encoding="utf-8"))
    pages = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    return pages.get_template(name).render(known)


def compared(case: Case, system: System) -> list[Dataset]:
    """The tables that tell two outcomes apart. Of one row's value, or of a row that is there twice, its own table does;
    what is done because of a state shows in all that is written."""
    if case.finding.rule != "unguarded-state-transition":
        return [case.table]
    written = dict.fromkeys(e.dataset for e in case.operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL)
    return [d for d in map(system.dataset, written) if d is not None]


def found(finding: Finding, system: System) -> Case:
    if finding.rule not in RULES:
        raise Mistake(f"{finding.rule} has no proof yet; those of {', '.join(RULES)} have one")
    holders = (o for o in system.operations if o.symbol == finding.symbol and o.place.path == finding.place.path)
    operation = next(holders, None)
    if operation is None:
        raise Mistake(f"{finding.symbol or finding.place} cannot be called by a test: it is no function")
    places = {step.place for step in finding.story} | {finding.place}
    writes = [e for e in operation.of(Kind.WRITE) if e.place in places and e.dataset]
    write = next((e for e in writes if e.place == finding.place), next(iter(writes), None))
    table = system.dataset_of(write) if write is not None else None
    if write is None or table is None or not table.columns_complete or not table.schema.columns:
        raise Mistake(f"what {operation.symbol} writes, or the table, is not known well enough for a proof")
    read = next((e for e in operation.of(Kind.READ) if e.place in places and e.dataset == write.dataset), None)
    read = read or next((e for e in writes if e.verb == "get-or-create" and e.dataset == write.dataset), None)
    if read is None and not handed(write):
        raise Mistake(f"what {operation.symbol} reads before it writes is not known well enough for a proof")
    outside = next((e for e in operation.of(Kind.CALL) if e.store == StoreKind.REMOTE), None)
    if outside is not None:
        raise Mistake(
            f"{operation.symbol} calls {outside.technology or 'others'} too ({outside.place}), and a proof would "
            "really do it: move what it does to the data into a function of its own, and prove that"
        )
    return Case(finding, operation, read, write, table)


def handed(write: Effect) -> bool:
    """Whether the row that is written is one that the function is given."""
    return write.rows is not None and write.rows.root.startswith(ROOT) and not write.rows.path


def library(case: Case, text: str) -> str:
    """Whose connection the function uses."""
    name = case.write.technology
    plain = (
        "asyncpg" if case.operation.is_async and re.search(r"^\s*(?:import|from) asyncpg\b", text, re.M) else "psycopg"
    )
    kind = plain if name == "postgresql" else name
    if kind not in ("django", "sqlalchemy", "psycopg", "asyncpg"):
        raise Mistake(
            f"there are proofs for Django, SQLAlchemy, psycopg 3 and asyncpg, and none for {name or 'this library'}"
        )
    return kind


# Rows -----------------------------------------------------------------------------------------------------------------


class Rows:
    """The rows that must be there, those that others refer to first."""

    def __init__(self, case: Case, system: System, text: str) -> None:
        self.case = case
        self.system = system
        self.tested = room(case, text) | tested(case)
        self.handed: tuple[Dataset, ...] = ()  # the tables of the rows that the function is given
        self.many = rows_before(case)  # of the story's table

    def all(self) -> Iterator[str]:
        for table in self.tables():
            many = self.many if table is self.case.table else 1
            yield from (self.insert(table, number) for number in range(1, many + 1))

    def tables(self) -> list[Dataset]:
        """The table of the story, and those whose rows the function is given, each behind all that it refers to."""
        found = {t.name: t for table in (*self.handed, self.case.table) for t in self.needed(table)}
        return list(found.values())

    def needed(self, table: Dataset, depth: int = 0) -> list[Dataset]:
        """A table, behind all that it must refer to."""
        found: list[Dataset] = []
        for column in self.filled(table):
            parent = table_named(self.system, column.references.rpartition(".")[0]) if column.references else None
            if parent is not None and parent is not table and depth < DEEP:
                found += [t for t in self.needed(parent, depth + 1) if t not in found]
        return [*found, table]

    def filled(self, table: Dataset) -> list[Column]:
        key = table.schema.primary_key()
        return [
            c
            for c in table.schema.columns
            if c.name in key or (not c.nullable and not by_store(c)) or c.name in self.tested
        ]

    def key(self, table: Dataset) -> str:
        return next(iter(table.schema.primary_key()), "id")

    def insert(self, table: Dataset, number: int = 1) -> str:
        columns = self.filled(table)
        names = ", ".join(f'"{c.name}"' for c in columns)
        values = ", ".join(self.value(table, c, number) for c in columns)
        return f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({values})"

    def value(self, table: Dataset, column: Column, number: int = 1) -> str:
        """What a column holds in a row that is there, as SQL; `number` is that of the row, where the story's table has
        several."""
        if table is self.case.table and column.name in self.tested:
            return self.tested[column.name]
        own = number if table is self.case.table else 1
        if column.name in table.schema.primary_key() and not re.search("char|text|uuid|string", column.type):
            return str(own)
        if column.type == "boolean" and table is table_of_users(self.system):
            return "true"  # who may do all
        if column.references:
            parent = table_named(self.system, column.references.rpartition(".")[0])
            target = parent.column(column.references.rpartition(".")[2]) if parent is not None else None
            return (
                self.value(parent, target)
                if parent is not None and target is not None and target is not column
                else "1"
            )
        for pattern, value in VALUES:
            if re.search(pattern, column.type.lower()):
                return value if own == 1 or not alone(table, column) else another(value, own)
        raise Mistake(f"what {table.name}.{column.name} holds ({column.type or 'no type is known'}) cannot be made up")


def tested(case: Case) -> dict[str, str]:
    """The columns of the row that a condition compares with a constant: they hold what lets the function go on."""
    found: dict[str, str] = {}
    for asked in case.read.predicates if case.read is not None and case.finding.rule == "write-skew" else ():
        if asked.operator == "=" and re.fullmatch(CONSTANT, asked.value.removeprefix("const:")):
            value = asked.value.removeprefix("const:")
            found[asked.column] = value.lower() if value in ("True", "False") else value
    number = case.read.number if case.read is not None else -1
    for guard in case.write.guards:
        columns = {s.path[-1] for s in guard.sources if s.kind == "read" and s.number == number and s.path}
        same = guard.test == "==" and guard.polarity
        if len(columns) == 1 and same and re.fullmatch(CONSTANT, guard.text.removeprefix("const:")):
            value = guard.text.removeprefix("const:")
            found[columns.pop()] = value.lower() if value in ("True", "False") else value
    return found


def room(case: Case, text: str) -> dict[str, str]:
    """Numbers that leave room for two changes, where an order is asked for: of the column and a number, or of two
    columns."""
    column = next((a.column for a in case.write.assigned if any(s.path[-1:] == (a.column,) for s in a.sources)), "")
    spot = place_of(case.write)
    if spot.path != case.operation.place.path:
        return {}
    try:
        site = Draft(text, spot.path)
        offset = site.offset(spot.line, spot.column)
        asked = guarded(site, function_at(site, offset), column, offset).condition
    except (Refused, SyntaxError, ValueError):
        return {}
    if asked.own and asked.sign in ORDERS:
        return {asked.own: "1" if asked.sign in (">", ">=") else "1000"}
    if asked.sign in ORDERS and asked.bound.isdigit() and not asked.shift:
        return {column: str(int(asked.bound) + (100 if asked.sign in (">", ">=") else -2))}
    return {}


def alone(table: Dataset, column: Column) -> bool:
    """Whether no two rows may hold the same."""
    return any(i.unique and i.columns == (column.name,) for i in table.schema.indexes)


def another(value: str, number: int) -> str:
    """Another value of the same kind."""
    if value.isdigit():
        return str(int(value) + number)
    return f"{value[: -1 - len(str(number))]}{number}'" if len(value) > len("'xxxx'") else f"{value[:-1]}{number}'"


def rows_before(case: Case) -> int:
    """How many rows of the story's table are there before: none where the function looks for one that is absent; of a
    set that is counted, so many that one of the two runs may go on, and not both. Raises Mistake."""
    if case.finding.rule == "check-then-insert":
        return 0
    if case.finding.rule != "write-skew" or case.read is None:
        return 1
    guard = next((g for g in case.write.guards if any(s.number == case.read.number for s in g.sources)), None)
    asked = kept(guard) if guard is not None else None
    adds = case.write.verb == "insert"
    if asked is None or case.read.dataset != case.write.dataset:
        raise Mistake(f"{case.finding.place}: how many rows may be there is not known well enough for a proof")
    sign, bound = asked
    few = (
        {"<": bound - 1, "<=": bound, "==": bound}
        if adds
        else {">": bound + 1, ">=": bound, "==": bound, "!=": bound + 1}
    )
    found = few.get(sign, -1)
    if not (0 if adds else 2) <= found <= MOST:
        raise Mistake(f"{case.finding.place}: a proof would need {max(found, 0)} rows of {case.table.name}")
    plain = (p.operator == "=" or (found == 0) for p in case.read.predicates)
    if not all(plain):
        raise Mistake(f"{case.finding.place}: which rows are counted is not known well enough for a proof")
    return found


def kept(guard: Guard) -> tuple[str, int] | None:
    """What is asked of a count where the write happens."""
    opposite = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
    if guard.test in ("truth", "exists"):
        return (">", 0) if guard.polarity else ("<", 1)
    if guard.test not in opposite or not guard.text.removeprefix("const:").isdigit():
        return None
    return guard.test if guard.polarity else opposite[guard.test], int(guard.text.removeprefix("const:"))


def by_store(column: Column) -> bool:
    """Whether the store fills a column that an insert leaves out."""
    return column.default is not None and column.default in ("identity", "nextval", "now()", "CURRENT_TIMESTAMP")


def beyond(table: Dataset) -> Iterator[str]:
    """Numbers that the store draws are others than those of the rows that are there."""
    for name in table.schema.primary_key():
        column = table.column(name)
        if column is not None and by_store(column):
            yield f"SELECT setval(pg_get_serial_sequence('{quoted(table.name)}', '{name}'), 1000)"


def state(table: Dataset) -> str:
    """What tells two outcomes apart: neither numbers that the store draws nor times."""
    drawn = {n for n in table.schema.primary_key() if (c := table.column(n)) is not None and by_store(c)}
    told = [c.name for c in table.schema.columns if c.name not in drawn and not re.search("time|date|uuid", c.type)]
    names = ", ".join(f'"{name}"' for name in told) or "1"
    return f"SELECT {names} FROM {quoted(table.name)} ORDER BY {', '.join(str(n + 1) for n in range(len(told))) or '1'}"


def ddl(table: Dataset) -> Iterator[str]:
    """A table as the schema has it."""
    key = table.schema.primary_key()
    columns = [definition(c, by_store(c) and c.name in key) for c in table.schema.columns]
    keys = [f"PRIMARY KEY ({', '.join(key)})"] if key else []
    keys += [f"UNIQUE ({', '.join(i.columns)})" for i in table.schema.indexes if i.unique and not i.primary and i.total]
    yield f"CREATE TABLE {quoted(table.name)} ({', '.join((*columns, *keys))})"


def definition(column: Column, drawn: bool) -> str:
    kind = "bigint GENERATED BY DEFAULT AS IDENTITY" if drawn else column.type or "text"
    default = f" DEFAULT {column.default}" if column.default and not drawn and column.default != "nextval" else ""
    return f'"{column.name}" {kind}{"" if column.nullable else " NOT NULL"}{default}'


def quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


def literal(text: str) -> str:
    """A text as a formatter would write it."""
    plain = repr(text)
    return plain if '"' in text or plain.startswith('"') else f'"{plain[1:-1]}"'
