"""`skip-locked`: workers take jobs from a table, each its own."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("process", unless=("outbox-relay-defect", "unguarded-state-transition"))
def skip_locked(survey: Survey) -> Iterator[Seen]:
    """Workers that share a table take rows that no other has locked: none is done twice, and nobody waits."""
    for operation, read in survey.own(Kind.READ):
        chosen = read.selection
        if not read.dataset or chosen is None or not chosen.skip_locked or read.transaction is None:
            continue
        under = any(
            read.number in e.locks for e in operation.effects if e.kind in (Kind.WRITE, Kind.PUBLISH, Kind.CALL)
        )
        if under:
            said = f"rows of {read.dataset} are taken with SKIP LOCKED"
            yield seen(operation, read.place, said, read.dataset)
