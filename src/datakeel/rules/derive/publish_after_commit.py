"""`publish-after-commit`: a message leaves after the commit, and nothing durable would send it again."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.derivation import (
    about,
    committed_before,
    marked_after,
    outbox_writes,
    record_writes,
    run_again,
)
from datakeel.rules.facts.failures import let_go
from datakeel.rules.facts.losable import kept_nowhere
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def publish_after_commit(operation: Operation, system: System) -> Iterator[Hit]:
    """A message leaves after the commit, and nothing durable would send it again."""
    messages = [p for p in operation.of(Kind.PUBLISH) if p.store in (StoreKind.LOG, StoreKind.QUEUE)]
    if not messages or outbox_writes(operation) or run_again(operation):
        return
    spoken: set[str] = set()
    for publish in messages:
        if str(publish.place) in spoken or losable(system, publish) or marked_after(operation, publish):
            continue
        record = lost_with(operation, publish)
        if record is not None:
            spoken.add(str(publish.place))
            yield hit(record, publish, best_effort=let_go(operation, publish, system))


def lost_with(operation: Operation, publish: Effect) -> Effect | None:
    """The committed write that the message tells of."""
    for record in record_writes(operation):
        carries = about(record, (*publish.payload, *publish.key_sources))
        if carries and committed_before(operation, record, publish) and operation.meet_here(record, publish):
            return record
    return None


def losable(system: System, publish: Effect) -> bool:
    dataset = system.dataset_of(publish)
    return dataset is not None and dataset.losable


def hit(record: Effect, publish: Effect, *, best_effort: bool) -> Hit:
    what = f"the message to {publish.dataset}" if publish.dataset else "the message"
    row = record.dataset or "the row"
    job = publish.verb == "task"
    return Hit(
        place=publish.chain[0] if publish.chain else publish.place,
        message=f"{what} is lost when the process dies right after {row} is committed",
        story=(
            Step(record.place, f"{row} is written and committed"),
            Step(publish.place, "the process is stopped, or the broker cannot be reached, before the message is out"),
            Step(publish.place, "the row stands, nobody was told, and nothing will tell them later"),
        ),
        rests_on=(record, publish),
        doubts=2 if job or best_effort or kept_nowhere(publish) or not record.dataset else 0,
        severity=Severity.SUGGESTION if job else None,
        datasets=tuple(d for d in (record.dataset, publish.dataset) if d),
        fix=Fix(
            title="write the message into an outbox table in the same transaction; a relay sends it",
            text=f"INSERT INTO outbox (topic, key, payload) VALUES ('{publish.dataset or 'topic'}', …)",
        ),
    )
