"""A text of Python as its tree and its tokens, and what they say of one another: brackets, commas, comments."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

OPEN, CLOSED = "([{", ")]}"
BLANK = (tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
HEADS = frozenset(
    ("def", "async", "class", "if", "elif", "else", "for", "while", "with", "try", "except", "finally", "match", "case")
)
Node = ast.expr | ast.stmt | ast.ExceptHandler | ast.pattern | ast.arg | ast.keyword


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree, without what stands in strings."""
    yield tree
    if not isinstance(tree, ast.JoinedStr):
        for node in ast.iter_child_nodes(tree):
            yield from nodes(node)


class Source:
    """A text with its tree and its tokens."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.rows = text.splitlines()
        every = list(tokenize.generate_tokens(io.StringIO(text).readline))
        self.tokens = [token for token in every if token.type not in BLANK]
        self.comments = [token for token in every if token.type == tokenize.COMMENT]
        self.at = {token.start: number for number, token in enumerate(self.tokens)}
        self.until = {token.end: number for number, token in enumerate(self.tokens)}
        self.partner: dict[int, int] = {}
        opened: list[int] = []
        for number, token in enumerate(self.tokens):
            if token.type == tokenize.OP and token.string in OPEN:
                opened.append(number)
            elif token.type == tokenize.OP and token.string in CLOSED:
                begin = opened.pop()
                self.partner[begin], self.partner[number] = number, begin
        self.owned = set(self._owned())

    def _owned(self) -> Iterator[int]:
        """The opening brackets that belong to a call, a class or a tuple, and are none round an expression."""
        for node in nodes(self.tree):
            if isinstance(node, ast.Call):
                yield self.partner[self.last_token(node)]
            elif isinstance(node, ast.ClassDef):
                yield self.first_token(node) + 2
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield self.parameters(node)

    def column(self, row: int, offset: int) -> int:
        line = self.rows[row - 1]
        return offset if line.isascii() else len(line.encode()[:offset].decode())

    def first_token(self, node: Node) -> int:
        return self.at[node.lineno, self.column(node.lineno, node.col_offset)]

    def last_token(self, node: Node) -> int:
        row, offset = node.end_lineno or 0, node.end_col_offset or 0
        return self.until[row, self.column(row, offset)]

    def parameters(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        number = self.first_token(node)
        while self.tokens[number].string != "(":
            number += 1
        return number

    def end_of_head(self, start: int) -> int:
        """The last token of a statement, or the colon of its head."""
        number, compound = start, self.tokens[start].string in HEADS
        while True:
            token = self.tokens[number]
            if number in self.partner and token.string in OPEN:
                number = self.partner[number]
            elif compound and token.string == ":":
                return number
            following = self.tokens[number + 1]
            same = following.type != tokenize.ENDMARKER and following.start[0] == self.tokens[number].end[0]
            if not same or following.string == ";":
                return number
            number += 1

    def comment_behind(self, row: int, column: int) -> str:
        found = (one.string for one in self.comments if one.start[0] == row and one.start[1] >= column)
        return next(found, "")

    def text(self, first: int, last: int) -> str:
        """What stands from one token to another, on one line."""
        (row, begin), (end_row, end) = self.tokens[first].start, self.tokens[last].end
        if row == end_row:
            return self.rows[row - 1][begin:end]
        return "\n".join([self.rows[row - 1][begin:], *self.rows[row : end_row - 1], self.rows[end_row - 1][:end]])

    def is_parenthesized(self, node: ast.expr) -> bool:
        before = self.first_token(node) - 1
        if before < 0 or self.tokens[before].string != "(" or before in self.owned:
            return False
        return self.partner[before] == self.last_token(node) + 1

    def spans(self, opening: int) -> Iterator[tuple[int, int]]:
        """The first and the last token of each item in brackets, its comma with it."""
        number = first = opening + 1
        closing = self.partner[opening]
        while number < closing:
            number = self.partner[number] if self.tokens[number].string in OPEN else number
            if self.tokens[number].string == "," or number + 1 == closing:
                yield first, number
                first = number + 1
            number += 1

    def has_last_comma(self, closing: int) -> bool:
        return self.tokens[closing - 1].string == ","
