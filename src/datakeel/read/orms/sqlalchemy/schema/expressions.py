"""SQLAlchemy's expressions in indexes, constraints and defaults → SQL text, in the form in which DDL's own are kept."""

from __future__ import annotations

import re
from collections.abc import Callable

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.literals import UNKNOWN, Literals, Locals
from datakeel.read.orms.sqlalchemy.schema.types import Types, last_of
from datakeel.read.program import Attribute, Call, Choice, Collection, Const, Derive, Expression, Global, Item, Local
from datakeel.read.symbols import Constant, Module

Columns = Callable[[str], str]  # an attribute's name → its column

COMPARED = {"==": "=", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
CONSTANTS = {"true": "true", "false": "false", "null": "null"}
SQL = frozenset(("text", "literal_column", "TextClause", "DDL"))
_ORDER = re.compile(r"\s+(?:asc|desc)?(?:\s+nulls\s+(?:first|last))?\s*\Z", re.I)
_SAME = frozenset(("asc", "desc", "nulls_last", "nulls_first", "nullslast", "nullsfirst", "label", "self_group"))


class Expressions:
    """Turns expressions into text; an empty text stands for what was not understood. `bound`: what local names mean."""

    def __init__(self, literals: Literals, types: Types) -> None:
        self.literals = literals
        self.types = types

    def key(self, module: Module, expression: Expression, columns: Columns, bound: Locals | None = None) -> str:
        """One element of an index: a column by its name, or an expression."""
        module, expression = self.local(module, expression, bound)
        if isinstance(expression, Const | Derive) and self.literals.text(module, expression, bound):
            return self.sql(module, expression, bound)
        return self.term(module, expression, columns, bound)

    def local(self, module: Module, expression: Expression, bound: Locals | None) -> tuple[Module, Expression]:
        """A local name's expression; a constant of the module's only where it is a literal."""
        if isinstance(expression, Local) and bound is not None and expression.name in bound:
            return module, bound[expression.name]
        return module, expression

    def sql(self, module: Module, text: Expression | None, bound: Locals | None = None) -> str:
        """A text of SQL, canonically."""
        written = self.literals.written(module, text, bound)
        if written is None:
            return ""
        written = _ORDER.sub("", written)
        if written.isidentifier():
            return written
        from datakeel.read.sql.values import canonical_expression  # noqa: PLC0415  (sqlglot, only for expressions)

        return canonical_expression(" ".join(written.split()), "postgres")

    def term(self, module: Module, expression: Expression, columns: Columns, bound: Locals | None = None) -> str:
        """An expression, or a condition."""
        module, expression = self.local(module, expression, bound)
        match expression:
            case Const():
                return self.constant(module, expression)
            case Derive("==" | "!=" | "<" | ">" | "<=" | ">=", (left, right)):
                return self.compared(module, expression.how, left, right, columns, bound)
            case Derive("&" | "|", operands):
                return joined([self.term(module, o, columns, bound) for o in operands], expression.how)
            case Derive("~", (one,)):
                return negated(self.term(module, one, columns, bound))
            case Derive("+" | "-" | "*" | "/", operands) if len(operands) > 1:
                parts = [self.term(module, o, columns, bound) for o in operands]
                return f" {expression.how} ".join(parts) if all(parts) else ""
            case Call():
                return self.called(module, expression, columns, bound)
            case Item(base, key):
                inner, name = self.term(module, base, columns, bound), self.constant(module, key)
                return f"{inner} -> {name}" if inner and name else ""
            case Attribute(Item(base, key), "astext"):
                inner, name = self.term(module, base, columns, bound), self.constant(module, key)
                return f"{inner} ->> {name}" if inner and name else ""
            case Choice(_, then, _):
                return self.term(module, then, columns, bound)
            case Global() | Attribute() | Local():
                return self.named(module, expression, columns)
        return ""

    def named(self, module: Module, expression: Expression, columns: Columns) -> str:
        """A column by an attribute of its class or table; a constant by its value."""
        if isinstance(expression, Attribute):
            value = self.literals.value(module, expression)
            if isinstance(value, str | int | float):
                return self.constant(module, expression)
            return columns(expression.name)
        dotted = dotted_of(expression) or (expression.name if isinstance(expression, Local) else "")
        symbol = self.literals.names.resolve(module, dotted) if isinstance(expression, Global) else None
        if isinstance(symbol, Constant) and not isinstance(symbol.value, Call):
            found = self.constant(symbol.module, symbol.value)
            if found:
                return found
        if isinstance(symbol, Constant) and last_of(symbol.value) in SQL:
            return self.term(symbol.module, symbol.value, columns)
        return columns(dotted.rpartition(".")[2])

    def constant(self, module: Module, expression: Expression, bound: Locals | None = None) -> str:
        found = self.literals.value(module, expression, bound)
        if isinstance(found, list | tuple):
            parts = [written(f) for f in found if f is not UNKNOWN]
            return f"({', '.join(parts)})" if len(parts) == len(found) else ""
        return written(found) if isinstance(found, str | int | float | bool | None) else ""

    def compared(
        self, module: Module, how: str, left: Expression, right: Expression, columns: Columns, bound: Locals | None
    ) -> str:
        one, other = self.term(module, left, columns, bound), self.value(module, right, columns, bound)
        if not one or not other:
            return ""
        if other == "null":
            return f"{one} is {'' if how == '==' else 'not '}null"
        if other in ("true", "false"):
            return one if (other == "true") == (how == "==") else f"not {one}"
        return f"{one} {COMPARED[how]} {other}"

    def value(self, module: Module, expression: Expression, columns: Columns, bound: Locals | None) -> str:
        return self.constant(module, expression, bound) or self.term(module, expression, columns, bound)

    def called(self, module: Module, call: Call, columns: Columns, bound: Locals | None) -> str:
        function, given = call.function, call.arguments
        name = last_of(function)
        if name in SQL and given:
            return self.sql(module, given[0], bound)
        if name in CONSTANTS and not given:
            return CONSTANTS[name]
        if isinstance(function, Attribute) and not is_module(function.base):
            found = self.method(module, function, given, columns, bound)
            if found:
                return found
        if name in ("and_", "or_"):
            return joined([self.term(module, a, columns, bound) for a in given], "|" if name == "or_" else "&")
        if name == "not_" and given:
            return negated(self.term(module, given[0], columns, bound))
        if name in _SAME and given:
            return self.key(module, given[0], columns, bound)
        if name in ("column", "Column") and given:
            return self.literals.text(module, given[0], bound) or ""
        if name == "cast" and len(given) == 2:
            inner = self.key(module, given[0], columns, bound)
            return f"cast({inner} as {self.types.type(module, given[1]) or 'text'})" if inner else ""
        if name in ("literal", "bindparam") and given:
            return self.constant(module, given[0], bound)
        if isinstance(function, Attribute) and last_of(function.base) == "func":
            parts = [self.value(module, a, columns, bound) for a in given]
            return f"{name}({', '.join(parts)})" if all(parts) else ""
        return ""

    def method(
        self, module: Module, function: Attribute, given: tuple[Expression, ...], columns: Columns, bound: Locals | None
    ) -> str:
        base = self.term(module, function.base, columns, bound) if last_of(function.base) != "func" else ""
        if not base:
            return ""
        if function.name in _SAME:
            return base
        value = self.value(module, given[0], columns, bound) if given else ""
        match function.name:
            case "is_" | "is_not" | "isnot" if value:
                text = f"{base} is {'' if function.name == 'is_' else 'not '}{value}"
                return {"true": base, "false": negated(base)}.get(value, text) if function.name == "is_" else text
            case "in_" | "not_in" | "notin_" if value.startswith("("):
                return f"{base} in {value}" if function.name == "in_" else f"not {base} in {value}"
            case "like" | "ilike" if value:
                return f"{base} {function.name} {value}"
            case "collate":
                return base
            case "as_string":
                return base.replace(" -> ", " ->> ")
        return ""


def is_module(expression: Expression) -> bool:
    """Whether an expression names a module (``sa.text``), and no column."""
    return isinstance(expression, Global) and expression.dotted.split(".")[0] in ("sqlalchemy", "alembic", "?")


def written(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def joined(parts: list[str], how: str) -> str:
    if not parts or not all(parts):
        return ""
    if len(parts) == 1:
        return parts[0]
    return f"({' or '.join(parts)})" if how == "|" else " and ".join(parts)


def negated(condition: str) -> str:
    if not condition:
        return ""
    return f"not {condition}" if condition.replace("_", "").isalnum() else f"not ({condition})"


__all__ = ["Collection", "Expressions", "negated", "written"]
