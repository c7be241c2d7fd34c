"""`partition-count-frozen`: a keyed topic begins with few partitions, must grow, and growing breaks its order."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.system import System
from datakeel.rules.rule import Hit, rule

FEW = 3  # as many consumers can share the work, and no more


@rule(Severity.MINOR)
def partition_count_frozen(operation: Operation, system: System) -> Iterator[Hit]:
    """A keyed topic begins with so few partitions that it must grow, and growing breaks its order."""
    if operation.role != Role.PRODUCT:
        return
    for topic in operation.resources:
        if topic.kind == "topic" and not topic.chain and topic.name and few(topic):
            dataset = system.dataset(topic.name)
            sent = keyed(system, topic.name)
            if sent is not None and not (dataset is not None and dataset.bounded):
                yield hit(topic, sent)


def few(topic: Resource) -> bool:
    option = topic.option("partitions")
    return option is not None and option.given and option.value.isdigit() and 1 <= int(option.value) <= FEW


def keyed(system: System, name: str) -> Effect | None:
    """A message to the topic whose key picks the partition."""
    sent = (e for o in system.operations for e in o.of(Kind.PUBLISH) if e.dataset == name and not e.chain)
    return next((e for e in sent if e.key and e.key_sources), None)


def hit(topic: Resource, sent: Effect) -> Hit:
    option = topic.option("partitions")
    count = option.value if option is not None else ""
    return Hit(
        place=topic.place,
        message=f"{topic.name} cannot grow and keep its order: its messages have keys, and its partitions are {count}",
        story=(
            Step(
                topic.place, f"{topic.name} is made with {count} partitions: so many consumers share the work at most"
            ),
            Step(sent.place, "a message's key picks its partition: hash(key) % number of partitions"),
            Step(
                topic.place,
                "load asks for more; with more partitions a key's new messages go elsewhere than its old ones",
            ),
        ),
        rests_on=(topic, sent),
        doubts=1,
        datasets=(topic.name,),
        fix=Fix(title="begin with room to grow", text="num_partitions=24"),
    )
