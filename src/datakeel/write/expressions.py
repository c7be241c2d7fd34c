"""Expressions of Python as documents that break where ``ruff format`` breaks them (its 2026 style)."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator, Sequence
from itertools import count

from datakeel.write.printer import Document, Free, Group, Held, IfBroken, Indent, Line
from datakeel.write.source import Source

LITERAL = re.compile(r"([A-Za-z]*)(\"\"\"|'''|\"|')((?:\\.|(?!\2).)*)\2", re.S)
OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitOr: "|", ast.BitAnd: "&", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.And: "and", ast.Or: "or", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
    ast.GtE: ">=", ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in", ast.Not: "not ",
    ast.USub: "-", ast.UAdd: "+", ast.Invert: "~",
}  # fmt: skip
# How loosely an operator binds: at the loosest, an expression is broken first.
NONE, ATTRIBUTE, POWER, MULTIPLIED, ADDED, SHIFTED, AND, XOR, OR, STRING, COMPARED, BOOLEAN, CONDITIONAL = range(13)
BINDING: dict[type[ast.AST], int] = {
    ast.Pow: POWER, ast.Mult: MULTIPLIED, ast.Div: MULTIPLIED, ast.FloorDiv: MULTIPLIED, ast.Mod: MULTIPLIED,
    ast.MatMult: MULTIPLIED, ast.Add: ADDED, ast.Sub: ADDED, ast.LShift: SHIFTED, ast.RShift: SHIFTED,
    ast.BitAnd: AND, ast.BitXor: XOR, ast.BitOr: OR,
}  # fmt: skip
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
BRACKETED = ast.List | ast.Set | ast.Dict | COMPREHENSION
SHORTEST_HELD = 6  # of a name: parentheses round a shorter one save nothing
PLAIN, BROKEN = 0, -1  # where an expression stands: bare, or within brackets; else the name of the group round it


class Strange(Exception):
    """A statement that is not understood."""


class Expressions:
    """The expressions of one text. `where`: PLAIN, BROKEN, or the name of the optional parentheses round one."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.names = count(1)
        self.behind = ""  # the comment behind the statement
        self.comments: list[tokenize.TokenInfo] = []  # those within it, and the places of those that are laid out
        self.told: set[tuple[int, int]] = set()

    def bare(self, node: ast.expr, with_comment: bool = False) -> Document:
        """An expression that ends a statement: in parentheses only where it needs them. `with_comment`: that of the
        statement may stand in them."""
        if isinstance(node, ast.Tuple) and not self.has_own_parentheses(node):
            return self.expanded(*self.separated(node.elts, BROKEN, Line.SPACE), IfBroken(","))
        need = self.need(node)
        if need == "held" or (
            with_comment and self.behind and isinstance(node, ast.Constant | ast.Name) and need == "never"
        ):
            name, behind = next(self.names), self.behind if with_comment else ""
            self.behind = "" if with_comment else self.behind
            return Held(self.expression(node, name, kept=False), name, behind)
        if need == "never":
            return self.expression(node, PLAIN, kept=False)
        if not self.can_omit(node):
            return self.expanded(self.expression(node, BROKEN, kept=False))
        name = next(self.names)
        inner = (Line.SOFT, self.expression(node, name, kept=False))
        return Group((IfBroken("("), Indent(inner, name), Line.SOFT, IfBroken(")")), name)

    def expanded(self, *content: Document, line: Line = Line.SOFT) -> Document:
        """In parentheses where it is broken."""
        return Group((IfBroken("("), Indent((line, *content)), Line.SOFT, IfBroken(")")))

    def expression(self, node: ast.expr, where: int, kept: bool = True) -> Document:
        """`kept`: its parentheses, if it has any, stay."""
        if kept and self.source.is_parenthesized(node):
            return self.round("(", self.expression(node, BROKEN, kept=False), ")", where)
        match node:
            case ast.Name() | ast.Constant() | ast.JoinedStr():
                return self.atom(node, where)
            case ast.Attribute() | ast.Call() | ast.Subscript():
                chain = self.link(node, where)
                return Group(chain) if self.is_fluent(node) else chain
            case ast.BinOp() | ast.BoolOp() | ast.Compare():
                return self.grouped(tuple(self.operands(node, where)), where)
            case ast.UnaryOp(op=op, operand=operand):
                return (OPERATORS[type(op)], self.expression(operand, where))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                line = self.line(where)
                sides = (self.expression(body, where), line, "if ", self.expression(test, where), line, "else ")
                return self.grouped((*sides, self.expression(orelse, where)), where)
            case ast.NamedExpr(target=target, value=value):
                named = self.grouped((self.expression(target, where), self.line(where)), where)
                return (named, ":= ", self.expression(value, where))
            case ast.Lambda():
                return self.function_value(node, where)
            case ast.Starred(value=value):
                return ("*", self.expression(value, where))
            case ast.Await(value=value):
                return ("await ", self.expression(value, where))
            case ast.Yield(value=value):
                return ("yield ", self.inner(value, where)) if value else "yield"
            case ast.YieldFrom(value=value):
                return ("yield from ", self.inner(value, where))
            case ast.Tuple():
                return self.tuple(node, where)
            case ast.List(elts=elements) | ast.Set(elts=elements):
                parts = [self.expression(one, BROKEN) for one in elements]
                begin, end = ("[", "]") if isinstance(node, ast.List) else ("{", "}")
                return self.bracketed(begin, parts, end, self.source.last_token(node), where)
            case ast.Dict(keys=keys, values=values):
                pairs = [self.pair(key, value) for key, value in zip(keys, values, strict=True)]
                return self.bracketed("{", pairs, "}", self.source.last_token(node), where)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self.comprehension(node, where)
            case ast.Slice(lower=None, upper=None, step=step) if step is not None:
                return ("::", self.expression(step, BROKEN))
            case ast.Slice(lower=lower, upper=upper, step=None):
                space = " " * (not all(is_simple(side) for side in (lower, upper) if side))
                before: Document = (self.expression(lower, BROKEN), space) if lower else ""
                return (before, ":", (space, self.expression(upper, BROKEN)) if upper else "")
        raise Strange

    def target(self, node: ast.expr) -> Document:
        if isinstance(node, ast.Tuple) and not self.has_own_parentheses(node):
            return tuple(self.separated(node.elts, PLAIN, " "))
        return self.expression(node, PLAIN)

    def inner(self, node: ast.expr, where: int) -> Document:
        return self.bare(node) if where == PLAIN else self.expression(node, where)

    def atom(self, node: ast.expr, where: int) -> Document:
        first, last = self.source.first_token(node), self.source.last_token(node)
        parts = list(self.literals(node))
        if len(parts) < 2:
            return self.source.text(first, last)
        text = joined(parts)
        lines = tuple(self.with_lines(parts, where))
        if text is None:
            return self.grouped(lines, where)
        whole = Group(IfBroken(lines, text))
        return text if where == PLAIN else whole if where == BROKEN else IfBroken(whole, text, where)

    def literals(self, node: ast.expr) -> Iterator[str]:
        """The literals of a string that stand beside one another."""
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)):
            text = self.source.text(self.source.first_token(node), self.source.last_token(node))
            yield from (found.group() for found in LITERAL.finditer(text))

    def is_text_of_lines(self, node: ast.expr) -> bool:
        parts = list(self.literals(node))
        return len(parts) == 1 and "\n" in parts[0]

    def with_lines(self, parts: Sequence[Document], where: int) -> Iterator[Document]:
        for number, part in enumerate(parts):
            yield from (self.line(where), part) if number else (part,)

    def link(self, node: ast.expr, where: int, fluent: bool | None = None) -> Document:
        """One of a chain of attributes, calls and subscripts."""
        fluent = self.is_fluent(node) if fluent is None else fluent
        match node:
            case ast.Attribute(value=value, attr=name):
                broken = fluent and (isinstance(value, ast.Call | ast.Subscript) or self.source.is_parenthesized(value))
                return (self.start(value, where, fluent), self.line(where, "") if broken else "", f".{name}")
            case ast.Call(func=func, args=args, keywords=keywords):
                opening = self.source.partner[self.source.last_token(node)]
                return (self.start(func, where, fluent), self.arguments(args, keywords, opening, where))
            case ast.Subscript(value=value, slice=key):
                return (self.start(value, where, fluent), self.key(key, self.source.last_token(node), where))
        return self.expression(node, where)

    def start(self, node: ast.expr, where: int, fluent: bool) -> Document:
        chained = isinstance(node, ast.Attribute | ast.Call | ast.Subscript) and not self.source.is_parenthesized(node)
        return self.link(node, where, fluent) if chained else self.expression(node, where)

    def key(self, node: ast.expr, closing: int, where: int) -> Document:
        if isinstance(node, ast.Tuple) and not self.has_own_parentheses(node):
            parts = [self.expression(one, BROKEN) for one in node.elts]
            return self.bracketed("[", parts, "]", closing, where, inner=True)
        return self.round("[", self.expression(node, BROKEN), "]", where)

    def arguments(
        self, args: Sequence[ast.expr], keywords: Sequence[ast.keyword], opening: int, where: int
    ) -> Document:
        closing = self.source.partner[opening]
        first = args[0] if len(args) == 1 and not keywords else None
        if isinstance(first, ast.GeneratorExp) and self.source.first_token(first) == opening:
            return self.comprehension(first, where)
        if first is not None and self.is_text_of_lines(first):
            return ("(", self.expression(first, where), ")")
        every: list[ast.expr | ast.keyword] = [*args, *keywords]
        ordered = sorted(every, key=self.source.first_token)
        parts = [self.argument(one) for one in ordered]
        return self.bracketed("(", parts, ")", closing, where, inner=True) if parts else "()"

    def argument(self, node: ast.expr | ast.keyword) -> Document:
        if isinstance(node, ast.keyword):
            return (f"{node.arg}=" if node.arg else "**", self.expression(node.value, BROKEN))
        return self.expression(node, BROKEN)

    def pair(self, key: ast.expr | None, value: ast.expr) -> Document:
        begin: Document = (self.expression(key, BROKEN), ": ") if key else "**"
        return (begin, self.expression(value, BROKEN))

    def tuple(self, node: ast.Tuple, where: int) -> Document:
        if not self.has_own_parentheses(node):
            return tuple(self.separated(node.elts, where, " "))
        parts = [self.expression(one, BROKEN) for one in node.elts]
        if len(parts) == 1:
            return self.round("(", (parts[0], ","), ")", where)
        return self.bracketed("(", parts, ")", self.source.last_token(node), where)

    def comprehension(self, node: COMPREHENSION, where: int) -> Document:
        begin, end = ("[", "]") if isinstance(node, ast.ListComp) else ("{", "}")
        begin, end = ("(", ")") if isinstance(node, ast.GeneratorExp) else (begin, end)
        made = self.pair(node.key, node.value) if isinstance(node, ast.DictComp) else self.expression(node.elt, BROKEN)
        parts: list[Document] = [Group(made)]
        for one in node.generators:
            head = ("async " * one.is_async, "for ", self.target(one.target), " in ")
            parts += [Line.SPACE, head, self.expression(one.iter, BROKEN)]
            parts += [(Line.SPACE, "if ", self.expression(test, BROKEN)) for test in one.ifs]
        return self.round(begin, Group(tuple(parts)), end, where)

    def function_value(self, node: ast.Lambda, where: int) -> Document:
        first, body = self.source.first_token(node), self.source.first_token(node.body)
        while self.source.tokens[body].string != ":":
            body -= 1
        begin = self.source.text(first, body)
        if isinstance(node.body, ast.Call | ast.Subscript) and where == BROKEN and self.need(node.body) == "held":
            return (begin, " ", Held(self.expression(node.body, BROKEN)))
        if isinstance(node.body, ast.Call | ast.Subscript | BRACKETED | ast.Tuple | ast.Name | ast.Constant):
            return (begin, " ", self.expression(node.body, where))
        return (begin, " ", self.expanded(self.expression(node.body, BROKEN, kept=False)))

    def operands(self, node: ast.expr, where: int) -> Iterator[Document]:
        """An operation's sides and operators; what binds as tightly is on one level with it."""
        line = self.line(where)
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                same = isinstance(left, ast.BinOp) and BINDING[type(left.op)] == BINDING[type(op)]
                if same and not self.source.is_parenthesized(left):
                    yield from self.operands(left, where)
                else:
                    yield self.expression(left, where)
                if isinstance(op, ast.Pow) and all(isinstance(s, ast.Name | ast.Constant) for s in (left, right)):
                    yield ("**", self.expression(right, where))
                else:
                    yield (line, f"{OPERATORS[type(op)]} ", self.expression(right, where))
            case ast.BoolOp(op=op, values=values):
                for number, value in enumerate(values):
                    yield (line, f"{OPERATORS[type(op)]} ") if number else ""
                    yield self.expression(value, where)
            case ast.Compare(left=left, ops=ops, comparators=others):
                yield self.expression(left, where)
                for compared, other in zip(ops, others, strict=True):
                    yield (line, f"{OPERATORS[type(compared)]} ", self.expression(other, where))

    # Brackets

    def separated(self, nodes: Sequence[ast.expr], where: int, line: Document) -> Iterator[Document]:
        for number, one in enumerate(nodes):
            yield (",", line) if number else ""
            yield self.expression(one, where)
        if len(nodes) == 1:
            yield ","

    def bracketed(
        self,
        begin: str,
        parts: Sequence[Document],
        end: str,
        closing: int,
        where: int,
        inner: bool = False,
        sole: bool = False,
        behind: Document = "",
    ) -> Document:
        """Items in brackets. `inner`: together on the line between, where they fit. `sole`: one alone gets a comma,
        too. `behind`: what they make room for."""
        if not parts:
            return begin + end
        notes = self.notes(closing, len(parts))
        last_comma = self.source.has_last_comma(closing)
        if last_comma or notes:
            inside: list[Document] = []
            for number, part in enumerate(parts):
                comma = "," if number + 1 < len(parts) or last_comma or len(parts) > 1 or sole else ""
                before, after = notes.get(number, ()), notes.get(-number - 1, ())
                inside += [Line.HARD, *(x for one in before for x in (one, Line.HARD)), part, comma, *after]
            return (begin, self.free(Group((Indent(tuple(inside)), Line.HARD, end, behind)), where))
        made: list[Document] = []
        for number, part in enumerate(parts):
            made += [",", Line.SPACE, part] if number else [part]
        content: Document = (*made, IfBroken(",") if len(parts) > 1 or sole else "")
        return self.round(begin, Group(content) if inner else content, (end, behind), where)

    def notes(self, closing: int, parts: int) -> dict[int, list[str]]:
        """The comments before each item in brackets, by its number, and behind it, by that from -1 downwards."""
        source = self.source
        opening = source.partner[closing]
        if not any(source.tokens[opening].start < one.start < source.tokens[closing].start for one in self.comments):
            return {}
        spans = list(source.spans(opening))
        found: dict[int, list[str]] = {}
        for comment in self.comments:
            for number, (begin, end) in enumerate(spans):
                until = source.tokens[spans[number + 1][0] if number + 1 < len(spans) else closing].start
                if source.tokens[end].end < comment.start < until and comment.start[0] == source.tokens[end].end[0]:
                    found.setdefault(-number - 1, []).append(f"  {comment.string}")
                    self.told.add(comment.start)
                after = source.tokens[spans[number - 1][1] if number else opening].end
                if after < comment.start < source.tokens[begin].start and comment.start[0] > after[0]:
                    found.setdefault(number, []).append(comment.string)
                    self.told.add(comment.start)
        if found and len(spans) != parts:
            raise Strange
        return found

    def round(self, begin: str, content: Document, end: Document, where: int) -> Document:
        return (begin, self.free(Group((Indent((Line.SOFT, content)), Line.SOFT, end)), where))

    def free(self, content: Document, where: int) -> Document:
        return Free(content, where) if where > 0 else content

    def line(self, where: int, flat: str = " ") -> Document:
        """A line that is broken only within parentheses."""
        broken = Line.SPACE if flat else Line.SOFT
        if where == PLAIN:
            return flat
        return broken if where == BROKEN else IfBroken(broken, flat, where)

    def grouped(self, content: Document, where: int) -> Document:
        if where == PLAIN:
            return content
        return Group(content) if where == BROKEN else Group(content, only=where)

    # What ruff asks of an expression

    def has_own_parentheses(self, node: ast.Tuple) -> bool:
        first = self.source.first_token(node)
        return self.source.partner.get(first) == self.source.last_token(node)

    def is_fluent(self, node: ast.expr) -> bool:
        """Whether a chain has two attributes of what is called or subscripted: it is broken before each."""
        found, one = 0, node
        while isinstance(one, ast.Attribute | ast.Call | ast.Subscript):
            inside = one.func if isinstance(one, ast.Call) else one.value
            parenthesized = self.source.is_parenthesized(inside)
            found += isinstance(one, ast.Attribute) and (parenthesized or isinstance(inside, ast.Call | ast.Subscript))
            if parenthesized:
                break
            one = inside
        return found > 1

    def need(self, node: ast.expr) -> str:
        """``never``, ``held`` or ``maybe``: whether parentheses are put round an expression that is too long."""
        match node:
            case ast.Name(id=name):
                return "held" if len(name) >= SHORTEST_HELD else "never"
            case ast.Constant(value=value):
                parts = list(self.literals(node))
                if len(parts) > 1:
                    return "maybe"
                simple = value is None or isinstance(value, bool) or value is ...
                return "never" if simple or "\n" in "".join(parts) else "held"
            case ast.JoinedStr():
                return "maybe" if len(list(self.literals(node))) > 1 else "held"
            case ast.Attribute(value=value):
                if self.is_fluent(node):
                    return "maybe"
                return "never" if self.source.is_parenthesized(value) else self.need(value)
            case ast.Call(func=inside) | ast.Subscript(value=inside):
                if self.is_fluent(node):
                    return "maybe"
                return "never" if self.source.is_parenthesized(inside) else self.need(inside)
            case ast.UnaryOp(operand=operand):
                return "never" if self.source.is_parenthesized(operand) else self.need(operand)
            case ast.Await(value=value):
                return "never" if self.source.is_parenthesized(value) else self.need(value)
            case ast.BinOp() | ast.BoolOp() | ast.Compare() | ast.IfExp() | ast.NamedExpr():
                return "maybe"
        return "never"

    def can_omit(self, node: ast.expr) -> bool:
        """Whether breaking the brackets within an expression may do instead of parentheses round it."""
        seen = _Seen(self)
        seen.visit(node)
        if not seen.brackets or seen.times > 1:
            return False
        if seen.binding <= ATTRIBUTE:
            return True
        return any(end is not None and self.is_breakable(end) for end in (seen.last, seen.first))

    def is_breakable(self, node: ast.expr) -> bool:
        if self.source.is_parenthesized(node):
            return True
        match node:
            case ast.Call(args=args, keywords=keywords):
                return bool(args or keywords)
            case ast.List(elts=parts) | ast.Set(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
                return bool(parts)
        return isinstance(node, COMPREHENSION)


class _Seen:
    """The loosest operators outside brackets, how often they stand there, and the expressions at both ends."""

    def __init__(self, layout: Expressions) -> None:
        self.layout = layout
        self.brackets, self.binding, self.times = False, NONE, 0
        self.first: ast.expr | None = None
        self.begun = False
        self.last: ast.expr | None = None

    def visit(self, node: ast.expr, outermost: bool = True) -> None:
        self.last = node
        if not outermost and self.layout.source.is_parenthesized(node):
            self.brackets = True
        else:
            self.enter(node)
        if not self.begun:
            self.first, self.begun = node, True

    def update(self, binding: int, times: int = 1) -> None:
        if binding > self.binding:
            self.binding, self.times = binding, times
        elif binding == self.binding:
            self.times += times

    def enter(self, node: ast.expr) -> None:
        inside: Sequence[ast.expr] = ()
        match node:
            case ast.BoolOp(values=values):
                self.update(BOOLEAN, len(values) - 1)
                inside = values
            case ast.BinOp(left=left, op=op, right=right):
                self.update(BINDING[type(op)])
                inside = (left, right)
            case ast.Compare(left=left, ops=ops, comparators=others):
                self.update(COMPARED, len(ops))
                inside = (left, *others)
            case ast.IfExp(body=body, test=test, orelse=orelse):
                self.update(CONDITIONAL, 2)
                inside = (body, test, orelse)
            case ast.Call(func=part) | ast.Subscript(value=part):
                self.brackets = True
                self.visit(part, False)
                self.last = node
            case ast.Attribute(value=value):
                self.visit(value, False)
                if isinstance(value, ast.Call | ast.Subscript | BRACKETED) or self.layout.source.is_parenthesized(
                    value
                ):
                    self.update(ATTRIBUTE)
                self.last = node
            case ast.UnaryOp(operand=value) | ast.Await(value=value) | ast.Starred(value=value):
                self.begun = True
                inside = (value,)
            case ast.NamedExpr(target=target, value=value):
                inside = (target, value)
            case ast.Lambda(body=value):
                self.begun = True
            case ast.Constant() | ast.JoinedStr():
                parts = len(list(self.layout.literals(node)))
                if parts > 1:
                    self.update(STRING, parts - 1)
            case ast.Tuple() | ast.List() | ast.Set() | ast.Dict():
                self.brackets = True
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self.brackets = True
        for one in inside:
            self.visit(one, False)


def is_simple(node: ast.expr) -> bool:
    """Whether a bound of a slice needs no space round the colon."""
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Name | ast.Constant)


def joined(parts: Sequence[str]) -> str | None:
    """Literals side by side as one, where they are of one kind."""
    found = [LITERAL.fullmatch(part) for part in parts]
    kinds = {(one[1], one[2]) for one in found if one}
    if len(kinds) != 1 or any(one is None for one in found):
        return None
    ((prefix, quote),) = kinds
    return f"{prefix}{quote}{''.join(one[3] for one in found if one)}{quote}"
