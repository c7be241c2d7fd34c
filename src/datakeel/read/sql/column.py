"""A column's definition → Column, and the keys that it declares by itself."""

from __future__ import annotations

import re

from msgspec import Struct

from datakeel.model.dataset import Column, Constraint, Index
from datakeel.read.sql.cursor import Cursor
from datakeel.read.sql.key import references

_AFTER_TYPE_WORDS = """
    constraint not null default primary unique check references generated collate auto_increment autoincrement comment
    on as key storage compression charset visible invisible static deferrable initially virtual stored persistent
    first after using encode identity options
    """
_AFTER_TYPE = frozenset(_AFTER_TYPE_WORDS.split())
_SYNONYMS = {
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "int2": "smallint",
    "bool": "boolean",
    "float8": "double precision",
    "float4": "real",
    "decimal": "numeric",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time with time zone": "timetz",
    "time without time zone": "time",
    "character varying": "varchar",
    "character": "char",
    "bit varying": "varbit",
}
_SERIALS = {
    "serial": "integer",
    "serial4": "integer",
    "bigserial": "bigint",
    "serial8": "bigint",
    "smallserial": "smallint",
    "serial2": "smallint",
}


class Defined(Struct, frozen=True, gc=False):
    """A column, and the keys and constraints that stand at it."""

    column: Column
    keys: tuple[Index | Constraint, ...]


def read_column(item: Cursor, name: str = "") -> Defined | None:
    """``name type constraints…``; with `name` given, from the type on. None: a hole, or nothing."""
    name = name or item.name()
    if not name:
        return None
    kind = normal_type(_type(item))
    reader = _Reader(name, item)
    while not item.done():
        before = item.at
        reader.constraint()
        item.at = max(item.at, before + 1)
    default, nullable = reader.default, reader.nullable
    if kind in _SERIALS:
        kind, default, nullable = _SERIALS[kind], "nextval", False
    if item.dialect == "sqlite" and kind == "integer" and reader.primary:
        default = default or "auto_increment"
    column = Column(name, kind, nullable and not reader.primary, default)
    return Defined(column, tuple(reader.keys))


def _type(item: Cursor) -> str:
    """The source text of a type: up to the first word that begins a constraint."""
    start = item.at
    while not item.done() and not (item.word() in _AFTER_TYPE or item.at_words("character", "set")):
        if item.sign() in ("(", "["):
            item.skip_group()
        elif item.sign() == "<":
            _skip_angles(item)
        else:
            item.next()
    return item.text(start, item.at)


def _skip_angles(item: Cursor) -> None:
    depth = 0
    while not item.done():
        depth += {"<": 1, ">": -1}.get(item.sign(), 0)
        item.next()
        if depth == 0:
            return


def normal_type(text: str) -> str:
    """
    >>> [normal_type(t) for t in ("INT", "character varying(20)", "TIMESTAMP (6) WITH TIME ZONE", "int4[]")]
    ['integer', 'varchar(20)', 'timestamptz(6)', 'integer[]']
    """
    if '"' in text:
        text = text.replace('"', "")
    strings = "'" in text
    text = " ".join(text.split()) if strings else " ".join(text.lower().split())
    found = re.fullmatch(r"([a-zA-Z_][\w .]*?)(?:\s*(\([^()]*\))\s*([a-zA-Z ]*?))?\s*((?:\[\d*\])*)", text)
    if found is None:
        return text
    first, last = found[1].lower().strip(), (found[3] or "").lower().strip()
    arguments = found[2] or "" if strings else (found[2] or "").replace(" ", "")
    whole = f"{first} {last}".rstrip()
    if whole in _SYNONYMS:
        return _SYNONYMS[whole] + arguments + found[4]
    return f"{_SYNONYMS.get(first, first)}{arguments} {last}".rstrip() + found[4]


class _Reader:
    """The constraints behind a column's type, one after the other."""

    def __init__(self, name: str, item: Cursor) -> None:
        self.name = name
        self.item = item
        self.nullable = True
        self.primary = False
        self.default: str | None = None
        self.keys: list[Index | Constraint] = []

    def constraint(self) -> None:
        item = self.item
        named = item.name() if item.take("constraint") else ""
        word = item.next()
        if word == "not" and item.take("null"):
            self.nullable = False
        elif word == "default":
            self.default = self.expression()
        elif word == "primary":
            item.take("key")
            self.primary = True
            self.keys.append(Index((self.name,), name=named, unique=True, primary=True))
        elif word == "key":  # MySQL: ``id int KEY``
            self.primary = True
            self.keys.append(Index((self.name,), name=named, unique=True, primary=True))
        elif word == "unique":
            item.take("key")
            distinct = not item.take("nulls", "not", "distinct")
            self.keys.append(Index((self.name,), name=named, unique=True, nulls_distinct=distinct))
        elif word == "check":
            self.keys.append(Constraint("check", item.canonical(item.group().text_to_end()), named))
        elif word == "references":
            key = references(item, [self.name], named)
            if key is not None:
                self.keys.append(key)
        elif word in ("auto_increment", "autoincrement"):
            self.default = "auto_increment"
            self.nullable = False
        elif word in ("generated", "as", "identity"):
            self.generated(word)
        elif word in ("comment", "collate", "charset", "storage", "compression"):
            item.next()
        elif word == "on":
            self.trigger()

    def generated(self, word: str) -> None:
        """``GENERATED … AS IDENTITY``, or a column computed from others."""
        item = self.item
        while item.word() in ("always", "by", "default", "as"):
            item.next()
        if word == "identity" or item.take("identity"):
            self.default, self.nullable = "identity", False
            if item.sign() == "(":
                item.skip_group()
        elif item.sign() == "(":
            self.default = f"generated {item.group().text_to_end()}"

    def trigger(self) -> None:
        """MySQL's ``ON UPDATE CURRENT_TIMESTAMP(6)``, SQLite's ``ON CONFLICT``."""
        self.item.next()
        self.item.next()
        if self.item.sign() == "(":
            self.item.skip_group()

    def expression(self) -> str:
        """A default's text: one value at least, then up to the next constraint."""
        item = self.item
        start = item.at
        first = True
        while not item.done() and (first or item.word() not in _AFTER_TYPE):
            if item.sign() in ("(", "["):
                item.skip_group()
            else:
                item.next()
            first = False
        return item.text(start, item.at)
