"""Expressions whose value stands in the text: constants, names of constants, collections and texts put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from datakeel.read.languages.python.names import Names, dotted_of
from datakeel.read.program import (
    Assign,
    Attribute,
    Call,
    Choice,
    Collection,
    Const,
    Derive,
    Expression,
    Global,
    Local,
    Star,
)
from datakeel.read.symbols import ClassInfo, Constant, Module
from datakeel.read.values import HOLE

DEPTH = 12  # how far one constant leads to another


class Unknown:
    """The type of UNKNOWN: the text does not tell the value."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
Locals = Mapping[str, Expression]


class Literals:
    """The values of expressions, as far as the files alone tell them. `bound` holds what local names stand for."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def value(self, module: Module, expression: Expression | None, bound: Locals | None = None) -> object:
        """A constant, a list, tuple or dict of values, or UNKNOWN."""
        return self._value(module, expression, bound or {}, DEPTH)

    def text(self, module: Module, expression: Expression | None, bound: Locals | None = None) -> str | None:
        found = self.value(module, expression, bound)
        return found if isinstance(found, str) else None

    def written(
        self, module: Module, expression: Expression | None, bound: Locals | None = None, depth: int = DEPTH
    ) -> str | None:
        """A text in which holes stand for what is not known of it; None where it is no text."""
        known = self.value(module, expression, bound)
        if isinstance(known, str) or expression is None or depth <= 0:
            return known if isinstance(known, str) else None
        module, expression = self.followed(module, expression, bound)
        match expression:
            case Derive("template" | "+", operands):
                parts = [self.written(module, o, bound, depth - 1) for o in operands]
                return "".join(HOLE if p is None else p for p in parts) if any(parts) else None
            case Derive("format", (first, *_)):
                text = self.written(module, first, bound, depth - 1)
                return _PERCENT.sub(HOLE, text) if text is not None else None
            case Call(Attribute(base, "format")):
                text = self.written(module, base, bound, depth - 1)
                return _BRACES.sub(HOLE, text) if text is not None else None
            case Call(function, (first, *_)) if (dotted_of(function) or "").rpartition(".")[2] in SAME:
                return self.written(module, first, bound, depth - 1)
            case Call(Attribute(base, "strip" | "lstrip" | "rstrip")):
                return self.written(module, base, bound, depth - 1)
        return None

    def texts(self, module: Module, expression: Expression | None, bound: Locals | None = None) -> list[str] | None:
        """A list of texts; None where it is none, or one of them is not known."""
        found = self.value(module, expression, bound)
        if not isinstance(found, list | tuple) or not all(isinstance(f, str) for f in found):
            return None
        return [str(f) for f in found]

    def followed(
        self, module: Module, expression: Expression, bound: Locals | None = None
    ) -> tuple[Module, Expression]:
        """The expression that a name stands for, with the module in whose terms it speaks; itself where it is no name
        of a constant."""
        for _ in range(DEPTH):
            if isinstance(expression, Local) and bound is not None and expression.name in bound:
                expression = bound[expression.name]
                continue
            found = self._named(module, expression)
            if found is None:
                break
            module, expression = found
        return module, expression

    def items(
        self, module: Module, expression: Expression | None, bound: Locals | None = None, depth: int = DEPTH
    ) -> tuple[list[tuple[Module, Expression]], bool]:
        """The elements of a list that stands in the text, joined by ``+`` and spread by ``*``; and whether these are
        all."""
        if expression is None or depth <= 0:
            return [], expression is None
        module, expression = self.followed(module, expression, bound)
        found: list[tuple[Module, Expression]] = []
        complete = True
        match expression:
            case Collection(_, inner):
                for one in inner:
                    if isinstance(one, Star):
                        more, whole = self.items(module, one.value, bound, depth - 1)
                        found += more
                        complete = complete and whole
                    else:
                        found.append((module, one))
                return found, complete
            case Derive("+", operands):
                for one in operands:
                    more, whole = self.items(module, one, bound, depth - 1)
                    found += more
                    complete = complete and whole
                return found, complete
            case Call(function, (first, *_)) if dotted_of(function) in COLLECTIONS:
                return self.items(module, first, bound, depth - 1)
        return [], False

    def _named(self, module: Module, expression: Expression) -> tuple[Module, Expression] | None:
        if not isinstance(expression, Global | Attribute):
            return None
        dotted = dotted_of(expression)
        if dotted is None:
            return None
        symbol = self.names.resolve(module, dotted)
        if isinstance(symbol, Constant):
            return symbol.module, symbol.value
        return self._field(module, dotted)

    def _field(self, module: Module, dotted: str) -> tuple[Module, Expression] | None:
        """``Status.NEW``, ``Status.NEW.value``: an attribute of a class; a choice's value comes before its label."""
        head, _, name = dotted.rpartition(".")
        if name == "value":
            head, _, name = head.rpartition(".")
        if not head:
            return None
        owner = self.names.resolve(module, head)
        if not isinstance(owner, ClassInfo):
            return None
        found = owner.field(name)
        if found is None or not isinstance(found[1], Assign) or found[1].value is None:
            return None
        value = found[1].value
        enumerated = any(b.rpartition(".")[2] in CHOICES for b in owner.externals())
        if enumerated and isinstance(value, Collection) and value.items:
            value = value.items[0]
        return found[0].module, value

    def _value(self, module: Module, expression: Expression | None, bound: Locals, depth: int) -> object:
        if depth <= 0:
            return UNKNOWN
        deeper = depth - 1
        match expression:
            case Const(value):
                return value
            case Collection("dict", items, keys):
                return self._dict(module, items, keys, bound, deeper)
            case Collection():
                return self._list(module, expression, bound, deeper)
            case Derive("+" | "template", operands):
                return _joined([self._value(module, o, bound, deeper) for o in operands])
            case Derive("-", (operand,)):
                number = self._value(module, operand, bound, deeper)
                return -number if isinstance(number, int | float) else UNKNOWN
            case Derive("*", operands):
                return _product([self._value(module, o, bound, deeper) for o in operands])
            case Derive("format", operands):
                return _formatted([self._value(module, o, bound, deeper) for o in operands])
            case Local(name) if name in bound:
                return self._value(module, bound[name], bound, deeper)
            case Call():
                return self._called(module, expression, bound, deeper)
            case Choice(_, then, otherwise):
                first, second = (self._value(module, e, bound, deeper) for e in (then, otherwise))
                return first if first == second else UNKNOWN
            case Global() | Attribute():
                found = self._named(module, expression)
                return self._value(*found, {}, deeper) if found is not None else UNKNOWN
        return UNKNOWN

    def _list(self, module: Module, expression: Collection, bound: Locals, depth: int) -> object:
        found: list[object] = []
        for item in expression.items:
            if isinstance(item, Star):
                more = self._value(module, item.value, bound, depth)
                if not isinstance(more, list | tuple):
                    return UNKNOWN
                found += more
            else:
                found.append(self._value(module, item, bound, depth))
        return found if expression.kind in ("list", "set") else tuple(found)

    def _dict(
        self,
        module: Module,
        items: tuple[Expression, ...],
        keys: tuple[Expression | None, ...],
        bound: Locals,
        depth: int,
    ) -> object:
        found: dict[object, object] = {}
        for key, item in zip(keys, items, strict=False):
            value = self._value(module, item, bound, depth)
            if key is None:
                if not isinstance(value, dict):
                    return UNKNOWN
                found |= value
                continue
            known = self._value(module, key, bound, depth)
            if isinstance(known, str | int | bool | float | None):
                found[known] = value
        return found

    def _called(self, module: Module, call: Call, bound: Locals, depth: int) -> object:
        """Calls that give a text back: ``dedent("…")``, ``"…".format(a)``, ``"…".strip()``, ``gettext("…")``."""
        function = call.function
        if isinstance(function, Attribute) and not isinstance(function.base, Global):
            text = self._value(module, function.base, bound, depth)
            if isinstance(text, str):
                return self._method(module, text, function.name, call, bound, depth)
        dotted = dotted_of(function) or ""
        if dotted in COLLECTIONS:
            found = self._value(module, call.arguments[0], bound, depth) if call.arguments else []
            return list(found) if isinstance(found, list | tuple) else UNKNOWN
        if dotted.rpartition(".")[2] in SAME and call.arguments:
            return self._value(module, call.arguments[0], bound, depth)
        if dotted in ENVIRONMENT and len(call.arguments) == 2:  # where nobody sets it, it is this
            return self._value(module, call.arguments[1], bound, depth)
        return UNKNOWN

    def _method(self, module: Module, text: str, name: str, call: Call, bound: Locals, depth: int) -> object:
        if name in ("strip", "lstrip", "rstrip", "lower", "upper", "title") and not call.arguments:
            return str(getattr(text, name)())
        arguments = [self._value(module, a, bound, depth) for a in call.arguments]
        keywords = {k: self._value(module, v, bound, depth) for k, v in call.keywords}
        if name != "format" or UNKNOWN in (*arguments, *keywords.values()) or "" in keywords:
            return UNKNOWN
        try:
            return text.format(*arguments, **keywords)
        except (LookupError, ValueError, AttributeError, TypeError):
            return UNKNOWN


_PERCENT = re.compile(r"%(?:\(\w+\))?[sdr]")
_BRACES = re.compile(r"\{[^{}]*\}")
CHOICES = frozenset(("TextChoices", "IntegerChoices", "Choices"))
COLLECTIONS = frozenset(("builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "builtins.sorted"))
ENVIRONMENT = frozenset(("os.getenv", "os.environ.get"))
SAME = frozenset(("dedent", "text", "cleandoc", "_", "gettext", "gettext_lazy", "gettext_noop", "f", "str"))


def _joined(parts: list[object]) -> object:
    if all(isinstance(p, str) for p in parts):
        return "".join(str(p) for p in parts)
    if all(isinstance(p, list | tuple) for p in parts):
        return [one for p in parts if isinstance(p, list | tuple) for one in p]
    if all(isinstance(p, int) and not isinstance(p, bool) for p in parts):
        return sum(p for p in parts if isinstance(p, int))
    if all(isinstance(p, str | int) for p in parts):
        return "".join(str(p) for p in parts)
    return UNKNOWN


def _product(parts: list[object]) -> object:
    result = 1
    for part in parts:
        if not isinstance(part, int):
            return UNKNOWN
        result *= part
    return result


def _formatted(parts: list[object]) -> object:
    first, *rest = parts
    if not isinstance(first, str) or UNKNOWN in rest:
        return UNKNOWN
    given = rest[0] if len(rest) == 1 else tuple(rest)
    try:
        return first % (tuple(given) if isinstance(given, list) else given)
    except (TypeError, ValueError, KeyError):
        return UNKNOWN
