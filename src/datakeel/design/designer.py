"""Requirements → a design: one decision for each question, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Protocol, cast

from datakeel.decision import QUESTIONS, Decision, Design
from datakeel.design import decisions
from datakeel.design.estimate import Estimate, estimate
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements


class Answer(Protocol):
    """A file of `decisions`. `OPTIONS`: what it may choose, from the lightest to the heaviest."""

    OPTIONS: tuple[str, ...]

    def decide(self, requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision: ...


def design(requirements: Requirements) -> Design:
    """The design that meets the requirements. Raises Mistake where none can."""
    if requirements.language.lower() not in ("python", "sql"):
        raise Mistake(f"language: {requirements.language} is not written; Python with SQL is. Set `language: python`.")
    return Design(requirements=requirements, decisions=decide(requirements))


def decide(requirements: Requirements) -> tuple[Decision, ...]:
    worked_out, decided = estimate(requirements), dict[str, Decision]()
    for question in QUESTIONS:
        decided[question] = answers()[question].decide(requirements, worked_out, MappingProxyType(decided))
    return tuple(decided.values())


@cache
def answers() -> Mapping[str, Answer]:
    return {q: cast(Answer, import_module(f"{decisions.__name__}.{q.replace('-', '_')}")) for q in QUESTIONS}
