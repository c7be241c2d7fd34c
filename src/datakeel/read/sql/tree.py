"""Text → Statements, by words alone where that will do, else by sqlglot's tree. Imported when there is SQL to read."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from datakeel.read.sql import cql, words
from datakeel.read.sql.ddl import read_changes
from datakeel.read.sql.parse import parse_with_holes
from datakeel.read.sql.text import Piece, marked, statements, unmarked
from datakeel.read.sql.writes import Reader
from datakeel.read.statement import Statement

LONGEST = 100_000  # above it only the statement's head is read: 1 MB takes sqlglot a second
_DDL = frozenset({"create", "alter", "drop", "rename", "comment"})


def read(text: str, dialect: str) -> Statement:
    """The statements of a text: the first, with the others in `then`."""
    found = [_read_piece(piece, dialect) for piece in _pieces(text, dialect)]
    if dialect == "cql":
        found = list(_batches(found))
    if not found:
        return Statement(dialect=dialect, complete=False, note="no statement")
    first, *others = found
    return msgspec.structs.replace(first, then=tuple(others)) if others else first


def _batches(found: list[Statement]) -> Iterator[Statement]:
    """Every statement of a batch says so; the end of a batch is none."""
    batch: tuple[tuple[str, str], ...] = ()
    for statement in found:
        if statement.verb == "other" and statement.name == "apply":
            batch = ()
        elif statement.option("batch"):
            batch = (("batch", statement.option("batch") or ""),)
            yield statement
        else:
            yield msgspec.structs.replace(statement, options=statement.options + batch) if batch else statement


def _pieces(text: str, dialect: str) -> list[Piece]:
    if ";" not in text:
        return [Piece(text.strip(), 1 + text[: len(text) - len(text.lstrip())].count("\n"))] if text.strip() else []
    return list(statements(text, dialect))


def _read_piece(piece: Piece, dialect: str) -> Statement:
    text = piece.text
    word = words.first_word(text, dialect)
    if word in _DDL:
        return _definition(text, word, dialect, piece.line)
    plain = words.read(text, word, dialect)
    if plain is not None:
        statement = plain
    elif len(text) > LONGEST:
        statement = words.guess(text, dialect, "too long to be read whole")
    else:
        dialect = "mysql" if dialect == "postgres" and "`" in text else dialect
        statement = _tree_statement(text, dialect)
    return msgspec.structs.replace(statement, line=piece.line, dialect=dialect)


def _definition(text: str, word: str, dialect: str, line: int) -> Statement:
    changes = tuple(read_changes(text, dialect))
    verb = f"{word}-{words.object_word(text, dialect)}".rstrip("-")
    table = changes[0].table if changes else ""
    return Statement(verb=verb, table=table, changes=changes, line=line, dialect=dialect, complete=bool(changes))


def _tree_statement(text: str, dialect: str) -> Statement:
    mark = marked(text, dialect)
    source = mark.text
    options: tuple[tuple[str, str], ...] = ()
    if dialect == "cql":
        source, options = cql.plain(source)
    replacing = dialect != "cql" and source[:8].lower().startswith("replace")
    if replacing:
        source = "INSERT" + source[7:]
    tree, whole = parse_with_holes(source, mark.holes, dialect)
    if isinstance(tree, str) and dialect == "postgres":
        other, other_whole = parse_with_holes(source, mark.holes, "mysql")
        if not isinstance(other, str):
            tree, whole, dialect = other, other_whole, "mysql"
    if isinstance(tree, str):
        why = unmarked(tree, mark.parameters)
        return words.guess(unmarked(mark.text, mark.parameters), dialect, why)
    try:
        reader = Reader(mark.parameters, dialect)
        reader.holes = mark.holes > 0
        statement = reader.statement(tree)
    except RecursionError:
        return words.guess(unmarked(mark.text, mark.parameters), dialect, "nested too deeply")
    except (AttributeError, TypeError, KeyError, ValueError, IndexError):  # garbage gives trees that lack limbs
        return words.guess(unmarked(mark.text, mark.parameters), dialect, "not understood")
    if replacing:
        statement = msgspec.structs.replace(statement, verb="upsert", conflict="update")
    if options:
        options = tuple((k, unmarked(v, mark.parameters)) for k, v in options)
        conflict = "ignore" if ("if", "not exists") in options else statement.conflict
        statement = msgspec.structs.replace(statement, options=options, conflict=conflict)
    if not whole:
        selection = msgspec.structs.replace(statement.selection, complete=False)
        statement = msgspec.structs.replace(statement, selection=selection, complete=False)
    return msgspec.structs.replace(statement, parameters=tuple(dict.fromkeys(mark.parameters)))
