"""Django's expressions in indexes, constraints and defaults → SQL text, in the form in which DDL's own are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.literals import Literals
from datakeel.read.program import Attribute, Call, Collection, Const, Derive, Expression
from datakeel.read.symbols import Module

Columns = Callable[[str], str]  # a field's name → its column

FUNCTIONS = {
    "Now": "now",
    "RandomUUID": "gen_random_uuid",
    "TransactionNow": "current_timestamp",
    "Substr": "substring",
    "Length": "length",
    "MD5": "md5",
    "ExtractYear": "extract_year",
}
_SIMPLE = re.compile(r"[\w$]+(?: (?:=|<>|<|>|<=|>=) (?:'(?:[^']|'')*'|-?[\w.]+))?\Z")
_LOOKUPS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "exact": "=", "ne": "<>"}
_TRANSFORMS = frozenset(("lower", "upper", "length", "trim", "unaccent", "md5", "year", "month", "day", "date", "abs"))
_LIKE = {
    "contains": "%{}%",
    "icontains": "%{}%",
    "startswith": "{}%",
    "istartswith": "{}%",
    "endswith": "%{}",
    "iendswith": "%{}",
}


class Expressions:
    """Turns expressions into text; an empty text stands for what was not understood."""

    def __init__(self, literals: Literals) -> None:
        self.literals = literals

    def key(self, module: Module, expression: Expression, columns: Columns) -> str:
        """One element of an index: a field's name (``-created``), ``F``, or a function of fields."""
        if isinstance(expression, Const) and isinstance(expression.value, str):
            return columns(expression.value.removeprefix("-"))
        return self.term(module, expression, columns)

    def term(self, module: Module, expression: Expression, columns: Columns) -> str:
        """An expression in which texts name fields."""
        match expression:
            case Const(value) if isinstance(value, str):
                return columns(value)
            case Const(value):
                return written(value)
            case Derive("+" | "-" | "*" | "/" | "%", operands) if len(operands) > 1:
                parts = [self.term(module, o, columns) for o in operands]
                return f" {expression.how} ".join(parts) if all(parts) else ""
            case Call(Attribute(base, "asc" | "desc")):
                return self.term(module, base, columns)
            case Call():
                return self._called(module, expression, columns)
        return self.constant(module, expression)

    def constant(self, module: Module, expression: Expression) -> str:
        found = self.literals.value(module, expression)
        if isinstance(found, str | int | float | bool | None):
            return written(found)
        if isinstance(found, list | tuple) and all(isinstance(f, str | int | float | bool | None) for f in found):
            return f"({', '.join(written(f) for f in found)})"
        if isinstance(expression, Call) and expression.arguments and _last(expression) in ("Decimal", "Value", "UUID"):
            return self.constant(module, expression.arguments[0])
        return ""

    def _called(self, module: Module, call: Call, columns: Columns) -> str:
        name = _last(call)
        keywords = dict(call.keywords)
        given = call.arguments
        match name:
            case "F" if given:
                return self._field(module, given[0], columns)
            case "Value" | "Decimal" | "UUID":
                return self.constant(module, call)
            case "OrderBy" | "OpClass" | "Collate" | "ExpressionWrapper" | "IndexExpression" if given:
                return self.term(module, given[0], columns)
            case "Cast" if given:
                inner = self.term(module, given[0], columns)
                kind = given[1] if len(given) > 1 else keywords.get("output_field")
                return f"cast({inner} as {_cast(kind)})" if inner else ""
            case "KeyTextTransform" | "KeyTransform" | "KT" if given:
                return self._path(module, given, columns, "->>" if name != "KeyTransform" else "->")
            case "Q":
                return self.condition(module, call, columns)
            case "Case":
                return self._case(module, call, columns)
            case "Subquery" | "Exists" | "RawSQL" | "When" | "":
                return ""
        if not name[:1].isupper():
            return ""
        function = self.literals.text(module, keywords.get("function")) or FUNCTIONS.get(name) or _snake(name)
        parts = [self.term(module, a, columns) for a in given]
        config = self.literals.text(module, keywords.get("config"))
        if name == "SearchVector":
            parts = [f"coalesce({p}, '')" if p else "" for p in parts]
            function, parts = "to_tsvector", [*([f"'{config}'"] if config else []), " || ' ' || ".join(parts)]
        return f"{function.lower()}({', '.join(parts)})" if all(parts) else ""

    def _case(self, module: Module, call: Call, columns: Columns) -> str:
        arms: list[str] = []
        for when in call.arguments:
            if not isinstance(when, Call) or _last(when) != "When":
                return ""
            given = dict(when.keywords)
            then = given.pop("then", None)
            condition = given.pop("condition", None)
            found = self._q(module, replace(when, keywords=tuple(given.items())), columns)
            found = found or self.condition(module, condition, columns)
            value = self.value(module, then, columns)
            if not found or not value:
                return ""
            arms.append(f"when {found} then {value}")
        default = dict(call.keywords).get("default")
        otherwise = self.value(module, default, columns) if default is not None else "null"
        return f"case {' '.join(arms)} else {otherwise} end" if arms and otherwise else ""

    def value(self, module: Module, expression: Expression | None, columns: Columns) -> str:
        """A constant, or an expression; a text alone is itself, and names no field."""
        if expression is None:
            return ""
        return self.constant(module, expression) or self.term(module, expression, columns)

    def _field(self, module: Module, expression: Expression, columns: Columns) -> str:
        name = self.literals.text(module, expression)
        return self.column(name, columns) if name else ""

    def _path(self, module: Module, given: tuple[Expression, ...], columns: Columns, arrow: str) -> str:
        key = self.literals.value(module, given[0])
        if len(given) == 1:
            return self.column(key, columns) if isinstance(key, str) else ""
        inner = self.term(module, given[1], columns)
        return f"{inner} {arrow} {written(key)}" if inner and isinstance(key, str | int) else ""

    def column(self, path: str, columns: Columns) -> str:
        """A field, or a path into it: a transform's, or a key of a JSON document."""
        name, *rest = path.split("__")
        found = columns(name)
        for part in rest:
            found = f"{part}({found})" if part in _TRANSFORMS else f"{found} ->> '{part}'"
        return found

    # Conditions -------------------------------------------------------------------------------------------------------

    def condition(self, module: Module, expression: Expression | None, columns: Columns) -> str:
        """A ``Q``, or an expression that stands as a condition."""
        if expression is None:
            return ""
        module, expression = self.literals.followed(module, expression)
        match expression:
            case Derive("&" | "|", operands):
                return _combined([self.condition(module, o, columns) for o in operands], expression.how)
            case Derive("~", (one,)):
                return negated(self.condition(module, one, columns))
            case Call() if _last(expression) == "Q":
                return self._q(module, expression, columns)
            case Call(_, (left, right, *_)) if _last(expression) in _COMPARISONS:
                sides = [self.term(module, side, columns) for side in (left, right)]
                return f" {_COMPARISONS[_last(expression)]} ".join(sides) if all(sides) else ""
            case Call():
                return self._called(module, expression, columns)
        return ""

    def _q(self, module: Module, call: Call, columns: Columns) -> str:
        parts: list[str] = []
        connector, negative = "&", False
        for argument in call.arguments:
            if isinstance(argument, Collection) and len(argument.items) == 2:
                path = self.literals.text(module, argument.items[0])
                parts.append(self.lookup(module, path, argument.items[1], columns) if path else "")
            else:
                parts.append(self.condition(module, argument, columns))
        for name, value in call.keywords:
            if name == "_connector":
                connector = "|" if self.literals.value(module, value) == "OR" else "&"
            elif name == "_negated":
                negative = self.literals.value(module, value) is True
            else:
                parts.append(self.lookup(module, name, value, columns) if name else "")
        found = _combined(parts, connector)
        return negated(found) if negative else found

    def lookup(self, module: Module, path: str, value: Expression, columns: Columns) -> str:
        """``status__in=[…]`` as ``status in (…)``."""
        head, _, last = path.rpartition("__")
        if not head or not (last in _LOOKUPS or last in _LIKE or last in ("isnull", "in", "range", "iexact")):
            head, last = path, "exact"
        column = self.column(head, columns)
        if last == "isnull":
            null = self.literals.value(module, value)
            return f"{column} is {'' if null else 'not '}null" if isinstance(null, bool) else ""
        text = self.constant(module, value) or self.term(module, value, columns)
        if not text:
            return ""
        if last == "exact" and text in ("null", "true", "false"):
            return {"null": f"{column} is null", "true": column, "false": f"not {column}"}[text]
        if last == "in":
            return f"{column} in {text}" if text.startswith("(") else ""
        if last == "range":
            ends = _ends(text)
            return f"{column} between {ends[0]} and {ends[1]}" if ends else ""
        if last in _LIKE:
            return f"{column} like '{_LIKE[last].format(text[1:-1])}'" if text.startswith("'") else ""
        if last == "iexact":
            return f"upper({column}) = {text.upper()}"
        return f"{column} {_LOOKUPS[last]} {text}"


_COMPARISONS = {
    "GreaterThan": ">",
    "GreaterThanOrEqual": ">=",
    "LessThan": "<",
    "LessThanOrEqual": "<=",
    "Exact": "=",
}


def written(value: object) -> str:
    """A constant as SQL.

    >>> written("it's"), written(True), written(None), written(3)
    ("'it''s'", 'true', 'null', '3')
    """
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def negated(condition: str) -> str:
    """
    >>> negated("a"), negated("not a"), negated("a is null"), negated("a = 1"), negated("a in (1) and b")
    ('not a', 'a', 'a is not null', 'not a = 1', 'not (a in (1) and b)')
    """
    if not condition:
        return ""
    if re.match(r"not [\w$]+\Z", condition):
        return condition[4:]
    found = re.match(r"([\w$]+) is (not )?null\Z", condition)
    if found:
        return f"{found[1]} is {'' if found[2] else 'not '}null"
    return f"not {condition}" if _SIMPLE.match(condition) else f"not ({condition})"


def _combined(parts: list[str], connector: str) -> str:
    if not all(parts) or not parts:
        return ""
    if len(parts) == 1:
        return parts[0]
    if connector == "|":
        return f"({' or '.join(parts)})"
    return " and ".join(parts)


def _ends(text: str) -> list[str]:
    inner = text[1:-1] if text.startswith("(") else ""
    parts = [p.strip() for p in inner.split(",")]
    return parts if len(parts) == 2 else []


def _last(call: Call) -> str:
    return (dotted_of(call.function) or "").rpartition(".")[2]


def _snake(name: str) -> str:
    return "_".join(_words(name)).lower()


def _words(name: str) -> Iterator[str]:
    yield from re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name) or [name]


def _cast(kind: Expression | None) -> str:
    """The type of a cast, by its field's class."""
    name = _last(kind) if isinstance(kind, Call) else ""
    return {
        "TextField": "text",
        "CharField": "varchar",
        "IntegerField": "integer",
        "BigIntegerField": "bigint",
        "DateField": "date",
        "FloatField": "double precision",
        "UUIDField": "uuid",
    }.get(name, name.removesuffix("Field").lower() or "text")
