"""What does harm when it is done twice: another row, another message, another charge, another amount."""

from __future__ import annotations

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Guard, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.decisions import deciding_reads, says_absent
from datakeel.rules.facts.duplicates import told_columns, violation_handled
from datakeel.rules.facts.trails import is_trail

NEAR = 3  # calls between the function that tests and what follows from it
ADDS = ("insert", "increment", "append", "push")


def done_twice(operation: Operation, write: Effect, guard: Guard, system: System) -> Effect | None:
    """An effect under the same condition as the write that a second run would repeat, to some harm. Where a key refuses
    the second one's row, its transaction ends there, and the write is undone with it."""
    for effect in operation.effects:
        if effect.number == write.number or operation.exclusive(effect, write) or guard not in effect.guards:
            continue
        if len(effect.chain) > NEAR or not repeats(effect) or kept_again(effect) or once(operation, effect):
            continue
        if not refused(effect, system):
            return effect
        if operation.same_transaction(effect, write) and not violation_handled(operation, effect):
            return None
    return None


def refused(effect: Effect, system: System) -> bool:
    """Whether a key refuses the row that a second run of one input would insert."""
    dataset = system.dataset_of(effect) if effect.verb == "insert" else None
    if dataset is None:
        return False
    alike = told_columns(effect)
    return (
        dataset.unique_within(alike, alike - {a.column for a in effect.assigned if a.text == "const:None"}) is not None
    )


def once(operation: Operation, effect: Effect) -> bool:
    """Whether an insert happens only where the same is not there yet."""
    asked = deciding_reads(operation, effect) if effect.verb == "insert" else ()
    return any(read.dataset == effect.dataset and says_absent(guard, read) for guard, read in asked)


def kept_again(effect: Effect) -> bool:
    """Whether an insert may be of a row that is there already: an object from outside, put into a session again."""
    return effect.verb == "insert" and effect.rows is not None and effect.rows.root.startswith(("parameter:", "read:"))


def repeats(effect: Effect) -> bool:
    """Whether doing it again adds something: a row, a message, a charge, an amount."""
    if effect.idempotent == Answer.YES or effect.conflict:
        return False
    if effect.kind == Kind.WRITE:
        adds = effect.verb in ADDS or any(a.how == "atomic" and a.sources for a in effect.assigned)
        known = bool(effect.dataset) and not is_trail(effect.dataset)
        return adds and known and effect.store in (StoreKind.RELATIONAL, StoreKind.DOCUMENT)
    if effect.kind == Kind.PUBLISH:
        return True
    if effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE:
        return effect.idempotent == Answer.NO
    return effect.kind == Kind.CALL and effect.store == StoreKind.MAIL
