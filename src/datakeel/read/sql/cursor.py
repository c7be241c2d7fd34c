"""A place in the tokens of a statement of DDL, and the small steps that its readers take."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.read.sql.text import HOLE, Token, folded, qualified

_BRACKETS = {"(": 1, ")": -1, "[": 1, "]": -1, "{": 1, "}": -1}
_BRACKETS_OF_TYPES = _BRACKETS | {"<": 1, ">": -1}  # CQL: map<text, int>


class Cursor:
    """Tokens without comments; `at` is the next one. Its readers never run past the end: they get empty words."""

    def __init__(self, tokens: list[Token], source: str, dialect: str, namespace: str = "") -> None:
        self.tokens = tokens
        self.source = source
        self.dialect = dialect
        self.namespace = namespace  # in which a table stands whose name says none
        self.at = 0
        self.at_change = False
        self.brackets = _BRACKETS_OF_TYPES if dialect == "cql" else _BRACKETS

    def done(self) -> bool:
        return self.at >= len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        """A word in lower case, a sign as it is; a quoted name or string gives its raw text."""
        index = self.at + ahead
        if index >= len(self.tokens):
            return ""
        token = self.tokens[index]
        return token.text if token.kind == "word" else token.raw

    def word(self) -> str:
        return self.peek()

    def sign(self) -> str:
        return self.peek()

    def next(self) -> str:
        word = self.peek()
        self.at += 1
        return word

    def take(self, *words: str) -> bool:
        """Step over these words, if they come next."""
        if self.at_words(*words):
            self.at += len(words)
            return True
        return False

    def name(self) -> str:
        """A name with its qualifiers, folded; empty where none stands or a hole is in it."""
        parts: list[str] = []
        while not self.done():
            token = self.tokens[self.at]
            if token.kind not in ("word", "name") and not (token.kind == "string" and token.raw[:1] in "\"'"):
                break
            quoted = token.kind != "word"
            text = token.text if token.kind == "name" else token.raw.strip("\"'") if quoted else token.raw
            parts.append(folded(text, quoted, self.dialect))
            self.at += 1
            if self.peek() != ".":
                break
            self.at += 1
        name = qualified(parts)
        return "" if HOLE in name else name

    def table(self) -> str:
        """A table's name; one that says no namespace stands in that of the script."""
        start = self.at
        name = self.name()
        bare = name and self.namespace and self.at == start + 1
        return f"{self.namespace}.{name}" if bare else name

    def group(self) -> Cursor:
        """What stands in the brackets that open here; afterwards the cursor is behind them."""
        if self.brackets.get(self.peek(), 0) != 1:
            return self._part(self.at, self.at)
        start = self.at + 1
        depth = 0
        while not self.done():
            depth += self.brackets.get(self.tokens[self.at].raw, 0)
            self.at += 1
            if depth == 0:
                return self._part(start, self.at - 1)
        return self._part(start, len(self.tokens))

    def items(self) -> Iterator[Cursor]:
        """The parts, between commas, of the brackets that open here."""
        return self.group().parts()

    def parts(self) -> Iterator[Cursor]:
        """The rest, split at commas that stand outside brackets."""
        start, depth = self.at, 0
        for index in range(self.at, len(self.tokens)):
            raw = self.tokens[index].raw
            depth += self.brackets.get(raw, 0)
            if raw == "," and depth == 0:
                if index > start:
                    yield self._part(start, index)
                start = index + 1
        if start < len(self.tokens):
            yield self._part(start, len(self.tokens))
        self.at = len(self.tokens)

    def at_words(self, *words: str) -> bool:
        return all(self.peek(i) == w for i, w in enumerate(words))

    def skip_group(self) -> None:
        self.group()

    def text(self, start: int, end: int) -> str:
        """The source of the tokens from `start` to before `end`."""
        if start >= end or start >= len(self.tokens):
            return ""
        return self.source[self.tokens[start].start : self.tokens[min(end, len(self.tokens)) - 1].end]

    def text_to_end(self) -> str:
        found = self.text(self.at, len(self.tokens))
        self.at = len(self.tokens)
        return found

    def expression_to_end(self) -> str:
        return self.canonical(self.text_to_end())

    def canonical(self, text: str) -> str:
        """An expression's text as predicates name it."""
        if not text or HOLE in text:
            return text
        from datakeel.read.sql.values import canonical_expression  # noqa: PLC0415  (sqlglot, only for expressions)

        return canonical_expression(text, self.dialect)

    def _part(self, start: int, end: int) -> Cursor:
        return Cursor(self.tokens[start:end], self.source, self.dialect, self.namespace)
