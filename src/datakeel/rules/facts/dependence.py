"""Which writes belong together: the one without the other leaves the data wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from datakeel.model.effect import Assignment, Effect, Predicate, Source
from datakeel.model.operation import Operation
from datakeel.rules.facts.decisions import PRIMARY, tested_columns, written_as_asked
from datakeel.rules.facts.derivation import OUTBOX
from datakeel.rules.facts.failures import in_handler_of, tries
from datakeel.rules.facts.guards import rows_of
from datakeel.rules.facts.trails import is_trail

NEW = ("insert", "get-or-create")  # they bring a row rather than move an amount
FEW = 8  # how many writes back a partner is looked for
NEAR = 2  # calls between the function that holds both writes and a write


class Earlier:
    """The writes so far, found by what a later one may have to do with them."""

    def __init__(self) -> None:
        self.rows: dict[str, Effect] = {}  # inserted, by the number of the new row
        self.deletes: dict[str, list[Effect]] = {}
        self.changes: dict[str, list[Effect]] = {}  # amounts
        self.claimed: dict[int, Effect] = {}  # inserted where nobody has inserted it yet, by their numbers
        self.given: dict[int, Effect] = {}  # changes that give the changed row, by their numbers
        self.records: list[Effect] = []  # inserted, and no messages
        self.states: list[Effect] = []  # changes that bring a row into a state

    def add(self, write: Effect) -> None:
        if write.verb == "insert" and write.conflict:
            self.claimed[write.number] = write
        if write.verb == "update" and write.rows is not None and write.rows.root == f"read:{write.number}":
            self.given[write.number] = write
        if write.verb == "insert" and not OUTBOX.search(write.dataset):
            self.records.append(write)
        if write.verb in ("save", "update") and any(a.how == "constant" for a in write.assigned):
            self.states.append(write)
        if write.verb == "insert" and write.rows is not None and write.rows.root.startswith("new:"):
            self.rows.setdefault(write.rows.root.partition(":")[2], write)
        elif write.verb == "delete":
            self.deletes.setdefault(write.dataset, []).append(write)
        elif any(changed(a, write) for a in write.assigned):
            self.changes.setdefault(write.dataset, []).append(write)

    def partners(self, second: Effect) -> Iterator[Effect]:
        if second.verb != "insert":
            yield from claims_of(second, self.claimed)
            asked = {s.number for p in second.predicates for s in p.sources if s.kind == "read"}
            yield from (self.given[n] for n in sorted(asked & self.given.keys()))
            yield from (w for dataset in sorted(self.changes) for w in self.changes[dataset][-FEW:])
            yield from (self.rows[n] for n in sorted(owners(second) & self.rows.keys()))
            return
        yield from claims_of(second, self.claimed)
        yield from self.records[-FEW:] if OUTBOX.search(second.dataset) else ()
        yield from (
            w for dataset in sorted(self.changes) for w in self.changes[dataset][-FEW:] if dataset != second.dataset
        )
        yield from (w for w in self.states[-FEW:] if w.dataset != second.dataset)
        yield from self.deletes.get(second.dataset, ())[-FEW:]
        numbers = {str(s.number) for a in second.assigned for s in a.sources if s.kind in ("new", "read")}
        yield from (self.rows[n] for n in sorted(numbers & self.rows.keys()))


def claims_of(write: Effect, claimed: dict[int, Effect]) -> Iterator[Effect]:
    """The notes that a thing is done, by which this write is done once: it stands where one was new."""
    if not claimed:
        return iter(())
    asked = {s.number for g in write.guards for s in g.sources if s.kind in ("result", "read")}
    return (claimed[n] for n in sorted(asked & claimed.keys()))


def claims(first: Effect, second: Effect) -> str:
    """A row notes that a message or a request is done, and what it asked for comes after."""
    if first.verb != "insert" or not first.conflict or not any(claims_of(second, {first.number: first})):
        return ""
    if answers_failure(first, second):
        return ""
    return f"a row of {first.dataset} that says that it is done, and no {second.verb} of {second.dataset}"


def announces(first: Effect, second: Effect) -> str:
    """A row is inserted, and the message that stands in the outbox for it."""
    if second.verb != "insert" or first.verb != "insert" or not OUTBOX.search(second.dataset):
        return ""
    keys = {
        s for a in first.assigned if a.column.endswith("id") for s in a.sources if s.kind in ("parameter", "random")
    }
    if OUTBOX.search(first.dataset) or not keys & second.computed_from:
        return ""
    return f"a row of {first.dataset} that no message of {second.dataset} tells of"


def settles(first: Effect, second: Effect) -> str:
    """A row is brought from one state into another, which happens once, and by what it gives an amount of another row
    is changed."""
    if first.verb != "update" or second.verb != "update" or first.dataset == second.dataset:
        return ""
    asked = {p.column for p in first.predicates if p.operator in ("=", "in")}
    once = any(a.how == "constant" and a.column in asked for a in first.assigned)
    told = any(first.gave(s) for a in second.assigned if a.how == "atomic" for s in a.sources)
    if not once or not told:
        return ""
    return f"a row of {first.dataset} in its new state, and {second.dataset} as it was"


def takes(operation: Operation, first: Effect, second: Effect) -> str:
    """A row is brought from one state into another, which happens once, and a new row refers to it that says for whom
    or for what."""
    if first.verb not in ("save", "update") or second.verb != "insert" or first.dataset == second.dataset:
        return ""
    asked = {p.column for p in first.predicates if p.operator in ("=", "in")}
    asked |= {s.path[-1] for _, s in tested_columns(operation, first)}
    once = any(a.how == "constant" and a.column in asked for a in first.assigned)
    if not once or is_trail(second.dataset) or not (leads_to(first, second) or named_by_key(first, second)):
        return ""
    if max(len(first.chain), len(second.chain)) > NEAR or answers_failure(first, second):
        return ""
    return f"a row of {first.dataset} in its new state, and no row of {second.dataset} that belongs to it"


def batches(operation: Operation, writes: Iterable[Effect]) -> dict[int, Effect]:
    """The reads behind whose rows writes put a position, by the writes' numbers."""
    found = ((write.number, moved_past(operation, write)) for write in writes)
    return {number: read for number, read in found if read is not None}


def advances(first: Effect, second: Effect, behind: Mapping[int, Effect]) -> str:
    """A position in what is read one after the other moves on, and apart from it what stands up to there is counted.
    `behind`: the `batches` of the function."""
    batch = behind.get(second.number)
    if batch is not None and any(a.how == "atomic" and drawn_from(a, batch) for a in first.assigned):
        return f"{second.dataset} behind what {first.dataset} has counted already, and counts once more then"
    batch = behind.get(first.number)
    if batch is not None and any(drawn_from(a, batch) for a in second.assigned):
        return f"{first.dataset} past rows of {batch.dataset} that {second.dataset} never hears of"
    return ""


def moved_past(operation: Operation, write: Effect) -> Effect | None:
    """The read behind whose rows a write puts a position: it asked for those that stand behind the position."""
    for assignment in write.assigned if write.verb != "insert" else ():
        for source in assignment.sources if assignment.how == "value" else ():
            read = operation.effect(source.number) if source.kind == "read" else None
            if read is not None and any(
                p.operator in (">", ">=")
                and source.path == (p.column,)
                and any(is_position(operation, s, write, assignment.column) for s in p.sources)
                for p in read.predicates
            ):
                return read
    return None


def is_position(operation: Operation, source: Source, write: Effect, column: str) -> bool:
    """Whether a value is what the column that is written held before."""
    read = operation.effect(source.number) if source.kind == "read" else None
    return read is not None and read.dataset == write.dataset and source.path == (column,)


def drawn_from(assignment: Assignment, read: Effect) -> bool:
    return any(read.gave(s) for s in assignment.sources)


def named_by_key(first: Effect, second: Effect) -> bool:
    """Whether a new row has the key by which the changed row was found."""
    keys = {s for p in first.predicates if (p.column,) in PRIMARY and p.operator == "=" for s in p.sources}
    return any(keys & set(a.sources) for a in second.assigned if a.how == "value")


def answers_failure(first: Effect, second: Effect) -> bool:
    """Whether the second stands in a handler of the try that the first is in: it says that the work has failed."""
    return in_handler_of(second.scopes, tries(first))


def enters(first: Effect, second: Effect) -> str:
    """An amount of a row is changed, and a row of another table tells of that change."""
    if second.verb != "insert" or first.verb in NEW or first.dataset == second.dataset or is_trail(second.dataset):
        return ""
    amounts = {s for a in first.assigned if changed(a, first) for s in given(a.sources)}
    told = {s for a in second.assigned if a.how == "value" for s in a.sources}
    if not amounts & told or not leads_to(first, second):
        return ""
    return f"an amount changed in {first.dataset} that no row of {second.dataset} tells of"


def leads_to(first: Effect, second: Effect) -> bool:
    """Whether a new row refers to the row that was changed."""
    root = first.rows.root if first.rows is not None else ""
    return any(s.kind == "read" and root == f"read:{s.number}" for a in second.assigned for s in a.sources)


def replaces(operation: Operation, first: Effect, second: Effect) -> str:
    """Rows are deleted, and others put in their place."""
    if first.verb != "delete" or second.verb != "insert" or first.dataset != second.dataset:
        return ""
    if not any(written_as_asked(operation, p, second) for p in chosen_by(operation, first)):
        return ""
    return f"{first.dataset} without the rows that were to be replaced"


def chosen_by(operation: Operation, write: Effect) -> Iterator[Predicate]:
    """By what the written rows were chosen: by the write itself, or by the read that gave them."""
    if write.selection is not None:
        yield from write.selection.predicates
    kind, _, number = write.rows.root.partition(":") if write.rows is not None and not write.rows.path else ("", "", "")
    read = operation.effect(int(number)) if kind == "read" else None
    if read is not None and read.dataset == write.dataset and read.selection is not None:
        yield from (p for p in read.selection.predicates if p.operator == "=")


def moves(first: Effect, second: Effect) -> str:
    """An amount is taken from one row, and given to another."""
    if first.dataset != second.dataset or not {first.verb, second.verb}.isdisjoint(NEW) or same_target(first, second):
        return ""
    if first.place == second.place or ("upsert" in (first.verb, second.verb) and not counted(first, second)):
        return ""  # an upsert that is given values states what a row holds, whatever it held
    mine = {a.column: a for a in first.assigned if changed(a, first)}
    for other in second.assigned:
        here = mine.get(other.column)
        if here is not None and changed(other, second) and given(here.sources) & given(other.sources):
            return f"an amount taken from one row of {first.dataset} and given to none"
    return ""


def counted(*writes: Effect) -> bool:
    """Whether the store itself adds to what each of the rows holds."""
    return all(any(a.how == "atomic" for a in w.assigned) for w in writes)


def changed(assignment: Assignment, write: Effect) -> bool:
    """Whether a column gets more or less than it had: another object's attribute of that name is no such thing."""
    if assignment.column == "*":
        return False
    return assignment.how == "atomic" or any(
        s.path[-1:] == (assignment.column,) and (s.kind != "parameter" or rows_of(s) == write.rows)
        for s in assignment.sources
        if assignment.how == "value"
    )


def given(sources: tuple[Source, ...]) -> frozenset[Source]:
    """What a value was computed from, beside rows: the amount."""
    return frozenset(s for s in sources if s.kind == "parameter")


def same_target(first: Effect, second: Effect) -> bool:
    if first.rows is not None and first.rows == second.rows:
        return True
    if first.selection is None or second.selection is None:
        return False
    return {(p.column, p.value) for p in first.selection.predicates} == {
        (p.column, p.value) for p in second.selection.predicates
    }


def owns(first: Effect, second: Effect) -> str:
    """A row is inserted that is incomplete without the rows that refer to it."""
    if first.verb != "insert" or second.verb != "insert" or first.dataset == second.dataset or first.rows is None:
        return ""
    if is_trail(first.dataset) or is_trail(second.dataset) or max(len(first.chain), len(second.chain)) > NEAR:
        return ""
    if second.rows is not None and second.rows.root.startswith(("parameter:", "read:")):
        return ""  # an object from outside, which may have its row already
    kind, _, number = first.rows.root.partition(":")
    if kind != "new" or not any(refers(s, number) for a in second.assigned for s in a.sources):
        return ""
    return f"a row of {first.dataset} without its {second.dataset}"


def amends(first: Effect, second: Effect) -> str:
    """A row is inserted, and what already belongs to it is changed or taken away."""
    if second.verb not in ("update", "delete") or first.verb != "insert" or first.dataset == second.dataset:
        return ""
    if first.rows is None or first.rows.root.partition(":")[2] not in owners(second):
        return ""
    if is_trail(first.dataset) or is_trail(second.dataset) or max(len(first.chain), len(second.chain)) > NEAR:
        return ""
    return f"a row of {first.dataset} without what was to be done to its {second.dataset}"


def owners(write: Effect) -> frozenset[str]:
    """The numbers of the new rows by whose keys a write finds the rows that refer to them."""
    predicates = write.predicates
    return frozenset(
        str(s.number)
        for p in predicates
        if p.operator == "=" and p.column.endswith("_id")
        for s in p.sources
        if s.kind == "new"
    )


def refers(source: Source, number: str) -> bool:
    return source.kind in ("new", "read") and str(source.number) == number
