"""What keeps the data on disk?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from datakeel.decision import Decision, Figure, Option
from datakeel.design import needs
from datakeel.design.amounts import count, share, size
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements
from datakeel.technologies import technology, value

OPTIONS = ("one-postgresql", "partitioned-postgresql", "timescaledb", "sharded-postgresql", "cassandra")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    needed = _needed(estimate)
    asked = needs.asked_for(requirements, "engine", "storage-engine")
    chosen = _as_asked(asked, needed, estimate) if asked else needed
    product = {"cassandra": "cassandra", "timescaledb": "timescaledb"}.get(chosen, "postgresql")
    return Decision(
        question="storage-engine",
        chosen=chosen,
        title=TITLES[chosen],
        because=tuple(_because(chosen, estimate)),
        figures=tuple(_figures(chosen, estimate)),
        rejected=tuple(Option(word, _cost(word, estimate)) for word in OPTIONS if word != chosen)[:3],
        parts=("cluster-configuration",) if product != "postgresql" else (),
        judgement=_judgement(asked, chosen, needed),
        product=product,
    )


TITLES = {
    "one-postgresql": "One PostgreSQL keeps everything",
    "partitioned-postgresql": "One PostgreSQL, with a partition for each span of time",
    "timescaledb": "TimescaleDB: PostgreSQL with hypertables",
    "sharded-postgresql": "Several PostgreSQL servers, each with the keys of one hash range",
    "cassandra": "Cassandra, an LSM wide-column store, takes the measurements",
}


def _needed(estimate: Estimate) -> str:
    """The lightest that takes the peak with its headroom and holds what is kept."""
    one = 1 / value("workload", "headroom")
    series = sum(load.bytes for load in estimate.series)
    if estimate.copy_share > one or series > value("postgresql", "node_bytes"):
        return "cassandra"
    if estimate.write_share > one or estimate.bytes > value("postgresql", "node_bytes"):
        return "sharded-postgresql"
    return "partitioned-postgresql" if estimate.series else "one-postgresql"


def _as_asked(asked: str, needed: str, estimate: Estimate) -> str:
    if asked == "postgresql":
        return "partitioned-postgresql" if estimate.series else "one-postgresql"
    return asked


def _judgement(asked: str | None, chosen: str, needed: str) -> str:
    if asked is None:
        return ""
    if chosen == needed:
        return f"Asked for, and right: {chosen} is what the figures call for."
    if OPTIONS.index(chosen) > OPTIONS.index(needed):
        return f"Asked for, and honoured: {needed} would take this load."
    return f"Asked for, and honoured, but the figures call for {needed}."


def _because(chosen: str, estimate: Estimate) -> Iterator[str]:
    yield (
        f"{count(estimate.peak_writes, 'writes/s')} at peak take {share(estimate.write_share)} of what one PostgreSQL "
        f"writes, and {size(estimate.bytes)} are kept."
    )
    if chosen in ("one-postgresql", "partitioned-postgresql") and estimate.write_share < 0.5:
        yield "One server is enough; nothing else is needed to keep the data."
    if estimate.fits_in_memory:
        yield (
            f"All of it takes {size(estimate.memory)} as objects: it fits in one process's memory, which is "
            "an option where a restart may lose it."
        )
    if chosen == "cassandra":
        yield "Its writes are appended to a log and sorted in memory (LSM): no page is read to write a row."


def _figures(chosen: str, estimate: Estimate) -> Iterator[Figure]:
    yield from estimate.figures()
    if chosen == "cassandra":
        yield nodes(estimate)


def nodes(estimate: Estimate) -> Figure:
    """How many nodes of Cassandra the measurements take."""
    writes = sum(load.peak_writes for load in estimate.series) or estimate.peak_writes
    kept = sum(load.bytes for load in estimate.series) or estimate.bytes
    replicas, headroom = 3, value("workload", "headroom")
    by_rate = writes * replicas * headroom / value("cassandra", "replica_writes")
    by_bytes = kept * replicas / value("cassandra", "node_bytes")
    return Figure(
        "nodes of Cassandra",
        count(max(3, ceil(by_rate), ceil(by_bytes)), "nodes"),
        f"by rate {count(writes, 'writes/s')} × {replicas} replicas × headroom {headroom:g} / "
        f"{count(value('cassandra', 'replica_writes'), 'replica writes/s')} = {ceil(by_rate):,} nodes; by size "
        f"{size(kept)} × {replicas} / {size(value('cassandra', 'node_bytes'))} = {ceil(by_bytes):,} nodes",
    )


def _cost(word: str, estimate: Estimate) -> str:
    if word == "cassandra":
        found = technology("cassandra")
        assert found is not None
        return f"{nodes(estimate).value}; {found.price}"
    if word == "sharded-postgresql":
        return f"{count(max(2, ceil(estimate.write_share * 2)), 'servers')} and no transaction across two of them"
    if word == "timescaledb":
        return "an extension that the embedded profile does not have, for what native partitions do here"
    if word == "partitioned-postgresql":
        return (
            f"a partition for each span of time: no gain under {size(value('machine', 'memory'))} of data and "
            "without expiry by time"
        )
    most = share(1 / value("workload", "headroom"))
    return f"one server at {share(estimate.write_share)} of its writes at peak, where at most {most} leaves headroom"
