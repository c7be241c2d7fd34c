"""Which relational product a project's code runs on, where no setting says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from datakeel.model.dataset import Dataset
from datakeel.read.program import Assign, Attribute, Global, Local
from datakeel.read.scripts import texts
from datakeel.read.symbols import Module

DRIVERS = {
    **dict.fromkeys(("psycopg", "psycopg2", "asyncpg", "aiopg", "pg8000", "django.contrib.postgres"), "postgresql"),
    "sqlalchemy.dialects.postgresql": "postgresql",
    **dict.fromkeys(("MySQLdb", "pymysql", "aiomysql", "asyncmy", "sqlalchemy.dialects.mysql"), "mysql"),
    **dict.fromkeys(("sqlite3", "aiosqlite"), "sqlite"),
}
ADDRESS = re.compile(r"database|sqlalchemy|(^|_)(db|dsn|sql)(_|$)", re.I)
SCHEME = re.compile(r"(?:(?P<postgresql>postgres)|(?P<mysql>mysql|mariadb)|(?P<sqlite>sqlite))[a-z0-9+]*://")
OWN_TYPES = re.compile(
    r"(?P<postgresql>jsonb|tsvector|citext|inet|cidr|hstore|bytea|\w+range$|\w+\[\])"
    r"|(?P<mysql>tinyint|mediumint|mediumtext|longtext|tinytext)"
)


def engine_of(modules: Iterable[Module], datasets: Iterable[Dataset]) -> str:
    """The product that imported drivers and dialects tell, else the addresses of databases, else the types of columns;
    empty where they tell of several servers, or of nothing. A file of SQLite's beside a server is for trying out."""
    modules = list(modules)
    imported = {DRIVERS[n] for m in modules for i in m.file.imports for n in heads(i.dotted) if n in DRIVERS}
    named = {engine for m in modules for engine in addressed(m)}
    typed = (e for d in datasets for c in d.schema.columns if (e := told_by(OWN_TYPES, c.type)))
    served = imported - {"sqlite"} or named - {"sqlite"} or set(typed)
    found = served or named | imported
    return next(iter(found)) if len(found) == 1 else ""


def heads(dotted: str) -> tuple[str, str]:
    """The package that an import names, and its first three names.

    >>> heads("sqlalchemy.dialects.postgresql.UUID")
    ('sqlalchemy', 'sqlalchemy.dialects.postgresql')
    """
    parts = dotted.split(".", 3)
    return parts[0], ".".join(parts[:3])


def addressed(module: Module) -> Iterator[str]:
    """The products that texts name by which a module, or a class of it, says where its database is."""
    fields = (field for cls in module.file.classes for field in cls.fields)
    for statement in (*module.file.constants, *fields):
        if isinstance(statement, Assign) and any(ADDRESS.search(last(t)) for t in statement.targets):
            yield from (engine for text in texts(statement.value) if (engine := told_by(SCHEME, text)))


def last(target: object) -> str:
    """The last name of what is assigned to."""
    match target:
        case Global(dotted):
            return dotted.rpartition(".")[2]
        case Local(name) | Attribute(name=name):
            return str(name)
    return ""


def told_by(signs: re.Pattern[str], text: str) -> str:
    """The product by whose sign a text begins."""
    found = signs.match(text)
    return found.lastgroup or "" if found is not None else ""
