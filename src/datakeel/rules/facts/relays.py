"""How a relay sends what waits in an outbox: alone, and marked only when it is sent."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.model.certainty import Answer
from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.derivation import MARK, OUTBOX, together
from datakeel.rules.facts.event_store import event_log
from datakeel.rules.facts.guards import outer_guard, single_runner
from datakeel.rules.facts.survey import Survey


def alone(operation: Operation, read: Effect, publish: Effect) -> bool:
    """Whether no second relay reads the rows while this one sends them."""
    locked = (read.selection is not None and read.selection.lock) or read.locks or publish.locks
    taken = any(e.number < read.number and not operation.exclusive(e, read) for e in operation.of(Kind.LOCK))
    return bool(locked) or taken or single_runner(operation) or outer_guard(operation) == Answer.YES


def marking(operation: Operation, read: Effect) -> Effect | None:
    """What takes the rows out of the outbox: a delete, or a column that says so."""
    for write in operation.of(Kind.WRITE):
        if write.dataset == read.dataset and (
            write.verb == "delete" or any(MARK.search(a.column) for a in write.assigned)
        ):
            return write
    return None


def settled(operation: Operation, mark: Effect, publish: Effect) -> bool:
    """Whether the mark is committed before the message leaves."""
    if not together(operation, mark, publish):
        return True
    return any(c.number > mark.number and c.number < publish.number for c in operation.of(Kind.COMMIT))


def relayed(survey: Survey) -> dict[str, tuple[Operation, Effect]]:
    """The outboxes that something empties: reads them, sends what it read, and marks that or deletes it; each with the
    innermost function that does all of it."""
    found: dict[str, tuple[Operation, Effect]] = {}
    for operation in survey.operations:
        for read in operation.of(Kind.READ):
            if not OUTBOX.search(read.dataset) or read.selection is None or read.dataset in found:
                continue
            if read.selection.cardinality == Cardinality.ONE or marking(operation, read) is None:
                continue
            if any(leaves(e) and e.number > read.number for e in operation.of(Kind.PUBLISH, Kind.CALL)):
                found[read.dataset] = (operation, read)
    return found


class Forwarded(Struct, frozen=True, gc=False):
    """Rows of a table that a loop sends to another service, and marks then: the read of those that wait, the call that
    takes what was read, the mark."""

    read: Effect
    call: Effect
    mark: Effect


def forwarded(operation: Operation) -> Iterator[Forwarded]:
    """What waits in tables, by a column that says so, until it was sent in a call; in the innermost function that does
    all of it, again and again."""
    for call in operation.of(Kind.CALL):
        if call.store not in (StoreKind.REMOTE, StoreKind.MAIL) or call.verb == "hand-over" or not again(call):
            continue
        for read in operation.of(Kind.READ):
            if read.number < call.number and given(call, read) and (states := waiting(read)):
                marks = (w for w in operation.of(Kind.WRITE) if w.dataset == read.dataset and w.number > call.number)
                mark = next((w for w in marks if states & {a.column for a in w.assigned}), None)
                if mark is not None and operation.meet_here(read, call):
                    yield Forwarded(read, call, mark)


class Copied(Struct, frozen=True, gc=False):
    """What a relay copies on into another table from where it stands: the read of its place, that of the messages
    behind it, the insert, and the write by which the place moves on."""

    place: Effect
    read: Effect
    insert: Effect
    moved: Effect


def copied(operation: Operation, system: System) -> Iterator[Copied]:
    """What is copied on from an outbox or a log of events, in the innermost function that does all of it."""
    ranged = [r for r in operation.of(Kind.READ) if any(p.operator in (">", ">=") for p in r.predicates)]
    for place in operation.of(Kind.READ) if ranged else ():
        moved = next(moves(operation, place), None)
        for read in (r for r in ranged if behind(r, place)) if moved is not None else ():
            source = OUTBOX.search(read.dataset) or event_log(system.dataset_of(read))
            if not source or not operation.meet_here(place, read):
                continue
            others = (place.dataset, read.dataset)
            inserts = (w for w in operation.of(Kind.WRITE) if w.verb == "insert" and w.dataset not in others)
            insert = next((w for w in inserts if w.number > place.number and not w.conflict), None)
            if insert is not None and moved is not None:
                yield Copied(place, read, insert, moved)


def moves(operation: Operation, place: Effect) -> Iterator[Effect]:
    """The updates, after a place was read, of the table that keeps it; none that asks whether it is still there."""
    for write in operation.of(Kind.WRITE):
        same = write.dataset == place.dataset and write.verb in ("update", "save") and write.number > place.number
        if same and not {a.column for a in write.assigned} & {p.column for p in write.predicates}:
            yield write


def behind(read: Effect, place: Effect) -> bool:
    """Whether a read takes what comes after a place that was read before."""
    return any(p.operator in (">", ">=") and any(place.gave(s) for s in p.sources) for p in read.predicates)


def again(effect: Effect) -> bool:
    return any(s.kind == "loop" and s.unbounded for s in effect.scopes)


def given(call: Effect, read: Effect) -> bool:
    return any(read.gave(s) for s in call.payload)


def waiting(read: Effect) -> frozenset[str]:
    """The columns by which a read finds the rows of which something has yet to be done; none where it asks for more (a
    time that has come, so many attempts), or not all of it is known."""
    chosen = read.selection
    if read.store != StoreKind.RELATIONAL or chosen is None or not chosen.complete or not chosen.predicates:
        return frozenset()
    states = [p for p in chosen.predicates if p.operator == "is-null" or p.value.startswith("const:")]
    return frozenset(p.column for p in states) if len(states) == len(chosen.predicates) else frozenset()


def leaves(effect: Effect) -> bool:
    """Whether an effect sends something to another process."""
    return effect.store in (StoreKind.LOG, StoreKind.QUEUE, StoreKind.REMOTE)
