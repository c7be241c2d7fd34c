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
from datakeel.rules.facts.inbox import deduplicated
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
    if not (delivered or any(e.kind == "task" for e in own)) or deduplicated(operation, system):
        return
    for effect in operation.effects:
        again = repeated(effect, system) if delivered else adds(effect)
        if again and not decided(operation, effect):
            yield hit(operation, consume, effect)
            return


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
        for source in guard.sources:
            read = operation.effect(source.number) if source.number >= 0 else None
            if (
                read is not None
                and read.kind in (Kind.READ, Kind.WRITE)
                and read.store in (StoreKind.RELATIONAL, StoreKind.CACHE, StoreKind.DOCUMENT)
            ):
                return True
    return False


def hit(operation: Operation, consume: Effect | None, effect: Effect) -> Hit:
    first = consume.place if consume is not None else operation.place
    what = effect.dataset or effect.technology or "the effect"
    return Hit(
        place=effect.chain[0] if effect.chain else effect.place,
        message=f"a message that is delivered twice changes {what} twice",
        story=(
            Step(first, "a message is delivered"),
            Step(effect.place, f"its effect on {what} happens"),
            Step(
                first,
                "the consumer dies before the broker knows, or the group is rebalanced: the message is delivered again",
            ),
            Step(effect.place, f"its effect on {what} happens a second time"),
        ),
        rests_on=tuple(e for e in (consume, effect) if e is not None),
        datasets=(effect.dataset,) if effect.dataset else (),
        fix=Fix(
            title="remember the message's id in the same transaction, and skip what is known",
            text="INSERT INTO processed_messages (id) VALUES (:id) ON CONFLICT DO NOTHING  -- go on "
            "if one was inserted",
        ),
    )
