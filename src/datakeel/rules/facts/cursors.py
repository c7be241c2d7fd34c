"""Readers of a table that keep their place in another one: they lock the place, take what comes after it, and write it
anew."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation


class Cursor(Struct, frozen=True, gc=False):
    """`held` locks the place of a reader, `taken` reads what lies behind it, and `moved` writes the new place, in one
    transaction: what fails in between is taken again."""

    held: Effect
    taken: Effect
    moved: Effect


def cursors(operation: Operation) -> Iterator[Cursor]:
    """The readers whose steps stand in a function's own text."""
    own = [e for e in operation.own() if e.store == StoreKind.RELATIONAL and e.dataset]
    for held in (e for e in own if e.kind == Kind.READ and e.selection is not None and e.selection.lock):
        later = [e for e in own if e.number > held.number and e.transaction == held.transaction]
        taken = next((e for e in later if e.kind == Kind.READ and behind(e, held)), None)
        moves = [e for e in later if e.kind == Kind.WRITE and e.verb == "update" and e.dataset == held.dataset]
        moved = next((e for e in moves if taken is not None and e.number > taken.number), None)
        if taken is not None and moved is not None:
            yield Cursor(held, taken, moved)


def behind(read: Effect, held: Effect) -> bool:
    """Whether a read takes the rows behind a place that was read before."""
    if read.dataset == held.dataset:
        return False
    return any(
        p.operator == ">" and (p.value.startswith("column:") or any(held.gave(s) for s in p.sources))
        for p in read.predicates
    )
