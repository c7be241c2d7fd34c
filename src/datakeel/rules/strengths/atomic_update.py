"""`atomic-update`: an amount is changed by the database, from the value that it has."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind, StoreKind
from datakeel.rules.facts.idempotence import AMOUNT
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("transact", unless=("lost-update", "non-idempotent-consumer", "writes-without-transaction"))
def atomic_update(survey: Survey) -> Iterator[Seen]:
    """An amount is computed by the store itself, in the statement that writes it: nothing comes between."""
    for operation, write in survey.own(Kind.WRITE):
        if write.verb not in ("update", "save", "upsert") or write.store != StoreKind.RELATIONAL:
            continue
        column = next((a.column for a in write.assigned if a.how == "atomic" and AMOUNT.search(a.column)), "")
        if column:
            yield seen(operation, write.place, f"the database computes {write.dataset}.{column}", write.dataset)
