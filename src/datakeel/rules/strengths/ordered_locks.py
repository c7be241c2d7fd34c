"""`ordered-locks`: several rows are locked in one fixed order."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("transact", unless=("inconsistent-lock-order",))
def ordered_locks(survey: Survey) -> Iterator[Seen]:
    """Several rows are locked in one order, so that no two transactions wait for each other."""
    for operation, lock in survey.own(Kind.READ):
        if in_order(lock):
            yield seen(
                operation, lock.place, f"rows of {lock.dataset} are locked in the order of their key", lock.dataset
            )


def in_order(read: Effect) -> bool:
    """Whether one statement locks several rows, sorted by something unique."""
    chosen = read.selection
    if read.store != StoreKind.RELATIONAL or not read.dataset or chosen is None or read.transaction is None:
        return False
    if chosen.lock != "update" or chosen.skip_locked or chosen.limit == 1 or chosen.aggregate:
        return False
    return chosen.cardinality != Cardinality.ONE and any(c.rpartition(".")[2] in ("id", "pk") for c in chosen.order)
