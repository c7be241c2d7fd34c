"""What a system is called: what the request calls it, else what it keeps."""

from __future__ import annotations

import sys

from datakeel import naming
from datakeel.design.intake.sagas import plain
from datakeel.design.intake.text import Text, Token
from datakeel.design.intake.vocabulary import lexicon
from datakeel.requirements import Domain
from datakeel.requirements.checks import PACKAGES


def system_name(words: Text, domain: Domain) -> str:
    """What the system is called: what the request calls it, else what it keeps."""
    name = _called_by_its_people(words)
    if not name:
        kept = [
            item.name
            for kind in ("sagas", "aggregates", "series", "graphs", "documents", "tables", "replicated", "services")
            for item in getattr(domain, kind)
        ]
        first = " ".join(naming.words(kept[0])) if kept else ""
        name = (first if domain.sagas else _plural(first)) or "system"
    name = plain(name)[:40].strip(" -") or "system"
    taken = sys.stdlib_module_names | PACKAGES
    return f"{name} system" if naming.snake(name) in taken or len(name) < 3 else name


def _called_by_its_people(words: Text) -> str:
    """``order tracking`` of *an order tracking system*: what stands before a word for software."""
    for at, token in enumerate(words.tokens):
        first = at
        while _is_title(words, at) and first and at - first < 3 and _names_something(words.tokens[first - 1]):
            first -= 1
        if first < at:
            return words.said(first, at + (token.one not in lexicon("untitled"))).lower()
    return ""


def _is_title(words: Text, at: int) -> bool:
    after = words.tokens[at + 1].one if at + 1 < len(words.tokens) else ""
    return words.tokens[at].one in lexicon("titles") and after not in ("call", "key", "gateway", "item", "level")


def _names_something(token: Token) -> bool:
    return token.is_word and token.low not in (lexicon("small") - {"time"}) | lexicon("keeping")


def _plural(name: str) -> str:
    return name if name.endswith("s") or not name else naming.plural(name)
