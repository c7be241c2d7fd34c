"""CQL (Cassandra) as the SQL that it resembles: what SQL has no word for is taken out and kept beside."""

from __future__ import annotations

import re

from datakeel.read.sql.text import Token, tokens

_BATCH = re.compile(r"\s*begin\s+(unlogged\s+|counter\s+|logged\s+)?batch\b(?:\s+using\s+timestamp\s+\S+)?", re.I)
_WHERE = re.compile(r"\bwhere\b", re.I)


def plain(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The statement without CQL's own clauses, and these as options.

    A condition (``IF balance = ?``) becomes part of WHERE: the write reaches only rows that meet it.

    >>> plain("UPDATE t USING TTL 60 SET a = 1 WHERE k = 2 IF a = 0")
    ('UPDATE t SET a = 1 WHERE k = 2 AND a = 0', (('ttl', '60'), ('if', 'condition')))
    """
    options: list[tuple[str, str]] = []
    batch = _BATCH.match(text)
    if batch:
        options.append(("batch", (batch[1] or "logged").strip().lower()))
        text = text[batch.end() :].lstrip()
    words = [t for t in tokens(text, "cql") if t.kind != "comment"]
    kept: list[tuple[int, int, str]] = []  # what is replaced: start, end, by what
    at = 0
    while at < len(words):
        word, following = words[at].text if words[at].kind == "word" else words[at].raw, _text(words, at + 1)
        last = at
        if word == "using" and following in ("ttl", "timestamp"):
            last = _using(words, at, options)
            kept.append((words[at].start, words[last].end, ""))
        elif word == "allow" and following == "filtering":
            options.append(("allow-filtering", "true"))
            last = at + 1
            kept.append((words[at].start, words[last].end, ""))
        elif word == "per" and following == "partition":
            last = min(at + 3, len(words) - 1)
            kept.append((words[at].start, words[last].end, ""))
        elif word == "if" and following in ("not", "exists"):
            options.append(("if", "exists" if following == "exists" else "not exists"))
            last = min(at + (1 if following == "exists" else 2), len(words) - 1)
            kept.append((words[at].start, words[last].end, ""))
        elif word == "if" and at:
            options.append(("if", "condition"))
            kept.append((words[at].start, words[at].end, "AND" if _WHERE.search(text) else "WHERE"))
        elif word == "{":
            last = _closing(words, at)
            kept.append((words[at].start, words[last].end, "'{}'"))
        at = last + 1
    return _replaced(text, kept), tuple(options)


def _text(words: list[Token], at: int) -> str:
    return words[at].text if at < len(words) else ""


def _using(words: list[Token], at: int, options: list[tuple[str, str]]) -> int:
    """``USING TTL 60 AND TIMESTAMP ?``: the index of its last token."""
    while _text(words, at + 1) in ("ttl", "timestamp") and at + 2 < len(words):
        options.append((words[at + 1].text, words[at + 2].raw))
        at += 2
        if not (_text(words, at + 1) == "and" and _text(words, at + 2) in ("ttl", "timestamp")):
            break
        at += 1
    return at


def _closing(words: list[Token], at: int) -> int:
    depth = 0
    for index in range(at, len(words)):
        depth += {"{": 1, "}": -1}.get(words[index].raw, 0)
        if depth == 0:
            return index
    return len(words) - 1


def _replaced(text: str, changes: list[tuple[int, int, str]]) -> str:
    for start, end, by in reversed(changes):
        if not by:
            while end < len(text) and text[end] in " \t":
                end += 1
        text = text[:start] + by + text[end:]
    return text.rstrip()
