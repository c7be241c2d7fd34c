"""`dual-write`: one operation writes the same facts to two systems, and a failure between the two leaves them apart."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.derivation import about, outbox_writes, record_writes
from datakeel.rules.rule import Hit, rule

COPIES = (
    StoreKind.SEARCH,
    StoreKind.DOCUMENT,
    StoreKind.KEY_VALUE,
    StoreKind.WIDE_COLUMN,
    StoreKind.GRAPH,
    StoreKind.OBJECT,
)
MESSAGES = (StoreKind.LOG, StoreKind.QUEUE)
REPEATS = ("task", "notify", "deferred")  # a worker's own jobs: see publish-after-commit


@rule(Severity.CRITICAL)
def dual_write(operation: Operation) -> Iterator[Hit]:
    """One operation writes the same facts to two systems, and a failure between the two leaves them apart."""
    if outbox_writes(operation):
        return
    spoken: set[tuple[str, str]] = set()
    for record in record_writes(operation):
        for copy in copies(operation, record):
            key = (str(copy.place), record.dataset)
            if (
                key not in spoken
                and operation.meet_here(record, copy)
                and about(record, (*copy.payload, *copy.key_sources))
            ):
                spoken.add(key)
                yield hit(record, copy)


def copies(operation: Operation, record: Effect) -> Iterator[Effect]:
    """Writes to another kind of store, and messages, on one path with the record's write."""
    for effect in operation.of(Kind.WRITE, Kind.PUBLISH):
        if effect.store == record.store or operation.exclusive(record, effect) or effect.verb in REPEATS:
            continue
        if effect.kind == Kind.WRITE and effect.store in COPIES and effect.verb != "delete":
            yield effect
        if effect.kind == Kind.PUBLISH and effect.store in MESSAGES:
            yield effect


def hit(record: Effect, copy: Effect) -> Hit:
    where = copy.dataset or copy.technology or copy.store.value
    what = record.dataset or "the row"
    first, second = (record, copy) if record.number < copy.number else (copy, record)
    return Hit(
        place=copy.chain[0] if copy.chain else copy.place,
        message=f"{what} and {where} are written one after the other: when the second fails, they differ for good",
        story=(
            Step(first.place, f"{what if first is record else where} is written"),
            Step(second.place, f"the process dies, or {where if second is copy else what} cannot be reached"),
            Step(second.place, f"{where} and {what} now say different things, and nothing repairs it"),
        ),
        rests_on=(record, copy),
        datasets=tuple(d for d in (record.dataset, copy.dataset) if d),
        fix=Fix(
            title=f"write an outbox row with {what}, in its transaction, and let a relay bring it to {where}",
            text=f"INSERT INTO outbox (topic, key, payload) VALUES ('{where}', …)  -- with {what}",
        ),
    )
