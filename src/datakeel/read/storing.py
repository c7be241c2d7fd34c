"""Which attributes a text may assign, of whatever object."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.read.program import Assign, Attribute, Augment, Define, Expression, Loop, Statement, With
from datakeel.read.retrying import expressions, walked


def stored(text: tuple[Statement, ...]) -> frozenset[str]:
    """The names of the attributes that a text assigns, functions inside it included."""
    return frozenset(name for statement in walked(text) for name in assigned(statement))


def assigned(statement: Statement) -> Iterator[str]:
    """The names of the attributes that a statement itself assigns: ``a.b = …``, ``a.b += …``, ``for a.b in …``."""
    match statement:
        case Assign(targets):
            yield from attributes(*targets)
        case Augment(target) | Loop(target) | With(_, target):
            if target is not None:
                yield from attributes(target)
        case Define(function):
            yield from stored(function.body)


def attributes(*targets: Expression) -> Iterator[str]:
    for target in targets:
        yield from (node.name for node in expressions(target) if isinstance(node, Attribute))
