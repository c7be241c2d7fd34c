"""How a test calls a function of the user's: on what, and with what."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from datakeel.mistake import Mistake
from datakeel.model.dataset import Column, Dataset, Index, Schema
from datakeel.model.effect import Effect
from datakeel.model.operation import Operation
from datakeel.model.system import System

HANDLES = {
    "sqlalchemy": re.compile(r"(?i)\b(scoped_)?session\b|^db$"),
    "psycopg": re.compile(r"(?i)\b(connection|conn)\b"),
}
NUMBERS = ("", "int", "float", "Decimal", "decimal.Decimal")
KEY = re.compile(r"(?:^|_)(?:id|pk|key|code|uuid)$")  # what is called so is a value, not the row that it names
USER = "auth_user"  # Django's own, which no file of the project declares
ROOT = "parameter:"


class Parameter(Struct, frozen=True):
    """One of a function's, as its text says."""

    name: str
    annotation: str
    given: bool  # it has a default


class Call(Struct, frozen=True):
    """A call as a test writes it, what it imports, and the tables of the rows that it is handed. `handle` is the
    parameter that takes the session or connection; empty where the library needs none."""

    text: str
    imports: tuple[str, ...]
    handle: str = ""
    tables: tuple[Dataset, ...] = ()


class Caller:
    """Writes the call of one function. `value` gives what a column holds in the row that is there, as SQL."""

    def __init__(
        self,
        operation: Operation,
        read: Effect | None,
        write: Effect,
        system: System,
        kind: str,
        value: Callable[[Dataset, Column], str],
    ) -> None:
        self.operation, self.read, self.write, self.system, self.kind = operation, read, write, system, kind
        self.value = value
        self.module = operation.name.removesuffix("." + operation.symbol)
        self.imports: dict[str, None] = {}
        self.tables: dict[str, Dataset] = {}
        self.handle = ""

    def call(self, text: str) -> Call:
        """Raises Mistake where no test can call it, with the reason."""
        function, holder = located(self.operation, text)
        listed = parameters(function)
        decorators = {dotted(d).rpartition(".")[2] for d in function.decorator_list}
        if decorators & {"shared_task", "task"}:
            raise Mistake(f"{self.symbol} is a task: call what it does from a function, and prove that")
        if listed and self.handed(listed[0] if holder is None else listed[-1], "request"):
            raise Mistake(
                f"{self.symbol} takes a web request, which no test can make up: move what it does to the data into "
                "a function of its own, and prove that"
            )
        if holder is None:
            self.imports[f"from {self.module} import {self.symbol}"] = None
            return self.made(self.symbol, listed)
        own = listed if "staticmethod" in decorators else listed[1:]
        self.handle = self.handle_of(own)
        self.imports[f"from {self.module} import {holder.name}"] = None
        bound = bool(decorators & {"staticmethod", "classmethod"})
        receiver = holder.name if bound else self.receiver(holder, listed[0].name if listed else "self")
        return self.made(f"{receiver}.{function.name}", own)

    @property
    def symbol(self) -> str:
        return self.operation.symbol

    def handed(self, parameter: Parameter, name: str) -> bool:
        return parameter.name == name or parameter.annotation.strip("\"'").rpartition(".")[2] in (
            "HttpRequest",
            "Request",
        )

    def made(self, head: str, listed: list[Parameter]) -> Call:
        self.handle = self.handle or self.handle_of(listed)
        if self.kind != "django" and not self.handle:
            raise Mistake(f"{self.symbol} is not handed its session or connection: no test can give it one")
        given = [f"{p.name}={self.argument(p)}" for p in listed if not p.given or p.name == self.handle]
        return Call(f"{head}({', '.join(given)})", tuple(self.imports), self.handle, tuple(self.tables.values()))

    def handle_of(self, listed: list[Parameter]) -> str:
        return next((p.name for p in listed if self.kind in HANDLES and is_handle(p, self.kind)), "")

    # What it is called on -----------------------------------------------------------------------------------------

    def receiver(self, holder: ast.ClassDef, own: str) -> str:
        """A row that is there, for a model's method; else an object that needs nothing but the session."""
        table = next((d for d in self.system.datasets if d.model == f"{self.module}.{holder.name}"), None)
        if table is not None:
            return self.row(table)
        starts = [n for n in holder.body if isinstance(n, ast.FunctionDef) and n.name in ("__init__", "__new__")]
        if any(dotted(b) not in ("object", "ABC", "Protocol") for b in holder.bases) or holder.decorator_list:
            raise Mistake(
                f"{self.symbol} cannot be called by a test: what a {holder.name} is made with stands in another class"
            )
        wanted = [p for n in starts for p in parameters(n)[1:] if not p.given]
        handles = [p for p in wanted if self.kind in HANDLES and is_handle(p, self.kind)]
        if wanted != handles[:1]:
            named = ", ".join(p.name for p in wanted if p not in handles)
            raise Mistake(f"{self.symbol} cannot be called by a test: a {holder.name} is made with {named}")
        if handles:
            self.handle = self.handle or handles[0].name
            return f"{holder.name}({handles[0].name}={self.handle})"
        return f"{holder.name}()"

    def row(self, table: Dataset) -> str:
        """The row of a table that is there."""
        key = next(iter(table.schema.primary_key()), "id")
        column = table.schema.column(key)
        value = python(self.value(table, column)) if column is not None else "1"
        self.tables[table.name] = table
        if table.name == USER:
            self.imports["from django.contrib.auth import get_user_model"] = None
            return f"get_user_model().objects.get(pk={value})"
        module, _, name = table.model.rpartition(".")
        if not name or table.inherited is not None:
            raise Mistake(f"{self.symbol} takes a row of {table.name}, which no test can make up")
        self.imports[f"from {module} import {name}"] = None
        if self.kind == "django":
            return f"{name}.objects.get(pk={value})"
        if self.kind == "sqlalchemy" and self.handle:
            return f"{self.handle}.get({name}, {value})"
        raise Mistake(f"{self.symbol} takes a row of {table.name}, which no test can make up")

    # What it is given ---------------------------------------------------------------------------------------------

    def argument(self, parameter: Parameter) -> str:
        """The session, a row that is there, its key, what a column takes, or a small number."""
        if parameter.name == self.handle:
            return self.handle
        table = self.row_type(parameter)
        if table is not None:
            return self.row(table)
        for table, column in self.columns_for(parameter.name):
            owner = self.referred(column)
            if owner is not None and not KEY.search(parameter.name) and self.kind == "django":
                return self.row(owner)
            return python(self.value(table, column))
        said = parameter.annotation.strip("\"'")
        if said in NUMBERS:
            return "1"
        if said == "str":
            return '"x"'
        raise Mistake(f"{self.symbol} takes {parameter.name}: {said}, which no test can make up")

    def row_type(self, parameter: Parameter) -> Dataset | None:
        """The table whose row a parameter is: by its annotation, or by what the function does to it."""
        said = parameter.annotation.strip("\"'").rpartition(".")[2]
        named = [d for d in self.system.datasets if said and d.model.rpartition(".")[2] == said]
        if len(named) == 1:
            return named[0]
        root = ROOT + parameter.name
        same = (e for e in self.operation.effects if e.rows is not None and (e.rows.root, e.rows.path) == (root, ()))
        return next((d for e in same if (d := self.system.dataset_of(e)) is not None), None)

    def columns_for(self, name: str) -> Iterator[tuple[Dataset, Column]]:
        """The columns that a parameter is compared with, or stored in as it is: those of the story first."""
        story = [e for e in (self.read, self.write) if e is not None]
        for effect in (*story, *self.operation.effects):
            table = self.system.dataset_of(effect)
            asked = asked_by(effect, name) or stored_by(effect, name)
            if table is not None and asked:
                key = next(iter(table.schema.primary_key()), "id")
                column = table.column(key if asked in ("pk", "id") else asked)
                yield from [(table, column)] if column is not None else []

    def referred(self, column: Column) -> Dataset | None:
        name = column.references.rpartition(".")[0]
        return table_named(self.system, name) if name else None


def table_named(system: System, name: str) -> Dataset | None:
    """A table of the project, or Django's own of users."""
    return system.dataset(name) or (USERS if name == USER else None)


def located(operation: Operation, text: str) -> tuple[ast.FunctionDef, ast.ClassDef | None]:
    """A function, and the class that it is a method of. Raises Mistake where it is no plain one."""
    if operation.is_async:
        raise Mistake(f"{operation.symbol} is asynchronous: there are proofs for plain functions and methods")
    line, name = operation.place.line, operation.symbol.rpartition(".")[2]
    tree = ast.parse(text)
    holders = [n for n in tree.body if isinstance(n, ast.ClassDef)]
    for holder, body in ((None, tree.body), *((h, h.body) for h in holders)):
        for node in body:
            if isinstance(node, ast.FunctionDef) and node.name == name and around(node, line):
                return node, holder
    raise Mistake(f"{operation.symbol} cannot be called by a test: it stands inside another function or class")


def around(node: ast.FunctionDef, line: int) -> bool:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return first <= line <= (node.end_lineno or line)


def parameters(function: ast.FunctionDef) -> list[Parameter]:
    positional = [*function.args.posonlyargs, *function.args.args]
    defaults = len(positional) - len(function.args.defaults)
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return [
        *(parameter(a, n >= defaults) for n, a in enumerate(positional)),
        *(parameter(a, d is not None) for a, d in pairs),
    ]


def parameter(node: ast.arg, given: bool) -> Parameter:
    return Parameter(node.arg, ast.unparse(node.annotation) if node.annotation is not None else "", given)


def dotted(node: ast.expr) -> str:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def is_handle(parameter: Parameter, kind: str) -> bool:
    said = parameter.annotation.strip("\"'").rpartition(".")[2].partition("[")[0] or parameter.name
    return bool(HANDLES[kind].search(said) or HANDLES[kind].search(parameter.name))


def asked_by(effect: Effect, name: str) -> str:
    """The column that a parameter is compared with."""
    predicates = effect.predicates
    found = ((p.column, s) for p in predicates for s in p.sources)
    return next((c for c, s in found if (s.kind, s.name, s.path) == ("parameter", name, ())), "")


def stored_by(write: Effect, name: str) -> str:
    """The column that takes a parameter as it is."""
    only = (a for a in write.assigned if len(a.sources) == 1 and write.verb in ("insert", "get-or-create"))
    return next((a.column for a in only if (a.sources[0].kind, a.sources[0].name) == ("parameter", name)), "")


def python(sql: str) -> str:
    return {"true": "True", "false": "False"}.get(sql, sql)


def columns_of_users() -> Iterator[Column]:
    yield Column("id", "integer", nullable=False, default="identity")
    for name in ("password", "username", "first_name", "last_name", "email"):
        yield Column(name, "varchar(150)", nullable=False)
    for name in ("is_superuser", "is_staff", "is_active"):
        yield Column(name, "boolean", nullable=False)
    yield Column("date_joined", "timestamptz", nullable=False)


USERS = Dataset(
    name=USER,
    model="django.contrib.auth.models.User",
    schema=Schema(tuple(columns_of_users()), (Index(("id",), unique=True, primary=True),)),
)
