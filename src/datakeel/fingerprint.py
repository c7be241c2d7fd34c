"""What makes a finding the same finding after the code around it has moved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

from msgspec.structs import replace

from datakeel.finding import Finding

LENGTH = 10  # bytes
PIECE = re.compile(
    r"""(?P<text>'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|(?P<hash>\#[^\n]*)|(?P<dashes>--[^\n]*)|(?P<gap>\s+)""",
    re.S,
)


def fingerprint(rule: str, symbol: str, code: str, datasets: Iterable[str] = ()) -> str:
    """Names a finding by what it is about: rule, function, normalised code and the datasets involved; never by a line.

    >>> a = fingerprint("lost-update", "Account.pay", normalised("account.save()"), ["accounts"])
    >>> a == fingerprint("lost-update", "Account.pay", normalised("account.save( )  # done"), ["accounts"])
    True
    """
    parts = [rule, symbol, code, *sorted(set(datasets))]
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=LENGTH).hexdigest()


def digest(text: str) -> str:
    """A short name of a text; the empty text has none."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=LENGTH).hexdigest() if text else ""


def normalised(text: str, *, sql: bool = False) -> str:
    """Code without white space, comments and trailing commas; what stands in quotes is kept as it is.

    >>> normalised('pay(\\n    order,  # the "new" one\\n    "a # b",\\n)')
    'pay(order,"a # b")'
    >>> normalised("SELECT 1 -- one", sql=True)
    'SELECT1'
    """
    comment = "dashes" if sql else "hash"
    bare = PIECE.sub(lambda piece: kept(piece, comment, sql), text)
    return re.sub(r",([)\]}])", r"\1", bare)


def kept(piece: re.Match[str], comment: str, sql: bool) -> str:
    if piece.lastgroup in ("gap", comment):
        return ""
    return quoted(piece.group()) if piece.lastgroup == "text" and not sql else piece.group()


TOKEN = re.compile(
    r"""(?P<text>'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|(?P<hash>\#[^\n]*)|(?P<joint>\\\n)"""
    r"""|(?P<end>\n)|(?P<gap>[^\S\n]+)|(?P<opening>[(\[{])|(?P<closing>[)\]}])|(?P<other>[^\s'"\#\\()\[\]{}]+|.)""",
    re.S,
)


def structured(text: str) -> str:
    """Python code without comments, docstrings and layout, its blocks kept: what no formatter changes."""
    levels: list[int] = []
    said: list[str] = []
    for width, line in logical_lines(text):
        while levels and width < levels[-1]:
            levels.pop()
            said.append("<")
        if not levels or width > levels[-1]:
            levels.append(width)
            said.append(">")
        said.append(re.sub(r",([)\]}])", r"\1", line))
    return "\n".join(said)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a text without gaps and comments, each with its indentation; a line that is only a string (a
    docstring) is left out."""
    width, depth, parts, only_text = 0, 0, list[str](), True
    for piece in TOKEN.finditer(text + "\n"):
        kind, said = piece.lastgroup, piece.group()
        if kind == "end" and depth <= 0:
            if parts and not only_text:
                yield width, unwrapped(parts)
            width, depth, parts, only_text = 0, 0, [], True
        elif kind == "gap" and not parts:
            width = len(said.expandtabs(8))
        elif kind not in ("gap", "end", "hash", "joint"):
            depth += (kind == "opening") - (kind == "closing")
            only_text = only_text and kind == "text"
            parts.append(quoted(said) if kind == "text" else said)


def quoted(text: str) -> str:
    """A string literal with double quotes only, also inside it (an f-string's expressions have theirs), none escaped:
    formatters choose among them."""
    return text.replace("\\'", "'").replace('\\"', '"').replace("'", '"')


WHOLE = re.compile(r"(?:^|[^=!<>])=$|^(?:return|if|elif|while|assert|yield)$")


def unwrapped(parts: list[str]) -> str:
    """A statement's text, from its tokens, without parentheses round a whole value, which change nothing: behind an
    assignment, ``return``, ``if`` and the like, up to the value's end. Those round a tuple stay."""
    opened: list[int] = []
    commas: set[int] = set()  # the brackets in which one stands
    left_out: set[int] = set()
    for number, part in enumerate(parts):
        if part in ("(", "[", "{"):
            opened.append(number)
        elif part in (")", "]", "}") and opened:
            first = opened.pop()
            behind = "".join(parts[number + 1 : number + 2])
            ends = not behind or behind[0] in ",)]}" or (behind == ":" and number + 2 == len(parts))
            if part == ")" and first and ends and first not in commas and WHOLE.search(parts[first - 1]):
                left_out |= {first, number}
        elif "," in part and part[0] not in "\"'" and opened:
            commas.add(opened[-1])
    return "".join(part for number, part in enumerate(parts) if number not in left_out)


def fingerprinted(findings: Iterable[Finding], code: Callable[[Finding], str]) -> tuple[Finding, ...]:
    """The findings in their order, each with its fingerprint. `code` gives the normalised text of a finding's
    statement.

    Equal ones are told apart by their order of path and place, so give all findings of the system, also those that
    will not be shown.
    """
    named = [replace(f, fingerprint=fingerprint(f.rule, f.symbol, code(f), f.datasets)) for f in findings]
    seen: dict[str, int] = {}
    for number in sorted(range(len(named)), key=lambda n: (named[n].place, named[n].message)):
        first = named[number].fingerprint
        seen[first] = seen.get(first, 0) + 1
        if seen[first] > 1:
            again = fingerprint(first, str(seen[first]), "")
            named[number] = replace(named[number], fingerprint=again)
    return tuple(named)
