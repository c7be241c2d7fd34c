"""`cache-stampede`: when one hot entry expires, every reader recomputes it at once."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.caching import costly, filling, hot
from datakeel.rules.facts.running import only_jobs
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def cache_stampede(operation: Operation) -> Iterator[Hit]:
    """When one hot entry expires, every reader recomputes it at once."""
    for read in operation.of(Kind.READ):
        if read.store != StoreKind.CACHE or read.chain or not hot(read.key) or only_jobs(operation):
            continue
        filled = filling(operation, read)
        work = costly(operation, read, filled) if filled is not None else None
        if filled is not None and work is not None and not filled.locks:
            yield hit(read, work, filled)


def hit(read: Effect, work: Effect, filled: Effect) -> Hit:
    return Hit(
        place=read.place,
        message=f"when {read.key!r} expires, every request at once does the work behind it",
        story=(
            Step(read.place, "the entry has just expired: all readers miss it"),
            Step(work.place, "each of them does the same work, at the same time"),
            Step(filled.place, "each of them sets the entry; the store behind was hit by all"),
        ),
        rests_on=(read, work, filled),
        doubts=2,  # how long the work takes, and how many ask at once, no code says
        fix=Fix(title="let one reader recompute it (a lock, or an early refresh), and give the others the old value"),
    )
