"""Which of the two halves a request asks for, by its first verb."""

from __future__ import annotations

from typing import Literal

from datakeel.design.intake.text import Text, text, verb_forms

Mode = Literal["review", "generate"]
VERBS: dict[str, Mode] = dict.fromkeys(
    ("build", "create", "generate", "implement", "scaffold", "design"), "generate"
) | dict.fromkeys(("review", "check", "improve", "audit", "critique"), "review")  # type: ignore[assignment]
ARTICLES = frozenset("a an the our my your their its this that these those for of in with some no".split())  # noqa: SIM905
JOINING = frozenset(("and", "or", "then", "/", ",", "to", "also"))


def mode(request: str) -> Mode | None:
    """Review or generate; None where no such verb, or both in one breath, are said.

    >>> mode("Build an order system"), mode("please audit my code"), mode("hello"), mode("build or review this")
    ('generate', 'review', None, None)
    >>> mode("Build a code review tool"), mode("the audit table is slow; review it"), mode("give me a review")
    ('generate', 'review', 'review')
    """
    said = text(request)
    spoken = [(i, m) for i, t in enumerate(said.tokens) if (m := _mode_of(t.low))]
    verbs = [(i, m) for i, m in spoken if not _is_noun(said, i)] or spoken
    if not verbs:
        return None
    at, first = verbs[0]
    for later, other in verbs[1:]:
        if other != first and all(t.low in JOINING for t in said.tokens[at + 1 : later]):
            return None
    return first


def _mode_of(word: str) -> Mode | None:
    if word in ("builder", "builders", "designer", "checker", "reviewer", "auditor"):
        return None
    return next((VERBS[v] for v in sorted(verb_forms(word)) if v in VERBS), None)


def _is_noun(said: Text, at: int) -> bool:
    return bool(at) and said.tokens[at - 1].low in ARTICLES
