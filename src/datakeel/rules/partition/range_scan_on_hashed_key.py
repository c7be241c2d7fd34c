"""`range-scan-on-hashed-key`: a range of a column is asked for by whose hash the rows are spread."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.partitions import FIXED, RANGES, compared, hashed
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def range_scan_on_hashed_key(operation: Operation, system: System) -> Iterator[Hit]:
    """A range of a column is asked for by whose hash the rows are spread."""
    if operation.role != Role.PRODUCT:
        return
    for read in operation.of(Kind.READ):
        if read.chain or not read.dataset or "token(" in read.text.lower():
            continue
        ranged = compared(read, RANGES)
        if ranged:
            column = next((c for c in hashed(system.dataset_of(read)) if c in ranged - compared(read, FIXED)), "")
            if column:
                yield hit(read, column)


def hit(read: Effect, column: str) -> Hit:
    return Hit(
        place=read.place,
        message=f"neighbours in {column} lie in all partitions of {read.dataset}: a range of it asks every one of them",
        story=(
            Step(
                read.place, f"{read.dataset} is spread by the hash of {column}: values that follow each other lie apart"
            ),
            Step(read.place, f"a range of {column} is asked for: no partition can be left out"),
            Step(read.place, "the query is refused, or reads the whole table"),
        ),
        rests_on=(read,),
        datasets=(read.dataset,),
        fix=Fix(
            title=f"make {column} a clustering column behind a key that the query knows",
            text=f"PRIMARY KEY ((owner, bucket), {column})",
        ),
    )
