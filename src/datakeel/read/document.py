"""What tells a store of documents what to set and what must hold: texts (``SET n = n + :one``, ``version = :seen``) and
documents with operators (``{"$inc": {"n": 1}}``, ``{"version": {"$gt": 2}}``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from datakeel.model.effect import Assignment, Predicate
from datakeel.read.values import Value, canonical, union

CLAUSES = re.compile(r"\b(SET|REMOVE|ADD|DELETE)\b", re.I)
TEST = re.compile(r"^\s*([#\w.\[\]]+)\s*(=|<>|<=|>=|<|>)\s*(:\w+)\s*$")
PRESENT = re.compile(r"^\s*attribute_(not_)?exists\s*\(\s*([#\w.]+)\s*\)\s*$", re.I)
OPERATORS = {"<>": "!="}
COMPARED = {
    "$gt": ">",
    "$gte": ">=",
    "$lt": "<",
    "$lte": "<=",
    "$ne": "!=",
    "$in": "in",
    "$eq": "=",
    "$exists": "not-null",
    "$missing": "is-null",
    "$between": "between",
}
GIVEN = ("$set", "$setOnInsert", "$push", "$addToSet")  # others compute from what is stored
APPENDED = "$push"  # the text of an assignment that lengthens a document's array


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


def changes(entries: Mapping[str, Value], wraps: tuple[str, ...] = ()) -> Iterator[Assignment]:
    """What a document of columns, or of operators over columns, sets."""
    for name, value in entries.items():
        if name.startswith("$"):
            inner = value.entries if value.entries is not None else {"*": value}
            made = (assigned(n, v, "value" if name in GIVEN else "atomic") for n, v in inner.items())
            yield from (replace(a, text=APPENDED) if appends(name, inner[a.column]) else a for a in made)
        else:
            yield assigned(name, unwrapped(value, wraps), "value")


def assigned(name: str, value: Value, how: str) -> Assignment:
    if how == "value" and value.known:
        return Assignment(name, "constant", text=canonical(value))
    return Assignment(name, how, tuple(sorted(union((value,)))))


def appends(operator: str, value: Value) -> bool:
    """Whether an operator puts something behind what a document's array holds, and cuts nothing off (``$slice``)."""
    return operator == "$push" and "$slice" not in (value.entries or {})


def conditions(name: str, value: Value) -> tuple[Predicate, ...]:
    """``{"a": 1, "b": {"$gt": 2}}`` as predicates."""
    name = "id" if name == "_id" else name
    if value.entries is not None and any(k.startswith("$") for k in value.entries):
        return tuple(
            Predicate(name, operator(k, v), canonical(v), tuple(sorted(v.sources))) for k, v in value.entries.items()
        )
    return (Predicate(name, "=", canonical(value), tuple(sorted(value.sources))),)


def operator(word: str, value: Value) -> str:
    """How an operator compares: ``{"$exists": False}`` asks for what is not there."""
    absent = word == "$exists" and value.const is False
    return "is-null" if absent else COMPARED.get(word, "contains")
