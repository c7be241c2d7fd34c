"""A file of SQL or CQL → changes of the schema, statements, and notes.

Migration tools put directions into comments and file names; only what runs forward counts. Statements keep their lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.place import Place
from datakeel.read.change import Change
from datakeel.read.program import Comment, Note
from datakeel.read.sql import words
from datakeel.read.sql.block import block_in, defining, keys_unseen
from datakeel.read.sql.ddl import read_changes
from datakeel.read.sql.migration import Migration, migration
from datakeel.read.sql.text import HOLE, Piece, marked, statements
from datakeel.read.statement import Statement, read_statement, unparsed

NOTED = 5  # notes on one file
LARGEST = 2_000_000  # characters; of a longer file only the definitions are read
_LONGEST_DEFINITION = 200_000
_ALIKE = 20  # inserts into one table that are read; further ones only fill it
_DATA = frozenset(
    ("select", "insert", "update", "delete", "upsert", "merge", "truncate", "copy", "lock", "call", "refresh", "notify")
)
_DDL = frozenset({"create", "alter", "drop", "rename", "comment"})


class Query(Struct, frozen=True, gc=False):
    """A statement that has a name for programs (sqlc, aiosql): ``-- name: GetUser :one``."""

    name: str
    kind: str
    line: int


class Definition(Struct, frozen=True, gc=False):
    """A view, routine, trigger or type that the file makes; `text` is its head."""

    kind: str
    name: str
    line: int
    text: str


class SqlFacts(Struct, frozen=True, gc=False, kw_only=True):
    """What one file says. `changes` and `statements` are in the file's order; a statement's `line` is the file's."""

    path: str = ""
    dialect: str = "postgres"
    migration: Migration = Migration()
    changes: tuple[Change, ...] = ()
    statements: tuple[Statement, ...] = ()
    queries: tuple[Query, ...] = ()
    definitions: tuple[Definition, ...] = ()
    notes: tuple[Note, ...] = ()
    comments: tuple[Comment, ...] = ()
    lines: int = 0
    dump: bool = False  # a copy of some database with its rows: what it had that day


def lines_of(text: str) -> int:
    """
    >>> lines_of(""), lines_of("SELECT 1"), lines_of("SELECT 1;\\n")
    (0, 1, 1)
    """
    return text.count("\n") + (text != "" and not text.endswith("\n"))


_COMMENT = re.compile(r"(?:--|/\*|\#)\s*datakeel:\s*(.*?)\s*(?:\*/.*)?$")


def comments_in(text: str) -> tuple[Comment, ...]:
    """The comments that speak to datakeel.

    >>> comments_in("SELECT 1; -- datakeel: ignore[lost-update] a report")
    (Comment(line=1, text='ignore[lost-update] a report', alone=False),)
    """
    if "datakeel:" not in text:
        return ()
    found = ((number, line, _COMMENT.search(line)) for number, line in enumerate(text.split("\n"), 1))
    return tuple(Comment(number, m[1], not line[: m.start()].strip()) for number, line, m in found if m)


def read_sql(text: str, path: str = "", dialect: str = "") -> SqlFacts:
    """Read one file; the dialect is guessed from its content where it is not given.

    >>> facts = read_sql("-- migrate:up\\nCREATE TABLE a (id int);\\n-- migrate:down\\nDROP TABLE a;", "1_a.sql")
    >>> [(c.kind, c.table, c.place.line) for c in facts.changes], facts.migration.tool
    ([('create-table', 'a', 2)], 'dbmate')
    """
    dialect = dialect or guessed_dialect(text, path)
    notes: list[Note] = []
    found = migration(text, path)
    if found.direction == "down":
        return SqlFacts(path=path, dialect=dialect, migration=found, lines=lines_of(text))
    if len(text) > LARGEST:
        notes.append(Note(1, f"{len(text) // 1_000_000} MB of SQL: only its definitions were read"))
        pieces = _definitions_of(text, dialect)
    else:
        pieces = _pieces(plain(found.forward(text)), dialect)
    reading = _Reading(path, dialect, found, notes)
    for piece in pieces:
        reading.read(piece)
    return SqlFacts(
        path=path,
        dialect=dialect,
        migration=found,
        changes=tuple(reading.changes),
        statements=tuple(reading.statements),
        queries=tuple(reading.queries),
        definitions=tuple(reading.definitions),
        notes=tuple(few(notes)),
        comments=comments_in(text),
        lines=lines_of(text),
        dump=_DUMP.search(text[:2000]) is not None and _ROWS.search(text) is not None,
    )


def few(notes: list[Note]) -> Iterator[Note]:
    """The first notes; how many follow is said in one."""
    yield from notes[:NOTED]
    rest = notes[NOTED:]
    if rest:
        yield rest[0] if len(rest) == 1 else Note(rest[0].line, f"from here on, {len(rest)} more statements like these")


class _Reading:
    """One file's statements, one after the other."""

    def __init__(self, path: str, dialect: str, found: Migration, notes: list[Note]) -> None:
        self.path = path
        self.dialect = dialect
        self.migration = found
        self.notes = notes
        self.changes: list[Change] = []
        self.statements: list[Statement] = []
        self.queries: list[Query] = []
        self.definitions: list[Definition] = []
        self.inserts: Counter[str] = Counter()
        self.begun = False
        self.namespace = ""  # of tables whose names say none

    def read(self, piece: Piece) -> None:
        word = words.first_word(piece.text, self.dialect)
        if word in _DDL:
            self.define(piece, word)
            return
        if word == "do":
            self.block(piece)
        elif word in ("set", "select"):
            self.search(piece)
        if word == "insert":
            head = piece.text[:60].split("(", 1)[0]
            self.inserts[head] += 1
            if self.inserts[head] > _ALIKE:
                return
        statement = read_statement(piece.text, self.dialect)
        if statement.verb in ("begin", "commit", "rollback"):
            self.begun = statement.verb == "begin"
        if statement.note:
            self.note(piece, statement)
        if statement.verb in _DATA and (statement.tables or statement.verb in ("lock", "call", "notify")):
            self.statements.append(replace(statement, line=piece.line))
        self.name(piece)

    def note(self, piece: Piece, statement: Statement) -> None:
        """Says what of a statement is not known; a template's marks, and rows that only fill a table, are expected."""
        if not statement.verb or (statement.verb != "insert" and not marked(piece.text, self.dialect).holes):
            self.notes.append(Note(piece.line, unparsed(statement)))

    def name(self, piece: Piece) -> None:
        for comment in piece.comments:
            found = _NAMED.match(comment)
            if found:
                self.queries.append(Query(found[1], found[2] or "", piece.line))

    def search(self, piece: Piece) -> None:
        """``SET search_path``: in which namespace tables stand from here on whose names say none."""
        found = _SEARCH_PATH.match(piece.text)
        if found:
            first = found[1].split(",")[0].strip(" \t\n\"'")
            self.namespace = "" if first in _NO_NAMESPACE else first

    def block(self, piece: Piece) -> None:
        """A ``DO`` block: what it defines is read as if nothing stood before it."""
        place = Place(self.path, piece.line, 0, piece.line + piece.text.count("\n"))
        text = block_in(piece.text)
        if text is None:
            return
        for inner in defining(text):
            self.change(read_changes(inner, self.dialect, place, self.namespace))
        if keys_unseen(text):
            self.change([Change(kind="unseen-keys", place=place)])

    def define(self, piece: Piece, word: str) -> None:
        place = Place(self.path, piece.line, 0, piece.line + piece.text.count("\n"))
        changes = read_changes(piece.text, self.dialect, place, self.namespace)
        self.change(changes)
        if word == "create" and all(c.kind == "create-view" for c in changes):
            self.keep(piece)

    def change(self, changes: list[Change]) -> None:
        transactional = self.begun or self.migration.transactional
        step = self.migration.name or self.path
        self.changes += [replace(c, step=step, transactional=transactional) for c in changes]

    def keep(self, piece: Piece) -> None:
        """What it creates that is no table."""
        kind = words.object_word(piece.text, self.dialect)
        if kind == "table" and not _SESSION.match(piece.text):
            self.notes.append(Note(piece.line, "a CREATE TABLE was not understood"))
        elif kind in ("view", "function", "procedure", "trigger", "type", "domain", "sequence", "keyspace"):
            name = words.object_name(piece.text, self.dialect)
            self.definitions.append(Definition(kind, name, piece.line, piece.text[:2000]))


_NAMED = re.compile(r"--\s*name:\s*([\w.-]+)\s*(:\w+|[\^$!#*]|<!)?", re.I)
_SEARCH_PATH = re.compile(
    r"\s*(?:set\s+(?:session\s+|local\s+)?search_path\s*(?:=|to)|set\s+schema|"
    r"select\s+(?:pg_catalog\.)?set_config\s*\(\s*'search_path'\s*,)\s*([\w$\"', \t]*)",
    re.I,
)
_DUMP = re.compile(r"^--\s*(?:PostgreSQL database (?:cluster )?dump|(?:MySQL|MariaDB) dump)\b", re.I | re.M)
_ROWS = re.compile(r"^(?:COPY\s[^;]*\bFROM\s+stdin\b|INSERT\s+INTO\b)", re.I | re.M)
_NO_NAMESPACE = ("", "public", "$user", "default", "pg_catalog")
_SESSION = re.compile(r"create\s+(?:global\s+|local\s+)?temp", re.I)

# Text ----------------------------------------------------------------------------------------------------------------

_COPY = re.compile(r"^[ \t]*COPY\s[^;]*?\bFROM\s+stdin\b[^;]*;[^\n]*\n", re.I | re.M)
_META = re.compile(r"^\\[^\n]*", re.M)
_TEMPLATE = re.compile(r"\{\{[^{}]{0,300}\}\}|\$\{[^{}\n]{0,300}\}|\{%[^%]{0,1000}%\}", re.S)


def plain(text: str) -> str:
    """The text without what is no SQL: data of COPY, psql's own commands, template marks; lines stay where they are."""
    text = _without_copied(text)
    if "\\" in text:
        text = _META.sub("", text)
    if "{{" in text or "${" in text or "{%" in text:
        text = _TEMPLATE.sub(_hole, text)
    return text


def _hole(found: re.Match[str]) -> str:
    mark = " " if found[0].startswith("{%") else HOLE
    return mark + "\n" * found[0].count("\n")


def _without_copied(text: str) -> str:
    """Without the rows that stand behind ``COPY … FROM stdin;`` up to a line with ``\\.``."""
    kept: list[str] = []
    at = 0
    while True:
        found = _COPY.search(text, at) if "stdin" in text or "STDIN" in text else None
        if found is None:
            kept.append(text[at:])
            return "".join(kept)
        end = text.find("\n\\.", found.end() - 1)
        end = len(text) if end < 0 else end + 3
        kept += [text[at : found.end()], "\n" * text.count("\n", found.end(), end)]
        at = end


_DELIMITER = re.compile(r"^[ \t]*DELIMITER[ \t]+(\S+)[ \t]*$", re.I | re.M)


def _pieces(text: str, dialect: str) -> Iterator[Piece]:
    """Statements, also where MySQL's client was told another sign that ends them."""
    at = 0
    sign = ";"
    for found in [*_DELIMITER.finditer(text), None]:
        end = found.start() if found is not None else len(text)
        yield from _between(text, at, end, sign, dialect)
        if found is not None:
            at, sign = found.end(), found[1]


def _between(text: str, start: int, end: int, sign: str, dialect: str) -> Iterator[Piece]:
    line = text.count("\n", 0, start)
    part = text[start:end]
    if sign == ";":
        for piece in statements(part, dialect):
            yield Piece(piece.text, piece.line + line, piece.start + start, piece.comments)
        return
    for chunk in part.split(sign):
        stripped = chunk.strip()
        if stripped:
            before = chunk[: len(chunk) - len(chunk.lstrip())].count("\n")
            yield Piece(stripped, line + before + 1, 0)
        line += chunk.count("\n")


_DEFINING = re.compile(
    r"\n[ \t]*(?:[cC][rR][eE][aA][tT][eE]|[aA][lL][tT][eE][rR]|[dD][rR][oO][pP]|[rR][eE][nN][aA][mM][eE])[ \t]"
)


def _definitions_of(text: str, dialect: str) -> Iterator[Piece]:
    """The definitions of a long file, found at the beginnings of lines; each is split off by itself."""
    text = "\n" + _without_copied(text)
    at = counted = 0
    line = 0
    while found := _DEFINING.search(text, at):
        start = found.start() + 1
        line += text.count("\n", counted, start)
        counted = start
        piece = next(statements(text[start : start + _LONGEST_DEFINITION], dialect), None)
        if piece is None:
            at = found.end()
            continue
        yield Piece(piece.text, line + piece.line - 1, start)
        at = start + piece.start + len(piece.text)


# Dialect -------------------------------------------------------------------------------------------------------------

_SIGNS = {
    "cql": r"""\bCREATE\s+KEYSPACE\b|\bCLUSTERING\s+ORDER\s+BY\b|\bPRIMARY\s+KEY\s*\(\s*\(
        |\bALLOW\s+FILTERING\b|\bfrozen\s*<|\b(?:map|list|set)\s*<\s*\w+""",
    "mysql": r"""\bENGINE\s*=|\bAUTO_INCREMENT\b|^[ \t]*(?:CREATE|INSERT|ALTER|DROP|UPDATE|DELETE)[^'\n]*`
        |/\*!\d{5}|\bDELIMITER\s+\S|\bON\s+DUPLICATE\s+KEY\b|\bUNIQUE\s+KEY\b""",
    "sqlite": r"""^[ \t]*PRAGMA\b|\bAUTOINCREMENT\b|\bWITHOUT\s+ROWID\b|\bINSERT\s+OR\s+(?:REPLACE|IGNORE)\b""",
}
_CONTENT = {name: re.compile(sign, re.I | re.M | re.X) for name, sign in _SIGNS.items()}
_FOLDERS = {"mysql": {"mysql", "mariadb"}, "sqlite": {"sqlite", "sqlite3"}, "cql": {"cassandra", "scylla", "scylladb"}}


def guessed_dialect(text: str, path: str = "") -> str:
    """
    >>> [guessed_dialect(t) for t in ("CREATE TABLE t (a int) ENGINE=InnoDB", "PRAGMA user_version", "SELECT 1")]
    ['mysql', 'sqlite', 'postgres']
    """
    lowered = path.lower()
    if lowered.endswith((".cql", ".cql.tmpl")):
        return "cql"
    head = text[:300_000]
    for dialect, sign in _CONTENT.items():
        if sign.search(head):
            return dialect
    parts = set(re.split(r"[^a-z0-9]+", lowered))
    return next((dialect for dialect, names in _FOLDERS.items() if names & parts), "postgres")
