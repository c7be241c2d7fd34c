"""`integer-key-overflow`: a key of 32 bits, on a table that gets a row for whatever happens, runs out of numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect, Guard
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.event_store import event_log
from datakeel.rules.facts.growth import HAPPENS
from datakeel.rules.facts.tables import NARROW, answered_for, named, stands, words
from datakeel.rules.rule import Hit, rule

ENDLESS = frozenset(
    words(
        "log logs logentry logrecord audit message messages event events metric metrics reading readings measurement "
        "measurements hit hits click clicks impression impressions visit visits view views ping pings sample "
        "samples trace traces job jobs delivery deliveries datapoint datapoints heartbeat heartbeats outbox inbox"
    )
)
OFTEN = ("request", "consumer", "event", "task")
MACHINES = ("consumer", "event")
SHORT = re.compile(r"^(smallint|smallserial|int2|serial2)\b")
WIDE = re.compile(r"^(bigint|bigserial|int8|serial8)\b")


@rule(Severity.MAJOR)
def integer_key_overflow(dataset: Dataset, system: System) -> Iterator[Hit]:
    """A key of 32 bits on a table that grows without bound runs out of numbers."""
    if not answered_for(dataset) or dataset.technology == "sqlite":
        return
    yield from (narrower(dataset, c, wide) for c in dataset.schema.columns if (wide := wider_key(dataset, c, system)))
    key = counted_key(dataset)
    if key is None or dataset.bounded:
        return
    if SHORT.match(key.type) and (row := of_people(dataset, system)) is not None:
        yield endless(dataset, key, row, 0)  # of 16 bits: what people do is enough
        return
    if not ENDLESS.intersection(named(dataset)[-1:]):
        return
    inserted = [(o, e) for o, e in system.writers(dataset.name) if e.verb == "insert" and often(o) and not only(o, e)]
    if inserted:
        # what people do comes to little, even in years: a click, a message; machines make rows without end, and a log
        # of events holds whatever happens to anything
        many = event_log(dataset) or any(by_machine(o) for o, _ in inserted)
        yield endless(dataset, key, inserted[0][1], 1 if many else 2)


def of_people(dataset: Dataset, system: System) -> Effect | None:
    """The write by which a table of what happens gets its rows, however rarely."""
    made = (e for o, e in system.writers(dataset.name) if e.verb in ("insert", "get-or-create") and often(o))
    return next(made, None) if HAPPENS.search(dataset.name) else None


def counted_key(dataset: Dataset) -> Column | None:
    """The one column of its key, where the database counts it up in 32 bits or fewer and it refers to nothing."""
    names = dataset.schema.primary_key()
    column = dataset.schema.column(names[0]) if len(names) == 1 else None
    if column is None or column.references or not NARROW.match(column.type):
        return None
    implied = bool(dataset.model) and column.place is None  # a framework's version decides how wide it is
    return None if implied else column


def often(operation: Operation) -> bool:
    return operation.role == Role.PRODUCT and any(e.kind in OFTEN for e in operation.entries)


def by_machine(operation: Operation) -> bool:
    return any(e.kind in MACHINES for e in operation.entries)


def only(operation: Operation, insert: Effect) -> bool:
    """Whether it makes a table's only row: where a look at the whole table has found none."""
    asked = (operation.effect(s.number) for g in insert.guards if empty(g) for s in g.sources if s.kind == "read")
    return any(
        e is not None and e.dataset == insert.dataset and e.selection is not None and not e.selection.predicates
        for e in asked
    )


def empty(guard: Guard) -> bool:
    return (guard.test, guard.polarity) in (("truth", False), ("exists", False), ("is-none", True))


def wider_key(dataset: Dataset, column: Column, system: System) -> Column | None:
    """The key of 64 bits that a column of 32 refers to."""
    if not column.references or not NARROW.match(column.type):
        return None
    table, _, name = column.references.rpartition(".")
    parent = system.dataset(table, stands(dataset).path)
    key = parent.schema.column(name) if parent is not None else None
    return key if key is not None and WIDE.match(key.type) else None


def endless(dataset: Dataset, key: Column, insert: Effect, doubts: int) -> Hit:
    return Hit(
        place=stands(dataset, key),
        message=f"{dataset.name}.{key.name} ends at {limit(key):,}, and it gets a row for whatever happens: "
        "from that day on every insert fails",
        story=(
            Step(stands(dataset, key), f"the key is an {key.type}: it counts to {limit(key):,}"),
            Step(
                insert.place,
                "each request or message inserts a row; those rolled back or deleted use up numbers too",
            ),
            Step(
                stands(dataset, key),
                "the counter is at its end: inserts fail, and widening the key takes the table off line",
            ),
        ),
        rests_on=(insert,),
        doubts=doubts,
        datasets=(dataset.name,),
        fix=Fix(title="make the key 64 bits wide while the table is small", text=widened(dataset, key)),
    )


def narrower(dataset: Dataset, column: Column, key: Column) -> Hit:
    return Hit(
        place=stands(dataset, column),
        message=f"{dataset.name}.{column.name} holds 32 bits of a key of 64 ({column.references}): rows beyond "
        f"{limit(column):,} cannot be referred to",
        story=(
            Step(key.place or stands(dataset), f"{column.references} is a {key.type}"),
            Step(stands(dataset, column), f"{column.name}, which refers to it, is an {column.type}"),
            Step(
                stands(dataset, column),
                "a row whose key does not fit is inserted, and nothing can be attached to it",
            ),
        ),
        doubts=int(dataset.origin) + (0 if grows(column) else 2),
        datasets=(dataset.name,),
        fix=Fix(title="give the reference the key's type", text=widened(dataset, column)),
    )


def grows(column: Column) -> bool:
    """Whether what a column refers to is something that happens: of what somebody enters, no key comes near the end."""
    return HAPPENS.search(column.references.rpartition(".")[0]) is not None


def limit(column: Column) -> int:
    return 2**15 - 1 if column.type.startswith("small") else 2**31 - 1


def widened(dataset: Dataset, column: Column) -> str:
    return f"ALTER TABLE {dataset.name} ALTER COLUMN {column.name} TYPE bigint;"
