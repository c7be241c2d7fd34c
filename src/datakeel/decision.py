"""One thing that was decided about a system, and why: what an architecture is made of; and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from datakeel.requirements import Batch, Requirements

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
    """The figure at which a decision changes: the input's path in ``system.yaml``, from which value on, to what.
    `value`: the same as a number in base units; None where the input is a word."""

    input: str
    at: str
    to: str
    value: float | None = None


Level = Literal["read committed", "repeatable read", "serializable"]
Means = Literal[
    "constraint",  # a unique or check constraint
    "conditional-update",  # UPDATE … WHERE the expected state; no row: refused
    "expected-version",  # a unique (stream, version)
    "row-lock",  # of the parent or the resource, held to the commit
    "exclusion",  # an exclusion constraint, or the resource's row lock where its extension is not to be had
    "serializable-retry",  # and again on 40001
    "snapshot",  # one repeatable-read, read-only transaction
    "idempotency-key",  # the effect and its key in one transaction
    "upsert",  # by a key: the same thing twice is once
]


class Protection(Struct, frozen=True, kw_only=True):
    """What keeps an invariant of a construct when two operations meet: the weakest isolation that is correct, and the
    means. `fields`: those of the invariant (of `Table.invariants`, by its kind in `invariant`; of none: empty)."""

    construct: str
    operation: str
    level: Level
    means: Means
    why: str
    invariant: str = ""
    fields: tuple[str, ...] = ()


class Decision(Struct, frozen=True, kw_only=True):
    """`chosen` is a word of the catalogue (``one-postgresql``), `title` a sentence. `parts` are the patterns that it
    asks to be written, by their names; none: it needs nothing. `judgement` is what we think of a choice that the
    request made itself. `products`: the technologies of the catalogue that it leads to in production. `sizes`: numbers
    that writers read, in base units (``log.partitions``, ``reading.partition``: the seconds of one)."""

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
    products: tuple[str, ...] = ()
    sizes: dict[str, float] = {}
    protections: tuple[Protection, ...] = ()


class Design(Struct, frozen=True, kw_only=True):
    """A system that does not exist yet: what it must do, and one decision for each of QUESTIONS, in their order.
    `archives`: jobs that nobody asked for, and the storage needs."""

    requirements: Requirements
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...] = ()
    archives: tuple[Batch, ...] = ()

    def decision(self, question: str) -> Decision:
        return next(d for d in self.decisions if d.question == question)

    def parts(self) -> frozenset[str]:
        """The patterns that are to be written."""
        return frozenset(part for decision in self.decisions for part in decision.parts)

    def products(self) -> frozenset[str]:
        """The technologies that take the decisions in production, by their names in the catalogue."""
        return frozenset(product for decision in self.decisions for product in decision.products)

    def size(self, name: str) -> float | None:
        """A number that was decided, such as ``log.partitions``."""
        return next((d.sizes[name] for d in self.decisions if name in d.sizes), None)

    def protections(self) -> tuple[Protection, ...]:
        return tuple(p for decision in self.decisions for p in decision.protections)

    def figures(self) -> Iterator[Figure]:
        for decision in self.decisions:
            yield from decision.figures


class Change(Struct, frozen=True, kw_only=True):
    """One decision before and after. `figures`: those that led to it and moved, as (name, before, after)."""

    question: str
    before: str
    after: str
    why: tuple[str, ...]
    parts_gone: tuple[str, ...] = ()
    parts_come: tuple[str, ...] = ()
    figures: tuple[tuple[str, str, str], ...] = ()


def impact(before: Design, after: Design) -> tuple[Change, ...]:
    """The decisions that differ in what is chosen, in what is to be written, or in what protects an operation; the
    reasons are those of the design after."""
    pairs = zip(before.decisions, after.decisions, strict=True)
    return tuple(_change(one, other) for one, other in pairs if _differ(one, other))


def _differ(one: Decision, other: Decision) -> bool:
    return (one.chosen, one.parts, one.products, one.sizes, one.protections) != (
        other.chosen,
        other.parts,
        other.products,
        other.sizes,
        other.protections,
    )


def _change(one: Decision, other: Decision) -> Change:
    return Change(
        question=other.question,
        before=one.chosen,
        after=other.chosen,
        why=tuple(reason for reason in other.because if reason not in one.because),
        parts_gone=tuple(part for part in one.parts if part not in other.parts),
        parts_come=tuple(part for part in other.parts if part not in one.parts),
        figures=tuple(_moved(one, other)),
    )


def _moved(one: Decision, other: Decision) -> list[tuple[str, str, str]]:
    was = {figure.name: figure.value for figure in one.figures}
    return [(f.name, was.get(f.name, "none"), f.value) for f in other.figures if was.get(f.name) != f.value]
