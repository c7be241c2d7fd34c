"""What a request asks of any domain: a search, a dashboard, a saga, to work offline."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from datakeel.design.intake.named import REFUSED
from datakeel.design.intake.quantities import Quantity
from datakeel.design.intake.text import Text
from datakeel.design.intake.vocabulary import lexicon

FACETS = Path(__file__).parent / "facets.toml"


def facets(words: Text, figures: Iterable[Quantity] = ()) -> dict[str, str]:
    """What is asked of the whole, and the words that asked for it. What is refused (``no search``) is not, nor what is
    part of a rate (``3 million samples per minute``)."""
    found = {}
    rates = [q for q in figures if q.kind in ("rate", "flow")]
    for facet, spoken in phrases().items():
        for phrase in spoken:
            places = [p for p in words.places(phrase) if not _refused(words, p[0]) and not _is_other(words, p[0])]
            places = [p for p in places if not any(q.first < p[0] < q.last for q in rates)]
            if places and facet not in found:
                found[facet] = words.said(*places[0])
    return found


@cache
def phrases() -> dict[str, list[str]]:
    return tomllib.loads(FACETS.read_text("utf-8"))


def _is_other(words: Text, at: int) -> bool:
    """``sensors report`` their state, ``every meter reports``, ``damage reports``: no report over data is asked for."""
    before = words.tokens[at - 1] if at else None
    if words.tokens[at].one != "report" or before is None:
        return False
    several = before.one != before.low or (before.text == "," and words.tokens[at - 2].is_number)  # scooters, 12,000,
    one = {"each", "every"} & {t.low for t in words.tokens[max(0, at - 2) : at]}
    return before.low in lexicon("filed") or (several if words.tokens[at].low == "report" else bool(one))


def _refused(words: Text, at: int) -> bool:
    before = [t.low for t in words.before(at, 4)]
    if "," in before:
        before = before[len(before) - before[::-1].index(",") :]
    if any(w in ("but", "with") for w in before):
        before = before[len(before) - next(i for i, w in enumerate(reversed(before)) if w in ("but", "with")) :]
    return any(w in REFUSED - {"instead", "than", "unlike"} or w.endswith("n't") for w in before)
