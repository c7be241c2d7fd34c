"""`batch-writes`: many rows are written by one statement."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

STORES = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN, StoreKind.SEARCH)


@strength("store", fewest=2)
def batch_writes(survey: Survey) -> Iterator[Seen]:
    """Many rows go to the store in one statement, and not in one round trip each."""
    for operation, write in survey.own(Kind.WRITE):
        many = write.selection is not None and write.selection.cardinality == Cardinality.MANY
        if (
            write.dataset
            and write.store in STORES
            and write.verb in ("insert", "upsert", "copy", "bulk")
            and many
            and listed(write)
        ):
            said = f"rows of {write.dataset} are written together"
            yield seen(operation, write.place, said, write.dataset)


def listed(write: Effect) -> bool:
    """Whether it is known what each row is made of; one mapping that somebody hands in may be one row."""
    return bool(write.assigned) and all(a.column != "*" for a in write.assigned)
