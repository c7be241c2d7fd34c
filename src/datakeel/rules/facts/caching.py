"""How a cache entry that is missed is filled again."""

from __future__ import annotations

from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation


def hot(key: str | None) -> bool:
    """One entry for everybody: its key is a constant."""
    return (
        bool(key)
        and "\ufffc" not in (key or "")
        and not (key or "").startswith(("parameter:", "read:", "global:", "result:"))
    )


def filling(operation: Operation, read: Effect) -> Effect | None:
    return next(
        (
            e
            for e in operation.of(Kind.WRITE)
            if e.store == StoreKind.CACHE and e.key == read.key and e.number > read.number and e.verb == "set"
        ),
        None,
    )


def costly(operation: Operation, read: Effect, filled: Effect) -> Effect | None:
    """The work that a miss causes: an aggregate, a read of many rows, a remote call."""
    for effect in operation.between(read, filled):
        if effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE:
            return effect
        chosen = effect.selection
        many = chosen is not None and (chosen.aggregate or chosen.cardinality == Cardinality.MANY)
        if effect.kind == Kind.READ and effect.store == StoreKind.RELATIONAL and many:
            return effect
    return None
