"""One thing that was decided about a system, and why: what an architecture is made of."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.requirements import Requirements

QUESTIONS = (
    "data-model",
    "storage-engine",
    "encoding",
    "replication",
    "partitioning",
    "isolation",
    "failure-handling",
    "coordination",
    "batch",
    "stream",
    "derived-data",
    "read-models",
)


class Figure(Struct, frozen=True):
    """A number that led to a decision: what it is, its value as text with its unit, and how it was worked out."""

    name: str
    value: str
    derivation: str = ""


class Option(Struct, frozen=True):
    """What could have been chosen: its name, and what it would cost here."""

    name: str
    cost: str


class Flip(Struct, frozen=True):
    """The figure at which a decision changes: the input's path in ``system.yaml``, from which value on, to what."""

    input: str
    at: str
    to: str


class Decision(Struct, frozen=True, kw_only=True):
    """`chosen` is a word of the catalogue (``one-postgresql``), `title` a sentence. `parts` are the patterns that it
    asks to be written, by their names; none: it needs nothing. `judgement` is what we think of a choice that the
    request made itself."""

    question: str
    chosen: str
    title: str
    because: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    rejected: tuple[Option, ...] = ()
    consistency: str = ""
    failure: str = ""
    scaling: str = ""
    operation: str = ""
    flips: tuple[Flip, ...] = ()
    parts: tuple[str, ...] = ()
    judgement: str = ""


class Design(Struct, frozen=True, kw_only=True):
    """A system that does not exist yet: what it must do, and one decision for each of QUESTIONS, in their order."""

    requirements: Requirements
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...] = ()

    def decision(self, question: str) -> Decision:
        return next(d for d in self.decisions if d.question == question)

    def parts(self) -> frozenset[str]:
        """The patterns that are to be written."""
        return frozenset(part for decision in self.decisions for part in decision.parts)

    def figures(self) -> Iterator[Figure]:
        for decision in self.decisions:
            yield from decision.figures
