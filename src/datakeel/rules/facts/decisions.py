"""What a write depends on: the reads whose results decided whether it happens, and what was asked of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from datakeel.model.effect import Assignment, Cardinality, Effect, Guard, Kind, Predicate, Source
from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.rules.facts.guards import KEYS, rows_of

ABSENT = ("DoesNotExist", "NoResultFound", "NotFound", "ItemNotFound", "KeyError", "Http404")
PRIMARY = (("id",), ("pk",))
CREATED = ("result", "created")  # what tells of a row that is found or made that it was made
KEYED = ("_id", "_pk", "_uuid", "_key")
EMPTY = ("0", "1", "None", "False", "''", "[]")


def deciding_reads(operation: Operation, write: Effect) -> Iterator[tuple[Guard, Effect]]:
    """The reads that a condition round a write asks, with the condition; each read once. What is asked is what they
    gave, not a column of it."""
    seen: set[int] = set()
    for guard in write.guards:
        for source in guard.sources:
            if source.kind != "read" or source.number in seen or source.number >= write.number:
                continue
            read = operation.effect(source.number)
            if read is not None and read.kind == Kind.READ and (not source.path or flat(read)):
                seen.add(source.number)
                yield guard, read


def flat(read: Effect) -> bool:
    """Whether a read gives values rather than rows: an aggregate, or named columns."""
    return read.selection is not None and bool(read.selection.aggregate or read.selection.columns)


def says_absent(guard: Guard, read: Effect) -> bool:
    """Whether a condition holds because a read found nothing: ``is None``, ``not exists``, ``count == 0``,
    `DoesNotExist`."""
    if guard.test == "exception":
        return any(name in guard.text for name in ABSENT)
    if guard.test in ("is-none", "truth", "exists"):
        return guard.polarity == (guard.test == "is-none")
    if len(guard.sources) > 1:
        return False  # the number is held against another one, which says nothing of none
    if guard.test == "==":
        return guard.polarity and guard.text in EMPTY
    if guard.test in (">", "!="):
        return not guard.polarity and guard.text in EMPTY
    return guard.test == "<" and guard.polarity and guard.text == "1"


def first_filling(operation: Operation, write: Effect) -> bool:
    """Whether a write happens once in a system's life: where the row of one fixed key (``id=1``) is not there yet."""
    return where_missing(operation, write, of_fixed_key)


def where_missing(operation: Operation, write: Effect, one: Callable[[Effect], bool]) -> bool:
    """Whether a write happens only where a row is not there yet that is looked for in a certain way, which `one` tells
    by what asks for it."""
    if write.verb == "get-or-create":
        return one(write)
    return any(says_absent(guard, read) and one(read) for guard, read in deciding_reads(operation, write))


def of_fixed_key(effect: Effect) -> bool:
    asked = effect.predicates
    return bool(asked) and all(
        p.column in ("id", "pk") and p.operator == "=" and p.value.startswith("const:") for p in asked
    )


def of_old_rows(operation: Operation, effect: Effect) -> bool:
    """Whether an effect happens only where a row has its key already, or another effect that does, and it is a row that
    this run makes: a model's own ``save`` asks for its key to tell old rows from new ones."""
    return _of_old_rows(operation, effect, deeper=True)


def _of_old_rows(operation: Operation, effect: Effect, *, deeper: bool) -> bool:
    created = {s.number for g in effect.guards for s in g.sources if g.polarity and (s.kind, s.name) == CREATED}
    for guard in effect.guards:
        if guard.polarity != (guard.test == "truth") or guard.test not in ("truth", "is-none") or not guard.sources:
            continue
        if all(s.path[-1:] in PRIMARY and (s.kind == "new" or s.number in created) for s in guard.sources):
            return True
        reads = [operation.effect(s.number) if s.kind == "read" else None for s in guard.sources] if deeper else [None]
        if all(r is not None and _of_old_rows(operation, r, deeper=False) for r in reads):
            return True
    return False


def tested_columns(operation: Operation, write: Effect) -> Iterator[tuple[Guard, Source]]:
    """The columns of the written row itself that a condition round the write asks."""
    for guard in write.guards:
        for source in guard.sources if guard.test != "exception" else ():
            own = write.rows is not None and rows_of(source) == write.rows
            if source.path and (own or of_same_key(operation, source, write)):
                yield guard, source


def of_same_key(operation: Operation, source: Source, write: Effect) -> bool:
    read = operation.effect(source.number) if source.kind == "read" else None
    return read is not None and same_key(read, write)


def same_key(read: Effect, write: Effect) -> bool:
    """Whether a read and a write find their row by the same value of the same column; the read perhaps among others."""
    if read.dataset != write.dataset or read.selection is None or write.selection is None:
        return False
    mine = {(p.column, p.value) for p in read.selection.predicates if p.operator == "=" and p.value}
    among = [p for p in read.selection.predicates if p.operator == "in" and p.sources]
    return any(
        (p.column, p.value) in mine or any(p.column == q.column and {*p.sources} <= {*q.sources} for q in among)
        for p in write.selection.predicates
        if p.operator == "=" and p.value
    )


def value_of(assignment: Assignment) -> str:
    """An assigned value's canonical text, as Predicates have theirs; empty when it has none."""
    if assignment.how == "constant":
        return assignment.text
    if assignment.how == "value" and len(assignment.sources) == 1:
        return named(assignment.sources[0])
    return ""


def named(source: Source) -> str:
    return ".".join((f"{source.kind}:{source.name or source.number}", *source.path))


def written_as_asked(operation: Operation, predicate: Predicate, write: Effect) -> bool | None:
    """Whether a write gives a column the value that was asked for; None when it is not known."""
    for assignment in write.assigned:
        if assignment.column != predicate.column:
            continue
        value = value_of(assignment)
        if value and value == predicate.value:
            return True
        if values(operation, value, assignment.sources) & values(operation, predicate.value, predicate.sources):
            return True
        if set(predicate.sources) & set(assignment.sources) or same_row_named(predicate, assignment):
            return True
        if value.startswith("const:") and predicate.value.startswith("const:"):
            return False
        return None
    return None


def values(operation: Operation, value: str, sources: Collection[Source]) -> set[str]:
    """A value, and what it is equal to: a row that was found by a key has that key, and stands for it where it is
    given itself."""
    found = {value}
    read = next((operation.effect(s.number) for s in sources if s.kind == "read"), None) if len(sources) == 1 else None
    if read is not None and read.kind == Kind.READ and not flat(read):
        path = next(iter(sources)).path
        for predicate in read.predicates:
            if predicate.operator == "=" and (path == (predicate.column,) or (not path and predicate.column in KEYS)):
                found.add(predicate.value)
    return found - {""}


def closed_before(operation: Operation, write: Effect) -> Iterator[tuple[Effect, Effect]]:
    """The reads that gave the one row of a key that an insert's row follows, each with the update that closes it: it
    sets a column that the new row says too, and only where a row was found."""
    own = {a.column for a in write.assigned}
    for change in operation.of(Kind.WRITE):
        if change.dataset != write.dataset or change.verb not in ("update", "save") or change.number > write.number:
            continue
        read = found_by(operation, change)
        if read is None or read.selection is None or read.selection.cardinality != Cardinality.ONE:
            continue
        asked = {p.column for p in read.selection.predicates}
        closes = {a.column for a in change.assigned if a.column in own | asked}
        only_then = any(asks_for(g, read) for g in change.guards)
        if closes and only_then and not any(asks_for(g, read) for g in write.guards):
            yield read, change


def found_by(operation: Operation, change: Effect) -> Effect | None:
    """The read that gave the row that is changed: it is that row, or is found by its key."""
    numbers = [change.rows.root.partition(":")[2]] if change.rows is not None and not change.rows.path else []
    predicates = change.predicates
    numbers += [str(s.number) for p in predicates if p.operator == "=" for s in p.sources if s.kind == "read"]
    reads = (operation.effect(int(n)) for n in numbers if n.isdigit())
    return next((r for r in reads if r is not None and r.kind == Kind.READ and r.dataset == change.dataset), None)


def asks_for(guard: Guard, read: Effect) -> bool:
    """Whether a condition asks if a read has given a row."""
    asked = guard.test in ("is-none", "truth", "exists")
    return asked and any(read.gave(s) and not s.path for s in guard.sources)


def same_row_named(predicate: Predicate, assignment: Assignment) -> bool:
    """Whether a foreign key is asked by a row's key and filled with that row itself: ``filter(worker=w)``, then
    ``create(worker=w)``."""
    if assignment.how != "value" or not predicate.sources or not predicate.column.endswith(KEYED):
        return False
    whole = {(s.kind, s.number, s.name, s.path) for s in assignment.sources}
    return all(s.path and (s.kind, s.number, s.name, s.path[:-1]) in whole for s in predicate.sources)


# Sets -----------------------------------------------------------------------------------------------------------------


def sets_read(operation: Operation) -> dict[int, Effect]:
    """The reads that may say something of a set of rows, by number."""
    return {
        e.number: e
        for e in operation.of(Kind.READ)
        if e.dataset and e.selection is not None and e.selection.cardinality != Cardinality.ONE
    }


def set_decisions(operation: Operation, write: Effect, reads: dict[int, Effect]) -> Iterator[tuple[Guard, Effect]]:
    """The conditions of this function's own text that ask a fact about a set of rows before a write of the same
    dataset."""
    for guard in write.guards:
        asked = {s.number for s in guard.sources if s.kind == "read" and s.number in reads}
        if guard.test == "exception" or len(asked) != 1:
            continue  # where two sets are compared, no limit is kept; a limit may be a column of one row
        for source in guard.sources:
            read = reads.get(source.number) if source.kind == "read" else None
            if read is None or read.dataset != write.dataset or read.number > write.number:
                continue
            if asks_set(read, source) and stands_in(guard, operation):
                yield guard, read


def stands_in(guard: Guard, operation: Operation) -> bool:
    """Whether a condition is of the function's own text, and not a callee's."""
    return guard.place is not None and own_text(guard.place, operation)


def own_text(at: Place, operation: Operation) -> bool:
    whole = operation.place
    return at.path == whole.path and whole.line <= at.line <= max(whole.end_line, whole.line)


def asks_set(read: Effect, source: Source) -> bool:
    """Whether what was asked is a fact about a set of rows (how many, whether any, their sum), not a column of one."""
    selection = read.selection
    if selection is None or selection.cardinality == Cardinality.ONE:
        return False
    return bool(selection.aggregate) or (not source.path and selection.cardinality == Cardinality.MANY)


def allows_one_more(guard: Guard, read: Effect) -> bool:
    """Whether a condition says that the set is not full: nothing is there, or fewer than a limit."""
    return (
        says_absent(guard, read)
        or (guard.test in ("<", "<=") and guard.polarity)
        or (guard.test in (">", ">=") and not guard.polarity)
    )


def allows_one_less(guard: Guard, read: Effect) -> bool:
    """Whether a condition says that enough is left: another is there, or more than so many."""
    last = guard.test == "==" and not guard.polarity and guard.text in ("1", "const:1")
    return last or (guard.test in (">", ">=") and guard.polarity) or (guard.test in ("<", "<=") and not guard.polarity)


def changes_set(operation: Operation, guard: Guard, read: Effect, write: Effect) -> bool:
    """Whether a write makes true no longer what the read found: it fills the set, or empties it."""
    assert read.selection is not None
    asked = read.selection.predicates
    if write.verb == "insert":
        answers = [written_as_asked(operation, p, write) for p in asked if p.operator in ("=", "is-null")]
        return allows_one_more(guard, read) and False not in answers and (True in answers or not asked)
    leaves = write.verb == "delete" or any(a.column == p.column for p in asked for a in write.assigned)
    some = another(guard)
    enough = (allows_one_less(guard, read) and not some) or (some and any(p.operator == "!=" for p in asked))
    return leaves and enough and not the_same_set(read, write)


def another(guard: Guard) -> bool:
    """Whether a condition says no more than that the set is not empty (of others, where it leaves out the row
    itself)."""
    if guard.test in (">", "!=") and len(guard.sources) == 1:
        return guard.polarity and guard.text == "0"
    return guard.test == "truth" and guard.polarity


def free_rows(write: Effect, reads: dict[int, Effect]) -> Iterator[tuple[Effect, str]]:
    """The reads of another dataset that chose a row by having none, or few, of the rows that an insert then gives it;
    with the column by which the new row refers to it."""
    for assignment in write.assigned if write.verb == "insert" else ():
        for source in assignment.sources if assignment.how == "value" else ():
            read = reads.get(source.number) if source.kind == "read" and not source.path[1:] else None
            if read is None or read.selection is None or read.dataset == write.dataset or read.number > write.number:
                continue
            if write.dataset in read.selection.joins and any(asks_room(p) for p in read.selection.predicates):
                yield read, assignment.column


def asks_room(predicate: Predicate) -> bool:
    """Whether a condition on related rows says that there are none of them, or fewer than so many. That a column which
    is no key of theirs is NULL only says which of them count (``deleted_at``)."""
    few = predicate.operator in ("<", "<=") or (predicate.operator == "=" and predicate.value == "const:0")
    joined, _, column = predicate.column.rpartition(".")
    none = predicate.operator == "is-null" and (column in KEYS or column.endswith(KEYED))
    return bool(joined) and (few or none)


def the_same_set(read: Effect, write: Effect) -> bool:
    """Whether a write acts on all that the read found, rather than on one of them."""
    if write.rows is not None and write.rows.root in (f"read:{read.number}", f"element:{read.number}"):
        return True
    return (
        write.selection is not None
        and read.selection is not None
        and write.selection.predicates == read.selection.predicates
    )


def phrase(read: Effect) -> str:
    """What was asked of the set, in words: ``the count of bookings``."""
    aggregate = read.selection.aggregate if read.selection is not None else ""
    words = {"exists": "whether there are", "count": "the count of", "sum": "the sum over", "max": "the maximum of"}
    return f"{words.get(aggregate, aggregate and f'the {aggregate} of') or 'the rows of'} {read.dataset}"
