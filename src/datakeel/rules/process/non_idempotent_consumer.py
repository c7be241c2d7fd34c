"""`non-idempotent-consumer`: a message that is delivered twice has its effect twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Assignment, Effect, Kind, StoreKind
from datakeel.model.operation import Entry, Operation
from datakeel.model.system import System
from datakeel.rules.facts.derivation import OUTBOX
from datakeel.rules.facts.duplicates import told_columns
from datakeel.rules.facts.idempotence import AMOUNT
from datakeel.rules.facts.inbox import deduplicated, unheeded_note
from datakeel.rules.facts.outcomes import always
from datakeel.rules.facts.relays import marking
from datakeel.rules.rule import Hit, rule

KEY = re.compile(r"(^|_)(id|pk|sk|key)$|Id$", re.I)
ONCE = ("pop", "broadcast")  # what is taken out, or sent to whoever listens, never comes again


@rule(Severity.CRITICAL, sure=False)
def non_idempotent_consumer(operation: Operation, system: System) -> Iterator[Hit]:
    """A message that is delivered twice has its effect twice."""
    consumed = (c for c in operation.of(Kind.CONSUME) if not c.chain and c.store != StoreKind.MEMORY)
    consume = next((c for c in consumed if c.verb not in ONCE), None)
    own = [e for e in operation.entries if e.redelivered and e.place == operation.place]
    delivered = consume is not None or any(e.kind == "consumer" for e in own) or batch(operation, own)
    note = unheeded_note(operation, system)
    if not (delivered or note is not None or any(e.kind in ("task", "request") for e in (*own, *asked(operation)))):
        return
    if deduplicated(operation, system):
        return
    for effect in operation.effects:
        again = repeated(effect, system) if delivered else adds(effect)
        if not again or decided(operation, effect):
            continue
        if delivered or any(e.kind == "task" for e in own):
            yield hit(operation, consume, effect)
        elif note is not None and depends(effect) <= depends(note) and operation.meet_here(note, effect):
            yield sent_again(note, effect, Step(note.place, "the message is noted, whether or not it was before"))
        elif (relay := next(relays(operation, system), None)) is not None:
            yield sent_again(relay, effect, Step(relay.place, "a relay sends it, and marks it when it has the answer"))
        else:
            continue
        return


def asked(operation: Operation) -> list[Entry]:
    """The requests that come to the function itself."""
    return [e for e in operation.entries if e.kind == "request" and e.place == operation.place]


def depends(effect: Effect) -> frozenset[tuple[int, str]]:
    """The arms of the branches in which an effect stands, but for those that are always taken."""
    taken = {g.place for g in effect.guards if always(g)}
    return frozenset((s.number, s.arm) for s in effect.scopes if s.kind == "branch" and s.place not in taken)


def relays(operation: Operation, system: System) -> Iterator[Effect]:
    """Calls of the program's own by which a relay sends to this function what waits in a table, until it has an
    answer."""
    for entry in asked(operation):
        for other, call in system.calling(entry.name):
            reads = (r for r in other.of(Kind.READ) if any(s.number == r.number for s in call.payload))
            marks = (m for r in reads if (m := marking(other, r)) is not None)
            if any(m.number > call.number for m in marks):
                yield call


def batch(operation: Operation, own: list[Entry]) -> bool:
    """Whether an event's function goes through a batch of records: of a queue, a stream or a topic, which may come
    again."""
    if not any(e.kind == "event" for e in own):
        return False
    overs = {s.over for e in operation.effects for s in e.scopes if s.kind == "loop" and s.over is not None}
    return any(o.root.startswith("parameter:") and o.path[:1] == ("Records",) for o in overs)


def adds(effect: Effect) -> bool:
    """Whether it changes an amount by so much, rather than to so much."""
    if effect.kind != Kind.WRITE or effect.verb not in ("update", "save", "upsert") or OUTBOX.search(effect.dataset):
        return False
    if effect.store not in (StoreKind.RELATIONAL, StoreKind.DOCUMENT):
        return False
    return any(a.how == "atomic" or from_itself(a) for a in effect.assigned)


def from_itself(assignment: Assignment) -> bool:
    """Whether an amount is computed from what was read of the same column."""
    if assignment.how != "value" or not AMOUNT.search(assignment.column):
        return False
    return any(s.kind == "read" and s.path[-1:] == (assignment.column,) for s in assignment.sources)


def repeated(effect: Effect, system: System) -> bool:
    """Whether the effect adds up when it happens again."""
    if effect.kind == Kind.WRITE and effect.store in (StoreKind.RELATIONAL, StoreKind.DOCUMENT):
        if OUTBOX.search(effect.dataset):
            return False
        return (
            adds(effect)
            or new_each_time(effect)
            or (effect.verb == "insert" and not effect.conflict and not keyed(effect, system))
        )
    if effect.kind == Kind.CALL and effect.store in (StoreKind.REMOTE, StoreKind.MAIL):
        return effect.idempotent == Answer.NO
    return False


def new_each_time(effect: Effect) -> bool:
    """Whether a whole item is put under keys that are drawn each time, and on no condition."""
    if effect.verb != "replace" or effect.technology != "dynamodb" or effect.option("condition") is None:
        return False
    keys = [a for a in effect.assigned if KEY.search(a.column)]
    drawn = all(any(s.kind == "random" for s in a.sources) for a in keys)
    return bool(keys) and drawn and effect.option("condition").value == "None"  # type: ignore[union-attr]


def keyed(effect: Effect, system: System) -> bool:
    """Whether a unique key over what is inserted refuses the second one; an unknown table is taken to have one."""
    dataset = system.dataset(effect.dataset) if effect.dataset else None
    if dataset is None or not dataset.schema.columns:
        return True
    return dataset.schema.unique_within(told_columns(effect)) is not None


def decided(operation: Operation, effect: Effect) -> bool:
    """Whether a read of a record (was it handled already?) decides on the effect."""
    for guard in effect.guards:
        for source in guard.sources if not always(guard) else ():
            read = operation.effect(source.number) if source.number >= 0 else None
            if (
                read is not None
                and read.kind in (Kind.READ, Kind.WRITE)
                and read.store in (StoreKind.RELATIONAL, StoreKind.CACHE, StoreKind.DOCUMENT)
            ):
                return True
    return False


def sent_again(first: Effect, effect: Effect, before: Step) -> Hit:
    return told(
        first,
        effect,
        (
            before,
            Step(effect.place, f"its effect on {effect.dataset} happens"),
            Step(before.place, "the answer is lost, or comes too late: the sender sends the message again"),
            Step(effect.place, f"its effect on {effect.dataset} happens a second time"),
        ),
    )


def hit(operation: Operation, consume: Effect | None, effect: Effect) -> Hit:
    first = consume.place if consume is not None else operation.place
    what = effect.dataset or effect.technology or "the effect"
    return told(
        consume,
        effect,
        (
            Step(first, "a message is delivered"),
            Step(effect.place, f"its effect on {what} happens"),
            Step(
                first,
                "the consumer dies before the broker knows, or the group is rebalanced: the message is delivered again",
            ),
            Step(effect.place, f"its effect on {what} happens a second time"),
        ),
    )


def told(first: Effect | None, effect: Effect, story: tuple[Step, ...]) -> Hit:
    what = effect.dataset or effect.technology or "the effect"
    return Hit(
        place=effect.chain[0] if effect.chain else effect.place,
        message=f"a message that is delivered twice changes {what} twice",
        story=story,
        rests_on=tuple(e for e in (first, effect) if e is not None),
        datasets=(effect.dataset,) if effect.dataset else (),
        fix=Fix(
            title="remember the message's id in the same transaction, and skip what is known",
            text="INSERT INTO processed_messages (id) VALUES (:id) ON CONFLICT DO NOTHING  -- go on "
            "if one was inserted",
        ),
    )
