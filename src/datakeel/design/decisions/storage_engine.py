"""What keeps the data on disk?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from datakeel.decision import Decision, Figure
from datakeel.design.amounts import count, period, share, size, times
from datakeel.design.archives import archives
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate, Load
from datakeel.design.overrides import asked_for
from datakeel.requirements import Requirements
from datakeel.technologies import known, value

QUESTION = "storage-engine"
REPLICAS = 3  # of wide-column rows: one may be down for repair and another fail


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    asked = asked_for(requirements, "engine")
    return _needed(estimate) if asked is None else _as_asked(asked, estimate)


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    asked = asked_for(requirements, "engine")
    engine = choose(requirements, estimate, chosen)
    products = [engine] if engine in known() else []
    return answer(
        QUESTION,
        engine,
        CHOICES,
        lambda other: _cost(other, estimate),
        because=_because(engine, estimate, requirements),
        figures=_figures(engine, estimate),
        parts=["cluster-configuration"] if products else [],
        products=products,
        sizes={"cassandra.nodes": nodes(estimate)} if engine == "cassandra" else {},
        judgement=judged(asked, engine, _needed(estimate), CHOICES, known()[asked].price if asked else "")
        + _kept(asked, estimate),
    )


def _needed(estimate: Estimate) -> str:
    """The lightest that takes the peak with its headroom and holds what is kept."""
    most, holds = 1 / value("workload", "headroom"), value("postgresql", "node_bytes")
    series = sum(load.bytes for load in estimate.series)
    if estimate.copy_share > most or series > holds:
        return "cassandra"
    if estimate.write_share > most:
        return "sharded-postgresql"
    if estimate.bytes > holds:
        return "archived-postgresql" if estimate.hot else "sharded-postgresql"
    return "partitioned-postgresql" if estimate.series else "one-postgresql"


def _as_asked(asked: str, estimate: Estimate) -> str:
    if asked != "postgresql":
        return asked
    needed = _needed(estimate)
    return "partitioned-postgresql" if needed == "cassandra" else needed


def _kept(asked: str | None, estimate: Estimate) -> str:
    """What a wide-column store that somebody asked for cannot keep."""
    others = [load.name for load in estimate.transactional]
    if asked != "cassandra" or not others:
        return ""
    return f" It has no constraints: {', '.join(others)} stay in PostgreSQL, where their invariants hold."


def _because(chosen: str, estimate: Estimate, requirements: Requirements) -> Iterator[str]:
    most = share(1 / value("workload", "headroom"))
    yield (
        f"{count(estimate.peak_writes, 'writes/s')} at peak are {share(estimate.write_share)} of what one "
        "PostgreSQL takes; "
        f"{most} leaves headroom. {size(estimate.bytes)} are kept; one holds {size(value('postgresql', 'node_bytes'))}."
    )
    if chosen == "archived-postgresql":
        yield from _archived(estimate, requirements)
    if chosen in ("one-postgresql", "partitioned-postgresql") and estimate.write_share <= 0.5:
        yield "One PostgreSQL is enough. Nothing else is needed to keep this data."
    yield _memory(estimate)
    if chosen == "partitioned-postgresql":
        yield (
            "Rows that go by time lie in partitions of time: old ones are dropped in one step, and the "
            "newest fits in memory."
        )
    if chosen == "sharded-postgresql":
        yield f"{count(servers(estimate), 'servers')} take it, each with a hash range of the keys."
    if chosen == "cassandra":
        yield (
            "An LSM tree writes in sequence: a row goes to the commit log and to memory, and no page is read for it. "
            f"{count(nodes(estimate), 'nodes')} take the peak in {REPLICAS} replicas."
        )
        if estimate.transactional:
            yield f"{', '.join(load.name for load in estimate.transactional)} stay in one PostgreSQL."
    if chosen == "cassandra" and requirements.profile == "embedded":
        yield (
            "This project's embedded profile keeps them in one PostgreSQL, partitioned by time and filled by COPY: "
            f"{count(value('postgresql', 'embedded_copied_rows'), 'rows/s')} on 2 cores, "
            f"{count(value('postgresql', 'copied_rows'), 'rows/s')} on a server. That is how far one node goes."
        )


def _archived(estimate: Estimate, requirements: Requirements) -> Iterator[str]:
    leaving = [load for load in estimate.loads if load.leaves]
    names, most = ", ".join(load.name for load in leaving), max(leaving, key=lambda load: load.bytes)
    yield (
        f"Nobody has said how long {names} stay at hand; {period(most.retention)} is assumed. One server holds "
        f"{period(estimate.hot)} of it: rows that are older have to leave for an archive, a month at a time. "
        f"{count(servers(estimate), 'servers')} by hash of the key would keep them at hand, and cost every transaction "
        "and join across two keys."
    )
    jobs = archives(requirements, estimate, "archived-postgresql")
    for job in jobs:
        yield (
            f"The job “{job.name}” takes rows of {job.source} that are older than {period(job.older_than or 0.0)}: the "
            f"server is full after {period(estimate.hot)}, and a job that is late for weeks is no outage."
        )
    yield from (_staying(load) for load in leaving if load.name not in {job.source for job in jobs})
    yield "Whoever needs all of it at hand says so by `workload.retention`."


def _staying(load: Load) -> str:
    if load.kind == "aggregate":
        return (
            f"No job takes events of {load.name}: they are the record that its views are made from. Where old ones "
            "have to go, make a table of them, whose rows can."
        )
    return (
        f"No job takes rows of {load.name}: it would need a timestamp that each row has, and no other table that "
        "refers to them."
    )


def _memory(estimate: Estimate) -> str:
    whole, keeps = size(estimate.memory), size(value("machine", "process_memory"))
    if estimate.fits_in_memory:
        return (
            f"All of it is {whole} as objects and fits in one process's memory ({keeps}): where a restart may lose it, "
            "plain objects in one process are an option."
        )
    return (
        f"All of it is {whole} as objects, {times(estimate.memory / value('machine', 'process_memory'))} what "
        "one process keeps."
    )


def _figures(chosen: str, estimate: Estimate) -> Iterator[Figure]:
    yield from estimate.figures()
    if chosen == "archived-postgresql":
        yield Figure(
            "rows stay at hand for",
            period(estimate.hot),
            f"{size(value('postgresql', 'node_bytes'))} that one server holds / "
            f"{size(sum(load.bytes_a_day for load in estimate.loads if load.leaves))}/day, at least "
            f"{period(value('workload', 'hot'))}",
        )
    if chosen == "cassandra":
        yield _nodes(estimate)


def nodes(estimate: Estimate) -> int:
    """How many nodes of Cassandra take the measurements; where there are none, everything."""
    by_rate, by_bytes = _by_rate(estimate), _by_bytes(estimate)
    return max(REPLICAS, ceil(by_rate), ceil(by_bytes))


def servers(estimate: Estimate) -> int:
    """How many PostgreSQL servers take everything, with headroom."""
    by_rate = estimate.write_share * value("workload", "headroom")
    return max(2, ceil(by_rate), ceil(estimate.bytes / value("postgresql", "node_bytes")))


def _writes(estimate: Estimate) -> float:
    return sum(load.peak_writes for load in estimate.series) or estimate.peak_writes


def _bytes(estimate: Estimate) -> float:
    """Bytes of one replica as Cassandra keeps them, compressed."""
    return sum(load.rows * stored(load) for load in estimate.series or estimate.loads)


def stored(load: Load) -> float:
    return (load.packed + value("cassandra", "row_overhead")) * value("cassandra", "compressed")


def _by_rate(estimate: Estimate) -> float:
    writes = _writes(estimate) * REPLICAS * value("workload", "headroom")
    return writes / value("cassandra", "replica_writes")


def _by_bytes(estimate: Estimate) -> float:
    return _bytes(estimate) * REPLICAS / value("cassandra", "node_bytes")


def _nodes(estimate: Estimate) -> Figure:
    return Figure(
        "nodes of Cassandra",
        count(nodes(estimate), "nodes"),
        f"by rate {count(_writes(estimate), 'writes/s')} × {REPLICAS} replicas × headroom "
        f"{value('workload', 'headroom'):g} / {count(value('cassandra', 'replica_writes'), 'replica writes/s')} = "
        f"{count(ceil(_by_rate(estimate)), 'nodes')}; by size {size(_bytes(estimate))} × {REPLICAS} / "
        f"{size(value('cassandra', 'node_bytes'))} = {count(ceil(_by_bytes(estimate)), 'nodes')}",
    )


def _cost(word: str, estimate: Estimate) -> str:
    if word == "cassandra":
        return f"{count(nodes(estimate), 'nodes')}; {known()['cassandra'].price}"
    if word == "sharded-postgresql":
        return f"{count(servers(estimate), 'servers')}, routing by key, and no transaction or join across two of them"
    if word == "archived-postgresql":
        if not estimate.hot:
            return "old rows away from the server, where nobody allows that or nearly all of them would have to go"
        return f"rows older than {period(estimate.hot)} in files, to be brought back by hand when they are asked for"
    if word == "timescaledb":
        return f"{known()['timescaledb'].price}; native partitions do what is needed here"
    if word == "partitioned-postgresql":
        largest = max((load.bytes for load in estimate.loads), default=0.0)
        return (
            "a partition for each span of time, to be made and dropped: the largest table has "
            f"{size(largest)}, and up to "
            f"{size(value('postgresql', 'unpartitioned_bytes'))} nothing is gained"
            if largest <= value("postgresql", "unpartitioned_bytes")
            else (
                f"one server at {share(estimate.write_share)} of its writes, which must take "
                f"{size(estimate.bytes_a_day)}/day"
            )
        )
    restored = period(estimate.bytes / value("machine", "restore_rate"))
    return f"one server at {share(estimate.write_share)} of its writes at peak, restored from a backup in {restored}"


CHOICES = {
    "one-postgresql": Choice(
        title="One PostgreSQL keeps everything",
        consistency=(
            "Serializable where it is asked for, read committed otherwise; a commit is seen by all who read after it."
        ),
        failure="The server stops: requests are answered with 503 until it is back, and no commit is lost.",
        scaling="A larger server first, then followers for reads, then partitions of the largest table.",
        operation="Backups every night and WAL archived every minute; autovacuum on; a restore is tried each quarter.",
    ),
    "partitioned-postgresql": Choice(
        title="One PostgreSQL, with a partition for each span of time",
        consistency="Read committed; a query over several partitions sees one snapshot.",
        failure="The server stops: writers keep their batches and send them again; none is written twice.",
        scaling="A larger server, shorter partitions, rollups for what is old.",
        operation="A job makes partitions ahead and drops those past the retention; alert when none is ahead.",
    ),
    "timescaledb": Choice(
        title="TimescaleDB: PostgreSQL with hypertables",
        consistency="As PostgreSQL.",
        failure="As PostgreSQL; an upgrade of the extension is an outage of its own.",
        scaling="Chunks of time, compressed after they are full; writes by one node.",
        operation="Policies for compression, retention and continuous aggregates.",
    ),
    "archived-postgresql": Choice(
        title="One PostgreSQL, whose old rows leave for an archive",
        consistency=(
            "As one PostgreSQL for all that is at hand. A row leaves after its file is on the disk, was read again, "
            "and still says what the row says."
        ),
        failure="As one PostgreSQL. A run that dies between file and deletion goes on; nothing is ever in neither.",
        scaling="A larger disk, or rows that leave earlier; then several servers.",
        operation="Alert when the archive is overdue, and when the disk is 80 % full; try a file's return yearly.",
    ),
    "sharded-postgresql": Choice(
        title="Several PostgreSQL servers, each with a hash range of the keys",
        consistency="Constraints and transactions hold within one key's server; across two servers nothing is atomic.",
        failure="One server stops: its keys are away, the others go on.",
        scaling="More servers: ranges are moved one by one, as copies that follow until they are switched.",
        operation="One map from range to server, migrations on each of them, skew between them to watch.",
    ),
    "cassandra": Choice(
        title="Cassandra, an LSM wide-column store",
        consistency=(
            "Tunable for each request; written at ONE and read at QUORUM a read may miss the latest writes "
            "for a moment."
        ),
        failure="A node stops: its replicas answer, hints are kept for it for 3 hours, repair brings the rest.",
        scaling="In proportion to the nodes: a new one takes its part of the tokens.",
        operation="Repair within gc_grace_seconds (1 day for measurements, which only expire; else 10 days), "
        "compaction backlog, disks at most half full.",
    ),
}
