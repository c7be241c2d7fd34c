"""Expressions and conditions of keys as text: which columns they speak of, and of which rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from datakeel.model.certainty import Answer


class Condition(Struct, frozen=True, gc=False):
    """One of the conjuncts of a partial index: `operator` is ``=``, ``!=``, ``in``, ``is-null``, ``not-null``; `values`
    are canonical (``const:'new'``), as Predicates and Assignments have them."""

    column: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, value: str) -> Answer:
        """Whether it holds of a row that has this value (canonically) in the column."""
        if not value.startswith("const:"):
            return Answer.UNKNOWN
        null = value == "const:None"
        if self.operator in ("is-null", "not-null"):
            return _answer(null == (self.operator == "is-null"))
        if null:
            return Answer.NO
        return _answer((value in self.values) == (self.operator != "!="))


_WORD = re.compile(r"'(?:[^']|'')*'|([A-Za-z_][\w$]*)(\s*\()?")
_WORDS = frozenset(("and", "or", "not", "is", "null", "true", "false", "in", "case", "when", "then", "else", "end"))
_CAST = re.compile(r"cast\(\(?([^()]*?)\)? as [\w ]+(?:\(\d+\))?\)|::[\w ]+?(?=\s|\)|$)")


@lru_cache(maxsize=4096)
def columns_of(text: str) -> frozenset[str]:
    """The columns that an expression's text speaks of; rather a word too many (itself, where it names none).

    >>> sorted(columns_of("coalesce(lower(cast((email) as text)), 'none')")), columns_of("now()")
    (['email'], frozenset({'now()'}))
    """
    found = (m[1] for m in _WORD.finditer(_CAST.sub(lambda m: m[1] or "", text)) if m[1] and not m[2])
    return frozenset(w for w in found if w.lower() not in _WORDS) or frozenset((text,))


_TERM = re.compile(
    r"""(?P<not>not\s+)?\(*(?P<column>[\w$.]+)\)*
    (?:\s*(?P<operator>=|<>|!=|is\s+not|is|in|not\s+in)\s*
       (?P<value>\((?:[^()']|'(?:[^']|'')*')*\)|'(?:[^']|'')*'|-?[\w.]+))?\Z""",
    re.X | re.I,
)
_VALUE = re.compile(r"'((?:[^']|'')*)'|(-?[\w.]+)")


@lru_cache(maxsize=4096)
def conditions(predicate: str) -> tuple[Condition, ...] | None:
    """A condition's conjuncts, as far as all of them are simple; None: not understood."""
    if not predicate:
        return ()
    text = _CAST.sub(lambda m: m[1] or "", predicate)
    found = [_condition(part) for part in _conjuncts(text)]
    known = tuple(c for c in found if c is not None)
    return known if len(known) == len(found) else None


def _conjuncts(text: str) -> Iterator[str]:
    """The parts between the ``and`` that stand outside brackets and strings."""
    depth = start = 0
    for found in re.finditer(r"'(?:[^']|'')*'|[()]|\band\b", text, re.I):
        sign = found[0]
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and sign.lower() == "and":
            yield from _unwrapped(text[start : found.start()])
            start = found.end()
    yield from _unwrapped(text[start:], whole=start == 0)


def _unwrapped(part: str, whole: bool = False) -> Iterator[str]:
    part = part.strip()
    inner = part[1:-1] if part.startswith("(") and part.endswith(")") else ""
    if inner and _balanced(inner):
        yield from _conjuncts(inner)
    elif part or whole:
        yield part


def _balanced(text: str) -> bool:
    depth = 0
    for sign in re.findall(r"'(?:[^']|'')*'|[()]", text):
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return False
    return depth == 0


def _condition(text: str) -> Condition | None:
    found = _TERM.match(text)
    if found is None:
        return None
    negated = bool(found["not"])
    column = found["column"].rpartition(".")[2]
    operator = " ".join((found["operator"] or "").lower().split())
    if not operator:
        return Condition(column, "=", (f"const:{not negated}",))
    values = tuple(_value(string, word, string is not None) for string, word in _values(found["value"]))
    if operator in ("is", "is not"):
        positive = (operator == "is") != negated
        if values == ("const:None",):
            return Condition(column, "is-null" if positive else "not-null")
        return Condition(column, "=" if positive else "!=", values) if values else None
    positive = (operator in ("=", "in")) != negated
    if not all(values) or not values:
        return None
    many = "in" in operator and positive
    return Condition(column, "in" if many else "=" if positive else "!=", values)


def _values(text: str) -> Iterator[tuple[str | None, str]]:
    for found in _VALUE.finditer(text):
        yield found[1], found[2] or ""


def _value(string: str | None, word: str, quoted: bool) -> str:
    if quoted and string is not None:
        return f"const:{string.replace(chr(39) * 2, chr(39))!r}"
    known = {"null": "None", "true": "True", "false": "False"}.get(word.lower())
    if known:
        return f"const:{known}"
    return f"const:{word}" if re.fullmatch(r"-?\d+(?:\.\d+)?", word) else ""


def _answer(yes: bool) -> Answer:
    return Answer.YES if yes else Answer.NO
