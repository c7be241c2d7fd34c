"""SQL text → sqlglot's tree, or why there is none; holes that parse nowhere are left out."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError

from datakeel.read.sql.text import hole_at

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

_ATTEMPTS = 8
_PLAINLY = {"Invalid expressi": "unexpected words", "Required keyword": "something is missing"}
_MISCOUNTED = "The number of provided arguments"


@lru_cache
def engine(name: str) -> Dialect:
    return Dialect.get_or_raise({"cql": ""}.get(name, name))


def parse(text: str, dialect: str) -> exp.Expr | str | tuple[str, int]:
    """A tree, or why there is none, with the offset of the error where it is known."""
    sql = engine(dialect)
    try:
        trees = sql.parser(error_level=ErrorLevel.IMMEDIATE).parse(sql.tokenize(text), text)
    except ParseError as error:
        where = error.errors[0] if error.errors else {}
        if str(where.get("description")).startswith(_MISCOUNTED):
            return _parse_own_functions(text, sql)
        return _reason(where), _offset(text, where.get("line"), where.get("col"))
    except SqlglotError as error:
        return str(error).split("\n", 1)[0]
    except RecursionError:
        return "nested too deeply"
    except (ValueError, TypeError, AttributeError, KeyError, IndexError):
        return "not understood"  # garbage can break the parser itself
    tree = next((t for t in trees if t is not None), None)
    return tree if isinstance(tree, exp.Expr) else "empty"


def _reason(error: Mapping[str, object]) -> str:
    """The parser's complaint without its inner names, and where it stopped."""
    described = str(error.get("description") or "syntax error")
    said = re.split(r" (?:but got|for) <|: <|\bmissing for\b", described, maxsplit=1)[0].strip()[:120]
    said = _PLAINLY.get(said[:16], said[:1].lower() + said[1:])
    at = " ".join(f"{error.get('highlight') or ''}{error.get('end_context') or ''}".split())
    return f'{said} near "{at[:30].rstrip()}"' if at else f"{said} at its end"


def _parse_own_functions(text: str, sql: Dialect) -> exp.Expr | str:
    """A tree of a text in which a function of the project's own bears the name of a known one, with other arguments."""
    parser = sql.parser(error_level=ErrorLevel.IGNORE)
    try:
        trees = parser.parse(sql.tokenize(text), text)
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return "not understood"
    others = [e for e in parser.errors if not str(e.errors[0].get("description")).startswith(_MISCOUNTED)]
    tree = trees[0] if trees and not others else None
    return tree if isinstance(tree, exp.Expr) else "not understood"


def _offset(text: str, line: object, column: object) -> int:
    if not isinstance(line, int) or not isinstance(column, int):
        return -1
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column


def parse_with_holes(text: str, holes: int, dialect: str) -> tuple[exp.Expr | str, bool]:
    """A tree, and whether the text was parsed as it stands. Where a hole does not parse as a name, it is left out, or
    taken for a comparison: those nearest before the error first."""
    left = set(range(1, holes + 1))
    for attempt in range(_ATTEMPTS):
        tree = parse(text, dialect)
        if isinstance(tree, exp.Expr):
            return tree, attempt == 0
        why, offset = tree if isinstance(tree, tuple) else (tree, -1)
        number = _suspect(text, left, offset)
        if not number:
            return why, False
        found = hole_at(text, number)
        assert found is not None
        left.discard(number)
        text = text[: found[0]] + " " * (found[1] - found[0]) + text[found[1] :]
    return "holes where no value can stand", False


def _suspect(text: str, left: set[int], offset: int) -> int:
    """The number of the last hole before an error, else of the last hole, among those still in the text."""
    places = [(found[0], n) for n in left if (found := hole_at(text, n))]
    before = [place for place in places if offset < 0 or place[0] <= offset]
    return max(before or places, default=(0, 0))[1]
