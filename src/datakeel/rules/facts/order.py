"""In which order rows are locked, and whether it is the same in every run."""

from __future__ import annotations

from datakeel.model.effect import Cardinality, Effect, Kind, Predicate, Rows, Scope, Source
from datakeel.model.operation import Operation
from datakeel.model.system import System

NEAR = 3  # calls between the loop and the lock
DEEP = 3  # rows that lead from the loop's element to the one that is locked


def loop_unsorted(lock: Effect, operation: Operation) -> Scope | None:
    """The loop inside the lock's transaction that locks one row after the other, where nothing sorts what it goes
    through."""
    transaction = operation.transaction_of(lock)
    begun = transaction.number if transaction is not None else 0
    by_itself = transaction is not None and transaction.kind == "session" and lock.kind == Kind.READ
    for scope in lock.scopes:
        if scope.kind != "loop" or (scope.number < begun and not by_itself):
            continue
        ended = ended_each_turn(lock, scope, operation)
        if ended and scope.number < begun:  # begun by the first turn's first statement, and ended by its last
            continue
        return None if scope.text in ("sorted", "ordered") or ended else scope
    return None


def ended_each_turn(lock: Effect, loop: Scope, operation: Operation) -> bool:
    """Whether each turn commits what it locked, so that no turn waits with another's rows in hand."""
    return any(
        end.number > lock.number
        and end.transaction == lock.transaction
        and loop in end.scopes
        and all(s in lock.scopes for s in end.scopes)
        for end in operation.of(Kind.COMMIT, Kind.ROLLBACK)
    )


def locked_at_once(lock: Effect, operation: Operation, system: System) -> bool:
    """Whether one statement has locked the row already, or the row that it belongs to."""
    held = [e for n in lock.locks if (e := operation.effect(n)) is not None and e.selection is not None]
    if any(lock.dataset in (e.dataset, *e.selection.joins) for e in held if e.selection is not None):
        return True
    asked_for = [s for p in lock.predicates for s in asked(p)]
    return any(owned(s, e, system) for s in asked_for for e in held) or any(
        lock.rows is not None and lock.rows.root == f"read:{e.number}" and refers(lock.dataset, e.dataset, system)
        for e in held
    )


def owned(source: Source, parent: Effect, system: System) -> bool:
    """Whether a value is the key of the rows that a statement has locked."""
    dataset = system.dataset_of(parent)
    key = dataset.schema.primary_key() if dataset is not None else ()
    return parent.gave(source) and source.path == key


def chosen_by_loop(lock: Effect, operation: Operation) -> bool:
    """Whether each turn locks a row of its own that belongs to others too: found by what the loop's element says, in
    another dataset than the one that is gone through."""
    if lock.selection is None or len(lock.chain) > NEAR:
        return False
    keys = [s for p in lock.selection.predicates for s in asked(p)]
    return any(varies(s, lock, operation) or of_argument(s, lock) for s in keys)


def of_one_owner(lock: Effect, operation: Operation) -> bool:
    """Whether all rows that the loop locks belong to one thing that it does not change: they are found by its key too,
    so another run meets them only for the same one, and then goes through the same rows."""
    asked_for = [p for p in lock.predicates if p.operator == "="]
    fixed = [
        p
        for p in asked_for
        if asked(p) and not any(varies(s, lock, operation) or of_argument(s, lock) for s in asked(p))
    ]
    return 0 < len(fixed) < len(asked_for)


def kept_to_the_end(lock: Effect, operation: Operation) -> bool:
    """Whether a unit of work keeps the loop's changes until it is over, and sends them then, in the order of their
    keys."""
    loops = {s.number for s in lock.scopes if s.kind == "loop"}
    return gathered(lock) and not any(
        (e.verb == "flush" or (e.blocking and e.store == lock.store))
        and e.connection == lock.connection
        and any(s.number in loops for s in e.scopes)
        for e in operation.effects
    )


def gathered(lock: Effect) -> bool:
    """Whether a change is not sent where it stands, but by its unit of work."""
    return lock.kind == Kind.WRITE and not (lock.blocking or lock.awaited)


def of_argument(source: Source, lock: Effect) -> bool:
    """Whether a value is, or is held by, an element of a list that the caller gives, which a loop goes through."""
    root = f"parameter:{source.name}"
    loops = (s.over for s in lock.scopes if s.kind == "loop" and s.over is not None)
    return source.kind == "parameter" and any(over.root == root and not over.path for over in loops)


def sorted_by_caller(lock: Effect, system: System) -> bool:
    """Whether one of those that call the function hands it a list in order."""
    return any(
        e.place == lock.place
        and e.chain
        and any(s.kind == "loop" and s.text in ("sorted", "ordered") for s in e.scopes)
        for o in system.operations
        for e in o.of(lock.kind)
    )


def varies(source: Source, lock: Effect, operation: Operation, depth: int = 0) -> bool:
    """Whether a value is another one in each turn: a column of the rows that are gone through, other than the one by
    which all of them were found, or of a row that such a column leads to."""
    if source.kind == "loop":
        return True
    read = operation.effect(source.number) if source.kind == "read" and source.path else None
    if read is None or read.selection is None or depth > DEEP or gone_through(source, lock, operation):
        return False
    if read.selection.cardinality == Cardinality.ONE:
        return any(varies(s, lock, operation, depth + 1) for p in read.selection.predicates for s in asked(p))
    if read.dataset == lock.dataset or read.selection.order:
        return False
    return all(p.column != source.path[0] for p in read.selection.predicates)


def gone_through(source: Source, lock: Effect, operation: Operation) -> bool:
    """Whether a value is of the very rows that the loop goes through: those of a relation (``order.lines``)."""
    rows = Rows(f"read:{source.number}", source.path[:-1])
    return bool(rows.path) and any(
        e.rows == rows
        and e.dataset == lock.dataset
        and e.selection is not None
        and e.selection.cardinality == Cardinality.MANY
        for e in operation.of(Kind.READ)
    )


def asked(predicate: Predicate) -> tuple[Source, ...]:
    """What a predicate compares with; where only its canonical value is known (``read:7.stock_id``), that."""
    kind, _, rest = predicate.value.partition(":")
    number, _, path = rest.partition(".")
    if predicate.sources or kind != "read" or not number.isdigit():
        return predicate.sources
    return (Source("read", int(number), path=tuple(path.split("."))),)


def parent_first(first: str, second: str, system: System) -> bool | None:
    """Whether the row that is locked first is the one that the second refers to; None where neither refers to the
    other."""
    if refers(second, first, system):
        return True
    return False if refers(first, second, system) else None


def refers(child: str, parent: str, system: System) -> bool:
    dataset = system.dataset(child)
    return dataset is not None and any(c.references.rpartition(".")[0] == parent for c in dataset.schema.columns)
