"""A request as words: its tokens, their singulars and the verbs that they may be forms of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from msgspec import Struct

from datakeel.design.intake.vocabulary import pairs

LONGEST = 20_000  # characters: what comes after is not a sentence any more

_TOKEN = re.compile(
    r"""24/7
    | [0-9]{1,3}(?:[,'][0-9]{3})+(?:\.[0-9]+)?(?![0-9]) | (?<![0-9.])[0-9]{1,3}(?:[ ][0-9]{3})+(?![0-9.])
    | [0-9]+(?:\.[0-9]+)?
    | [^\W\d_]\w*(?:['’][^\W\d_]+)?
    | \S""",
    re.VERBOSE,
)
_BREAKS = frozenset(".;!?")
_NEW_ITEM = re.compile(r"\n\s*(?:[-*•]|[0-9]+[.)])\s+|\n\s*\n\s*")


class Token(Struct, frozen=True):
    """`glued`: no space stands before it, as ``M`` in ``2M``."""

    text: str
    low: str
    one: str  # its singular
    start: int
    end: int
    glued: bool

    @property
    def is_word(self) -> bool:
        return self.text[0].isalpha()

    @property
    def is_number(self) -> bool:
        return self.text[0] in "0123456789" and self.text != "24/7"


class Text(Struct, frozen=True):
    """A request: as it was written, and its tokens without the hyphens inside words."""

    written: str
    tokens: tuple[Token, ...]
    index: dict[str, list[int]]  # where each word stands, in the singular and as it is

    def said(self, first: int, last: int) -> str:
        """The words of the request from one token up to, and without, another."""
        return self.written[self.tokens[first].start : self.tokens[last - 1].end]

    def before(self, at: int, count: int) -> tuple[Token, ...]:
        """The tokens of the same sentence that stand before one."""
        start = at
        while start > max(0, at - count) and self.tokens[start - 1].text not in _BREAKS:
            start -= 1
        return self.tokens[start:at]

    def after(self, at: int, count: int) -> tuple[Token, ...]:
        end = at
        while end < min(len(self.tokens), at + count) and self.tokens[end].text not in _BREAKS:
            end += 1
        return self.tokens[at:end]

    def matches(self, at: int, phrase: tuple[str, ...]) -> bool:
        """Whether the words of a phrase, in the singular, stand here."""
        here = self.tokens[at : at + len(phrase)]
        return len(here) == len(phrase) and all(w in (t.low, t.one) for w, t in zip(phrase, here, strict=True))

    def places(self, phrase: str) -> list[tuple[int, int]]:
        words = phrase_words(phrase)
        return [(i, i + len(words)) for i in self.index.get(words[0], ()) if self.matches(i, words)]

    def has(self, phrases: Iterable[str]) -> bool:
        return any(self.places(phrase) for phrase in phrases)

    def without(self, places: Iterable[int]) -> Text:
        """The same request with some of its words made unreadable; all others stay where they are."""
        hidden = set(places)
        blank = [Token("□", "□", "□", t.start, t.end, t.glued) if i in hidden else t for i, t in enumerate(self.tokens)]
        return Text(self.written, tuple(blank), _index(blank))

    def verbs(self) -> frozenset[str]:
        """Every verb of which a word may be a form."""
        return frozenset(v for t in self.tokens for v in verb_forms(t.low))


def text(written: str) -> Text:
    """
    >>> [t.one for t in text("2M meeting-rooms, p99 50ms").tokens]
    ['2', 'm', 'meeting', 'room', ',', 'p99', '50', 'ms']
    """
    plain = unicodedata.normalize("NFKC", written[:LONGEST])[:LONGEST]
    plain = _NEW_ITEM.sub("; ", plain).replace("’", "'").replace("×", "x").replace("μ", "u")
    tokens: list[Token] = []
    end = -1
    for found in _TOKEN.finditer(plain):
        word = found.group()
        between = word in "-‐‑_" and found.end() < len(plain) and plain[found.end()].isalpha()
        if not between or not tokens or found.start() != end:
            tokens.append(
                Token(word, word.lower(), singular(word.lower()), found.start(), found.end(), found.start() == end)
            )
        end = found.end()
    return Text(plain, tuple(tokens), _index(tokens))


def _index(tokens: list[Token]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, token in enumerate(tokens):
        for word in {token.low, token.one}:
            found.setdefault(word, []).append(i)
    return found


@cache
def phrase_words(phrase: str) -> tuple[str, ...]:
    return tuple(singular(w) for w in re.split(r"[\s-]+", phrase.lower()))


@cache
def singular(word: str) -> str:
    """
    >>> [singular(w) for w in ("orders", "categories", "boxes", "classes", "bus", "queries", "prices", "people")]
    ['order', 'category', 'box', 'class', 'bus', 'query', 'price', 'person']
    """
    if word in pairs("singulars"):
        return pairs("singulars")[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses", "zzes")) else word[:-1]


@cache
def verb_forms(word: str) -> frozenset[str]:
    """The verbs of which a word may be a form, itself among them.

    >>> sorted(verb_forms("shipped") & {"ship", "shipp", "shippe"}), "pay" in verb_forms("paid")
    (['ship', 'shipp', 'shippe'], True)
    """
    found = {word, singular(word), _irregular().get(word, word)}
    for ending in ("ing", "ed", "es", "s", "d"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 2:
            found |= {stem, f"{stem}e"}
            if ending in ("ing", "ed") and len(stem) > 2 and stem[-1] == stem[-2]:
                found.add(stem[:-1])
    if word.endswith("ied"):
        found.add(f"{word[:-3]}y")
    return frozenset(found)


@cache
def _irregular() -> dict[str, str]:
    """Verbs by their participles."""
    return {done: verb for verb, done in pairs("participles").items()}
