"""`mixed-event-kinds-in-one-table`: events of several kinds stand in one heap, and are asked for kind by kind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect
from datakeel.model.system import System
from datakeel.rules.facts.tables import answered_for, named, stands, words
from datakeel.rules.rule import Hit, rule

KIND = re.compile(r"^(event_?)?(kind|type|name|action|category)$|^event$")
EVENTS = frozenset(words("event events log logs entry entries activity activities audit"))
SEVERAL = 3


@rule(Severity.MINOR)
def mixed_event_kinds_in_one_table(dataset: Dataset, system: System) -> Iterator[Hit]:
    """Kinds of event with different lives share one unpartitioned table that no index tells apart."""
    if not answered_for(dataset) or not EVENTS.intersection(named(dataset)[-1:]) or dataset.bounded:
        return
    if dataset.schema.partitioning is not None or dataset.partitions or not dataset.columns_complete:
        return
    for column in dataset.schema.columns:
        if KIND.match(column.name) and not any(
            column.name in i.reads() or column.name in i.predicate for i in dataset.schema.indexes
        ):
            written = kinds(dataset, column, system)
            asked = by_kind(dataset, column, system)
            if len(written) >= SEVERAL and asked is not None:
                yield hit(dataset, column, written, asked)
            return


def kinds(dataset: Dataset, column: Column, system: System) -> dict[str, Effect]:
    """The kinds that the code inserts, each with one insert of it."""
    found: dict[str, Effect] = {}
    for _, write in system.writers(dataset.name):
        for assigned in write.assigned:
            if write.verb in ("insert", "upsert") and assigned.column == column.name and assigned.how == "constant":
                found.setdefault(assigned.text, write)
    return found


def by_kind(dataset: Dataset, column: Column, system: System) -> Effect | None:
    """A query for the events of some kind."""
    for _, read in system.readers(dataset.name):
        predicates = read.predicates
        if any(dataset.own(p.column) == column.name and p.operator in ("=", "in") for p in predicates):
            return read
    return None


def hit(dataset: Dataset, column: Column, written: dict[str, Effect], asked: Effect) -> Hit:
    place = stands(dataset, column)
    shown = sorted(written.items(), key=lambda item: item[1].place)[:3]
    return Hit(
        place=place,
        message=f"{len(written)} kinds of event share {dataset.name}, which no index on {column.name} tells apart: the "
        "rare kinds are looked for among the frequent ones",
        story=(
            *(Step(e.place, f"{text.removeprefix('const:')} goes into {dataset.name}") for text, e in shown),
            Step(asked.place, f"events of one {column.name} are asked for: all of the table is read"),
            Step(place, "the frequent kind cannot be dropped by age without the others, and fills cache and backup"),
        ),
        rests_on=(asked,),
        doubts=1,
        datasets=(dataset.name,),
        fix=Fix(
            title="an index by kind, or partitions by kind where their lives differ",
            text=f"CREATE INDEX CONCURRENTLY ON {dataset.name} ({column.name}, …);",
        ),
    )
