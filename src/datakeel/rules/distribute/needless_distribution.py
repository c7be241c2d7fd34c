"""`needless-distribution`: a broker or shards, where one process and one database do the same."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect
from datakeel.model.operation import Operation, Resource
from datakeel.model.system import System
from datakeel.rules.facts.brokers import roundabouts
from datakeel.rules.facts.services import addressed
from datakeel.rules.facts.shards import one_behind_many
from datakeel.rules.rule import Hit, rule


@rule(Severity.SUGGESTION)
def needless_distribution(system: System) -> Iterator[Hit]:
    """A broker or shards, where one process and one database do the same."""
    for sender, publish, receiver, consume, write in roundabouts(system):
        yield roundabout(sender, publish, receiver, consume, write)
    for pools in one_behind_many(system):
        yield shards(pools)


def roundabout(sender: Operation, publish: Effect, receiver: Operation, consume: Effect, write: Effect) -> Hit:
    name, table = publish.dataset, write.dataset or "its table"
    return Hit(
        place=publish.place,
        message=f"{name} leaves this process, only to come back to it: {publish.technology} is one more system that can"
        " fail, for work that the database can keep",
        story=(
            Step(publish.place, f"{sender.symbol} sends to {name}; nothing else in the repository does"),
            Step(consume.place, f"{receiver.symbol}, in the same process, is all that reads it"),
            Step(write.place, f"what comes of it stands in {table}, in the one database that there is"),
            Step(
                publish.place,
                "a commit and a send that may part, an offset, a second delivery: each is to be handled for nothing",
            ),
        ),
        rests_on=(publish, consume, write),
        doubts=1,  # a program elsewhere may read it too
        datasets=(name,),
        symbol=sender.symbol,
        fix=Fix(
            title=f"keep what is to be done in a table beside {table}, written in the same transaction",
            text="SELECT … FROM jobs ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;  -- in a thread, or a second process"
            f"\n-- if load, availability or another team needs {name}: declare it as distributed",
        ),
    )


def shards(pools: tuple[Resource, ...]) -> Hit:
    first = pools[0]
    where = next(addressed(first), "one database")
    return Hit(
        place=first.place,
        message=f"all shards are {where}: rows are routed, and transactions cut apart, for one database",
        story=(
            *(Step(p.place, f"a pool that leads to {where}") for p in pools[:3]),
            Step(first.place, "what spans two shards has no transaction and no join; the load is on one server still"),
        ),
        rests_on=pools,
        fix=Fix(
            title="one pool until one server does not do; then shards with databases of their own",
            text=f'engine = create_engine("{url(first)}")' if first.technology == "sqlalchemy" else "",
        ),
    )


def url(pool: Resource) -> str:
    option = pool.option("url")
    return option.value.strip("'\"") if option is not None else ""
