"""Python's expressions, each lowered into one of the neutral tree's."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from datakeel.read.languages.python.scope import Scope, bound, variables
from datakeel.read.program import (
    Attribute,
    Call,
    Choice,
    Class,
    Clause,
    Closure,
    Code,
    Collection,
    Comprehension,
    Const,
    Derive,
    Expression,
    Function,
    Global,
    Item,
    Let,
    Local,
    Note,
    Parameter,
    Return,
    Signature,
    Span,
    Star,
)

# What nests deeper than this is left opaque: whoever walks the tree later may recurse.
DEEPEST = 90
LONGEST_NAME = 120  # of a function, with its module
_HOLE = re.compile(r"\{[^{}]*\}|%(?:\(\w+\))?[sdr]").split


class Unread(ast.expr):
    """What the tolerant parser could not read, or has no node for: the `parts` that it could."""

    _fields = ("parts",)
    parts: list[ast.expr]


class Lowering:
    """Where the lowering stands: the file's collections, and the scope, names and position of the present body."""

    __slots__ = (
        "around",
        "at",
        "attributes",
        "bodies",
        "classes",
        "definitions",
        "depth",
        "functions",
        "generator",
        "inside",
        "loads",
        "module",
        "notes",
        "prefix",
        "scope",
        "seen",
        "taken",
        "texts",
        "walruses",
        "words",
    )

    def __init__(self, at: Callable[[Any], Span], module: Scope, walruses: Sequence[int]) -> None:
        self.at = at  # a node's span
        self.module = module
        self.scope = module  # what a name here means
        self.around = module  # what a name means in a function defined here: a class body's names are not seen there
        self.prefix = ""  # of the qualified names of what is defined here
        self.inside = False  # a function
        self.generator = False  # a yield has been seen in the present function
        self.definitions: dict[str, int] = {}  # how often the present body defines each name
        self.seen: dict[str, int] = {}  # and how many of those have come by
        self.attributes: set[str] = set()
        self.taken: set[str] = set()  # qualified names in use
        self.functions: list[Signature] = []
        self.bodies: list[Code] = []
        self.classes: list[Class] = []
        self.texts: dict[str, None] = {}
        self.words: set[str] = set()
        self.loads: set[str] = set()
        self.notes: list[Note] = []
        self.depth = 0
        self.walruses = walruses


def expression(here: Lowering, node: ast.expr) -> Expression:
    """Lower one expression."""
    return _EXPRESSIONS[type(node)](here, node)


def expressions(here: Lowering, nodes: Iterable[ast.expr]) -> tuple[Expression, ...]:
    return tuple([_EXPRESSIONS[type(node)](here, node) for node in nodes])


def target(here: Lowering, node: ast.expr) -> Expression:
    """Lower what is assigned to."""
    if isinstance(node, ast.Name):
        return here.scope[node.id] if here.inside else here.scope.define(node.id)
    if isinstance(node, (ast.Tuple, ast.List)):
        return Collection("tuple", tuple([target(here, element) for element in node.elts]))
    if isinstance(node, ast.Starred):
        return Star(target(here, node.value))
    return _EXPRESSIONS[type(node)](here, node)


def once(here: Lowering, value: Expression, at: Span) -> tuple[Expression, Expression]:
    """An expression that Python evaluates once but the tree needs again: how it reads first, and how later."""
    if isinstance(value, (Local, Global, Const)):
        return value, value
    name = f"<{at.line}:{at.column}>"
    return Let(name, value), Local(name)


def annotation(here: Lowering, node: ast.expr) -> Expression:
    """Lower a type; one that is written as a string is read as what it says."""
    if isinstance(node, ast.Name):
        return here.scope[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _written_type(here, node)
    if isinstance(node, ast.Subscript):
        base = _EXPRESSIONS[type(node.value)](here, node.value)
        return Item(base, _type_arguments(here, base, node.slice), here.at(node))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Derive("|", tuple([annotation(here, part) for part in _chain(node)]), here.at(node))
    if isinstance(node, ast.List):
        return Collection("list", tuple([annotation(here, element) for element in node.elts]))
    return _EXPRESSIONS[type(node)](here, node)


def _type_arguments(here: Lowering, base: Expression, node: ast.expr) -> Expression:
    name = base.name if isinstance(base, Attribute) else base.dotted if isinstance(base, Global) else ""
    name = name.rpartition(".")[2]
    if name == "Literal":
        return _EXPRESSIONS[type(node)](here, node)
    if not isinstance(node, ast.Tuple):
        return annotation(here, node)
    if name == "Annotated":
        return Collection("tuple", (annotation(here, node.elts[0]), *expressions(here, node.elts[1:])))
    return Collection("tuple", tuple([annotation(here, element) for element in node.elts]))


_TYPE_TEXT = re.compile(r"\s*[^\W\d][\w.,|\[\] '\"]*").fullmatch


def _written_type(here: Lowering, node: ast.Constant) -> Expression:
    text = str(node.value)
    if _TYPE_TEXT(text):
        try:
            written = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return _constant(here, node)
        for part in ast.walk(written):
            ast.copy_location(part, node)
        if isinstance(written, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp)):
            return annotation(here, written)
    return _constant(here, node)


# Names and constants --------------------------------------------------------------------------------------------------


def _name(here: Lowering, node: ast.Name) -> Expression:
    return here.scope[node.id]


_SINGLE = {None: Const(None), True: Const(True), False: Const(False)}
_SQL = re.compile(
    r"\s*(?:select|insert|update|delete|with|create|alter|drop|merge|copy|lock|begin|set\s+transaction)\b",
    re.IGNORECASE,
).match


def _constant(here: Lowering, node: ast.Constant) -> Expression:
    value: Any = node.value
    kind = type(value)
    if kind is str:
        if not value.isascii():
            value = encodable(value)
        if len(value) >= 10 and _SQL(value):
            here.texts[value] = None
        _note_word(here, value)
        return Const(value)
    if value is None or kind is bool:
        return _SINGLE[value]
    if kind is int:
        return Const(value) if value.bit_length() < 64 else Const(hex(value), "integer")
    if kind is float:
        return Const(value)
    if kind is bytes:
        return Const(value.decode("latin-1"), "bytes")
    return Const(str(value), kind.__name__)


def _note_word(here: Lowering, text: str) -> None:
    """Notes the names in a text that may name a function, with the modules that it stands in, or begin or end the name
    of one: ``"refund"``, ``"shop.tasks:refund"``, ``"pay_%s"``."""
    if len(text) < LONGEST_NAME:
        for part in _HOLE(text) if "{" in text or "%" in text else (text,):
            *around, word = part.replace(":", ".").split(".") if "." in part or ":" in part else (part,)
            if word.isidentifier():
                here.words.add(word)
                here.words.update([name for name in around if name.isidentifier() and name.strip("_") == name])


def encodable(text: str) -> str:
    """Lone surrogates as their escapes: no encoder takes them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _template(here: Lowering, node: Any) -> Expression:
    parts: list[Expression] = []
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts.append(Const(encodable(str(value.value))))
            _note_word(here, str(value.value))
        else:
            parts.append(_hole(here, value))
    text = "".join(part.value if isinstance(part, Const) and isinstance(part.value, str) else "{}" for part in parts)
    if len(text) >= 10 and _SQL(text):
        here.texts[text] = None
    return Derive("template", tuple(parts), here.at(node))


def _hole(here: Lowering, node: Any) -> Expression:
    """The value of a hole; its format matters only where that has holes of its own."""
    value = _deeper(here, node.value)
    inner = [part for part in getattr(node.format_spec, "values", ()) if not isinstance(part, ast.Constant)]
    if not inner:
        return value
    return Derive("format", (value, *[_hole(here, part) for part in inner]), here.at(node))


# Access and calls -----------------------------------------------------------------------------------------------------


def _attribute(here: Lowering, node: ast.Attribute) -> Expression:
    base = node.value
    here.attributes.add(node.attr)
    if type(base) is ast.Name:
        return Attribute(here.scope[base.id], node.attr, here.at(node))
    return Attribute(_deeper(here, base), node.attr, here.at(node))


def _call(here: Lowering, node: ast.Call) -> Expression:
    if here.depth > DEEPEST:
        return _opaque(here, node)
    here.depth += 1
    function = node.func
    called = _EXPRESSIONS[type(function)](here, function)
    arguments = tuple([_EXPRESSIONS[type(argument)](here, argument) for argument in node.args])
    keywords = node.keywords
    named = (
        tuple([(word.arg or "", _EXPRESSIONS[type(word.value)](here, word.value)) for word in keywords])
        if keywords
        else ()
    )
    here.depth -= 1
    return Call(called, arguments, named, here.at(node))


def _subscript(here: Lowering, node: ast.Subscript) -> Expression:
    base = _deeper(here, node.value)
    key = node.slice
    return Item(base, _EXPRESSIONS[type(key)](here, key), here.at(node))


def _slice(here: Lowering, node: ast.Slice) -> Expression:
    ends = (node.lower, node.upper, node.step)
    lowered = tuple([_SINGLE[None] if end is None else expression(here, end) for end in ends])
    return Derive("slice", lowered, here.at(node))


def _unread(here: Lowering, node: Unread) -> Expression:
    return Derive("opaque", expressions(here, node.parts), here.at(node))


def _deeper(here: Lowering, node: ast.expr) -> Expression:
    """Lower a part of what can be as deep as the text is long: a chain of calls, of operators, of brackets."""
    if here.depth > DEEPEST:
        return _opaque(here, node)
    here.depth += 1
    lowered = _EXPRESSIONS[type(node)](here, node)
    here.depth -= 1
    return lowered


def _opaque(here: Lowering, node: ast.expr) -> Expression:
    note = Note(node.lineno, "nested too deeply; what lies inside was not read")
    if not here.notes or here.notes[-1] != note:
        here.notes.append(note)
    return Derive("opaque", (), here.at(node))


# Operators ------------------------------------------------------------------------------------------------------------

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.MatMult: "@",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.Invert: "~",
    ast.UAdd: "+",
    ast.USub: "-",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "notin",
    ast.Is: "is",
    ast.IsNot: "isnot",
}


def _binary(here: Lowering, node: ast.BinOp) -> Expression:
    operator = OPERATORS[type(node.op)]
    if operator == "%" and _is_text(node.left):
        values = node.right.elts if isinstance(node.right, ast.Tuple) else (node.right,)
        return Derive("format", (expression(here, node.left), *expressions(here, values)), here.at(node))
    parts = (node.left, node.right) if operator == "**" else _chain(node)
    return Derive(operator, tuple([_deeper(here, part) for part in parts]), here.at(node))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))


def _chain(node: ast.BinOp) -> list[ast.expr]:
    """``a + b + c`` as its three parts, without recursion."""
    operator, parts = type(node.op), [node.right]
    left = node.left
    while isinstance(left, ast.BinOp) and type(left.op) is operator:
        parts.append(left.right)
        left = left.left
    parts.append(left)
    parts.reverse()
    return parts


def _unary(here: Lowering, node: ast.UnaryOp) -> Expression:
    operand = _deeper(here, node.operand)
    if isinstance(node.op, ast.USub) and isinstance(operand, Const) and type(operand.value) in (int, float):
        return Const(-operand.value)  # type: ignore[operator]
    return Derive(OPERATORS[type(node.op)], (operand,), here.at(node))


def _logical(here: Lowering, node: ast.BoolOp) -> Expression:
    return Derive(OPERATORS[type(node.op)], tuple([_deeper(here, value) for value in node.values]), here.at(node))


def _compare(here: Lowering, node: ast.Compare) -> Expression:
    at = here.at(node)
    left = _deeper(here, node.left)
    if len(node.ops) == 1:
        return Derive(OPERATORS[type(node.ops[0])], (left, _deeper(here, node.comparators[0])), at)
    pairs: list[Expression] = []
    for operator, comparator in zip(node.ops, node.comparators, strict=True):
        first, later = once(here, _deeper(here, comparator), here.at(comparator))
        pairs.append(Derive(OPERATORS[type(operator)], (left, first), at))
        left = later
    return Derive("and", tuple(pairs), at)


def _choice(here: Lowering, node: ast.IfExp) -> Expression:
    test, then = _deeper(here, node.test), _deeper(here, node.body)
    return Choice(test, then, _deeper(here, node.orelse), here.at(node))


def _let(here: Lowering, node: ast.NamedExpr) -> Expression:
    value = expression(here, node.value)
    target(here, node.target)
    return Let(node.target.id, value)


def _await(here: Lowering, node: ast.Await) -> Expression:
    return Derive("await", (_deeper(here, node.value),), here.at(node))


def _yield(here: Lowering, node: ast.Yield) -> Expression:
    here.generator = True
    return Derive("yield", (expression(here, node.value),) if node.value else (), here.at(node))


def _yield_from(here: Lowering, node: ast.YieldFrom) -> Expression:
    here.generator = True
    return Derive("yieldfrom", (expression(here, node.value),), here.at(node))


# Literals -------------------------------------------------------------------------------------------------------------


def _tuple(here: Lowering, node: ast.Tuple) -> Expression:
    return Collection("tuple", tuple([_deeper(here, element) for element in node.elts]))


def _list(here: Lowering, node: ast.List) -> Expression:
    return Collection("list", tuple([_deeper(here, element) for element in node.elts]))


def _set(here: Lowering, node: ast.Set) -> Expression:
    return Collection("set", tuple([_deeper(here, element) for element in node.elts]))


def _dict(here: Lowering, node: ast.Dict) -> Expression:
    keys = tuple([None if key is None else expression(here, key) for key in node.keys])
    return Collection("dict", tuple([_deeper(here, value) for value in node.values]), keys)


def _starred(here: Lowering, node: ast.Starred) -> Expression:
    return Star(expression(here, node.value))


# Scopes of their own --------------------------------------------------------------------------------------------------


def _comprehension(kind: str) -> Callable[[Lowering, Any], Expression]:
    def lower(here: Lowering, node: Any) -> Expression:
        first = _deeper(here, node.generators[0].iter)  # runs in the scope around
        scope, inside, depth = here.scope, here.inside, here.depth
        own = variables([clause.target for clause in node.generators])
        here.scope, here.inside = Scope(scope if inside else here.around, own), True
        here.depth += 1
        clauses = tuple([_clause(here, clause, None if at else first) for at, clause in enumerate(node.generators)])
        if kind == "dict":
            element: Expression = Collection("tuple", (expression(here, node.key), expression(here, node.value)))
        else:
            element = expression(here, node.elt)
        if not inside:
            note_names(here, here.scope)
        here.scope, here.inside, here.depth = scope, inside, depth
        return Comprehension(kind, element, clauses, here.at(node))

    return lower


def _clause(here: Lowering, node: ast.comprehension, iterable: Expression | None) -> Clause:
    iterable = expression(here, node.iter) if iterable is None else iterable
    return Clause(target(here, node.target), iterable, expressions(here, node.ifs), bool(node.is_async))


def note_names(here: Lowering, scope: Scope) -> None:
    """Notes the global names that a scope has looked up."""
    here.attributes.update([value.dotted.rpartition(".")[2] for value in scope.values() if type(value) is Global])


def _lambda(here: Lowering, node: ast.Lambda) -> Expression:
    at = here.at(node)
    if here.depth > DEEPEST:
        return _opaque(here, node)
    own = bound([ast.copy_location(ast.Expr(node.body), node)] if here.walruses else [], here.walruses)
    scope, inside, around, generator = here.scope, here.inside, here.around, here.generator
    taken = parameters(here, node.args)
    names = own.names(here.module) | {parameter.name: Local(parameter.name) for parameter in taken}
    here.scope = here.around = Scope(around, names)
    here.inside, here.generator = True, False
    here.depth += 1
    value = expression(here, node.body)
    here.depth -= 1
    note_names(here, here.scope)
    signature = Signature("<lambda>", taken, None, (), False, here.generator, at)
    here.scope, here.inside, here.around, here.generator = scope, inside, around, generator
    return Closure(Function(signature, (Return(value, here.at(node.body)),), tuple(sorted(names))))


def parameters(here: Lowering, node: ast.arguments) -> tuple[Parameter, ...]:
    """The parameters of a function, their defaults and types read in the scope around it."""
    positional = [*node.posonlyargs, *node.args] if node.posonlyargs else node.args
    missing = len(positional) - len(node.defaults)
    taken = [
        _parameter(here, argument, "positional", node.defaults[place - missing] if place >= missing else None)
        for place, argument in enumerate(positional)
    ]
    if node.vararg:
        taken.append(_parameter(here, node.vararg, "rest", None))
    for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        taken.append(_parameter(here, argument, "keyword", default))
    if node.kwarg:
        taken.append(_parameter(here, node.kwarg, "options", None))
    return tuple(taken)


def _parameter(here: Lowering, node: ast.arg, kind: str, default: ast.expr | None) -> Parameter:
    return Parameter(
        node.arg,
        kind,
        annotation(here, node.annotation) if node.annotation else None,
        expression(here, default) if default else None,
    )


_EXPRESSIONS: dict[type[ast.AST], Callable[[Lowering, Any], Expression]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.JoinedStr: _template,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _logical,
    ast.Compare: _compare,
    ast.IfExp: _choice,
    ast.NamedExpr: _let,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.Tuple: _tuple,
    ast.List: _list,
    ast.Set: _set,
    ast.Dict: _dict,
    ast.Starred: _starred,
    ast.ListComp: _comprehension("list"),
    ast.SetComp: _comprehension("set"),
    ast.DictComp: _comprehension("dict"),
    ast.GeneratorExp: _comprehension("generator"),
    ast.Lambda: _lambda,
    Unread: _unread,
}
if hasattr(ast, "TemplateStr"):
    _EXPRESSIONS[ast.TemplateStr] = _template
