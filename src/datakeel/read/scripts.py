"""SQL that a program runs to change its schema → changes of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from datakeel.model.place import Place
from datakeel.read.change import Change
from datakeel.read.program import Attribute, Call, Evaluate, Statement
from datakeel.read.sql.ddl import read_changes
from datakeel.read.sql.text import statements

DEFINES = re.compile(r"\b(?:create|alter|drop)\s+(?:\w+\s+){0,3}?(?:table|index)\b", re.I)


def script(text: str, dialect: str, place: Place) -> Iterator[Change]:
    """The changes of a text of SQL; one that defines no table or index is not looked at closely."""
    if not DEFINES.search(text):
        return
    for piece in statements(text, dialect):
        if DEFINES.search(piece.text):
            for change in read_changes(piece.text, dialect, place):
                yield replace(change, technology="", concurrently=bool(CONCURRENTLY.search(piece.text)))


CONCURRENTLY = re.compile(r"\bconcurrently\b", re.I)


def calls(code: tuple[Statement, ...], names: frozenset[str]) -> Iterator[Call]:
    """The calls of methods of these names that stand as statements, in order, wherever they stand in the code."""
    for statement in code:
        if isinstance(statement, Evaluate) and isinstance(statement.value, Call):
            function = statement.value.function
            if isinstance(function, Attribute) and function.name in names:
                yield statement.value
        for inner in ("then", "body", "otherwise", "final"):
            block = getattr(statement, inner, None)
            if isinstance(block, tuple):
                yield from calls(block, names)
