"""A finding of transactions → a test that plays its story on a real PostgreSQL: it calls the user's function twice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from msgspec import Struct

from datakeel.finding import Finding
from datakeel.mistake import Mistake
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System

RULES = ("lost-update", "check-then-insert", "unguarded-state-transition")
HANDLES = {
    "sqlalchemy": re.compile(r"(?i)\b(scoped_)?session\b|^db$"),
    "psycopg": re.compile(r"(?i)\b(connection|conn)\b"),
}
DEEP = 4  # rows that a row refers to, and those that they do
# what a column of a type holds where nothing else is known
VALUES = (
    (r"uuid", "'00000000-0000-4000-8000-000000000001'"),
    (r"bool", "false"),
    (r"timestamp|datetime", "'2024-01-01 00:00:00+00'"),
    (r"^date", "'2024-01-01'"),
    (r"^time", "'00:00:00'"),
    (r"json", "'{}'"),
    (r"\[\]|array", "'{}'"),
    (r"bytea|binary|blob", "'x'"),
    (r"int|serial|numeric|decimal|float|double|real|money", "100"),
    (r"char|text|string|citext|varchar|^enum", "'x'"),
)


class Case(Struct, frozen=True):
    """What a proof rests on: the read that decides, the write, and the function that holds both."""

    finding: Finding
    operation: Operation
    read: Effect
    write: Effect
    table: Dataset


class Parameter(Struct, frozen=True):
    """One of a function's, as its text says."""

    name: str
    annotation: str
    given: bool  # it has a default


class Setting(Struct, frozen=True):
    """Where the function is: its file's text, the folder that its package stands in, Django's settings."""

    text: str
    root: str = "."
    settings: str = "settings"


def proof(finding: Finding, system: System, setting: Setting) -> tuple[str, str]:
    """The name and the text of a test. Raises Mistake where the statements or the schema do not tell enough."""
    case = found(finding, system)
    module = case.operation.name.removesuffix("." + case.operation.symbol)
    kind = library(case)
    parameters = signature(case, setting.text)
    rows = Rows(case, system)
    handle = next((p.name for p in parameters if kind in HANDLES and is_handle(p, kind)), "")
    if kind != "django" and not handle:
        raise Mistake(f"{case.operation.symbol} is not handed its session or connection: no test can give it one")
    key = rows.key(case.table)
    values = {p.name: p.name if p.name == handle else argument(case, p, key, rows) for p in parameters if not p.given}
    call = f"{case.operation.symbol}({', '.join(f'{name}={value}' for name, value in values.items())})"
    name = f"test_{finding.rule.replace('-', '_')}_{case.operation.symbol.lower()}.py"
    seeded = tuple(rows.all(absent=finding.rule == "check-then-insert"))
    written = dict.fromkeys(e.dataset for e in case.operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL)
    tables = [d for d in map(system.dataset, written) if d is not None]
    touched = dict.fromkeys(table.name for table in (*rows.needed(case.table), *tables))
    known: dict[str, object] = {
        "rule": finding.rule,
        "path": finding.place.path,
        "symbol": case.operation.symbol,
        "name": name,
        "story": [f"{step.place}: {step.message}" for step in finding.story],
        "root": literal(setting.root),
        "rows": [literal(row) for row in seeded],
        "rows_say": f"{len(seeded)} that the function needs" if seeded else "none",
        "left": [literal(state(table)) for table in tables],
        "emptied": literal(f"TRUNCATE {', '.join(map(quoted, touched))} RESTART IDENTITY CASCADE"),
        "decides": literal(rf"^\s*SELECT\b.*\bFROM\s+\S*{re.escape(case.table.name.rpartition('.')[2])}\b"),
        "imports": [f"from {module} import {case.operation.symbol}"],
        "call": call,
        "handle": handle,
        "settings": literal(setting.settings),
        "model": case.table.model.rpartition(".")[2],
        "model_import": "from {} import {}".format(*case.table.model.rpartition(".")[::2]),
        "schema": [
            literal(s)
            for table in {t.name: t for t in (*rows.needed(case.table), *tables)}.values()
            for s in ddl(table)
        ],
    }
    body = page(f"proof_{kind}.py.jinja", known)
    return name, page("proof.py.jinja", known | {"library": body})


def page(name: str, known: dict[str, object]) -> str:
    folder = resources.files("datakeel.mend") / "templates"
    loader = FunctionLoader(lambda file: (folder / file).read_text(encoding="utf-8"))
    pages = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    return pages.get_template(name).render(known)


def found(finding: Finding, system: System) -> Case:
    if finding.rule not in RULES:
        raise Mistake(f"{finding.rule} has no proof yet; those of {', '.join(RULES)} have one")
    holders = (o for o in system.operations if o.symbol == finding.symbol and o.place.path == finding.place.path)
    operation = next(holders, None)
    if operation is None or "." in operation.symbol or operation.is_async:
        raise Mistake(f"{finding.symbol or finding.place} cannot be called by a test: it is no plain function")
    places = {step.place for step in finding.story} | {finding.place}
    writes = [e for e in operation.of(Kind.WRITE) if not e.chain and e.place in places and e.dataset]
    write = next((e for e in writes if e.place == finding.place), next(iter(writes), None))
    reads = (e for e in operation.of(Kind.READ) if not e.chain and write is not None and e.dataset == write.dataset)
    read = next((e for e in reads if e.place in places), None)
    table = system.dataset_of(write) if write is not None else None
    if write is None or read is None or table is None or not table.columns_complete or not table.schema.columns:
        raise Mistake(f"what {operation.symbol} reads and writes, or the table, is not known well enough for a proof")
    return Case(finding, operation, read, write, table)


def library(case: Case) -> str:
    """Whose connection the function uses."""
    name = case.write.technology
    kind = "psycopg" if name == "postgresql" else name
    if kind not in ("django", "sqlalchemy", "psycopg"):
        raise Mistake(f"there are proofs for Django, SQLAlchemy and psycopg 3, and none for {name or 'this library'}")
    return kind


def signature(case: Case, text: str) -> list[Parameter]:
    tree = ast.parse(text)
    line = case.operation.place.line
    here = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == case.operation.symbol)
    function = next((n for n in here if n.lineno <= line <= (n.end_lineno or line) or n.lineno == line), None)
    if function is None:
        raise Mistake(f"{case.operation.symbol} cannot be called by a test: its text is not plain")
    if any(dotted(d).rpartition(".")[2] in ("shared_task", "task") for d in function.decorator_list):
        raise Mistake(f"{case.operation.symbol} is a task: call what it does from a function, and prove that")
    positional = [*function.args.posonlyargs, *function.args.args]
    defaults = len(positional) - len(function.args.defaults)
    listed = [parameter(a, n >= defaults) for n, a in enumerate(positional)]
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return listed + [parameter(a, d is not None) for a, d in pairs]


def dotted(node: ast.expr) -> str:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def parameter(node: ast.arg, given: bool) -> Parameter:
    return Parameter(node.arg, ast.unparse(node.annotation) if node.annotation is not None else "", given)


def is_handle(parameter: Parameter, kind: str) -> bool:
    said = parameter.annotation.strip("\"'").rpartition(".")[2].partition("[")[0] or parameter.name
    return bool(HANDLES[kind].search(said) or HANDLES[kind].search(parameter.name))


def argument(case: Case, parameter: Parameter, key: str, rows: Rows) -> str:
    """What the function is called with: the key of the row that is there, what a column takes, or a small number."""
    column = asked(case.read, parameter.name) or stored(case.write, parameter.name)
    known = case.table.column(key if column in ("pk", "id") else column) if column else None
    if known is not None:
        return python(rows.value(case.table, known))
    said = parameter.annotation.strip("\"'")
    if said in ("", "int", "float", "Decimal", "decimal.Decimal"):
        return "1"
    if said == "str":
        return '"x"'
    raise Mistake(f"{case.operation.symbol} takes {parameter.name}: {said}, which no test can make up")


def asked(read: Effect, name: str) -> str:
    """The column that a parameter is compared with."""
    predicates = read.selection.predicates if read.selection is not None else ()
    return next(
        (p.column for p in predicates for s in p.sources if (s.kind, s.name, s.path) == ("parameter", name, ())), ""
    )


def stored(write: Effect, name: str) -> str:
    """The column that takes a parameter as it is."""
    only = (a for a in write.assigned if len(a.sources) == 1 and write.verb == "insert")
    return next((a.column for a in only if (a.sources[0].kind, a.sources[0].name) == ("parameter", name)), "")


def python(sql: str) -> str:
    return {"true": "True", "false": "False"}.get(sql, sql)


# Rows -----------------------------------------------------------------------------------------------------------------


class Rows:
    """The rows that must be there, those that others refer to first."""

    def __init__(self, case: Case, system: System) -> None:
        self.case = case
        self.system = system
        self.tested = tested(case)

    def all(self, *, absent: bool) -> Iterator[str]:
        tables = self.needed(self.case.table)
        yield from (self.insert(table) for table in tables if not (absent and table is self.case.table))

    def needed(self, table: Dataset, depth: int = 0) -> list[Dataset]:
        """A table, behind all that it must refer to."""
        found: list[Dataset] = []
        for column in self.filled(table):
            parent = self.system.dataset(column.references.rpartition(".")[0]) if column.references else None
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

    def insert(self, table: Dataset) -> str:
        columns = self.filled(table)
        names = ", ".join(f'"{c.name}"' for c in columns)
        return f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({', '.join(self.value(table, c) for c in columns)})"

    def value(self, table: Dataset, column: Column) -> str:
        """What a column holds in the row that is there, as SQL."""
        if table is self.case.table and column.name in self.tested:
            return self.tested[column.name]
        if column.name in table.schema.primary_key() and not re.search("char|text|uuid|string", column.type):
            return "1"
        if column.references:
            parent = self.system.dataset(column.references.rpartition(".")[0])
            target = parent.column(column.references.rpartition(".")[2]) if parent is not None else None
            return (
                self.value(parent, target)
                if parent is not None and target is not None and target is not column
                else "1"
            )
        for pattern, value in VALUES:
            if re.search(pattern, column.type.lower()):
                return value
        raise Mistake(f"what {table.name}.{column.name} holds ({column.type or 'no type is known'}) cannot be made up")


def tested(case: Case) -> dict[str, str]:
    """The columns of the row that a condition compares with a constant: they hold what lets the function go on."""
    found: dict[str, str] = {}
    for guard in case.write.guards:
        columns = {s.path[-1] for s in guard.sources if s.kind == "read" and s.number == case.read.number and s.path}
        same = guard.test == "==" and guard.polarity
        if len(columns) == 1 and same and re.fullmatch(r"'[^'\\]*'|\d+|True|False", guard.text.removeprefix("const:")):
            value = guard.text.removeprefix("const:")
            found[columns.pop()] = value.lower() if value in ("True", "False") else value
    return found


def by_store(column: Column) -> bool:
    """Whether the store fills a column that an insert leaves out."""
    return column.default is not None and column.default in ("identity", "nextval", "now()", "CURRENT_TIMESTAMP")


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
