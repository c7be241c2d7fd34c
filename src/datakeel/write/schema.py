"""What the migrations of a project make of a database: tables, indexes, functions, as far as we write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

TOKEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\$\$.*?\$\$|\w+|\s+|.", re.S)
CREATED = re.compile(
    r"CREATE (?:OR REPLACE )?(?P<unique>UNIQUE )?(?P<what>TABLE|INDEX|FUNCTION|TRIGGER) (?P<name>\w+)", re.I
)
SEED = re.compile(r"INSERT INTO (?P<name>\w+)", re.I)
ENDING = re.compile(
    r" (?=(?:NOT NULL|DEFAULT|PRIMARY KEY|UNIQUE|CHECK|REFERENCES|GENERATED|CONSTRAINT)\b)", re.I
)  # where a clause of a column begins
CONSTRAINT = re.compile(
    r"CONSTRAINT \w+ |PRIMARY KEY ?\(|UNIQUE ?\(|CHECK ?\(|FOREIGN KEY ?\(|EXCLUDE USING ", re.I
)  # where a part of a table is no column
LONGEST = 63  # bytes of a name, as PostgreSQL keeps it


class Column(Struct, frozen=True, kw_only=True):
    """`generated`: of a column that the database computes, the clause that says how."""

    type: str
    required: bool = False
    default: str = ""
    generated: str = ""

    @property
    def sql(self) -> str:
        """What stands behind its name."""
        null = "NOT NULL" if self.required else ""
        default = f"DEFAULT {self.default}" if self.default else ""
        return " ".join(filter(None, [self.type, null, default, self.generated]))


class Table(Struct, frozen=True, kw_only=True):
    """`constraints`: their clauses, by the names that they have in the database. `tail`: what stands behind the
    parenthesis, such as ``PARTITION BY RANGE (time)``."""

    columns: dict[str, Column]
    constraints: dict[str, str]
    tail: str = ""


class Index(Struct, frozen=True):
    """`rest`: what stands behind its name."""

    table: str
    rest: str
    unique: bool = False


class Schema(Struct, frozen=True, kw_only=True):
    """By name. `routines`: functions and triggers, as the statements that make them. `views`: of the tables that are
    derived from the log, who fills them: such a table can be made anew."""

    tables: dict[str, Table] = {}
    indexes: dict[str, Index] = {}
    routines: dict[str, str] = {}
    views: dict[str, str] = {}

    def of(self, table: str) -> dict[str, Index]:
        return {name: index for name, index in self.indexes.items() if index.table == table}


class Statement(Struct, frozen=True):
    """One statement of a migration: `what` it makes (``table``, ``index``, ``function``, ``trigger``; ``seed``: rows)
    under which `name`, with the comment before it in `text`, and without both in `plain`."""

    what: str
    name: str
    text: str
    plain: str


def schema(statements: Iterable[Statement]) -> Schema:
    """What the statements make of an empty database."""
    tables: dict[str, Table] = {}
    indexes: dict[str, Index] = {}
    routines: dict[str, str] = {}
    for statement in statements:
        if statement.what == "table":
            tables[statement.name] = _table(statement)
        elif statement.what == "index":
            rest = statement.plain.split(f" {statement.name} ", 1)[1]
            unique = statement.plain.upper().startswith("CREATE UNIQUE")
            indexes[statement.name] = Index(rest.split()[1], rest, unique)
        elif statement.what != "seed":
            routines[statement.name] = statement.plain
    return Schema(tables=tables, indexes=indexes, routines=routines)


def statements(sql: str) -> Iterator[Statement]:
    """The statements of a migration, in their order. Raises ValueError at one of a kind that we never write."""
    for text in split(sql, ";"):
        plain = normal(text)
        if not plain:
            continue
        found = CREATED.match(plain) or SEED.match(plain)
        if found is None:
            raise ValueError(f"a statement of an unknown kind: {plain[:80]}")
        what = found.groupdict().get("what")
        yield Statement(what.lower() if what else "seed", found["name"], text.strip("\n"), plain)


def split(text: str, separator: str) -> Iterator[str]:
    """The parts of a text between the separators that stand in no parenthesis, string or comment.

    >>> list(split("a (b, c), 'd,' -- e,", ","))
    ['a (b, c)', " 'd,' -- e,"]
    """
    part, depth = "", 0
    for token in TOKEN.findall(text):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == separator and not depth:
            yield part
            part = ""
        else:
            part += token
    yield part


def normal(text: str) -> str:
    """A text in one line, without comments, so that layout makes no difference.

    >>> normal("a (  -- why\\n  b,\\n  c\\n)")
    'a (b, c)'
    """
    made = ""
    for token in TOKEN.findall(text):
        if token.startswith("--") or token.isspace():
            made += "" if not made or made[-1] in " (" else " "
        else:
            made = (made.rstrip() if token in "),;" else made) + token
    return made.strip()


def _table(statement: Statement) -> Table:
    inside, tail = _parenthesis(statement.plain)
    columns: dict[str, Column] = {}
    constraints: dict[str, str] = {}
    for part in map(str.strip, split(inside, ",")):
        if CONSTRAINT.match(part):
            _constrain(statement.name, part, columns, constraints)
        else:
            _column(statement.name, part, columns, constraints)
    return Table(columns=columns, constraints=constraints, tail=tail)


def _parenthesis(text: str) -> tuple[str, str]:
    """What stands in the first parenthesis of a text, and what behind it."""
    inside, depth = "", 0
    begin = text.index("(")
    for token in TOKEN.findall(text[begin:]):
        inside += token
        depth += {"(": 1, ")": -1}.get(token, 0)
        if not depth:
            break
    return inside[1:-1], text[begin + len(inside) :].strip()


def _column(table: str, text: str, columns: dict[str, Column], constraints: dict[str, str]) -> None:
    name, _, rest = text.partition(" ")
    type_, *clauses = _clauses(rest)
    required, default, generated = False, "", ""
    for clause in clauses:
        word = clause.upper()
        if word == "NOT NULL":
            required = True
        elif word.startswith("DEFAULT "):
            default = clause[8:]
        elif word.startswith("GENERATED"):
            generated, required = clause, required or "IDENTITY" in word
        elif word == "PRIMARY KEY":
            constraints[shortened(table, "", "pkey")], required = f"PRIMARY KEY ({name})", True
        elif word == "UNIQUE":
            constraints[shortened(table, name, "key")] = f"UNIQUE ({name})"
        elif word.startswith("CHECK"):
            constraints[shortened(table, name, "check")] = clause
        elif word.startswith("REFERENCES"):
            constraints[shortened(table, name, "fkey")] = f"FOREIGN KEY ({name}) {clause}"
    columns[name] = Column(type=type_, required=required, default=default, generated=generated)


def _clauses(text: str) -> list[str]:
    """The type of a column and its clauses; what stands in parentheses or strings is no clause of its own."""
    parts: list[str] = []
    start = 0
    for match in ENDING.finditer(text):
        before = text[: match.start()]
        if before.count("(") == before.count(")") and before.count("'") % 2 == 0:
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]


def _constrain(table: str, text: str, columns: dict[str, Column], constraints: dict[str, str]) -> None:
    if text.upper().startswith("CONSTRAINT "):
        _, name, clause = text.split(" ", 2)
    else:
        clause = text
        inside = re.findall(r"\w+", re.sub(r"'[^']*'", "", clause))
        named = [word for word in dict.fromkeys(inside) if word in columns]
        ending = {"PRIMARY": "pkey", "UNIQUE": "key", "CHECK": "check", "FOREIGN": "fkey"}[clause.split()[0].upper()]
        whose = "" if ending == "pkey" or (ending == "check" and len(named) > 1) else "_".join(named)
        name = _free(shortened(table, whose, ending), constraints)
    constraints[name] = clause
    if clause.upper().startswith("PRIMARY KEY"):
        for column in re.findall(r"\w+", clause[len("PRIMARY KEY") :]):
            before = columns[column]
            columns[column] = Column(
                type=before.type, required=True, default=before.default, generated=before.generated
            )


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, with a number behind it where it is taken, as PostgreSQL chooses it."""
    return next(n for n in (name, *(f"{name}{i}" for i in range(1, 100))) if n not in taken)


def shortened(table: str, column: str, ending: str) -> str:
    """The name that PostgreSQL gives to a constraint without one: of its two parts the longer is cut (makeObjectName).

    >>> shortened("orders", "id", "key"), len(shortened("a" * 50, "b" * 48, "fkey"))
    ('orders_id_key', 63)
    """
    room = LONGEST - len(ending) - 1 - (1 if column else 0)
    while len(table) + len(column) > room:
        if len(table) > len(column):
            table = table[:-1]
        else:
            column = column[:-1]
    return "_".join(filter(None, [table, column, ending]))
