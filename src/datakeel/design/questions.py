"""The questions of `decision.QUESTIONS` and the files that answer them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Protocol, cast

from datakeel.decision import QUESTIONS, Decision
from datakeel.design import decisions
from datakeel.design.archives import with_archives
from datakeel.design.choice import Choice
from datakeel.design.estimate import Estimate, estimate
from datakeel.requirements import Requirements


class Answer(Protocol):
    """A file of `decisions`. `CHOICES`: what it may choose, from the lightest to the heaviest. `choose` says the word
    alone, `decide` all that a record says of it; both are told what was chosen for the questions before."""

    CHOICES: Mapping[str, Choice]
    choose: Callable[[Requirements, Estimate, Mapping[str, str]], str]
    decide: Callable[[Requirements, Estimate, Mapping[str, str]], Decision]


def decide(requirements: Requirements) -> tuple[Decision, ...]:
    """One decision for each question; each knows those before it. They do not yet say what would change them."""
    worked_out = estimate(requirements)
    chosen = choose(requirements)
    whole = with_archives(requirements, worked_out, chosen)
    return tuple(answers()[question].decide(whole, worked_out, chosen) for question in QUESTIONS)


def choose(requirements: Requirements) -> Mapping[str, str]:
    """What is chosen for each question."""
    worked_out = estimate(requirements)
    chosen: dict[str, str] = {}
    for question in QUESTIONS:
        whole = with_archives(requirements, worked_out, chosen)
        chosen[question] = answers()[question].choose(whole, worked_out, MappingProxyType(chosen))
    return chosen


@cache
def answers() -> Mapping[str, Answer]:
    return {q: cast(Answer, import_module(f"{decisions.__name__}.{q.replace('-', '_')}")) for q in QUESTIONS}


def heavier(question: str, one: str, other: str) -> bool:
    """Whether the first choice takes more to run than the second."""
    order = list(answers()[question].CHOICES)
    return order.index(one) > order.index(other)
