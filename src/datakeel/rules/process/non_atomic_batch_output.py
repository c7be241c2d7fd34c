"""`non-atomic-batch-output`: a job empties its output and fills it again, and all can see it in between."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Cardinality, Effect, Kind, Predicate, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.rules.facts.guards import here, now, single_runner
from datakeel.rules.facts.running import ONCE
from datakeel.rules.facts.survey import TESTS
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import way

FILLS = ("insert", "upsert", "copy")


@rule(Severity.MAJOR, Record(2, 7))
def non_atomic_batch_output(operation: Operation) -> Iterator[Hit]:
    """A job empties its output and fills it again, and all can see it in between."""
    if operation.role == Role.SCRIPT or TESTS.search(operation.place.path) or not single_runner(operation):
        return
    writes = [e for e in operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL and e.dataset and now(e)]
    told: set[str] = set()
    for emptied in (e for e in writes if empties(operation, e)):
        filled = next((e for e in writes if fills(operation, emptied, e)), None)
        if filled is not None and emptied.dataset not in told:
            told.add(emptied.dataset)
            yield hit(emptied, filled, int(all(e.kind in ONCE for e in operation.entries)))


def empties(operation: Operation, write: Effect) -> bool:
    """Whether it deletes all rows, or all of a part: nothing that one row is chosen by, and not what a comparison of
    the table with what there should be has left over, or what hangs on one row at hand."""
    if write.verb not in ("delete", "truncate") or write.inside("loop") is not None:
        return False
    selection = write.selection
    one = (Cardinality.ONE, Cardinality.AT_MOST)
    if selection is not None and (selection.cardinality in one or not selection.complete):
        return False
    picked = selection is not None and any(compared(operation, write, p) for p in selection.predicates)
    return not picked and not added_before(operation, write)


def compared(operation: Operation, write: Effect, predicate: Predicate) -> bool:
    """Whether rows are chosen by a row at hand, or by a list that was made of the table itself."""
    for source in predicate.sources:
        read = operation.effect(source.number) if source.kind == "read" else None
        if source.kind == "new" or (read is not None and (predicate.operator == "=" or read.dataset == write.dataset)):
            return True
    return False


def added_before(operation: Operation, write: Effect) -> bool:
    """Whether the same transaction has put in what was missing before it takes out what is too much."""
    return any(
        e.verb in FILLS
        and e.dataset == write.dataset
        and e.number < write.number
        and operation.same_transaction(e, write)
        for e in operation.of(Kind.WRITE)
    )


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


def hit(emptied: Effect, filled: Effect, asked_for: int) -> Hit:
    """`asked_for`: it is a command, which somebody may run once, and watch."""
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
        doubts=asked_for,
        datasets=(what,),
        fix=Fix(
            title="do both in one transaction, or fill another table and swap the two",
            text="with transaction:  # delete and insert commit together\n    …",
        ),
    )
