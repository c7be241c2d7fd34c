"""``match`` and long ``elif`` chains as chains of branches."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from datakeel.read.languages.python.expressions import Lowering, expression, once
from datakeel.read.program import (
    Assign,
    Attribute,
    Const,
    Derive,
    Evaluate,
    Expression,
    Global,
    If,
    Item,
    Let,
    Note,
    Span,
    Statement,
)

Branch = tuple[Expression, tuple[Statement, ...], Span]
Block = Callable[[Lowering, list[ast.stmt]], tuple[Statement, ...]]

# Alternatives of one branch are nested one in the other; more than this would make the tree too deep to recurse into.
MOST = 60


def alternatives(here: Lowering, branches: Sequence[Branch], otherwise: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """The branches as one If in the other; beyond `MOST` they follow one another, as if not exclusive."""
    first, rest = branches[:MOST], branches[MOST:]
    if rest:
        line = rest[0][2].line
        text = f"more than {MOST} alternatives; the later ones are read as independent"
        here.notes.append(Note(line, text))
        last = len(rest) - 1
        otherwise = tuple(
            [If(test, then, otherwise if place == last else (), at) for place, (test, then, at) in enumerate(rest)]
        )
    for test, then, at in reversed(first):
        otherwise = (If(test, then, otherwise, at),)
    return otherwise


def matched(here: Lowering, node: ast.Match, block: Block) -> tuple[Statement, ...]:
    """A ``match`` statement: the subject is evaluated once, each case is a test of it."""
    at = here.at(node)
    first, later = once(here, expression(here, node.subject), here.at(node.subject))
    start: tuple[Statement, ...] = () if first is later else (Assign((later,), _value(first), None, at),)
    branches: list[Branch] = []
    otherwise: tuple[Statement, ...] = ()
    for case in node.cases:
        tests = _tests(here, case.pattern, later)
        if case.guard is not None:
            tests.append(expression(here, case.guard))
        body = block(here, case.body)
        if all(isinstance(test, Let) for test in tests):  # catches everything: no case after it can be reached
            names = tuple([Evaluate(test, here.at(case.pattern)) for test in tests])
            otherwise = names + body
            break
        where = here.at(case.pattern)
        branches.append((tests[0] if len(tests) == 1 else Derive("and", tuple(tests), where), body, where))
    return start + alternatives(here, branches, otherwise)


def _value(first: Expression) -> Expression:
    return first.value if isinstance(first, Let) else first


def _tests(here: Lowering, node: ast.pattern, subject: Expression) -> list[Expression]:
    """What must hold of the subject, in order; a capture is a Let."""
    at = here.at(node)
    if isinstance(node, (ast.MatchValue, ast.MatchSingleton)):
        return [Derive("match", (subject, *_values(here, node)), at)]
    if isinstance(node, ast.MatchOr):
        return [_any(here, node, subject)]
    if isinstance(node, ast.MatchAs):
        inner = _tests(here, node.pattern, subject) if node.pattern else []
        return [*inner, _capture(here, node.name, subject)] if node.name else inner
    if isinstance(node, ast.MatchClass):
        tests: list[Expression] = [Derive("match", (subject, expression(here, node.cls)), at)]
        for place, pattern in enumerate(node.patterns):  # by the class's __match_args__, which are not known here
            tests += _tests(here, pattern, Derive("opaque", (subject, Const(place)), here.at(pattern)))
        for name, pattern in zip(node.kwd_attrs, node.kwd_patterns, strict=True):
            here.attributes.add(name)
            tests += _tests(here, pattern, Attribute(subject, name, here.at(pattern)))
        return tests
    if isinstance(node, ast.MatchMapping):
        return _mapping(here, node, subject)
    if isinstance(node, ast.MatchSequence):
        return _sequence(here, node, subject)
    raise AssertionError(f"no such pattern: {node!r}")


def _values(here: Lowering, node: ast.pattern) -> tuple[Expression, ...]:
    """The plain values that a pattern compares with; none if it is more than a comparison."""
    if isinstance(node, ast.MatchValue):
        return (expression(here, node.value),)
    if isinstance(node, ast.MatchSingleton):
        return (Const(node.value),)
    return ()


def _any(here: Lowering, node: ast.MatchOr, subject: Expression) -> Expression:
    if all(isinstance(pattern, (ast.MatchValue, ast.MatchSingleton)) for pattern in node.patterns):
        values = [value for pattern in node.patterns for value in _values(here, pattern)]
        return Derive("match", (subject, *values), here.at(node))
    ways: list[Expression] = []
    for pattern in node.patterns:
        tests = _tests(here, pattern, subject) or [Const(True)]
        ways.append(tests[0] if len(tests) == 1 else Derive("and", tuple(tests), here.at(pattern)))
    return Derive("or", tuple(ways), here.at(node))


def _mapping(here: Lowering, node: ast.MatchMapping, subject: Expression) -> list[Expression]:
    tests: list[Expression] = []
    for key, pattern in zip(node.keys, node.patterns, strict=True):
        named, at = expression(here, key), here.at(pattern)
        tests.append(Derive("in", (named, subject), at))
        tests += _tests(here, pattern, Item(subject, named, at))
    if node.rest:
        tests.append(_capture(here, node.rest, Derive("opaque", (subject,), here.at(node))))
    return tests or [Derive("match", (subject, Global("builtins.dict")), here.at(node))]


def _sequence(here: Lowering, node: ast.MatchSequence, subject: Expression) -> list[Expression]:
    """A sequence's length is part of its pattern, but of no use to a reader: it is one opaque test."""
    tests: list[Expression] = [Derive("opaque", (subject,), here.at(node))]
    count = len(node.patterns)
    star = next((at for at, pattern in enumerate(node.patterns) if isinstance(pattern, ast.MatchStar)), count)
    for place, pattern in enumerate(node.patterns):
        at = here.at(pattern)
        if isinstance(pattern, ast.MatchStar):
            rest = Derive("slice", (Const(place), Const(place + 1 - count or None), Const(None)), at)
            tests += [_capture(here, pattern.name, Item(subject, rest, at))] if pattern.name else []
        else:
            tests += _tests(here, pattern, Item(subject, Const(place if place < star else place - count), at))
    return tests


def _capture(here: Lowering, name: str, value: Expression) -> Expression:
    if not here.inside:
        here.scope.define(name)
    return Let(name, value)
