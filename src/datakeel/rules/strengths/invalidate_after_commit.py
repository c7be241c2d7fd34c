"""`invalidate-after-commit`: a cache entry is dropped when the new value can be read."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind, StoreKind
from datakeel.rules.facts.derivation import committed_before, named_by, record_writes
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("derive", unless=("cache-update-race", "dual-write"))
def invalidate_after_commit(survey: Survey) -> Iterator[Seen]:
    """A cache entry is dropped after its row is committed, so that no reader puts the old value back."""
    for operation in survey.operations:
        drops = [d for d in operation.of(Kind.WRITE) if d.store == StoreKind.CACHE and d.verb in ("delete", "expire")]
        for record in record_writes(operation) if drops else ():
            for drop in drops:
                if record.verb == "insert" or not operation.meet_here(record, drop):
                    continue
                if named_by(operation, record, drop) and committed_before(operation, record, drop):
                    said = f"the entry of {record.dataset} is dropped after the commit"
                    yield seen(operation, here(drop), said, record.dataset)
