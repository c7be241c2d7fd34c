"""What is worth asking at a terminal: what was assumed and would change the architecture."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.figures import possible
from datakeel.design.intake.quantities import DAY, quantities
from datakeel.design.intake.text import text
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements

MOST = 4  # questions: who is asked more stops reading them
FEW_USERS = 500  # who write some 10,000 records a day: no answer would make that more than one PostgreSQL


class Question(Struct, frozen=True):
    """`path` in system.yaml is what an answer sets; `default` is what was assumed, as text; `changes`: what another
    answer would change."""

    path: str
    ask: str
    default: str
    changes: str


def questions(of: Requirements) -> tuple[Question, ...]:
    """What to ask, the weightiest first. Nothing that was said is asked again."""
    return tuple(q for q in _all(of) if of.reasons.get(q.path, "assumed: ").startswith("assumed: "))[:MOST]


def _all(of: Requirements) -> Iterator[Question]:
    small = (of.workload.users or 10**6) <= FEW_USERS
    if not small or of.domain.series:
        yield Question(
            "workload.writes",
            "How many writes come in, in a second (or minute, or day)?",
            _rate(of.workload.writes or 1),
            "above some thousand a second one PostgreSQL is not enough, and data is spread over several machines",
        )
    if of.domain.series:
        yield Question(
            "workload.retention",
            "For how long are single records kept?",
            f"{(of.workload.retention or 0) / DAY:.0f} days",
            "how much disk is needed, and what is deleted when",
        )
    if small:
        return
    yield Question(
        "availability.regions",
        "In how many regions does it run?",
        str(of.availability.regions or 1),
        "more than one needs replication between them, and writes in each of them a rule for conflicts",
    )
    if of.availability.loss is None:
        yield Question(
            "availability.loss",
            "How much of the last data may be lost when a machine dies?",
            "1 s",
            "nothing at all needs a synchronous replica, and costs each write a round trip",
        )
    if of.domain.views and of.freshness is not None:
        yield Question(
            "freshness",
            "How old may be what a view shows?",
            f"{of.freshness:g} s",
            "a view that is below a second old is kept by a stream; for a day old a nightly batch would do",
        )


def answered(of: Requirements, question: Question, answer: str) -> Requirements:
    """The requirements with an answer in its place; an empty answer keeps the default. Raises Mistake where the answer
    is no quantity of the kind that was asked for."""
    if not answer.strip() or answer.strip() == question.default:
        return of
    value = _value(question.path, answer)
    part, _, key = question.path.partition(".")
    said = "".join(c if c.isprintable() else " " for c in answer)
    reasons = of.reasons | {question.path: f"said: “{' '.join(said.split())}”"}
    if not key:
        return replace(of, **{part: value}, reasons=reasons)
    return replace(of, **{part: replace(getattr(of, part), **{key: value})}, reasons=reasons)


def _value(path: str, answer: str) -> float | int:
    kinds = {"workload.writes": ("rate", "flow"), "availability.regions": ("count",)}.get(path, ("period",))
    if path == "availability.loss" and re.fullmatch(r"\s*(nothing|none|no|zero|0)\W*", answer, re.I):
        return 0.0
    found = [q for q in quantities(text(answer)) if q.kind in kinds and possible(path, q.value)]
    if not found:
        example = {"rate": "200/s or 50k a day", "count": "3"}.get(kinds[0], "90 days")
        raise Mistake(f"“{answer}” is no answer here: expected something like {example}")
    return max(1, int(found[0].value)) if kinds == ("count",) else found[0].value


def _rate(value: float) -> str:
    return f"{value:g}/s" if value >= 1 else f"{value * DAY:.0f}/day"
