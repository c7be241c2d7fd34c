"""Lanes that SQL spreads rows over by a hash: by which columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.condition import columns_of

LANE = re.compile(r"\bas\s+\"?(\w*(?:partition|shard|bucket|lane)\w*)", re.I)
HASH = re.compile(r"%|\b(?:mod|hash\w*|md5|sha\d+|digest|crc32|fnv\w*|murmur\w*|get_byte)\s*\(", re.I)
SUBQUERY = re.compile(r"\(\s*select\b[^()]*(?:\([^()]*\)[^()]*)*\)", re.I)
QUALIFIER = re.compile(r"\b[a-z_]\w*\.(?=[a-z_\"])", re.I)
SELECT = re.compile(r"\bselect\s+(?:distinct\s+|all\s+)?", re.I)


def lanes(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The lanes that a statement computes by a hash: what each is called, and the columns that pick it.

    >>> [(name, sorted(columns)) for name, columns in lanes("SELECT id, mod(hashtext(o.id), 8) AS partition FROM o")]
    [('partition', ['id'])]
    >>> list(lanes("SELECT date_trunc('day', at) AS bucket, count(*) FROM o"))
    []
    """
    for found in LANE.finditer(text):
        item = expression_before(text, found.start())
        if HASH.search(item):
            yield found[1], columns_of(QUALIFIER.sub("", SUBQUERY.sub("", item)))


def expression_before(text: str, end: int) -> str:
    """The item of a list of columns that ends there."""
    depth, begin = 0, end
    while begin > 0 and depth >= 0:
        begin -= 1
        depth += {")": 1, "(": -1}.get(text[begin], 0)
        if depth == 0 and text[begin] == ",":
            break
    item = text[begin:end].lstrip("(, ")
    inner = SUBQUERY.sub(lambda found: " " * len(found[0]), item)
    return item[max((found.end() for found in SELECT.finditer(inner)), default=0) :]
