"""`invalidate-after-commit`: a cache entry is dropped when the new value can be read."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.derivation import committed_before, named_by, record_writes
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.leases import NAMED
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

NEAR = 1  # calls between the function and what it writes or drops
FEW = 6  # values that a key is made of: of more, one may be the row's own by chance


@strength("derive", unless=("cache-update-race", "dual-write"))
def invalidate_after_commit(survey: Survey) -> Iterator[Seen]:
    """A cache entry is dropped after its row is committed, so that no reader puts the old value back."""
    for operation in survey.operations:
        drops = [d for d in operation.of(Kind.WRITE) if drops_entry(d)]
        for record in record_writes(operation) if drops else ():
            for drop in drops if record.verb != "insert" and len(record.chain) <= NEAR else ():
                if not operation.meet_here(record, drop):
                    continue
                if named_by(operation, record, drop) and committed_before(operation, record, drop):
                    said = f"the entry of {record.dataset} is dropped after the commit"
                    yield seen(operation, here(drop), said, record.dataset)


def drops_entry(drop: Effect) -> bool:
    """Whether it drops one cache entry, of a key whose parts are known; a lock is none."""
    known = len(drop.chain) <= NEAR and len(drop.key_sources) <= FEW and not NAMED.search(drop.key or "")
    return drop.store == StoreKind.CACHE and drop.verb in ("delete", "expire") and known
