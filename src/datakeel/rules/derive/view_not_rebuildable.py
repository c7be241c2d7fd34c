"""`view-not-rebuildable`: a view is filled by a consumer that begins at the end of the log, and can never be built
again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.views import END, begins_at_end, projects
from datakeel.rules.rule import Hit, rule

PLACE = re.compile(r"(^|_)(position|offset|checkpoint|cursor|sequence|seq|version|last_\w*|\w*_?id|lsn)$", re.I)


@rule(Severity.MAJOR)
def view_not_rebuildable(operation: Operation, system: System) -> Iterator[Hit]:
    """A view is filled by a consumer that begins at the end of the log, and can never be built again."""
    for consume in operation.of(Kind.CONSUME):
        if consume.chain or consume.store != StoreKind.LOG or not begins_at_end(consume) or replayed(consume, system):
            continue
        view = next((e for e in operation.effects if e.number > consume.number and projects(e)), None)
        if view is not None and not operation.exclusive(consume, view):
            yield hit(consume, view)
    yield from of_table(operation, system)


def of_table(operation: Operation, system: System) -> Iterator[Hit]:
    """Views that are made of what comes after a place in a table, which a reader begins at the end."""
    views = [e for e in operation.of(Kind.WRITE) if projects(e)]
    for begin in operation.of(Kind.WRITE) if views else ():
        for place, end in ends(operation, begin):
            taken = next((r for r in operation.of(Kind.READ) if follows(operation, r, begin, place, end)), None)
            view = next((v for v in views if taken is not None and v.number > taken.number), None)
            if taken is not None and view is not None and not set_back(begin, place, system):
                yield at_end(begin, taken, view)
                return


def ends(operation: Operation, begin: Effect) -> Iterator[tuple[str, Effect]]:
    """The column of a new row in which a reader notes how far it is, where that is what was read of another table: the
    highest place, or the place that the table has for one."""
    if begin.verb != "insert" or begin.store != StoreKind.RELATIONAL:
        return
    for assignment in begin.assigned if len(begin.assigned) > 1 else ():
        for source in assignment.sources if PLACE.search(assignment.column) else ():
            end = operation.effect(source.number) if source.kind == "read" else None
            if end is None or end.kind != Kind.READ or end.dataset == begin.dataset or end.selection is None:
                continue
            if end.selection.aggregate == "max" or source.path == (assignment.column,):
                yield assignment.column, end


def follows(operation: Operation, read: Effect, begin: Effect, place: str, end: Effect) -> bool:
    """Whether a read takes what comes after a reader's place: of the rows that lie behind it, or of the readers whose
    place lies before the end."""
    if read.number < begin.number:
        return False
    for predicate in read.predicates:
        if read.dataset == begin.dataset and (predicate.column, predicate.operator) == (place, "<"):
            return predicate.value == f"column:{end.dataset}.{place}"
        noted = (operation.effect(s.number) for s in predicate.sources if s.kind == "read" and s.path == (place,))
        if predicate.operator == ">" and any(e is not None and e.dataset == begin.dataset for e in noted):
            return read.dataset == end.dataset and end.selection is not None and end.selection.aggregate == "max"
    return False


def set_back(begin: Effect, place: str, system: System) -> bool:
    """Whether somewhere a reader is sent back, or begins elsewhere: a constant is written for the place, or its row is
    dropped, or made without one."""
    for _, write in system.writers(begin.dataset):
        if write.place == begin.place:
            continue
        told = next((a for a in write.assigned if a.column == place), None)
        if write.verb in ("delete", "truncate") or (told is None and write.verb == "insert"):
            return True
        if told is not None and (
            told.how in ("constant", "default") or any(s.kind == "parameter" for s in told.sources)
        ):
            return True
    return False


def at_end(begin: Effect, taken: Effect, view: Effect) -> Hit:
    name = view.dataset or view.technology or "the view"
    return Hit(
        place=begin.place,
        message=f"{name} cannot be built again: its reader begins at the end, and nothing sends it back",
        story=(
            Step(begin.place, f"a reader that is new notes the end of what there is in {begin.dataset}"),
            Step(taken.place, "it takes what comes after that"),
            Step(view.place, f"{name} is made of it; all that was before is missing, now and after each new beginning"),
        ),
        rests_on=(begin, taken, view),
        doubts=1,
        datasets=tuple(d for d in (begin.dataset, view.dataset) if d),
        fix=Fix(title="begin before the first", text=f"INSERT INTO {begin.dataset} (…) VALUES (…, 0)"),
    )


def replayed(consume: Effect, system: System) -> bool:
    """Whether another consumer reads the same topic from its beginning."""
    for operation in system.operations:
        for other in operation.of(Kind.CONSUME):
            start = other.option("start")
            same = not other.dataset or not consume.dataset or other.dataset == consume.dataset
            if same and start is not None and start.value not in END:
                return True
    return False


def hit(consume: Effect, view: Effect) -> Hit:
    name = view.dataset or view.technology or "the view"
    start = consume.option("start")
    assert start is not None
    place = start.place or consume.place
    return Hit(
        place=consume.place,
        message=f"{name} cannot be built again: its consumer begins at the end of the log",
        story=(
            Step(place, f"{start.name} is {start.value}: a group without offsets begins at the end"),
            Step(view.place, f"{name} is lost, changes its shape, or its group's offsets expire"),
            Step(
                consume.place, "the consumer goes on with what comes next: all that was before is missing from the view"
            ),
        ),
        rests_on=(consume, view),
        doubts=0 if start.given else 1,
        datasets=tuple(d for d in (consume.dataset, view.dataset) if d),
        fix=Fix(title="begin at the beginning of the log", text=f'"{start.name}": "earliest"'),
    )
