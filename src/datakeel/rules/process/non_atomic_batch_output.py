"""`non-atomic-batch-output`: a job empties its output and fills it again, and all can see it in between."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.rules.facts.guards import here, now, single_runner
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way

FILLS = ("insert", "upsert", "copy")


@rule(Severity.MAJOR)
def non_atomic_batch_output(operation: Operation) -> Iterator[Hit]:
    """A job empties its output and fills it again, and all can see it in between."""
    if operation.role == Role.SCRIPT or not single_runner(operation):
        return
    writes = [e for e in operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL and e.dataset and now(e)]
    told: set[str] = set()
    for emptied in (e for e in writes if empties(e)):
        filled = next((e for e in writes if fills(operation, emptied, e)), None)
        if filled is not None and emptied.dataset not in told:
            told.add(emptied.dataset)
            yield hit(emptied, filled)


def empties(write: Effect) -> bool:
    """Whether it deletes all rows, or all of a part: nothing that one row is chosen by."""
    if write.verb not in ("delete", "truncate") or write.inside("loop") is not None:
        return False
    selection = write.selection
    one = (Cardinality.ONE, Cardinality.AT_MOST)
    return selection is None or (selection.cardinality not in one and selection.complete)


def fills(operation: Operation, emptied: Effect, write: Effect) -> bool:
    """Whether it puts new rows into what was emptied, in another transaction."""
    if write.verb not in FILLS or write.dataset != emptied.dataset or together(operation, emptied, write):
        return False
    return operation.before_on_some_path(emptied, write) and operation.meet_here(emptied, write)


def together(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether they commit together, as far as is known: in one transaction, which may be a caller's."""
    if first.transaction == 0 == second.transaction:
        return not operation.contexts or any(c.transaction for c in operation.contexts)
    return operation.same_transaction(first, second)


def hit(emptied: Effect, filled: Effect) -> Hit:
    what = emptied.dataset
    return Hit(
        place=here(emptied),
        message=f"while this job runs, {what} is empty or half filled for everybody else; when it fails, it stays so",
        story=(
            *way(emptied),
            Step(emptied.place, f"the rows of {what} are deleted, and that is committed"),
            Step(
                filled.place, f"{what} is filled again, row by row; whoever reads it now finds a part, and believes it"
            ),
            Step(filled.place, "the job fails here: the old rows are gone, and the new ones are not all there"),
        ),
        rests_on=(emptied, filled),
        datasets=(what,),
        fix=Fix(
            title="do both in one transaction, or fill another table and swap the two",
            text="with transaction:  # delete and insert commit together\n    …",
        ),
    )
