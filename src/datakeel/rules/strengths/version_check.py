"""`version-check`: a row is written only where it is still as it was read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.guards import kept_by_mapper, versioned
from datakeel.rules.facts.outcomes import asked
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

VERSION = re.compile(r"(^|_)(version|revision|rev|etag|row_?version|lock_?version|change_?counter)(_id|_no)?$", re.I)
CHANGES = ("save", "update")


@strength("transact", unless=("lost-update", "unguarded-state-transition", "write-skew"), rank=1)
def version_check(survey: Survey) -> Iterator[Seen]:
    """A row is written only where its version is still the one that was read, and a loser is told."""
    for operation, write in survey.own(Kind.WRITE):
        if write.verb not in CHANGES or write.store not in (StoreKind.RELATIONAL, StoreKind.DOCUMENT):
            continue
        dataset = survey.system.dataset_of(write)
        if dataset is not None and dataset.version_column and kept_by_mapper(write):
            said = f"{write.dataset}.{dataset.version_column} is checked by the mapper"
            yield seen(operation, write.place, said, write.dataset)
            continue
        column = compared(write)
        if column and versioned(operation, write, survey.system) and asked(survey, operation, write):
            said = f"{write.dataset}.{column} is compared, and it is asked whether a row was changed"
            yield seen(operation, write.place, said, write.dataset)


def compared(write: Effect) -> str:
    """The version that a write's condition compares, and that it moves on."""
    own = {a.column for a in write.assigned}
    predicates = write.predicates
    return next(
        (
            p.column
            for p in predicates
            if p.operator == "=" and VERSION.search(p.column) and p.column in own and not p.value.startswith("const:")
        ),
        "",
    )
