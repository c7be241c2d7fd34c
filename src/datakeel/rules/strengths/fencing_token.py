"""`fencing-token`: a store refuses the late write of one who has lost his lease."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

FENCE = re.compile(r"(^|_)(fence|fencing|fencing_?token|lease_?(token|epoch|number)|epoch|lock_?token)$", re.I)


@strength("distribute", unless=("lock-without-fencing", "lease-shorter-than-work"), rank=1)
def fencing_token(survey: Survey) -> Iterator[Seen]:
    """A write names the number of the lease that it is made under, and the store refuses one that is over."""
    raised = {w.dataset for _, w in survey.own(Kind.WRITE) if any(moves(w, a.column) for a in w.assigned)}
    for operation, write in survey.own(Kind.WRITE):
        if write.store == StoreKind.RELATIONAL and write.verb in ("update", "save", "delete", "upsert"):
            column = compared(write)
            if column and write.dataset in raised:
                said = f"{write.dataset} changes only under the {column} that was taken"
                yield seen(operation, write.place, said, write.dataset)


def moves(write: Effect, column: str) -> bool:
    """Whether a write hands out the next number."""
    return bool(FENCE.search(column)) and any(a.column == column and a.how == "atomic" for a in write.assigned)


def compared(write: Effect) -> str:
    predicates = write.predicates
    return next(
        (
            p.column
            for p in predicates
            if FENCE.search(p.column) and p.operator in ("=", "<", "<=") and not p.value.startswith("const:")
        ),
        "",
    )
