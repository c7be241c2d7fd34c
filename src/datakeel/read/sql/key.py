"""Keys, indexes and constraints as an element of CREATE TABLE or ALTER TABLE writes them."""

from __future__ import annotations

import re

from msgspec.structs import replace

from datakeel.model.dataset import Constraint, Index
from datakeel.read.change import foreign_key
from datakeel.read.sql.cursor import Cursor


def read_key(item: Cursor) -> Index | Constraint | None:
    """``[CONSTRAINT name] PRIMARY KEY | UNIQUE | FOREIGN KEY | CHECK | EXCLUDE | KEY …``; None: not understood."""
    found = _read_key(item)
    if isinstance(found, Constraint) and [t.text for t in item.tokens[-2:]] == ["not", "valid"]:
        return replace(found, valid=False)
    return found


def _read_key(item: Cursor) -> Index | Constraint | None:
    name = ""
    if item.take("constraint"):
        name = "" if item.word() in ("primary", "unique", "foreign", "check") else item.name()
    word = item.next()
    if word == "primary":
        item.take("key")
        return _keyed(item, Index((), name=name, unique=True, primary=True))
    if word == "unique":
        item.take("key") or item.take("index")
        return _keyed(item, Index((), name=name, unique=True))
    if word in ("key", "index", "fulltext", "spatial"):
        item.take("key") or item.take("index")
        method = word if word in ("fulltext", "spatial") else ""
        return _keyed(item, Index((), name=name, method=method))
    if word == "foreign":
        item.take("key")
        own = item.name() if item.sign() != "(" else ""
        return read_foreign_key(item, name or own)
    if word == "check":
        inside = item.group()
        return Constraint("check", item.canonical(inside.text_to_end()), name)
    if word == "exclude":
        return Constraint("exclude", item.text_to_end(), name)
    return None


def _keyed(item: Cursor, index: Index) -> Index | None:
    """From behind the word KEY: a name (MySQL), a method, the columns, and what follows them."""
    distinct = True
    while not item.done() and item.sign() != "(":
        if item.take("nulls", "not", "distinct"):
            distinct = False
        elif item.take("nulls", "distinct"):
            pass
        elif item.take("using", "index"):
            return replace(index, method=f"using:{item.name()}")
        elif item.take("using"):
            item.next()
        else:
            before = item.at
            index = replace(index, name=item.name() or index.name)
            item.at = max(item.at, before + 1)
    columns = key_columns(item)
    if not columns or not all(columns):
        return None
    return replace(index, columns=columns, nulls_distinct=distinct)


def key_columns(cursor: Cursor) -> tuple[str, ...]:
    """The columns and expressions of an index; an empty text stands for one that was not understood."""
    return tuple(key_column(part) for part in cursor.items())


def sorted_by(part: Cursor) -> str:
    """What stands behind a column of an index: operator class, collation, order; empty where it is as by itself."""
    words = [w for w in part.text_to_end().lower().split() if w != "asc"]
    return " ".join(words)


def key_column(part: Cursor) -> str:
    if part.sign() == "(":
        return part.canonical(part.group().text_to_end())
    if part.peek(1) == "(" and not (part.dialect == "mysql" and re.fullmatch(r"\d+", part.peek(2))):
        start = part.at
        part.next()
        part.group()
        return part.canonical(part.text(start, part.at))
    return part.name()


def read_foreign_key(item: Cursor, name: str) -> Constraint | None:
    columns = [part.name() for part in item.items()]
    if not item.take("references"):
        return None
    return references(item, columns, name)


def references(item: Cursor, columns: list[str], name: str) -> Constraint | None:
    """From the name of the other table on."""
    table = item.table()
    targets = [part.name() for part in item.items()] if item.sign() == "(" else []
    rest: list[str] = []
    while item.word() in ("on", "match"):
        rest += _action(item)
    if not table or not all(columns):
        return None
    return foreign_key(columns, table, targets, name, " ".join(rest))


def _action(item: Cursor) -> list[str]:
    """``ON DELETE SET NULL``, ``MATCH FULL``."""
    words = [item.next(), item.next()]
    if words[0] == "on":
        words.append(item.next())
        if words[-1] in ("set", "no"):
            words.append(item.next())
    return words
