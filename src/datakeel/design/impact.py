"""What a change of the requirements changes in the design."""

from __future__ import annotations

from msgspec import Struct

from datakeel.decision import Decision, Design


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
