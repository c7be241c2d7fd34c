"""A ``DO`` block of PostgreSQL → the statements of DDL in it, whatever it asks before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.read.sql.text import statements

_BLOCK = re.compile(r"\s*do\b.*?(\$\w*\$)(.*)\1", re.I | re.S)
_DEFINES = re.compile(r"\b(?:create|alter|drop)\s+(?:\w+\s+){0,3}?(?:table|index|view)\b", re.I)
_INSIDE = re.compile(r"(?:\A|\b(?:begin|then|else|loop)\b)\s*((?:create|alter|drop)\b(?!.*\bthen\b).*)", re.I | re.S)
_EXECUTED = re.compile(r"\bexecute\s+(?:format\s*\(\s*)?(?:'((?:[^']|'')*)'|(\$\w*\$)(.*?)\2)\s*(\|\|)?", re.I | re.S)
_PLACE = re.compile(r"%(?:\d+\$)?-?\d*[sIL]")
_KEYS = re.compile(r"\b(?:primary\s+key|unique)\b", re.I)


def block_in(text: str) -> str | None:
    """What stands between the dollar signs of a ``DO`` block; None: it is none.

    >>> block_in("DO $$ BEGIN DROP TABLE t; END $$")
    ' BEGIN DROP TABLE t; END '
    """
    found = _BLOCK.match(text)
    return found[2] if found else None


def defining(block: str) -> Iterator[str]:
    """The statements of DDL that a block holds, also those that it executes from a text which is known in full.

    >>> list(defining("BEGIN EXECUTE format('ALTER TABLE t ADD PRIMARY KEY (a)'); EXECUTE 'DROP TABLE ' || x; END"))
    ['ALTER TABLE t ADD PRIMARY KEY (a)']
    """
    for piece in statements(block):
        executed = _EXECUTED.search(piece.text)
        if executed:
            text = executed[1].replace("''", "'") if executed[1] is not None else executed[3]
            if not executed[4] and not _PLACE.search(text):
                yield from (one.text for one in statements(text) if _DEFINES.search(one.text))
            continue
        found = _INSIDE.search(piece.text)
        if found and _DEFINES.search(found[1]):
            yield found[1]


def keys_unseen(block: str) -> bool:
    """Whether it adds a key by a text that is put together while it runs: to which tables, nobody can read.

    >>> keys_unseen("BEGIN EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (id)', t); END")
    True
    """
    for piece in statements(block):
        executed = _EXECUTED.search(piece.text)
        if executed and (executed[4] or _PLACE.search(executed[1] or executed[3] or "")) and _KEYS.search(piece.text):
            return True
    return False
