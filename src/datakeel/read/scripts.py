"""SQL that a program runs to change its schema, as texts or from files → changes of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.place import Place
from datakeel.read.change import Change, change_rows
from datakeel.read.program import Attribute, Call, Const, Evaluate, Statement
from datakeel.read.sql.block import block_in, defining, keys_unseen
from datakeel.read.sql.ddl import read_changes
from datakeel.read.sql.text import statements

if TYPE_CHECKING:
    from datakeel.read.formats.sql import SqlFacts

DEFINES = re.compile(r"\b(?:create|alter|drop)\s+(?:\w+\s+){0,3}?(?:table|index|view)\b", re.I)
REWRITES = re.compile(r"\s*(?:update\s+(?:only\s+)?|delete\s+from\s+(?:only\s+)?)([\w.\"`]+)", re.I)
CHANGES = re.compile(r"\b(?:update|delete)\b", re.I)
CONCURRENTLY = re.compile(r"\bconcurrently\b", re.I)


def script(text: str, dialect: str, place: Place) -> Iterator[Change]:
    """The changes of a text of SQL; one that defines no table or index, and changes no rows, is not looked at
    closely."""
    if not DEFINES.search(text) and not CHANGES.search(text):
        return
    for piece in statements(text, dialect):
        if rewrites := REWRITES.match(piece.text):
            yield change_rows(re.sub(r'["`]', "", rewrites[1]), place)
        if not DEFINES.search(piece.text):
            continue
        block = block_in(piece.text)
        if block is not None:
            for inner in defining(block):
                yield from script(inner, dialect, place)
            if keys_unseen(block):
                yield Change(kind="unseen-keys", place=place)
            continue
        for change in read_changes(piece.text, dialect, place):
            yield replace(change, technology="", concurrently=bool(CONCURRENTLY.search(piece.text)))


class SqlFiles:
    """The project's files of SQL, for programs that run one; `used` are those that one runs."""

    def __init__(self, files: Mapping[str, SqlFacts]) -> None:
        self.files = files
        self.used: set[str] = set()
        self.by_name: dict[str, list[str]] = {}
        for path in files:
            self.by_name.setdefault(path.rpartition("/")[2], []).append(path)

    def changes(self, name: str, near: str) -> Iterator[Change]:
        """The changes of the file of that name, of several the one nearest to the code that names it."""
        paths = self.by_name.get(name.rpartition("/")[2])
        if not paths:
            return
        path = max(paths, key=lambda p: (p.endswith(name.lstrip("./")), _shared(p, near)))
        self.used.add(path)
        for change in self.files[path].changes:
            yield replace(change, technology="")


def _shared(path: str, other: str) -> int:
    pairs = zip(path.split("/")[:-1], other.split("/")[:-1], strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), 99)


def names_of_files(node: object) -> Iterator[str]:
    """The names of SQL files that stand as texts anywhere in an expression."""
    return (text for text in texts(node) if text.endswith(".sql") and "\n" not in text)


def texts(node: object) -> Iterator[str]:
    """The texts that stand anywhere in an expression."""
    if isinstance(node, Const):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, Struct):
        for name in node.__struct_fields__:
            yield from texts(getattr(node, name))
    elif isinstance(node, tuple):
        for one in node:
            yield from texts(one)


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
