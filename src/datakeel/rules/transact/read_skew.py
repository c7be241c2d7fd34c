"""`read-skew`: values that must agree are read one after the other, and somebody commits in between."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Predicate, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import together
from datakeel.rules.facts.duplicates import unset
from datakeel.rules.facts.guards import here, isolated, now, single_runner
from datakeel.rules.facts.trails import is_trail
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import torn


@rule(Severity.CRITICAL)
def read_skew(operation: Operation, system: System) -> Iterator[Hit]:
    """Two reads that must agree feed one value, and a transaction that changes both commits between them."""
    if single_runner(operation) or sum(1 for _ in operation.of(Kind.READ)) < 2:
        return
    for use in operation.of(Kind.WRITE, Kind.PUBLISH):
        if not now(use) or is_trail(use.dataset):
            continue  # what tells of a change has the old value and the new one
        for sources in combined(use):
            found = torn_pair(operation, sources, use, system)
            if found is not None:
                yield hit(use, *found)
                break


def combined(use: Effect) -> Iterator[tuple[Source, ...]]:
    """The values that a write or message puts together from several reads."""
    for assignment in use.assigned:
        if assignment.how == "value" and len({s.number for s in assignment.sources if s.kind == "read"}) > 1:
            yield assignment.sources


def torn_pair(
    operation: Operation, sources: tuple[Source, ...], use: Effect, system: System
) -> tuple[Effect, Effect, Operation, Effect] | None:
    """Two of the reads that another transaction may change together while nothing holds them together."""
    reads = list({r.number: (s, r) for s in sources if (r := unlocked(operation, s)) is not None}.values())
    for index, (source, first) in enumerate(reads):
        for other, second in reads[index + 1 :]:
            if use.dataset in (first.dataset, second.dataset) or not alike((source, first), (other, second)):
                continue
            if not separate(operation, first, second) or not operation.meet_here(first, second):
                continue
            found = writer_of_both(operation, (source, first), (other, second), system)
            if found is not None:
                return (*sorted((first, second), key=lambda e: e.number), *found)  # type: ignore[return-value]
    return None


def unlocked(operation: Operation, source: Source) -> Effect | None:
    """The read of a database that a value comes from, where no lock holds what was read."""
    read = operation.effect(source.number) if source.kind == "read" else None
    if read is None or read.kind != Kind.READ or read.store != StoreKind.RELATIONAL or read.locks:
        return None
    return None if read.selection is None or read.selection.lock else read


def alike(one: tuple[Source, Effect], two: tuple[Source, Effect]) -> bool:
    """Whether two reads give parts of one whole: facts over two sets, or one column of two rows."""
    (source, first), (other, second) = one, two
    assert first.selection is not None
    assert second.selection is not None
    if first.selection.aggregate and second.selection.aggregate:
        return True
    return (
        first.dataset == second.dataset
        and bool(source.path)
        and source.path[-1:] == other.path[-1:]
        and first.selection.predicates != second.selection.predicates
        and not first.selection.aggregate
        and not second.selection.aggregate
    )


def separate(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether two reads are two statements, each with its own view of the data."""
    if first.connection != second.connection or operation.exclusive(first, second):
        return False
    return not isolated(operation, first, second)


def writer_of_both(
    operation: Operation, one: tuple[Source, Effect], two: tuple[Source, Effect], system: System
) -> tuple[Operation, Effect] | None:
    """Another function that changes what both reads gave, in one transaction."""
    (source, first), (other, second) = one, two
    for them, write in system.writers(first.dataset):
        if single_runner(them) or not touches(write, source, first, system):
            continue
        for partner in them.of(Kind.WRITE):
            if partner.number == write.number or not touches(partner, other, second, system):
                continue
            if partner.dataset == second.dataset and together(them, write, partner) == Answer.YES:
                return them, write
    return None


def touches(write: Effect, source: Source, read: Effect, system: System) -> bool:
    """Whether a write changes what was read: the column of a row, or the set that was counted or summed up."""
    if write.dataset != read.dataset or not now(write) or read.selection is None:
        return False
    if read.selection.aggregate:
        return write.verb != "insert" or not any(left_out(write, p, system) for p in read.predicates)
    return write.verb != "insert" and any(a.column == source.path[-1] for a in write.assigned)


def left_out(write: Effect, asked: Predicate, system: System) -> bool:
    """Whether a new row is none of those that are counted: it has another value in a column that was asked for, or
    none."""
    if asked.operator != "=" or not asked.value.startswith("const:"):
        return False
    given = [a for a in write.assigned if a.column in (asked.column, "*")]
    if given:
        return all(a.how == "constant" and a.text.startswith("const:") and a.text != asked.value for a in given)
    dataset = system.dataset_of(write)
    column = dataset.column(asked.column) if dataset is not None else None
    return column is not None and unset(column) and (column.initial or "const:None") != asked.value


def hit(use: Effect, first: Effect, second: Effect, them: Operation, theirs: Effect) -> Hit:
    what = " and ".join(dict.fromkeys((first.dataset, second.dataset)))
    return Hit(
        place=here(second),
        message=f"{use.dataset or 'the result'} is computed from {what} as they never were at one "
        f"time: {them.symbol} commits "
        "between the two reads",
        story=torn(first, second, theirs, them.symbol, use),
        rests_on=(first, second, use, theirs),
        doubts=2 * int(any(e.chain for e in (first, second, use))),  # what a callee reads may well be its own affair
        datasets=tuple(dict.fromkeys(d for d in (first.dataset, second.dataset, use.dataset) if d)),
        fix=cure(first),
    )


def cure(read: Effect) -> Fix:
    texts = {
        "django": 'with transaction.atomic():\n    connection.cursor().execute("SET TRANSACTION '
        'ISOLATION LEVEL REPEATABLE READ")\n    …',
        "sqlalchemy": 'session.connection(execution_options={"isolation_level": "REPEATABLE READ"})  '
        "# before the first read",
    }
    sql = "BEGIN ISOLATION LEVEL REPEATABLE READ;  -- one snapshot for all reads; or one statement that reads all of it"
    return Fix(title="read from one snapshot, or in one statement", text=texts.get(read.technology, sql))
