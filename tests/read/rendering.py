"""The neutral tree as short text, so that a test can show what a construct becomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from datakeel.read.languages.python.lower import lower
from datakeel.read.program import (
    Assert,
    Assign,
    Attribute,
    Augment,
    Call,
    Choice,
    Closure,
    Code,
    Collection,
    Comprehension,
    Const,
    Define,
    Delete,
    Derive,
    Evaluate,
    Expression,
    File,
    Function,
    Global,
    If,
    Item,
    Let,
    Local,
    Loop,
    Raise,
    Return,
    Span,
    Star,
    Statement,
    Try,
    With,
    body,
)


def read(text: str, is_package: bool = False) -> File:
    return lower(text, "digest", is_package)


def function(file: File, name: str) -> str:
    """The body of one of the file's functions."""
    place = [signature.name for signature in file.functions].index(name)
    return lines(body(file.bodies[place]))


def module(file: File) -> str:
    """The file's own code."""
    return lines(body(file.bodies[-1]))


def only(text: str) -> str:
    """The body of the only function in a text."""
    file = read(text)
    return function(file, file.functions[-1].name)


def value(text: str) -> str:
    """An expression, with a, b and c as variables of the function around it."""
    lowered = only(f"def function(a, b, c):\n    return (\n{text}\n)\n")
    return lowered.removeprefix("return ")


def lines(statements: Iterable[Statement]) -> str:
    return "\n".join(_lines(statements, ""))


def _lines(statements: Iterable[Statement], indent: str) -> Iterator[str]:
    for statement in statements:
        head, blocks = _statement(statement)
        yield indent + head
        for name, block in blocks:
            if name:
                yield indent + name
            yield from _lines(block, indent + "  ")


Blocks = list[tuple[str, tuple[Statement, ...]]]


def _statement(node: Statement) -> tuple[str, Blocks]:
    """A statement's own line, and its blocks, each with its word."""
    match node:
        case If(test, then, otherwise):
            return f"if {shown(test)}", [("", then), *_some("else", otherwise)]
        case Loop(target, iterable, test, inside, otherwise, is_async):
            start = "async " if is_async else ""
            head = f"while {shown(test)}" if test else f"for {shown(target)} in {shown(iterable)}"
            return start + head, [("", inside), *_some("else", otherwise)]
        case Try(inside, handlers, otherwise, final):
            caught: Blocks = [
                (f"except ({', '.join(map(shown, handler.types))}) as {handler.name}", handler.body)
                for handler in handlers
            ]
            return "try", [("", inside), *caught, *_some("else", otherwise), *_some("finally", final)]
        case With(context, target, inside, is_async):
            start = "async with " if is_async else "with "
            return start + shown(context) + (f" as {shown(target)}" if target else ""), [("", inside)]
        case Define(defined):
            return _head(defined), [("", defined.body)]
    return _simple(node), []


def _some(word: str, block: tuple[Statement, ...]) -> Blocks:
    return [(word, block)] if block else []


def _simple(node: Statement) -> str:
    match node:
        case Evaluate(inner):
            return shown(inner)
        case Assign(targets, value, annotation):
            kind = f": {shown(annotation)}" if annotation else ""
            return " = ".join(map(shown, targets)) + kind + (f" = {shown(value)}" if value else "")
        case Augment(target, operator, inner):
            return f"{shown(target)} {operator}= {shown(inner)}"
        case Return(value) | Raise(value):
            return type(node).__name__.lower() + (f" {shown(value)}" if value else "")
        case Delete(targets):
            return "delete " + ", ".join(map(shown, targets))
        case Assert(test):
            return f"assert {shown(test)}"
    return type(node).__name__.lower()


def _head(defined: Function) -> str:
    signature = defined.signature
    start = "async " if signature.is_async else ""
    names = ", ".join(parameter.name for parameter in signature.parameters)
    return f"{start}define {signature.name}({names}) own {' '.join(defined.own) or '-'}"


def shown(node: Expression | None) -> str:
    match node:
        case Const(inner, kind):
            return repr(inner) + (f":{kind}" if kind else "")
        case Local(name):
            return name
        case Global(dotted):
            return f"<{dotted}>"
        case Attribute(base, name):
            return f"{shown(base)}.{name}"
        case Item(base, key):
            return f"{shown(base)}[{shown(key)}]"
        case Call(called, arguments, keywords):
            named = [f"{name}={shown(inner)}" if name else f"**{shown(inner)}" for name, inner in keywords]
            return f"{shown(called)}({', '.join([*map(shown, arguments), *named])})"
        case Derive(how, operands):
            return f"{how}({', '.join(map(shown, operands))})"
        case Collection("dict", items, keys):
            pairs = zip(keys, items, strict=True)
            return (
                "{"
                + ", ".join(f"{shown(key)}: {shown(item)}" if key else f"**{shown(item)}" for key, item in pairs)
                + "}"
            )
        case Collection(kind, items):
            return f"{kind}[{', '.join(map(shown, items))}]"
        case Choice(test, then, otherwise):
            return f"({shown(then)} if {shown(test)} else {shown(otherwise)})"
        case Comprehension(kind, element, clauses):
            each = [
                f"{'async ' if clause.is_async else ''}for {shown(clause.target)} in {shown(clause.iterable)}"
                + "".join(f" if {shown(test)}" for test in clause.tests)
                for clause in clauses
            ]
            return f"{kind}[{shown(element)} {' '.join(each)}]"
        case Closure(defined):
            return f"({_head(defined)}: {'; '.join(_lines(defined.body, ''))})"
        case Star(inner):
            return f"*{shown(inner)}"
        case Let(name, inner):
            return f"({name} := {shown(inner)})"
    raise AssertionError(node)


def placeless(facts: object) -> object:
    """Facts without their places, the bodies decoded: what two ways of reading one text must agree on."""
    if isinstance(facts, Span):
        return None
    if isinstance(facts, Code):
        return "Code", placeless(body(facts)), facts.names
    if isinstance(facts, Struct):
        return type(facts).__name__, *[placeless(getattr(facts, field)) for field in facts.__struct_fields__]
    if isinstance(facts, tuple):
        return tuple(placeless(part) for part in facts)
    return facts
