"""`unbounded-embedded-array`: a document's array grows with every event, and nothing cuts it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Assignment, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.rule import Hit, rule

APPENDED = "$push"


@rule(Severity.MAJOR)
def unbounded_embedded_array(operation: Operation, system: System) -> Iterator[Hit]:
    """A document's array grows by one element at a time, and nothing bounds it."""
    for write in operation.of(Kind.WRITE):
        if write.store != StoreKind.DOCUMENT or write.chain or not write.dataset:
            continue
        for array in write.assigned:
            if array.text == APPENDED and not shortened(array, write, system):
                yield hit(array, write)


def shortened(array: Assignment, write: Effect, system: System) -> bool:
    """Whether something else takes elements out of the array, or sets it anew."""
    return any(
        a.column == array.column and a.text != APPENDED
        for _, other in system.writers(write.dataset)
        if other.verb not in ("insert", "upsert")
        for a in other.assigned
    )


def hit(array: Assignment, write: Effect) -> Hit:
    name = f"{write.dataset}.{array.column}"
    return Hit(
        place=write.place,
        message=f"{name} grows inside its document with every call: at 16 MB the document refuses further writes",
        story=(
            Step(write.place, f"one more element is put behind those of {name}; nothing ever takes one out"),
            Step(write.place, "each read and each update moves the whole document, and gets slower with it"),
            Step(
                write.place,
                "the document reaches its limit of 16 MB: this write fails from then on, for its busiest owner first",
            ),
        ),
        rests_on=(write,),
        doubts=1,
        datasets=(write.dataset,),
        fix=Fix(
            title="keep the children in a collection of their own, or only the newest ones",
            text=f'{{"$push": {{"{array.column}": {{"$each": [element], "$slice": -100}}}}}}',
        ),
    )
