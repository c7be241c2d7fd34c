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
    "sqlalchemy": re.compile(r"(?i)\b(scoped_|async_?)?session\b|^db$"),
    "psycopg": re.compile(r"(?i)\b(async)?(connection|conn)\b"),
    "asyncpg": re.compile(r"(?i)\b(connection|conn|pool)\b"),
}
NUMBERS = ("", "int", "float", "Decimal", "decimal.Decimal")
KEY = re.compile(r"(?:^|_)(?:id|pk|key|code|uuid)$")  # what is called so is a value, not the row that it names
USER = "auth_user"  # Django's own, which no file of the project declares
ROOT = "parameter:"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef
REQUESTS = ("HttpRequest", "Request", "WSGIRequest", "ASGIRequest")
VERBS = ("get", "post", "put", "patch", "delete")
# what a view takes out of its request, and that it wants to know who asks
SENT = re.compile(r"request\.(?:POST|data)(?:\.get\(|\[)\s*[\"'](\w+)[\"']")
ASKED = re.compile(r"request\.(?:GET|query_params)(?:\.get\(|\[)\s*[\"'](\w+)[\"']")
PERMITTED = re.compile(r"(?i)login|permission|staff|user_passes")


class Parameter(Struct, frozen=True):
    """One of a function's, as its text says."""

    name: str
    annotation: str
    given: bool  # it has a default


class Call(Struct, frozen=True):
    """A call as a test writes it, line by line, what it imports, and the tables of the rows that it is handed. `handle`
    is the parameter that takes the session or connection, which may be a `pool` of them; empty where the library needs
    none."""

    lines: tuple[str, ...]
    imports: tuple[str, ...]
    handle: str = ""
    tables: tuple[Dataset, ...] = ()
    pool: bool = False


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
        self.tells = False  # by True and False whether it has done something

    def call(self, text: str) -> Call:
        """Raises Mistake where no test can call it, with the reason."""
        function, holder = located(self.operation, text)
        listed = parameters(function)
        self.tells = {True, False} <= returned(function)
        decorators = {dotted(d).rpartition(".")[2] for d in function.decorator_list}
        if any(self.requested(p) for p in listed):
            return self.answered(function, holder, listed, text)
        if holder is None:
            bound = any(k.arg == "bind" for d in function.decorator_list if isinstance(d, ast.Call) for k in d.keywords)
            self.imports[f"from {self.module} import {self.symbol}"] = None
            return self.made(self.symbol, listed[1:] if bound else listed)  # a task is handed itself
        own = listed if "staticmethod" in decorators else listed[1:]
        self.handle = self.handle_of(own)
        self.imports[f"from {self.module} import {holder.name}"] = None
        bound = bool(decorators & {"staticmethod", "classmethod"})
        receiver = holder.name if bound else self.receiver(holder, listed[0].name if listed else "self")
        return self.made(f"{receiver}.{function.name}", own)

    @property
    def symbol(self) -> str:
        return self.operation.symbol

    def requested(self, parameter: Parameter) -> bool:
        """Whether a parameter is a web request."""
        return parameter.name == "request" or parameter.annotation.strip("\"'").rpartition(".")[2] in REQUESTS

    def made(self, head: str, listed: list[Parameter]) -> Call:
        self.handle = self.handle or self.handle_of(listed)
        if self.kind != "django" and not self.handle:
            raise Mistake(f"{self.symbol} is not handed its session or connection: no test can give it one")
        given = [f"{p.name}={self.argument(p)}" for p in listed if not p.given or p.name == self.handle]
        call = f"{self.waited}{head}({', '.join(given)})"
        line = f'assert {call} is not False, "it says that it did nothing"' if self.tells else call
        return self.told(line, pool=any(pooled(p, self.handle) for p in listed))

    def told(self, *lines: str, pool: bool = False) -> Call:
        return Call(lines, tuple(self.imports), self.handle, tuple(self.tables.values()), pool)

    @property
    def waited(self) -> str:
        return "await " if self.operation.is_async else ""

    def answered(self, function: Function, holder: ast.ClassDef | None, listed: list[Parameter], text: str) -> Call:
        """A view of Django, or of its REST framework, called with a request that is made up."""
        if self.kind != "django":
            raise Mistake(
                f"{self.symbol} takes a web request, which no test can make up: move what it does to the data into "
                "a function of its own, and prove that"
            )
        source = ast.get_source_segment(text, function) or ""
        rest = "rest_framework" in text
        factory = "APIRequestFactory" if rest else "RequestFactory"
        framework = "rest_framework.test import APIRequestFactory, force_authenticate"
        self.imports[f"from {framework if rest else 'django.test import RequestFactory'}"] = None
        verb = function.name if holder is not None and function.name in VERBS else asked_with(function)
        sent = {name: self.sent(name) for name in SENT.findall(source)}
        asked = "&".join(f"{name}={self.sent(name)}" for name in ASKED.findall(source))
        body = ", ".join(f'"{name}": "{value}"' for name, value in sent.items())
        path = f"/?{asked}" if asked else "/"
        lines = [f'request = {factory}().{verb}("{path}"' + (f", {{{body}}})" if body else ")")]
        lines += self.known_to(source, function, holder, rest)
        own = listed[1:] if holder is not None else listed
        given = "".join(f", {p.name}={self.argument(p)}" for p in own if not p.given and not self.requested(p))
        name = holder.name if holder is not None else self.symbol
        self.imports[f"from {self.module} import {name}"] = None
        if holder is not None:
            sets = any("viewset" in dotted(b).lower() for b in holder.bases)
            name += f'.as_view({{"{verb}": "{function.name}"}})' if sets else ".as_view()"
        lines += [
            f"answer = {self.waited}{name}(request{given})",
            "assert answer.status_code < 400, answer.status_code",
        ]
        return self.told(*lines)

    def known_to(self, source: str, function: Function, holder: ast.ClassDef | None, rest: bool) -> Iterator[str]:
        """Who asks, and what middleware would have put into the request."""
        guards = " ".join(dotted(d) for d in (*function.decorator_list, *(holder.bases if holder is not None else ())))
        user = table_of_users(self.system)
        if user is not None and (rest or "request.user" in source or PERMITTED.search(guards)):
            row = self.row(user)
            yield f"force_authenticate(request, user={row})" if rest else f"request.user = {row}"
        if "session" in source:
            yield "request.session = {}"
        if "messages." in source:
            self.imports["from django.contrib.messages.storage.cookie import CookieStorage"] = None
            yield "request._messages = CookieStorage(request)"

    def sent(self, name: str) -> str:
        """What a form, or a query, holds under a name."""
        for table, column in self.columns_for(name):
            return self.value(table, column).strip("'")
        return "1"

    def handle_of(self, listed: list[Parameter]) -> str:
        return next((p.name for p in listed if self.kind in HANDLES and is_handle(p, self.kind)), "")

    # What it is called on -----------------------------------------------------------------------------------------

    def receiver(self, holder: ast.ClassDef, own: str) -> str:
        """A row that is there, for a model's method; else an object that needs nothing but the session."""
        table = next((d for d in self.system.datasets if d.model == f"{self.module}.{holder.name}"), None)
        if table is not None:
            return self.row(table)
        starts = [n for n in holder.body if isinstance(n, FUNCTIONS) and n.name in ("__init__", "__new__")]
        if any(dotted(b) not in ("object", "ABC", "Protocol") for b in holder.bases) or holder.decorator_list:
            raise Mistake(
                f"{self.symbol} cannot be called by a test: how an object of {holder.name} is made stands in a class "
                "that it builds on"
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
        if table is table_of_users(self.system):
            self.imports["from django.contrib.auth import get_user_model"] = None
            return f"get_user_model().objects.get(pk={value})"
        module, _, name = table.model.rpartition(".")
        if not name[:1].isupper() or table.inherited is not None:
            raise Mistake(f"{self.symbol} takes a row of {table.name}, which no test can make up")
        self.imports[f"from {module} import {name}"] = None
        found = f"{name}.objects.{'aget' if self.operation.is_async else 'get'}(pk={value})"
        if self.kind == "sqlalchemy" and self.handle:
            found = f"{self.handle}.get({name}, {value})"
        if self.kind in ("django", "sqlalchemy") and (self.kind == "django" or self.handle):
            return f"({self.waited}{found})" if self.operation.is_async else found
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
        if said in ("str", "bool"):
            return '"x"' if said == "str" else "True"
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


def table_of_users(system: System) -> Dataset:
    """The project's own table of users, or Django's."""
    own = (d for d in system.datasets if d.model and d.column("password") and d.column("last_login"))
    return next(own, USERS)


def asked_with(function: Function) -> str:
    """The method of HTTP that a view is made for, as its decorators say."""
    said = [n.value for d in function.decorator_list for n in ast.walk(d) if isinstance(n, ast.Constant)]
    named = [v.lower() for v in said if isinstance(v, str) and v.lower() in VERBS]
    required = {dotted(d).rpartition(".")[2] for d in function.decorator_list}
    return next(iter(named), "get" if required & {"require_GET", "require_safe"} else "post")


def returned(function: Function) -> set[object]:
    """The constants that a function gives back."""
    values = (n.value for n in ast.walk(function) if isinstance(n, ast.Return))
    return {v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, bool)}


def pooled(parameter: Parameter, handle: str) -> bool:
    return parameter.name == handle and "pool" in f"{parameter.name} {parameter.annotation}".lower()


def located(operation: Operation, text: str) -> tuple[Function, ast.ClassDef | None]:
    """A function, and the class that it is a method of. Raises Mistake where it is no plain one."""
    line, name = operation.place.line, operation.symbol.rpartition(".")[2]
    tree = ast.parse(text)
    holders = [n for n in tree.body if isinstance(n, ast.ClassDef)]
    for holder, body in ((None, tree.body), *((h, h.body) for h in holders)):
        for node in body:
            if isinstance(node, FUNCTIONS) and node.name == name and around(node, line):
                return node, holder
    raise Mistake(f"{operation.symbol} cannot be called by a test: it stands inside another function or class")


def around(node: Function, line: int) -> bool:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return first <= line <= (node.end_lineno or line)


def parameters(function: Function) -> list[Parameter]:
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
    plain = {"true": "True", "false": "False"}.get(sql, sql)
    return f'"{plain[1:-1]}"' if plain[:1] == "'" and '"' not in plain else plain


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
