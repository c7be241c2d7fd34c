"""What makes a finding the same finding after the code around it has moved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
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


def normalised(text: str, *, sql: bool = False) -> str:
    """Code without white space, comments and trailing commas; what stands in quotes is kept as it is.

    >>> normalised('pay(\\n    order,  # the "new" one\\n    "a # b",\\n)')
    'pay(order,"a # b")'
    >>> normalised("SELECT 1 -- one", sql=True)
    'SELECT1'
    """
    comment = "dashes" if sql else "hash"
    bare = PIECE.sub(lambda piece: "" if piece.lastgroup in ("gap", comment) else piece.group(), text)
    return re.sub(r",([)\]}])", r"\1", bare)


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
