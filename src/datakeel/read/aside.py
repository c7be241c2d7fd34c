"""Branches of which one arm does something now, and the other puts it aside: into a queue of the request, a list of
what is to be sent after the commit."""

from __future__ import annotations

import re

from datakeel.read.program import (
    Attribute,
    Call,
    Const,
    Evaluate,
    Expression,
    Global,
    If,
    Item,
    Local,
    Return,
    Statement,
)

PUTS = frozenset(("append", "appendleft", "add", "put", "put_nowait", "extend"))
LATER = re.compile(r"queue|pend|defer|buffer|later|delay|commit|outbox|batch|postpon|backlog|todo", re.I)


def other_than_aside(node: If) -> str:
    """The arm (``then`` or ``else``) of a branch whose other arm does nothing but put something aside; empty: neither.

    >>> from datakeel.read.program import Span
    >>> at = Span(1, 0, 1, 1)
    >>> queue = Attribute(Local("request"), "mail_queue", at)
    >>> put = Evaluate(Call(Attribute(queue, "append", at), (Local("mail"),), (), at), at)
    >>> other_than_aside(If(Local("queued"), (put,), (), at)), other_than_aside(If(Local("queued"), (), (put,), at))
    ('else', 'then')
    """
    if puts_aside(node.then):
        return "else"
    return "then" if puts_aside(node.otherwise) else ""


def puts_aside(body: tuple[Statement, ...]) -> bool:
    if not all(isinstance(s, Evaluate | Return) for s in body):
        return False
    return any(isinstance(s, Evaluate) and isinstance(s.value, Call) and aside(s.value.function) for s in body)


def aside(function: Expression) -> bool:
    """Whether something is put into a container that says by its name that its content is seen to later."""
    match function:
        case Attribute(base, name):
            return name in PUTS and LATER.search(called(base)) is not None
        case Global(dotted):
            base_name, _, name = dotted.rpartition(".")
            return name in PUTS and LATER.search(base_name.rpartition(".")[2]) is not None
    return False


def called(container: Expression) -> str:
    """The name that a container goes by: of a variable, an attribute or an entry."""
    match container:
        case Local(name) | Attribute(_, name):
            return name
        case Global(dotted):
            return dotted.rpartition(".")[2]
        case Item(_, Const(str() as key)):
            return key
        case Call(Attribute(), (Const(str() as key), *_)):  # setdefault("queue", [])
            return key
    return ""
