"""Texts that tell a store of documents what to set and what must hold: ``SET n = n + :one``, ``version = :seen``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Assignment, Predicate
from datakeel.read.values import Value, canonical, union

CLAUSES = re.compile(r"\b(SET|REMOVE|ADD|DELETE)\b", re.I)
TEST = re.compile(r"^\s*([#\w.\[\]]+)\s*(=|<>|<=|>=|<|>)\s*(:\w+)\s*$")
PRESENT = re.compile(r"^\s*attribute_(not_)?exists\s*\(\s*([#\w.]+)\s*\)\s*$", re.I)
OPERATORS = {"<>": "!="}


class Placeholders:
    """What stands behind ``:value`` and ``#name`` in a text; `wraps` are the keys under which a value tells its type
    (``{"S": "paid"}``)."""

    def __init__(self, values: Value | None, names: Value | None, wraps: tuple[str, ...]) -> None:
        self.values = values
        self.names = (names.entries or {}) if names is not None else {}
        self.wraps = wraps

    def value(self, placeholder: str) -> Value:
        if self.values is None:
            return Value()
        found = (self.values.entries or {}).get(placeholder)
        return unwrapped(found, self.wraps) if found is not None else Value(sources=self.values.sources)

    def name(self, path: str) -> str:
        """A path with its names put in."""
        return ".".join(n.text or p if (n := self.names.get(p)) is not None else p.lstrip("#") for p in path.split("."))


def unwrapped(value: Value, wraps: tuple[str, ...]) -> Value:
    """The value itself, where a mapping only tells its type."""
    inner = [v for k, v in (value.entries or {}).items() if k in wraps]
    return inner[0] if len(inner) == 1 and len(value.entries or {}) == 1 else value


def assignments(text: str, known: Placeholders) -> Iterator[Assignment]:
    """What an update sets; what it computes from the stored value itself is atomic."""
    parts = CLAUSES.split(text)
    for clause, body in zip(parts[1::2], parts[2::2], strict=False):
        for one in items(body, ","):
            path, _, expression = one.partition("=") if clause.upper() == "SET" else one.strip().partition(" ")
            column = known.name(path.strip())
            given = tuple(known.value(p) for p in re.findall(r":\w+", expression))
            sources = tuple(sorted(union(given)))
            if clause.upper() == "REMOVE":
                yield Assignment(column, "constant", text="const:None")
            elif clause.upper() != "SET" or re.search(rf"(?<![\w#:]){re.escape(path.strip())}\b", expression):
                yield Assignment(column, "atomic", sources)
            elif len(given) == 1 and given[0].known:
                yield Assignment(column, "constant", text=canonical(given[0]))
            else:
                yield Assignment(column, "value", sources)


def predicates(text: str, known: Placeholders) -> tuple[tuple[Predicate, ...], bool]:
    """What must hold, and whether all of it was understood."""
    found = []
    complete = True
    for part in re.split(r"\bAND\b", text, flags=re.I):
        test, present = TEST.match(part), PRESENT.match(part)
        if test is not None:
            value = known.value(test.group(3))
            operator = OPERATORS.get(test.group(2), test.group(2))
            found.append(Predicate(known.name(test.group(1)), operator, canonical(value), tuple(sorted(value.sources))))
        elif present is not None:
            found.append(Predicate(known.name(present.group(2)), "is-null" if present.group(1) else "not-null"))
        else:
            complete = False
    return tuple(found), complete


def items(text: str, separator: str) -> Iterator[str]:
    """The parts of a list, parted outside parentheses."""
    depth, start = 0, 0
    for index, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == separator and depth == 0:
            yield text[start:index]
            start = index + 1
    if text[start:].strip():
        yield text[start:]
