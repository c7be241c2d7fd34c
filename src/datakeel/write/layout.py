"""Statements of Python as documents that break where ``ruff format`` breaks them (its 2026 style).

What a statement's text says is kept: parentheses within an expression, commas before a closing bracket, the way that a
string is written. A statement with a comment where none of ours stands is not understood, and stays as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from datakeel.write.expressions import BROKEN, OPERATORS, PLAIN, Expressions, Strange
from datakeel.write.printer import Document, IfBroken, Line, printed
from datakeel.write.source import Source, nodes

PRAGMA = re.compile(r"# *(noqa|type:|fmt:|pragma:)")


class Statement(Struct, frozen=True):
    """Lines `first` to `last` of a text, which are one statement, or the head of one; and how it is written."""

    first: int
    last: int
    indent: int
    comment: str  # behind it
    document: Callable[[str], Document]

    def lines(self, width: int) -> list[str] | None:
        """What it is within a width. None: the statement is not understood."""
        behind = f"  {self.comment}" if self.comment else ""
        is_pragma = PRAGMA.match(self.comment) is not None  # is no part of a line's width
        try:
            text = printed(self.document("" if is_pragma else behind), self.indent, width)
        except Strange:
            return None
        return f"{' ' * self.indent}{text}{behind if is_pragma else ''}".split("\n")


def statements(text: str) -> Iterator[Statement]:
    """Each statement of a text that has its lines for itself; of one with a body, its head."""
    source = Source(text)
    for start, end, document in _documents(source):
        tokens = source.tokens
        (first, indent), (last, until) = tokens[start].start, tokens[end].end
        shared = (start > 0 and tokens[start - 1].end[0] == first) or tokens[end + 1].start == (last, until)
        if not shared and tokens[end + 1].start[0] != last:
            yield Statement(first, last, indent, source.comment_behind(last, until), document)


def _documents(source: Source) -> Iterator[tuple[int, int, Callable[[str], Document]]]:
    """The first and the last token of each statement, and how it is laid out."""
    layout = _Layout(source)
    for node in nodes(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for one in node.decorator_list:
                yield source.first_token(one) - 1, source.last_token(one), partial(layout.decorator, one)
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            start = source.first_token(node)
            end = source.end_of_head(start)
            yield start, end, partial(layout.statement, node, start, end)
        elif isinstance(node, ast.match_case):
            start = source.first_token(node.pattern)
            while source.tokens[start].string != "case":
                start -= 1
            end = source.end_of_head(start)
            yield start, end, partial(layout.case, node)


class _Layout(Expressions):
    """The statements of one text."""

    def statement(self, node: ast.stmt | ast.ExceptHandler, start: int, end: int, behind: str) -> Document:
        tokens = self.source.tokens
        here = (tokens[start].start, tokens[end].end)
        self.comments = [one for one in self.source.comments if here[0] < one.start < here[1]]
        self.told, self.behind = set(), behind
        made = (self.document(node, start, end), self.behind)
        if len(self.told) != len(self.comments):
            raise Strange
        return made

    def document(self, node: ast.stmt | ast.ExceptHandler, start: int, end: int) -> Document:
        tokens = self.source.tokens
        match node:
            case ast.Expr(value=value):
                return self.bare(value)
            case ast.Assign(targets=targets, value=value):
                lefts = [(self.target(target), " = ") for target in targets]
                return (*lefts, self.bare(value, with_comment=True))
            case ast.AugAssign(target=target, op=op, value=value):
                return (self.target(target), f" {OPERATORS[type(op)]}= ", self.bare(value))
            case ast.AnnAssign():
                return self.annotated(node)
            case ast.Return(value=value) if value is not None:
                return ("return ", self.bare(value))
            case ast.Raise(exc=raised, cause=cause) if raised is not None:
                return ("raise ", self.bare(raised), (" from ", self.bare(cause)) if cause else "")
            case ast.Assert(test=test, msg=message):
                return ("assert ", self.bare(test), (", ", self.bare(message)) if message else "")
            case ast.Delete(targets=[target]):
                return ("del ", self.bare(target))
            case ast.ImportFrom():
                return self.imported(node, end)
            case ast.If(test=test):
                return (f"{tokens[start].string} ", self.bare(test), ":")
            case ast.While(test=test):
                return ("while ", self.bare(test), ":")
            case ast.For(target=target, iter=over):
                broken = self.bare(target) if isinstance(target, ast.Tuple) else self.target(target)
                return ("for ", broken, " in ", self.bare(over), ":")
            case ast.With(items=items):
                return ("with ", self.items(items, end - 1), ":")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self.function(node)
            case ast.ClassDef(bases=bases, keywords=keywords) if bases or keywords:
                return (f"class {node.name}", self.arguments(bases, keywords, start + 2, PLAIN), ":")
            case ast.ExceptHandler(type=caught, name=name) if caught is not None:
                return ("except ", self.bare(caught), f" as {name}" if name else "", ":")
            case ast.Match(subject=subject):
                return ("match ", self.bare(subject), ":")
            case ast.Pass() | ast.Import() | ast.Try() | ast.ClassDef() | ast.Return() | ast.Raise():
                return self.source.text(start, end)
        raise Strange

    def decorator(self, node: ast.expr, behind: str) -> Document:
        return ("@", self.expression(node, PLAIN), behind)

    def case(self, node: ast.match_case, behind: str) -> Document:
        guard: Document = (" if ", self.bare(node.guard)) if node.guard else ""
        if isinstance(node.pattern, ast.MatchAs) and node.pattern.pattern:
            named = (self.pattern(node.pattern.pattern), f" as {node.pattern.name}")
            return ("case ", self.expanded(*named), guard, ":", behind)
        return ("case ", self.pattern(node.pattern), guard, ":", behind)

    def pattern(self, node: ast.pattern) -> Document:
        match node:
            case ast.MatchClass(cls=called, patterns=patterns, kwd_attrs=names, kwd_patterns=values):
                named = [(f"{name}=", self.pattern(one)) for name, one in zip(names, values, strict=True)]
                parts = [*(self.pattern(one) for one in patterns), *named]
                closing = self.source.last_token(node)
                begin = self.expression(called, PLAIN)
                return (begin, self.bracketed("(", parts, ")", closing, PLAIN, inner=True) if parts else "()")
            case ast.MatchAs(pattern=None) | ast.MatchValue() | ast.MatchSingleton():
                return self.source.text(self.source.first_token(node), self.source.last_token(node))
        raise Strange

    def annotated(self, node: ast.AnnAssign) -> Document:
        target, given = self.expression(node.target, PLAIN), node.value
        if given is None:
            return (target, ": ", self.bare(node.annotation))
        if not isinstance(node.annotation, ast.BinOp | ast.Subscript):
            begin = (target, ": ", self.expression(node.annotation, PLAIN), " = ")
            return (*begin, self.bare(given, with_comment=True))
        value = self.bare(given)
        if self.need(given) == "held" or isinstance(given, ast.Constant):
            value = self.expanded(self.expression(given, BROKEN))
        return (target, ": ", self.bare(node.annotation), " = ", value)

    def imported(self, node: ast.ImportFrom, end: int) -> Document:
        names = [f"{one.name} as {one.asname}" if one.asname else one.name for one in node.names]
        begin = f"from {'.' * node.level}{node.module or ''} import "
        if names == ["*"]:
            return f"{begin}*"
        every: Iterator[Document] = (part for name in names for part in (name, ",", Line.SPACE))
        commas = list(every)[:-2]
        return (begin, self.expanded(*commas, IfBroken(","), line=self.first_line(end)))

    def first_line(self, closing: int) -> Line:
        """A comma before a closing bracket keeps its lines broken."""
        is_closing = self.source.tokens[closing].string == ")"
        return Line.HARD if is_closing and self.source.has_last_comma(closing) else Line.SOFT

    def items(self, items: Sequence[ast.withitem], closing: int) -> Document:
        first, target = items[0].context_expr, items[0].optional_vars
        if len(items) == 1 and target is None:
            return self.bare(first)
        if len(items) == 1 and target is not None:
            return (self.expression(first, PLAIN), " as ", self.target(target))
        made: list[Document] = []
        for item in items:
            named: Document = (" as ", self.target(item.optional_vars)) if item.optional_vars else ""
            made += [self.expression(item.context_expr, BROKEN), named, ",", Line.SPACE]
        return self.expanded(*made[:-2], IfBroken(","), line=self.first_line(closing))

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Document:
        opening = self.source.parameters(node)
        begin = f"{'async ' * isinstance(node, ast.AsyncFunctionDef)}def {node.name}"
        closing = self.source.partner[opening]
        parts = list(self.parameters(node.args))
        if not parts and node.returns and not self.can_omit(node.returns):
            return (begin, "() -> ", self.expanded(self.expression(node.returns, BROKEN)), ":")
        returns: Document = (" -> ", self.expression(node.returns, PLAIN)) if node.returns else ""
        if not parts:
            return (begin, "()", returns, ":")
        parameters = self.bracketed("(", parts, ")", closing, PLAIN, inner=len(parts) > 1, sole=True, behind=returns)
        return (begin, parameters, ":")

    def parameters(self, given: ast.arguments) -> Iterator[Document]:
        places = [*given.posonlyargs, *given.args]
        defaults = [None] * (len(places) - len(given.defaults)) + list(given.defaults)
        for number, (one, default) in enumerate(zip(places, defaults, strict=True)):
            yield self.parameter(one, default)
            if number + 1 == len(given.posonlyargs):
                yield "/"
        if given.vararg:
            yield ("*", self.parameter(given.vararg, None))
        elif given.kwonlyargs:
            yield "*"
        for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            yield self.parameter(one, default)
        if given.kwarg:
            yield ("**", self.parameter(given.kwarg, None))

    def parameter(self, one: ast.arg, default: ast.expr | None) -> Document:
        typed: Document = (": ", self.expression(one.annotation, BROKEN)) if one.annotation else ""
        if default is None:
            return (one.arg, typed)
        return (one.arg, typed, " = " if one.annotation else "=", self.expression(default, BROKEN))
