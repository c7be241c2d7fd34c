"""`lost-update`: a row is read, changed in memory and written back, and nothing stops a second writer in between."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Assignment, Effect, Kind, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.guards import isolated, locked_between, outer_guard, reread, rows_of, single_runner, versioned
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import interleaved

WRITES = ("save", "update", "upsert", "set")


@rule(Severity.CRITICAL)
def lost_update(operation: Operation, system: System) -> Iterator[Hit]:
    """A row is read, changed in memory and written back, and nothing stops a second writer in between."""
    for write in operation.of(Kind.WRITE):
        if write.verb not in WRITES or write.store not in (StoreKind.RELATIONAL, StoreKind.DOCUMENT):
            continue
        for assignment in write.assigned:
            source = stale_source(operation, write, assignment)
            if source is None or not operation_holds_both(operation, source, write):
                continue
            read = operation.effect(source.number) if source.kind == "read" else None
            if guarded(operation, read, write, system):
                continue
            yield hit(operation, read, write, assignment)


def stale_source(operation: Operation, write: Effect, assignment: Assignment) -> Source | None:
    """The read value of the same column of the same rows that the new value was computed from."""
    if assignment.how != "value":
        return None
    for source in assignment.sources:
        if source.path and source.path[-1] == assignment.column and rows_of(source) == write.rows:
            return source
        if source.kind == "read" and source.path[-1:] == (assignment.column,):
            read = operation.effect(source.number)
            if read is not None and same_row(read, write):
                return source
    return None


def same_row(read: Effect, write: Effect) -> bool:
    if read.dataset != write.dataset or read.selection is None or write.selection is None:
        return False
    mine = {(p.column, p.value) for p in read.selection.predicates if p.operator == "=" and p.value}
    return any((p.column, p.value) in mine for p in write.selection.predicates if p.operator == "=" and p.value)


def operation_holds_both(operation: Operation, source: Source, write: Effect) -> bool:
    """Whether this is the innermost function that holds the read and the write (a row from outside counts as held by the writer)."""
    if source.kind != "read":
        return not write.chain
    read = operation.effect(source.number)
    return read is not None and operation.meet_here(read, write)


def guarded(operation: Operation, read: Effect | None, write: Effect, system: System) -> bool:
    if single_runner(operation) or outer_guard(operation) == Answer.YES or versioned(operation, write, system):
        return True
    if read is None:
        return reread(operation, write) is not None or bool(write.locks)
    return locked_between(operation, read, write) or isolated(operation, read, write)


def hit(operation: Operation, read: Effect | None, write: Effect, assignment: Assignment) -> Hit:
    column = f"{write.dataset}.{assignment.column}" if write.dataset else assignment.column
    place = assignment.place or write.place
    first = read.place if read is not None else place
    doubts = int(outer_guard(operation) == Answer.UNKNOWN and any(c.locks for c in operation.contexts)) + int(
        read is None and not operation.contexts
    )
    return Hit(
        place=write.place if read is not None else place,
        message=f"{column} is read, computed in the application and written back: of two concurrent runs one update is lost",
        story=interleaved(first, write.place, column),
        rests_on=tuple(e for e in (read, write) if e is not None),
        doubts=min(doubts, 1),
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(
            title=f"let the database compute {assignment.column}, or lock the row before it is read",
            text=f"UPDATE {write.dataset or '…'} SET {assignment.column} = {assignment.column} + :change WHERE …",
        ),
    )
