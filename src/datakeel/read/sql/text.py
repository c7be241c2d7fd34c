"""SQL as plain text, before any parser: tokens, statements of a script, placeholders of drivers, names.

A hole (`HOLE`) stands where a program put in a value that is not known. Placeholders and holes become identifiers that
parse wherever a value or a name may stand; `Marked` remembers what each was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

HOLE = "\ufffc"

_STRING = r"[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)"
_STRING_WITH_BACKSLASHES = r"'(?:[^'\\]|''|\\.)*(?:'|\Z)|\"(?:[^\"\\]|\"\"|\\.)*(?:\"|\Z)"
_DOLLAR = r"\$\$.*?(?:\$\$|\Z)|\$(?P<tag>[A-Za-z_]\w*)\$.*?(?:\$(?P=tag)\$|\Z)"
_COMMENT = r"--[^\n]*|/\*.*?(?:\*/|\Z)"
_QUOTED = r"\"(?:[^\"]|\"\")*(?:\"|\Z)|`(?:[^`]|``)*(?:`|\Z)"


class Token(Struct, frozen=True, gc=False):
    """`kind`: word (lower case in `text`), name (quoted, its inside in `text`), string, number, comment, sign; `raw` is
    the text as written, `start` its offset."""

    kind: str
    text: str
    raw: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.raw)


class Piece(Struct, frozen=True, gc=False):
    """One statement of a script, without its semicolon; `line` (from 1) is where its first token stands. `comments` are
    the comments that stand before it."""

    text: str
    line: int
    start: int = 0
    comments: tuple[str, ...] = ()


class Marked(Struct, frozen=True, gc=False):
    """Text whose placeholders and holes are identifiers now. `parameters` are the placeholders in order (``?1``,
    ``:name``); `holes` the number of holes."""

    text: str
    parameters: tuple[str, ...]
    holes: int


@lru_cache
def _tokens(dialect: str) -> re.Pattern[str]:
    string = _STRING_WITH_BACKSLASHES if dialect == "mysql" else _STRING
    comment = _COMMENT + (r"|\#[^\n]*" if dialect == "mysql" else r"|//[^\n]*" if dialect == "cql" else "")
    quoted = r"`(?:[^`]|``)*(?:`|\Z)" if dialect == "mysql" else _QUOTED
    quoted += r"|\[[A-Za-z_][\w ]*\]" if dialect in ("sqlite", "tsql") else ""
    return re.compile(
        rf"(?P<comment>{comment})|(?P<string>{string}|{_DOLLAR})|(?P<name>{quoted})"
        r"|(?P<number>\d[\w.]*)|(?P<word>[\w\ufffc][\w\ufffc$]*)|(?P<sign>::|<=|>=|<>|!=|\|\||:=|->>|->|[^\s\w])",
        re.S,
    )


def tokens(text: str, dialect: str = "postgres") -> Iterator[Token]:
    """
    >>> [t.text for t in tokens('SELECT "A" FROM t -- all')]
    ['select', 'A', 'from', 't', '-- all']
    """
    for found in _tokens(dialect).finditer(text):
        kind = found.lastgroup or "sign"
        if kind == "tag":
            kind = "string"
        raw = found.group()
        inside = raw.lower() if kind == "word" else unquoted(raw) if kind == "name" else raw
        yield Token(kind, inside, raw, found.start())


def unquoted(name: str) -> str:
    """
    >>> unquoted('"a""b"'), unquoted("`t`"), unquoted("[x y]"), unquoted("plain")
    ('a"b', 't', 'x y', 'plain')
    """
    if name[:1] == "[":
        return name[1:-1]
    sign = name[:1]
    if sign not in ('"', "`"):
        return name
    inside = name[1:-1] if len(name) > 1 and name.endswith(sign) else name[1:]
    return inside.replace(sign * 2, sign)


def folded(name: str, quoted: bool, dialect: str) -> str:
    """A name as it is compared: PostgreSQL and CQL keep the case of quoted names, MySQL and SQLite never look at it."""
    return name if quoted and dialect in ("postgres", "cql") else name.lower()


def statements(text: str, dialect: str = "postgres") -> Iterator[Piece]:
    """The statements of a script, split at semicolons outside strings, comments and dollar quotes.

    A stored routine's body between BEGIN and END keeps its semicolons (MySQL, SQLite triggers).

    >>> [(p.text, p.line) for p in statements("a;\\n\\n-- why\\nb 'x;y';")]
    [('a', 1), ("b 'x;y'", 4)]
    """
    start = -1
    end = 0
    before = 0
    line = 1
    comments: list[str] = []
    routine = False
    depth = 0
    words: list[str] = []
    for token in tokens(text, dialect):
        if token.kind == "comment":
            if start < 0:
                comments.append(token.raw)
            continue
        if token.raw == ";" and not (routine and depth):
            if start >= 0:
                line += text.count("\n", before, start)
                before = start
                yield Piece(text[start:end], line, start, tuple(comments))
            start, comments, words, routine, depth = -1, [], [], False, 0
            continue
        if start < 0:
            start = token.start
        if token.kind == "word":
            if len(words) < 8:
                words.append(token.text)
                routine = words[0] == "create" and not {"function", "procedure", "trigger", "event"}.isdisjoint(words)
            if routine:
                depth += _nesting(token.text, depth)
        end = token.end
    if start >= 0:
        line += text.count("\n", before, start)
        yield Piece(text[start:end], line, start, tuple(comments))


def _nesting(word: str, depth: int) -> int:
    """How a word inside a routine changes the depth of its blocks."""
    if word in ("begin", "case") and (word == "begin" or depth):
        return 1
    if word == "end" and depth:
        return -1
    return 0


def begin_of(text: str, length: int = 60) -> str:
    """The beginning of a statement on one line, for a report.

    >>> begin_of("SELECT a,\\n       b\\n  FROM t", 12)
    'SELECT a, b …'
    """
    flat = " ".join(text[: 20 * length].split())
    return flat if len(flat) <= length else f"{flat[:length].rstrip()} …"


# Placeholders --------------------------------------------------------------------------------------------------------

_MARK = re.compile(r"dk_([ph])(\d+)_")
_WHOLE_MARK = re.compile(r"dk_([ph])(\d+)_\Z")
_PERCENT = r"%\((?P<percent_name>[^()\n]{0,100})\)[a-z]|%[sbtd](?!\w)"


@lru_cache
def _special(dialect: str) -> re.Pattern[str]:
    """Everything in which, or as which, a placeholder can stand; plain text is skipped. Braces that a program's format
    or template left are holes too."""
    string = _STRING_WITH_BACKSLASHES if dialect == "mysql" else _STRING
    quoted = r"`(?:[^`]|``)*(?:`|\Z)" if dialect == "mysql" else _QUOTED
    left = r"\{\{[^{}]{0,300}\}\}|\{\w+\}" if dialect == "cql" else r"\{\{[^{}]{0,300}\}\}|\{\w*(?:[:!.]\w*)?\}"
    at = r"(?<![\w@<>&|!#~*=:-])[@$](?P<at_name>[A-Za-z_]\w*)" if dialect == "sqlite" else r"(?!)(?P<at_name>)"
    return re.compile(
        rf"(?P<comment>{_COMMENT})|(?P<string>{string}|{_DOLLAR})|(?P<quoted>{quoted})|(?P<cast>::|:=)"
        rf"|(?P<percent>{_PERCENT})|(?P<twice>%%)|\$(?P<dollar_number>\d+)"
        rf"|(?<![\w\])]):(?P<name>[A-Za-z_]\w*|\d+)|{at}|(?P<question>\?\d*)|(?P<hole>{HOLE}|{left})",
        re.S,
    )


class _Marker:
    """Replaces placeholders and holes of one text, and counts them."""

    def __init__(self, text: str, dialect: str) -> None:
        self.text = text
        self.dialect = dialect
        self.parameters: list[str] = []
        self.positions = 0
        self.holes = 0

    def __call__(self, found: re.Match[str]) -> str:
        kind = found.lastgroup
        text = found.group()
        if kind == "hole":
            self.holes += 1
            return f"dk_h{self.holes}_"
        if kind == "twice":
            return "%"
        if kind in ("comment", "cast"):
            return " " if kind == "comment" else text
        if kind in ("string", "quoted", "tag"):
            return self.inside(text) if "%" in text or HOLE in text else text
        if kind == "question":
            return self.question(found)
        if kind in ("percent", "percent_name"):
            name = found["percent_name"]
            return self.mark(f":{name}" if name is not None else self.next())
        if kind == "dollar_number":
            return self.mark(f"?{found['dollar_number']}")
        name = found["name"] or found["at_name"]
        return self.mark(f"?{name}" if name.isdigit() else f":{name}")

    def inside(self, text: str) -> str:
        """A string or quoted name: percent signs and holes in it are filled all the same."""
        whole = re.fullmatch(rf"(['\"])(?:{_PERCENT}|{HOLE})\1", text) if text[0] == "'" else None
        replaced = re.sub(rf"(?P<percent>{_PERCENT})|(?P<twice>%%)|(?P<hole>{HOLE})", self, text)
        return replaced[1:-1] if whole else replaced

    def question(self, found: re.Match[str]) -> str:
        """A question mark is a placeholder but where PostgreSQL's JSON operators stand."""
        after = self.text[found.end() : found.end() + 1]
        if self.dialect == "postgres" and (after in ("|", "&") or self.text[found.end() :].lstrip()[:1] == "'"):
            return found.group()
        number = found.group()[1:]
        return self.mark(f"?{number}" if number else self.next())

    def next(self) -> str:
        self.positions += 1
        return f"?{self.positions}"

    def mark(self, parameter: str) -> str:
        self.parameters.append(parameter)
        return f"dk_p{len(self.parameters)}_"


def marked(text: str, dialect: str = "postgres") -> Marked:
    """
    >>> marked("select a from t where b = %s and c = %(id)s and d::int > $1").parameters
    ('?1', ':id', '?1')
    """
    marker = _Marker(text, dialect)
    replaced = _special(dialect).sub(marker, text)
    return Marked(replaced, tuple(marker.parameters), marker.holes)


def is_hole(name: str) -> bool:
    """Whether a hole stands in a name or text that `marked` gave."""
    found = _MARK.search(name)
    while found:
        if found[1] == "h":
            return True
        found = _MARK.search(name, found.end())
    return False


def parameter(name: str, parameters: tuple[str, ...]) -> str:
    """The placeholder that an identifier stands for, or empty."""
    found = _WHOLE_MARK.match(name)
    return _numbered(parameters, found) if found and found[1] == "p" else ""


def unmarked(text: str, parameters: tuple[str, ...]) -> str:
    """Text with placeholders as themselves again, and holes as HOLE."""
    return _MARK.sub(lambda m: HOLE if m[1] == "h" else _numbered(parameters, m), text)


def _numbered(parameters: tuple[str, ...], mark: re.Match[str]) -> str:
    number = int(mark[2])
    return parameters[number - 1] if 0 < number <= len(parameters) else mark[0]


def hole_at(text: str, number: int) -> tuple[int, int] | None:
    found = re.search(rf"dk_h{number}_", text)
    return found.span() if found else None


# Names ---------------------------------------------------------------------------------------------------------------

DEFAULT_SCHEMAS = frozenset({"public", "main", "dbo"})


def qualified(parts: list[str]) -> str:
    """A table's name without a default schema; with a hole in its last part, the empty name.

    >>> qualified(["public", "orders"]), qualified(["shop", "orders"])
    ('orders', 'shop.orders')
    """
    if not parts or HOLE in parts[-1] or is_hole(parts[-1]) or _WHOLE_MARK.match(parts[-1]):
        return ""
    known = [p for p in parts[:-1] if p and p not in DEFAULT_SCHEMAS and HOLE not in p and not _MARK.search(p)]
    return ".".join([*known, parts[-1]])
