"""How are data and work split?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from datakeel.decision import Decision, Figure
from datakeel.design import needs
from datakeel.design.amounts import DAY, HOUR, MINUTE, count, period, size
from datakeel.design.choice import Choice, answer
from datakeel.design.estimate import Estimate, Load
from datakeel.requirements import Requirements
from datakeel.technologies import value

QUESTION = "partitioning"
SPANS = (MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY)
FEW, MANY = 12, 400  # partitions of a series: what is over goes one at a time, and a plan looks at each
FEWEST = 4  # partitions of a log: it can be shared by so many consumers without being laid out anew


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    engine = chosen["storage-engine"]
    if engine == "cassandra" and estimate.series:
        return "key-and-time-bucket"
    if engine in ("sharded-postgresql", "cassandra"):
        return "hash-of-key"
    if estimate.series:
        return "time-range"
    return "log-by-key" if needs.followed(requirements, estimate) else "not-partitioned"


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    followed = needs.followed(requirements, estimate)
    scheme = choose(requirements, estimate, chosen)
    return answer(
        QUESTION,
        scheme,
        CHOICES,
        lambda other: _cost(other, estimate),
        because=_because(scheme, followed, estimate),
        figures=_figures(followed, estimate, scheme),
        sizes=dict(_sizes(followed, estimate, scheme)),
    )


def log_partitions(estimate: Estimate) -> int:
    """A power of two, so that doubling splits each partition in two."""
    needed = estimate.peak_events * value("workload", "headroom") / value("postgresql", "consumed_events")
    return max(FEWEST, 1 << max(0, math.ceil(needed) - 1).bit_length())


def span(load: Load, chosen: str) -> float:
    """Seconds of a native partition: the longest whose rows and index entries fit in a quarter of the memory, while
    neither too few nor too many are kept. Where the load is elsewhere, they fit anyway."""
    spans = [s for s in SPANS if s >= HOUR]
    most = math.inf if chosen == "key-and-time-bucket" else value("machine", "memory") / 4
    fitting = (s for s in spans if load.retention / s >= FEW and load.bytes_a_day * s / DAY <= most)
    return max(max(fitting, default=HOUR), min((s for s in spans if load.retention / s <= MANY), default=spans[-1]))


def bucket(load: Load) -> float:
    """Seconds of a wide-column partition of one key: the longest within the limits of rows and bytes."""
    rows_a_second = load.writes / max(load.things, 1.0)
    most = min(value("cassandra", "partition_rows"), value("cassandra", "partition_bytes") / load.packed)
    return max((s for s in SPANS if rows_a_second * s <= most), default=MINUTE)


def window(load: Load) -> float:
    """Seconds of a compaction window: so many that the retention has at most as many as is good, in whole hours."""
    return max(HOUR, HOUR * math.ceil(load.retention / value("cassandra", "windows") / HOUR))


def _sizes(followed: tuple[str, ...], estimate: Estimate, chosen: str) -> Iterator[tuple[str, float]]:
    if followed:
        yield "log.partitions", float(log_partitions(estimate))
    for load in estimate.series:
        yield f"{load.name}.partition", span(load, chosen)
        if chosen == "key-and-time-bucket":
            yield f"{load.name}.bucket", bucket(load)
            yield f"{load.name}.window", window(load)


def _because(chosen: str, followed: tuple[str, ...], estimate: Estimate) -> Iterator[str]:
    if chosen == "not-partitioned":
        largest = max(estimate.loads, key=lambda load: load.bytes, default=None)
        held = f"{largest.name}, the largest, has {size(largest.bytes)}" if largest else "nothing is kept yet"
        yield f"{held}; up to {size(value('postgresql', 'unpartitioned_bytes'))} a table is as fast in one piece."
    for load in estimate.series:
        one = span(load, chosen)
        if chosen == "key-and-time-bucket":
            yield _bucketed(load)
            yield f"{load.name}: on one PostgreSQL, as this project runs, a partition is {period(one)}."
            continue
        yield (
            f"{load.name}: a partition for each {period(one)} has {count(load.writes * one, 'rows')} and "
            f"{size(load.bytes_a_day * one / DAY)}."
        )
    if chosen == "hash-of-key":
        yield (
            "No time or range is asked for across keys: the hash spreads them evenly, and one key stays "
            "whole on one server."
        )
    if followed:
        yield (
            f"The log of {', '.join(followed)} is split by the hash of the key into "
            f"{count(log_partitions(estimate), 'partitions')}: "
            "what happens to one thing stays in order, and each partition has one consumer at a time."
        )


def _bucketed(load: Load) -> str:
    each = load.writes / max(load.things, 1.0) * bucket(load)
    year = load.writes / max(load.things, 1.0) * 365 * DAY
    return (
        f"{load.name}: a partition for each key and bucket of {period(bucket(load))} has {count(each, 'rows')}; "
        f"without the bucket a year of one key were {count(year, 'rows')}. A range of time reads the buckets that it "
        f"touches, in order. Rows expire after {period(load.retention)} (TTL), and time-window compaction drops whole "
        f"files of {period(window(load))}."
    )


def _figures(followed: tuple[str, ...], estimate: Estimate, chosen: str) -> Iterator[Figure]:
    if followed:
        yield Figure(
            "partitions of the log",
            count(log_partitions(estimate), "partitions"),
            f"{count(estimate.peak_events, 'events/s')} at peak × headroom {value('workload', 'headroom'):g} / "
            f"{count(value('postgresql', 'consumed_events'), 'events/s')} a consumer, at least {FEWEST}, "
            "a power of two",
        )
    for load in estimate.series:
        one, quarter = span(load, chosen), value("machine", "memory") / 4
        fits = load.bytes_a_day * one / DAY <= quarter
        yield Figure(
            f"{load.name}: partitions kept",
            count(math.ceil(load.retention / one), "partitions"),
            f"{period(load.retention)} / {period(one)}; the longest span of which {FEW} to {MANY} are kept"
            + (f", and one is under {size(quarter)}, a quarter of the memory" if fits else ""),
        )
        if chosen == "key-and-time-bucket":
            windows = count(math.ceil(load.retention / window(load)), "windows")
            yield Figure(
                f"{load.name}: compaction window",
                period(window(load)),
                f"{period(load.retention)} in {windows}, at most {count(value('cassandra', 'windows'))}",
            )


def _cost(word: str, estimate: Estimate) -> str:
    largest = max((load.bytes for load in estimate.loads), default=0.0)
    return {
        "not-partitioned": (
            f"one table of {size(largest)}: what is past its retention is deleted row by row, and vacuumed after"
        ),
        "log-by-key": f"{count(FEWEST, 'partitions')} at least, for events that nobody follows",
        "time-range": f"partitions to make and to drop, for a largest table of {size(largest)}",
        "hash-of-key": "every query without the key asks all servers",
        "key-and-time-bucket": "every query names the key and a span of time; any other one reads all partitions",
    }[word]


CHOICES = {
    "not-partitioned": Choice(
        title="Nothing is partitioned",
        consistency="Constraints and foreign keys hold over whole tables.",
        failure="There is no partition that could be missing.",
        scaling=(
            "An index for each way of reading; partitions later, by a migration that attaches the table as "
            "the first of them."
        ),
        operation="Watch the size of the largest table and of its indexes.",
    ),
    "log-by-key": Choice(
        title="The log is split by the hash of its key; tables are whole",
        consistency="Order holds within a partition, so for each key; between two keys there is none.",
        failure="An event that cannot be handled holds up its own key alone; the rest of the partition goes on.",
        scaling="Up to one consumer for each partition. Doubling their number is a migration: drain, double, go on.",
        operation="Watch the lag of each partition: one that lags alone has a key that is too busy.",
    ),
    "time-range": Choice(
        title="Partitions by time",
        consistency="A unique key includes the time; a query over several partitions sees one snapshot.",
        failure="No partition is there for a row: the batch is refused and sent again. A job makes them ahead of time.",
        scaling="Shorter spans as rows come faster, so that the newest partition and its index stay in memory.",
        operation="A job makes the next ones and drops the last ones; alert when fewer than two are ahead.",
    ),
    "hash-of-key": Choice(
        title="Servers by the hash of the key",
        consistency="What shares a key shares a server, its constraints and its transactions.",
        failure="One server away: its part of the keys is away.",
        scaling="256 ranges over the servers; ranges move, keys do not change their range.",
        operation="Watch the busiest server against the mean; split the range of a key that is too busy.",
    ),
    "key-and-time-bucket": Choice(
        title="Partitions by key and time bucket",
        consistency="One partition is in one order, that of time; a batch within it is atomic.",
        failure="A partition's replicas are away: that key's bucket is away, the others are not.",
        scaling="Keys spread over nodes by hash; a key that writes faster gets shorter buckets.",
        operation="Watch the largest partition (nodetool tablehistograms): under 100 MB.",
    ),
}
