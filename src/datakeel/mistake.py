"""What the user can put right: said in one line, without a traceback, and the program ends with status 2."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches

FULL = (errno.ENOSPC, errno.EDQUOT)  # no room is left on a disk


class Mistake(Exception):
    """A wrong word, setting or path. Its text is whole sentences for the user; several mistakes stand on lines of
    their own."""


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that was probably meant.

    >>> nearest("lost_updates", ["lost-update", "dual-write"])
    'lost-update'
    >>> nearest("zzz", ["lost-update", "dual-write"]) is None
    True
    """
    candidates = {candidate.lower(): candidate for candidate in sorted(words)}
    close = get_close_matches(word.lower().replace("_", "-"), candidates, n=1)
    close = close or get_close_matches(word.lower(), candidates, n=1)
    return candidates[close[0]] if close else None


def unknown(kind: str, word: str, words: Iterable[str]) -> str:
    """The sentence about a word that does not exist, with the nearest one that does.

    >>> unknown("format", "jsn", ["json", "sarif"])
    'unknown format "jsn"; did you mean "json"?'
    >>> unknown("format", "word", ["xml", "html"])
    'unknown format "word"; known are html, xml'
    """
    known = sorted(words)
    meant = nearest(word, known)
    if meant is not None:
        return f'unknown {kind} "{word}"; did you mean "{meant}"?'
    if len(known) > 12:
        return f'unknown {kind} "{word}"'
    return f'unknown {kind} "{word}"; known are {", ".join(known)}' if known else f'unknown {kind} "{word}"'
