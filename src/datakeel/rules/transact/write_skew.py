"""`write-skew`: a decision over a set of rows guards a write that changes the set, and two runs decide at once."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.condition import columns_of
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.clocks import ORDERS
from datakeel.rules.facts.cures import if_enough, lock_picked, owner_locked, serialise_set
from datakeel.rules.facts.decisions import (
    changes_set,
    deciding_reads,
    free_rows,
    phrase,
    says_absent,
    set_decisions,
    sets_read,
    tested_columns,
)
from datakeel.rules.facts.duplicates import refused_twice
from datakeel.rules.facts.guards import excluded, here, now, stopped
from datakeel.rules.facts.running import one_off
from datakeel.rules.facts.stakes import AMOUNTS, is_place, race, words
from datakeel.rules.facts.ticks import by_timer
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import both_decide, way

STORES = (StoreKind.RELATIONAL, StoreKind.DOCUMENT)
WRITES = ("insert", "update", "save", "delete", "set")


@rule(Severity.CRITICAL, race=True, sure=False)
def write_skew(operation: Operation, system: System) -> Iterator[Hit]:
    """Two runs decide by the same set of rows, and both change it: together they break what each of them checked."""
    yield from emptied(operation, system)
    yield from overdrawn(operation, system)
    reads = sets_read(operation)
    datasets = {e.dataset for e in reads.values()}
    joined = {d for e in reads.values() if e.selection is not None for d in e.selection.joins}
    told: set[int] = set()  # one decision is one cause, however many writes stand behind it
    for write in operation.of(Kind.WRITE) if reads else ():
        if write.verb not in WRITES or write.store not in STORES or write.conflict or not now(write):
            continue
        if write.dataset in joined:
            yield from picked(operation, write, reads, system)
        if write.dataset not in datasets:
            continue
        for read, computed in decided_by(operation, write, reads):
            if read.number in told or not operation.meet_here(read, write) or clears_up(operation, read, write):
                continue
            answer = excluded(operation, read, write, system)
            if answer != Answer.YES and not constrained(write, system):
                told.add(read.number)
                yield hit(read, write, computed, answer, system, operation)
                break


def emptied(operation: Operation, system: System) -> Iterator[Hit]:
    """A row goes because an amount of it was nought when it was asked; another run adds to it before it goes."""
    for write in operation.of(Kind.WRITE):
        if write.verb != "delete" or write.chain or write.store not in STORES or not now(write):
            continue
        tested = ((g, s) for g, s in tested_columns(operation, write) if is_amount(s.path[-1]))
        for _, source in tested:
            read = operation.effect(source.number) if source.kind == "read" else None
            column = source.path[-1]
            theirs = next((e for _, e in system.writers(write.dataset) if changes(e, column, system)), None)
            if read is None or theirs is None or any(p.column == column for p in write.predicates):
                continue
            answer = excluded(operation, read, write, system)
            if answer != Answer.YES:
                yield gone(read, write, theirs, column, answer)
                break


def is_amount(column: str) -> bool:
    """Whether a column holds an amount, by its name: none that refers to one."""
    return bool(AMOUNTS & words(column)) and not column.endswith(("_id", "_uuid", "_key"))


def changes(write: Effect, column: str, system: System) -> bool:
    """Whether a column of rows that stand is changed: not of one that is made there, or by those who call it."""
    if write.verb == "insert" or column not in {a.column for a in write.assigned} or of_new_row(write):
        return False
    above = [e for o, e in system.brought(write) if o.role != Role.TEST]
    return not above or not all(map(of_new_row, above))


def of_new_row(write: Effect) -> bool:
    return write.rows is not None and write.rows.root.startswith("new:")


def gone(read: Effect, write: Effect, theirs: Effect, column: str, answer: Answer) -> Hit:
    what = f"{write.dataset}.{column}"
    return Hit(
        place=here(write),
        message=f"a row of {write.dataset} is deleted by a {column} that another run has changed by then",
        story=(
            Step(read.place, f"A reads {what}, and may delete the row"),
            Step(theirs.place, f"B changes {what}, and commits"),
            Step(write.place, "A deletes the row, and with it what B has added"),
        ),
        rests_on=(read, write),
        likely=True,
        doubts=int(answer == Answer.UNKNOWN),
        datasets=(write.dataset,),
        fix=Fix(
            title="let the statement ask once more, and look at how many rows went",
            text=f"DELETE FROM {write.dataset} WHERE id = … AND {column} = 0  -- no row: somebody was faster",
        ),
    )


def overdrawn(operation: Operation, system: System) -> Iterator[Hit]:
    """An amount is asked whether it is enough, and the statement that then takes from it does not ask again."""
    for write in operation.of(Kind.WRITE):
        if write.verb not in WRITES or write.store not in STORES or not now(write):
            continue
        computed = {a.column for a in write.assigned if a.how == "atomic"} - {p.column for p in write.predicates}
        for guard, source in tested_columns(operation, write) if computed else ():
            read = operation.effect(source.number) if source.kind == "read" else None
            column = source.path[-1]
            if read is None or guard.test not in ORDERS or column not in computed:
                continue
            answer = stopped(operation, read, write, system)
            if answer != Answer.YES and operation.meet_here(read, write) and not kept_above(write, column, system):
                yield below(operation, read, write, column, answer, system)
                break


def kept_above(write: Effect, column: str, system: System) -> bool:
    """Whether the table has a check of the column: whoever takes too much gets an error, and takes nothing."""
    dataset = system.dataset_of(write)
    return dataset is not None and any(
        c.kind == "check" and column in columns_of(c.text) for c in dataset.schema.constraints
    )


def below(operation: Operation, read: Effect, write: Effect, column: str, answer: Answer, system: System) -> Hit:
    what = f"{write.dataset}.{column}" if write.dataset else column
    return Hit(
        place=here(write),
        message=f"two runs at once both pass the check of {what} and both change it: what it checks no longer holds",
        story=(
            *way(read),
            Step(read.place, f"A reads {what}: it is enough"),
            Step(read.place, f"B reads {what}: it is enough for B too"),
            *way(write),
            Step(write.place, f"A's statement changes {what}"),
            Step(write.place, "B's statement changes it once more, past what both have checked"),
        ),
        rests_on=(read, write),
        likely=True,
        doubts=int(answer == Answer.UNKNOWN)
        + 2 * int(race(write, column) is not None or one_off(operation, system) or by_timer(operation, (), system)),
        datasets=(write.dataset,) if write.dataset else (),
        severity=race(write, column),
        fix=if_enough(write, column, system),
    )


def clears_up(operation: Operation, read: Effect, write: Effect) -> bool:
    """Whether rows of the set that was counted are deleted by their own keys, as another look at it gave them: a second
    run finds the same ones, and to delete them again changes nothing."""
    if write.verb != "delete" or write.selection is None or read.selection is None:
        return False
    asked = [p for p in write.selection.predicates if p not in read.selection.predicates]
    sources = [s for p in asked for s in p.sources]
    looks = [operation.effect(s.number) if s.kind == "read" else None for s in sources]
    return (
        bool(looks)
        and all(p.operator == "in" for p in asked)
        and all(e is not None and e.selection is not None and e.dataset == read.dataset for e in looks)
        and all(e.selection.predicates == read.selection.predicates for e in looks if e is not None and e.selection)
    )


def decided_by(operation: Operation, write: Effect, reads: dict[int, Effect]) -> Iterator[tuple[Effect, str]]:
    """The reads of a set of this dataset that the write depends on; with the column that is computed from it, if
    any."""
    for guard, read in set_decisions(operation, write, reads):
        if changes_set(operation, guard, read, write):
            yield read, ""
    for assignment in write.assigned if write.verb == "insert" else ():
        for source in assignment.sources if assignment.how == "value" else ():
            last = reads.get(source.number) if source.kind == "read" else None
            if last is not None and last.number < write.number and next_of(last, write):
                yield last, assignment.column


def picked(operation: Operation, write: Effect, reads: dict[int, Effect], system: System) -> Iterator[Hit]:
    """A row is picked because it has none, or few, of what the write then gives it: two runs pick the same one."""
    for read, column in free_rows(write, reads):
        if not operation.meet_here(read, write) or operation.exclusive(read, write) or read.number in write.locks:
            continue  # where the picked row is locked, another run goes past it, or waits
        answer = excluded(operation, read, write, system)
        if answer == Answer.YES or refused_twice(write, (column,), system) != Answer.NO:
            continue
        yield Hit(
            place=here(write),
            message=f"two runs at once both pick the same row of {read.dataset} as one with room for another "
            f"{write.dataset}, and both give it one",
            story=both_decide(read, write, f"which row of {read.dataset} has room for another {write.dataset}"),
            rests_on=(read, write),
            likely=True,
            doubts=int(answer == Answer.UNKNOWN) + 2 * int(one_off(operation, system)),
            datasets=(read.dataset, write.dataset),
            severity=race(write),
            fix=lock_picked(read, write, system),
        )
        return


def next_of(read: Effect, write: Effect) -> bool:
    """Whether a read gives the last, or the number, of the rows that the write adds one to."""
    if read.dataset != write.dataset or read.selection is None:
        return False
    return read.selection.aggregate in ("max", "min", "count")


def constrained(write: Effect, system: System) -> bool:
    """Whether the table itself refuses rows that clash: an exclusion constraint, or a key over what the insert
    fixes."""
    dataset = system.dataset_of(write)
    if dataset is None:
        return False
    if any(c.kind == "exclude" for c in dataset.schema.constraints):
        return True
    own = {a.column for a in write.assigned} - set(dataset.schema.primary_key())
    return write.verb == "insert" and refused_twice(write, own, system) == Answer.YES


def none_of_a_key(operation: Operation, read: Effect, write: Effect) -> bool:
    """Whether all that is asked is if a row of some values is there already, and one is then added. Whether there may
    be another of the same values is not known where the look-up is not the insert's own key."""
    asked = read.predicates
    if write.verb != "insert" or any(p.operator not in ("=", "in", "is-null", "not-null") for p in asked):
        return False
    return any(of is read and says_absent(guard, read) for guard, of in deciding_reads(operation, write))


def slight(read: Effect, write: Effect) -> bool:
    """Whether all that goes wrong is a row too many or too few, where rows hold nothing of value: one over a limit, or
    the last one gone. It is another matter where the set is a stretch, of which two rows must not overlap."""
    if write.verb not in ("insert", "delete") or race(write) is None:
        return False
    return all(p.operator not in ORDERS for p in read.predicates)


def hit(read: Effect, write: Effect, computed: str, answer: Answer, system: System, operation: Operation) -> Hit:
    rows = write.dataset
    unique = refused_twice(write, (computed,), system) if computed else Answer.NO
    if computed and unique == Answer.YES:
        message = f"two runs at once compute the same {rows}.{computed}: the unique key refuses the second"
    elif computed:
        message = f"two runs at once compute the same {rows}.{computed} from {phrase(read)}, and both insert it"
    else:
        message = (
            f"two runs at once both pass the check of {phrase(read)} and both {write.verb} "
            f"{rows}: what it checks no longer holds"
        )
    return Hit(
        place=here(write),
        message=message,
        story=both_decide(read, write, phrase(read)),
        rests_on=(read, write),
        likely=True,
        doubts=int(answer == Answer.UNKNOWN)
        + int(bool(computed) and unique == Answer.UNKNOWN)
        + 2 * int(by_timer(operation, read.predicates, system))
        + 2 * int(one_off(operation, system))
        + 2 * int(is_place(computed) if computed else none_of_a_key(operation, read, write) or slight(read, write)),
        datasets=(rows,),
        severity=Severity.MINOR if unique == Answer.YES else race(write),
        fix=replace(serialise_set(read, write, system), changes=owner_locked(operation, read, write, system)),
    )
