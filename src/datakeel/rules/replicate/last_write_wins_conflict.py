"""`last-write-wins-conflict`: the writer's own clock says which of two concurrent writes is kept; the other is gone."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.rules.facts.clocks import reading
from datakeel.rules.facts.guards import here, single_runner
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way

MINTED = ("random", "new")


@rule(Severity.CRITICAL)
def last_write_wins_conflict(operation: Operation) -> Iterator[Hit]:
    """The clock of whoever writes decides which of two concurrent writes is kept, and the other one is gone."""
    if operation.role != Role.PRODUCT or single_runner(operation):
        return
    for write in operation.of(Kind.WRITE):
        if write.store == StoreKind.WIDE_COLUMN and by_own_clock(write) and not of_a_new_row(write):
            yield hit(write)


def by_own_clock(write: Effect) -> bool:
    """Whether a write carries a time, and that is a reading of the process's own clock."""
    time = write.option("write-time")
    return time is not None and time.source is not None and reading((time.source,)) and not write.chain


def of_a_new_row(write: Effect) -> bool:
    """Whether nobody else can write the row: its key was minted here."""
    keys = write.predicates
    given = (*(s for p in keys for s in p.sources), *(s for a in write.assigned for s in a.sources))
    return any(s.kind in MINTED for s in given)


def hit(write: Effect) -> Hit:
    table = write.dataset or "the table"
    return Hit(
        place=here(write),
        message=f"of two concurrent writes to {table} the one is kept whose writer's clock is ahead, the other is gone "
        "without a trace",
        story=(
            *way(write),
            Step(write.place, f"A writes a row of {table}, at the time of its own clock, which is a second ahead"),
            Step(write.place, "B writes the same row half a second later; its clock shows an earlier time than A's"),
            Step(write.place, "every copy keeps the value of the higher time: A's"),
            Step(write.place, "B was told that it is done; its later writes are lost too, until that time has passed"),
        ),
        rests_on=(write,),
        doubts=1,  # that several write the same row is not seen
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(
            title="let the write depend on what it replaces, or take the time from where the change was made",
            text=f"UPDATE {table} SET …, version = ? WHERE … IF version = ?  -- not applied: read again, and merge",
        ),
    )
