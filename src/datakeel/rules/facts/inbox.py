"""What a consumer remembers of the messages that it has handled."""

from __future__ import annotations

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System


def deduplicated(operation: Operation, system: System) -> bool:
    """Whether the operation remembers what it has handled: an insert under a unique key that it answers to, or a
    claim."""
    for effect in operation.of(Kind.WRITE):
        if effect.store == StoreKind.CACHE and effect.verb == "add":
            return True
        if effect.verb in ("upsert", "get-or-create") or effect.conflict == "ignore":
            return True
        if effect.verb == "insert" and effect.store == StoreKind.RELATIONAL and known_key(effect, system):
            return True
    return False


def known_key(effect: Effect, system: System) -> bool:
    dataset = system.dataset(effect.dataset) if effect.dataset else None
    return (
        dataset is not None and dataset.schema.unique_within(frozenset(a.column for a in effect.assigned)) is not None
    )
