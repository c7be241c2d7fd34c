"""`outbox-relay-defect`: a relay marks rows before they are sent, sends them in no order, or is not alone."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.derivation import OUTBOX
from datakeel.rules.facts.lookups import polls
from datakeel.rules.facts.relays import Copied, alone, copied, marking, settled
from datakeel.rules.rule import Hit, rule


@rule(Severity.CRITICAL)
def outbox_relay_defect(operation: Operation, system: System) -> Iterator[Hit]:
    """A relay marks rows before they are sent, sends them in no order, or two relays send the same rows."""
    for one in copied(operation, system):
        if polls(operation, system) and not alone(operation, one.place, one.insert):
            yield twice(one)
            return
    for read in operation.of(Kind.READ):
        if read.selection is None or read.selection.cardinality == Cardinality.ONE or not OUTBOX.search(read.dataset):
            continue
        later = (e for e in operation.effects if e.number > read.number and not operation.exclusive(read, e))
        publish = next((e for e in later if sends(e, read)), None)
        if publish is None or not operation.meet_here(read, publish):
            continue
        mark = marking(operation, read)
        if mark is not None and mark.number < publish.number and settled(operation, mark, publish):
            yield early(read, mark, publish)
        elif mark is not None and unconfirmed(operation, publish, mark):
            yield unasked(read, mark, publish)
        elif not alone(operation, read, publish):
            yield unlocked(read, publish)
        elif unordered(read):
            yield in_any_order(read, publish)


def unconfirmed(operation: Operation, publish: Effect, mark: Effect) -> bool:
    """Whether a client of Kafka has only taken the messages into its buffer when the rows are marked: nothing waits for
    the broker in between, or looks at what became of them."""
    buffered = publish.kind == Kind.PUBLISH and publish.technology == "kafka" and publish.store == StoreKind.LOG
    if not buffered or publish.result_used or publish.awaited or operation.is_async or mark.number < publish.number:
        return False
    return not any(publish.number < e.number < mark.number for e in operation.of(Kind.WAIT))


def sends(effect: Effect, read: Effect) -> bool:
    """Whether an effect lets a message go: through a broker, or as a call of another service with what was read."""
    if effect.kind == Kind.PUBLISH:
        return True
    given = effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE and effect.verb != "hand-over"
    return given and any(read.gave(s) for s in effect.payload)


def unordered(read: Effect) -> bool:
    """Whether the first of the rows are taken, and nothing says which are the first: the statement is in view, and a
    model has no order of its own."""
    selection = read.selection
    return bool(read.text) and selection is not None and selection.limit is not None and not selection.order


def twice(one: Copied) -> Hit:
    """Two relays that stand at the same place."""
    source, to, place = one.read.dataset, one.insert.dataset, one.place.dataset
    return Hit(
        place=one.place.chain[0] if one.place.chain else one.place.place,
        message=f"two relays copy the same rows of {source} into {to}: nobody locks the row of {place}",
        story=(
            Step(one.place.place, f"relay A reads in {place} how far it is"),
            Step(one.place.place, "relay B (a second replica, or the old one at a deployment) reads the same"),
            Step(one.insert.place, f"both copy the rows behind that into {to}"),
            Step(one.moved.place, f"both set {place} to the same place: each row stands in {to} twice"),
        ),
        rests_on=(one.place, one.read, one.insert, one.moved),
        doubts=1,
        datasets=(source, to),
        fix=Fix(
            title="lock the place while rows are copied",
            text=f"SELECT … FROM {place} FOR UPDATE SKIP LOCKED  -- in the transaction that copies and moves it",
        ),
    )


def early(read: Effect, mark: Effect, publish: Effect) -> Hit:
    return marked_too_soon(
        read,
        mark,
        publish,
        "before they are sent",
        story=(
            Step(read.place, "the relay reads what is to be sent"),
            Step(mark.place, "it marks the rows as sent, and that is committed"),
            Step(publish.place, "it dies here: the messages are never sent, and no later run finds them"),
        ),
        fix=Fix(
            title="send first, and mark after the broker has confirmed",
            text="publish(row); then mark it sent, in one transaction that holds its lock",
        ),
    )


def unasked(read: Effect, mark: Effect, publish: Effect) -> Hit:
    return marked_too_soon(
        read,
        mark,
        publish,
        "while they wait in the client's buffer",
        story=(
            Step(publish.place, "the client takes the messages into its buffer, and sends them later"),
            Step(mark.place, "the rows are marked as sent, and that is committed"),
            Step(publish.place, "the broker refuses them, or the process dies: no later run finds the rows"),
        ),
        fix=Fix(
            title="wait until the broker has them all, and mark only then",
            text="if producer.flush(30) or failed:\n    raise RuntimeError(…)  # nothing is marked",
        ),
    )


def marked_too_soon(read: Effect, mark: Effect, publish: Effect, when: str, story: tuple[Step, ...], fix: Fix) -> Hit:
    return Hit(
        place=mark.chain[0] if mark.chain else mark.place,
        message=f"messages of {read.dataset} are lost: they are marked as sent {when}",
        story=story,
        rests_on=(read, mark, publish),
        datasets=(read.dataset,),
        fix=fix,
    )


def next_rows(read: Effect) -> str:
    """How a relay takes the next rows: in their order, and no row that another has."""
    return f"SELECT … FROM {read.dataset} ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED"


def unlocked(read: Effect, publish: Effect) -> Hit:
    return Hit(
        place=read.chain[0] if read.chain else read.place,
        message=f"two relays send the same rows of {read.dataset}: nobody locks them",
        story=(
            Step(read.place, "relay A reads the next rows"),
            Step(read.place, "relay B (a second replica, or the old one at a deployment) reads the same rows"),
            Step(publish.place, "both send them: each message goes out twice, and out of order"),
        ),
        rests_on=(read, publish),
        doubts=1,
        datasets=(read.dataset,),
        fix=Fix(
            title="lock the rows while they are sent",
            text=next_rows(read),
        ),
    )


def in_any_order(read: Effect, publish: Effect) -> Hit:
    return Hit(
        place=read.chain[0] if read.chain else read.place,
        message=f"messages of {read.dataset} leave in any order: the database gives the rows as it finds them",
        story=(
            Step(read.place, "two messages about one thing are written, one after the other"),
            Step(
                read.place,
                "the relay asks for some rows, and no order: the later one comes first, or in an earlier batch",
            ),
            Step(publish.place, "it is sent first: whoever receives them ends with what was true before"),
        ),
        rests_on=(read, publish),
        doubts=1,
        datasets=(read.dataset,),
        fix=Fix(
            title="send them in the order in which they were written",
            text=next_rows(read),
        ),
    )
