"""`non-atomic-batch-output`: a job empties its output and fills it again, and all can see it in between."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Cardinality, Effect, Kind, Predicate, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.guards import here, now, single_runner
from datakeel.rules.facts.running import ONCE
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import way

FILLS = ("insert", "upsert", "copy")


@rule(Severity.MAJOR, Record(2, 7))
def non_atomic_batch_output(operation: Operation, system: System) -> Iterator[Hit]:
    """A job empties its output and fills it again, and all can see it in between."""
    planned = bool(operation.entries) and all(e.kind == "schedule" for e in operation.entries)
    if operation.role == Role.SCRIPT or of_tests(operation.place.path):
        return
    if not (single_runner(operation) or planned):
        return
    writes = [e for e in operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL and e.dataset and now(e)]
    told: set[str] = set()
    for emptied in (e for e in writes if empties(operation, e)):
        filled = next((e for e in writes if fills(operation, emptied, e)), None)
        if filled is not None and emptied.dataset not in told:
            told.add(emptied.dataset)
            plain = planned and bool(filled.selection is not None and filled.selection.joins)
            yield hit(emptied, filled, int(all(e.kind in ONCE for e in operation.entries)), plain)
    for write in writes if planned else ():
        if write.dataset not in told and appends(operation, write, system):
            told.add(write.dataset)
            yield doubled(write)


def appends(operation: Operation, write: Effect, system: System) -> bool:
    """Whether one statement fills a table from others, whose keys refuse no second row, and nothing takes out what an
    earlier run of the same has put there."""
    filled = write.verb == "insert" and not write.chain and not write.conflict and not write.guards
    if not filled or write.selection is None or not write.selection.joins or write.dataset in write.selection.joins:
        return False
    dataset = system.dataset_of(write)
    if dataset is None or not dataset.columns_complete or not dataset.schema.columns:
        return False
    given = frozenset(a.column for a in write.assigned)
    own = (e for e in operation.of(Kind.WRITE) if e.dataset == write.dataset)
    return dataset.unique_within(given) is None and not any(e.verb in ("delete", "truncate") for e in own)


def doubled(write: Effect) -> Hit:
    what = write.dataset
    return Hit(
        place=here(write),
        message=f"a second run of this job adds its rows to {what} once more: no key refuses them, and nothing "
        "takes out the first ones",
        story=(
            *way(write),
            Step(write.place, f"the job fills {what}, and fails behind that; or somebody runs its day once more"),
            Step(write.place, f"the same rows are put into {what} again"),
            Step(write.place, "every sum over them is too high, and no row says which of the two counts"),
        ),
        rests_on=(write,),
        apart=True,  # only jobs that empty a table were judged
        likely=True,
        datasets=(what,),
        fix=Fix(
            title="take out what an earlier run has put there, in the same transaction, or give the rows a key",
            text=f"DELETE FROM {what} WHERE day = …;  -- then insert, in one transaction; or INSERT … ON CONFLICT",
        ),
    )


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


def hit(emptied: Effect, filled: Effect, asked_for: int, plain: bool) -> Hit:
    """`asked_for`: it is a command, which somebody may run once, and watch. `plain`: a plan runs it, and one statement
    fills what another has emptied; what was judged false compares, or is run by hand."""
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
        apart=plain,
        doubts=asked_for,
        datasets=(what,),
        fix=Fix(
            title="do both in one transaction, or fill another table and swap the two",
            text="with transaction:  # delete and insert commit together\n    …",
        ),
    )
