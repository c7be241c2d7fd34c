"""`constraint-behind-invariant`: what must always hold is refused by the database where it would not."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.condition import columns_of
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.duplicates import minted, violation_expected
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("transact", unless=("check-then-insert", "write-skew", "error-swallowed-in-transaction"))
def constraint_behind_invariant(survey: Survey) -> Iterator[Seen]:
    """What must always hold stands in the schema, and code that changes the rows lets the database refuse it."""
    for operation, write in survey.own(Kind.WRITE):
        dataset = survey.system.dataset_of(write) if write.store == StoreKind.RELATIONAL else None
        if dataset is not None and (said := held(operation, write, dataset)):
            yield seen(operation, write.place, said, write.dataset)


def held(operation: Operation, write: Effect, dataset: Dataset) -> str:
    """The constraint that a write may break, and so never does."""
    moved = {a.column for a in write.assigned if a.how == "atomic" and a.sources}
    for constraint in dataset.schema.constraints:
        bounds = constraint.kind == "check" and any(sign in constraint.text for sign in ("<", ">"))
        if bounds and write.verb != "upsert" and moved & set(columns_of(constraint.text)):
            return f"the database keeps {constraint.text} of {dataset.name} true"
        if constraint.kind == "exclude" and write.verb == "insert":
            return f"an exclusion constraint keeps rows of {dataset.name} apart"
    if write.verb != "insert" or write.conflict or not violation_expected(operation, write):
        return ""
    given = frozenset(a.column for a in write.assigned if a.how == "value" and not minted(a))
    key = dataset.schema.unique_within(given)
    return f"{dataset.name} has one row for each {', '.join(key.columns)}, and a second is answered to" if key else ""
