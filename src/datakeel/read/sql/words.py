"""SQL statements read by their words alone: transactions, locks, settings, calls; and guesses at unparsable ones."""

from __future__ import annotations

import re

from datakeel.model.effect import Selection
from datakeel.read.sql.text import HOLE, Token, folded, marked, parameter, qualified, tokens
from datakeel.read.statement import Statement

_FIRST = re.compile(r"(?:\s++|--[^\n]*+\n?|/\*.*?\*/)*+(\w+|\()", re.S)
_LEVELS = {
    "read uncommitted": "read-uncommitted",
    "read committed": "read-committed",
    "repeatable read": "repeatable-read",
    "serializable": "serializable",
    "snapshot": "snapshot",
}
_LEVEL = re.compile(r"\b(read[\s-]+uncommitted|read[\s-]+committed|repeatable[\s-]+read|serializable|snapshot)\b", re.I)


def first_word(text: str, dialect: str = "postgres") -> str:
    """
    >>> first_word("/* all */ SELECT 1")
    'select'
    """
    found = _FIRST.match(text)
    return found[1].lower() if found else ""


def object_word(text: str, dialect: str) -> str:
    """What a statement of DDL is about: ``function``, ``view``, ``index`` …"""
    skipped = {
        "or",
        "replace",
        "temp",
        "temporary",
        "unlogged",
        "unique",
        "materialized",
        "global",
        "local",
        "recursive",
        "if",
    }
    words = [t.text for t in _head(text, dialect, 8) if t.kind == "word"][1:]
    return next((w for w in words if w not in skipped), "")


def object_name(text: str, dialect: str) -> str:
    """The name of what a CREATE makes, where it follows the kind of object."""
    found = _head(text, dialect, 16)
    kind = object_word(text, dialect)
    index = next((i for i, t in enumerate(found) if t.text == kind), len(found)) + 1
    cursor = _Words(found, " ".join(t.text for t in found), (), dialect)
    while cursor.at(index) in ("if", "not", "exists"):
        index += 1
    return cursor.name(index)[0]


def _head(text: str, dialect: str, count: int) -> list[Token]:
    found: list[Token] = []
    for token in tokens(text, dialect):
        if token.kind != "comment":
            found.append(token)
        if len(found) == count:
            break
    return found


def read(text: str, word: str, dialect: str) -> Statement | None:
    """The statement, where its first word tells that it is one of these."""
    reader = _READERS.get(word)
    if reader is None:
        return None
    mark = marked(text[:2000], dialect)
    found = [t for t in tokens(mark.text, dialect) if t.kind != "comment"]
    return reader(_Words(found, " ".join(t.text for t in found), mark.parameters, dialect))


class _Words:
    """The tokens of a statement."""

    def __init__(self, found: list[Token], line: str, parameters: tuple[str, ...], dialect: str) -> None:
        self.tokens = found
        self.line = line
        self.parameters = parameters
        self.dialect = dialect

    def has(self, *words: str) -> bool:
        return f" {' '.join(words)} " in f" {self.line} "

    def at(self, index: int) -> str:
        return self.tokens[index].text if index < len(self.tokens) else ""

    def after(self, *words: str) -> int:
        """The index after the first of these words that occurs, else 1."""
        for index, token in enumerate(self.tokens):
            if token.kind == "word" and token.text in words:
                return index + 1
        return 1

    def name(self, index: int) -> tuple[str, int]:
        """A (qualified) name that begins at `index`, and the index after it."""
        parts: list[str] = []
        while index < len(self.tokens) and self.tokens[index].kind in ("word", "name"):
            token = self.tokens[index]
            parts.append(folded(token.text if token.kind == "name" else token.raw, token.kind == "name", self.dialect))
            index += 1
            if self.at(index) != ".":
                break
            index += 1
        return qualified(parts), index

    def value(self, index: int) -> str:
        """The canonical value of one token."""
        if index >= len(self.tokens):
            return ""
        token = self.tokens[index]
        if token.kind == "string":
            return f"const:{token.raw.strip(chr(39))!r}" if "dk_" not in token.raw else ""
        if token.kind == "number":
            return f"const:{token.raw}"
        return parameter(token.raw, self.parameters)


def _level(line: str) -> str:
    found = _LEVEL.search(line)
    return _LEVELS[re.sub(r"[\s-]+", " ", found[1].lower())] if found else ""


def _begin(words: _Words) -> Statement | None:
    if words.at(0) == "start" and words.at(1) != "transaction":
        return None
    if words.dialect == "cql" and words.has("batch"):
        return None
    if "dk_h" in words.line:
        return Statement(verb="begin", complete=False)
    mode = next((w for w in ("immediate", "exclusive", "deferred", "concurrent") if words.at(1) == w), "")
    return Statement(
        verb="begin",
        isolation=_level(words.line),
        read_only=words.has("read", "only"),
        options=(("mode", mode),) if mode else (),
    )


def _commit(words: _Words) -> Statement:
    return Statement(verb="commit", name=words.at(2).strip("'") if words.at(1) == "prepared" else "")


def _prepare(words: _Words) -> Statement:
    """The first phase of a two-phase commit; ``PREPARE name AS …`` only names a statement."""
    if words.at(1) != "transaction":
        return _other(words)
    return Statement(verb="prepare", name=words.at(2).strip("'"))


def _xa(words: _Words) -> Statement:
    """MySQL's two-phase commit: ``XA START 'x'``, ``XA END``, ``XA PREPARE``, ``XA COMMIT``."""
    verb = {"start": "begin", "prepare": "prepare", "commit": "commit", "rollback": "rollback"}.get(
        words.at(1), "other"
    )
    return Statement(verb="begin" if words.at(1) == "begin" else verb, name=words.at(2).strip("'"))


def _rollback(words: _Words) -> Statement:
    if words.has("to"):
        index = words.after("to")
        return Statement(verb="rollback-to", name=words.at(index + 1 if words.at(index) == "savepoint" else index))
    return Statement(verb="rollback")


def _savepoint(words: _Words) -> Statement:
    return Statement(verb="savepoint", name=words.at(1))


def _release(words: _Words) -> Statement:
    return Statement(verb="release", name=words.at(2) if words.at(1) == "savepoint" else words.at(1))


def _set(words: _Words) -> Statement:
    line = words.line
    if words.has("transaction") or words.has("isolation", "level"):
        scope = "session" if words.has("session") or words.has("global") else "transaction"
        return Statement(
            verb="set-isolation", isolation=_level(line), read_only=words.has("read", "only"), scope=scope,
            complete="dk_h" not in line,
        )  # fmt: skip
    index = 2 if words.at(1) in ("local", "session", "global") else 1
    scope = "transaction" if words.at(1) == "local" else "session"
    while words.at(index) in ("@", ".", "session", "global"):
        index += 1
    name, after = words.name(index)
    value = words.tokens[after + 1].raw.strip("'\"") if after + 1 < len(words.tokens) else ""
    if re.fullmatch(r"(default_)?(transaction_isolation|tx_isolation)", name):
        return Statement(verb="set-isolation", isolation=_level(value + " " + line), scope=scope)
    if name == "autocommit" and value.lower() in ("0", "off", "false"):
        return Statement(verb="set", name=name, scope=scope, options=(("value", "0"),))
    return Statement(verb="set", name=name, scope=scope, options=(("value", value if "dk_" not in value else ""),))


def _pragma(words: _Words) -> Statement:
    name, after = words.name(1)
    value = words.tokens[after + 1].raw.strip("'\"") if after + 1 < len(words.tokens) else ""
    return Statement(verb="set", name=f"pragma {name}", options=(("value", value),))


def _lock(words: _Words) -> Statement:
    """LOCK TABLE. Modes that let others write are no lock on the data."""
    if words.has("instance"):
        return Statement(verb="other")
    index = 2 if words.at(1) in ("table", "tables") else 1
    if words.at(index) == "only":
        index += 1
    table, after = words.name(index)
    others: list[str] = []
    for at in range(after, len(words.tokens)):
        if words.at(at) == ",":
            others.append(words.name(at + 1)[0])
    weak = ("access share", "row share", "row exclusive")
    shared = words.has("in", "share", "mode") or words.has("in", "share", "update") or words.at(after) == "read"
    mode = "" if any(f"in {w} mode" in words.line for w in weak) else "share" if shared else "update"
    selection = Selection(lock=mode, joins=tuple(o for o in others if o), nowait=words.has("nowait"))
    scope = "session" if words.dialect == "mysql" else "transaction"
    return Statement(verb="lock", table=table, selection=selection, scope=scope, complete=bool(table))


def _unlock(words: _Words) -> Statement:
    return Statement(verb="unlock", scope="session")


def _call(words: _Words) -> Statement:
    name, _ = words.name(1)
    return Statement(verb="call", name=name, parameters=words.parameters, complete=bool(name))


def _truncate(words: _Words) -> Statement:
    index = 2 if words.at(1) == "table" else 1
    if words.at(index) == "only":
        index += 1
    table, after = words.name(index)
    others: list[str] = []
    while words.at(after) == ",":
        name, after = words.name(after + 1)
        others.append(name)
    selection = Selection(columns=(), joins=tuple(o for o in others if o))
    return Statement(verb="truncate", table=table, selection=selection, complete=bool(table))


def _copy(words: _Words) -> Statement:
    """``COPY t (a, b) FROM …``, or ``COPY (query) TO …``."""
    if words.at(1) == "(":
        return Statement(verb="copy", options=(("direction", "to"),), complete=False)
    table, after = words.name(1)
    columns: list[str] = []
    if words.at(after) == "(":
        while words.at(after) not in (")", ""):
            after += 1
            if words.tokens[after : after + 1] and words.tokens[after].kind in ("word", "name"):
                columns.append(words.tokens[after].text)
    direction = "to" if words.has("to") and not words.has("from") else "from"
    return Statement(
        verb="copy", table=table, columns=tuple(columns), many=True, options=(("direction", direction),),
        selection=Selection(columns=() if direction == "from" else tuple(columns) or None), complete=bool(table),
    )  # fmt: skip


def _load(words: _Words) -> Statement | None:
    if words.at(1) != "data":
        return None
    index = words.after("table")
    table, _ = words.name(index)
    return Statement(verb="copy", table=table, many=True, options=(("direction", "from"),), complete=bool(table))


def _notify(words: _Words) -> Statement:
    return Statement(verb=words.at(0), name=words.at(1))


def _refresh(words: _Words) -> Statement:
    index = words.after("concurrently") if words.has("concurrently") else words.after("view")
    return Statement(verb="refresh", table=words.name(index)[0])


def _word(words: _Words) -> Statement:
    return Statement(verb=words.at(0))


def _other(words: _Words) -> Statement:
    return Statement(verb="other", name=words.at(0))


_READERS = {
    "begin": _begin,
    "start": _begin,
    "commit": _commit,
    "end": _commit,
    "rollback": _rollback,
    "abort": _rollback,
    "prepare": _prepare,
    "xa": _xa,
    "savepoint": _savepoint,
    "release": _release,
    "set": _set,
    "pragma": _pragma,
    "lock": _lock,
    "unlock": _unlock,
    "call": _call,
    "exec": _call,
    "execute": _call,
    "truncate": _truncate,
    "copy": _copy,
    "load": _load,
    "notify": _notify,
    "listen": _notify,
    "unlisten": _notify,
    "refresh": _refresh,
    "explain": _word,
    "fetch": _word,
    "do": _word,
}
_OTHERS = """
    grant revoke vacuum analyze analyse reindex cluster use show describe desc declare close move discard reset
    deallocate checkpoint attach detach optimize flush kill security import reassign delimiter apply
    """
_READERS |= dict.fromkeys(_OTHERS.split(), _other)


# Advisory locks ------------------------------------------------------------------------------------------------------


def advisory(name: str, key: str) -> Statement | None:
    """The lock or unlock that a function of the store takes, or None.

    >>> lock = advisory("pg_try_advisory_xact_lock", "?1")
    >>> lock.verb, lock.scope, lock.trying, lock.selection.lock
    ('lock', 'transaction', True, 'advisory')
    """
    if name in ("release_lock", "release_all_locks") or name.startswith("pg_advisory_unlock"):
        return Statement(verb="unlock", scope="session", key=key, name=name)
    if name == "get_lock":
        return Statement(
            verb="lock",
            scope="session",
            key=key,
            name=name,
            trying=True,
            selection=Selection(lock="advisory", columns=()),
        )
    found = re.fullmatch(r"pg_(try_)?advisory_(xact_)?lock(_shared)?", name)
    if not found:
        return None
    return Statement(
        verb="lock",
        scope="transaction" if found[2] else "session",
        key=key,
        name=name,
        trying=bool(found[1]),
        selection=Selection(lock="advisory", columns=(), nowait=bool(found[1])),
        options=(("shared", "true"),) if found[3] else (),
    )


# Guesses -------------------------------------------------------------------------------------------------------------

_TABLE = r'((?:[`"]?[\w\ufffc]+[`"]?\.)?[`"]?[\w\ufffc]+[`"]?)'
_GUESSES = (
    ("insert", re.compile(rf"\b(?:insert|replace)\b[^;(]*?\binto\s+{_TABLE}\s*(\(([^()]*)\))?", re.I)),
    ("update", re.compile(rf"\bupdate\s+(?:only\s+)?{_TABLE}\s.*?\bset\b", re.I | re.S)),
    ("delete", re.compile(rf"\bdelete\s+from\s+(?:only\s+)?{_TABLE}", re.I)),
    ("merge", re.compile(rf"\bmerge\s+into\s+{_TABLE}", re.I)),
    ("select", re.compile(rf"\bselect\b.*?\bfrom\s+(?:only\b[\s(]*)?{_TABLE}", re.I | re.S)),
)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.S)


def guess(text: str, dialect: str, why: str) -> Statement:
    """What can be told of a statement that does not parse: its verb and table, by their keywords."""
    cleaned = _COMMENTS.sub(" ", text[:5_000])
    word = first_word(cleaned)
    for verb, pattern in sorted(_GUESSES, key=lambda g: g[0] != word):
        found = pattern.search(cleaned)
        if found is None or (word in dict(_GUESSES) and word != verb):
            continue
        parts = [p.strip('`"').lower() for p in found[1].split(".")]
        columns = _listed(found[3]) if verb == "insert" else ()
        lock = "update" if verb == "select" and re.search(r"\bfor\s+(no\s+key\s+)?update\b", cleaned, re.I) else ""
        selection = Selection(lock=lock, complete=False)
        return Statement(
            verb=verb, table=qualified(parts), columns=columns, selection=selection, many=verb == "insert",
            dialect=dialect, complete=False, note=why,
        )  # fmt: skip
    return Statement(selection=Selection(complete=False), dialect=dialect, complete=False, note=why)


def _listed(text: str | None) -> tuple[str, ...]:
    if not text or HOLE in text:
        return ()
    return tuple(p.strip().strip('`"').lower() for p in text.split(","))
