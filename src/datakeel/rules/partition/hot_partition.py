"""`hot-partition`: nearly all rows or messages of a moment have the same partition key, and one node does all the
work."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.place import NOWHERE
from datakeel.model.system import System
from datakeel.rules.facts.clocks import reading
from datakeel.rules.rule import Hit, rule

DAYS = re.compile(r"date|timestamp|time\b")
FEW = re.compile(r"^bool|^enum")
FEW_NAMES = re.compile(
    r"(^|_)(status|state|type|kind|country|region|day|date|month|year|level|category|gender|is_\w+)$", re.I
)


@rule(Severity.MAJOR)
def hot_partition(system: System) -> Iterator[Hit]:
    """Nearly all rows or messages of a moment have the same partition key, and one node does all the work."""
    for operation in system.operations:
        yield from sent(operation)
    for dataset in system.datasets:
        yield from stored(dataset)


def sent(operation: Operation) -> Iterator[Hit]:
    """Messages whose key is a constant, or the time."""
    for publish in operation.of(Kind.PUBLISH, Kind.WRITE):
        if publish.chain or publish.store not in (StoreKind.LOG, StoreKind.WIDE_COLUMN) or publish.key is None:
            continue
        what = poor_key(publish)
        if what:
            yield hit(operation, publish, what)


def poor_key(publish: Effect) -> str:
    """What is wrong with a message's key: by it alone the partition is chosen."""
    if reading(publish.key_sources):
        return "the time of day"
    if not publish.key_sources and constant(publish.key or ""):
        return "the same for all"
    return ""


def constant(key: str) -> bool:
    """Whether a key's text is a literal: no hole, no reference to a value."""
    return (
        bool(key)
        and "\ufffc" not in key
        and not re.match(r"(parameter|read|global|result|new|loop|element|clock)[:.]", key)
    )


def stored(dataset: Dataset) -> Iterator[Hit]:
    """Tables that are spread by a date, a flag or a status alone."""
    partitioning = dataset.schema.partitioning
    if partitioning is None or partitioning.kind not in ("hash", "key") or len(partitioning.columns) != 1:
        return
    name = partitioning.columns[0]
    column = dataset.schema.column(name)
    if column is None or not (DAYS.search(column.type) or FEW.search(column.type) or FEW_NAMES.search(name)):
        return
    place = dataset.place or column.place or NOWHERE
    message = f"{dataset.name} is spread by {name} alone: all rows of a moment go to one node"
    yield Hit(
        place=place,
        message=message,
        story=(
            Step(place, message),
            Step(place, "that node is full or slow while the others are idle; more nodes do not help"),
        ),
        datasets=(dataset.name,),
        fix=Fix(
            title="put a column of many values in front, or a bucket beside it", text=f"PRIMARY KEY ((id, {name}), …)"
        ),
    )


def hit(operation: Operation, publish: Effect, what: str) -> Hit:
    topic = publish.dataset or "the stream"
    return Hit(
        place=publish.place,
        symbol=operation.symbol,
        message=f"the key of messages to {topic} is {what}: one partition, and one consumer, gets them all",
        story=(
            Step(publish.place, f"every message of the moment has the same key: {what}"),
            Step(publish.place, "all of them go to one partition; its broker and its one consumer fall behind"),
            Step(publish.place, "more partitions and more consumers do not help: they stay idle"),
        ),
        rests_on=(publish,),
        datasets=(publish.dataset,) if publish.dataset else (),
        fix=Fix(title="take the entity's id as the key", text="key=str(order.id)"),
    )
