"""How are data and work split?"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from datakeel.decision import Decision, Figure, Option
from datakeel.design import needs
from datakeel.design.amounts import count
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements
from datakeel.technologies import value

OPTIONS = ("not-partitioned", "log-by-key", "time-range", "hash-of-key", "key-and-time-bucket")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    engine = decided["storage-engine"].chosen
    if engine == "cassandra":
        chosen = "key-and-time-bucket"
    elif engine == "sharded-postgresql":
        chosen = "hash-of-key"
    elif estimate.series:
        chosen = "time-range"
    else:
        chosen = "log-by-key" if needs.followed(requirements) else "not-partitioned"
    return Decision(
        question="partitioning",
        chosen=chosen,
        title=TITLES[chosen],
        because=BECAUSE[chosen],
        figures=(
            Figure(
                "partitions of the log",
                count(log_partitions(estimate), "partitions"),
                "events at peak × headroom / what one consumer handles, at least 4",
            ),
        ),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen)[:3],
    )


def log_partitions(estimate: Estimate) -> int:
    needed = estimate.peak_events * value("workload", "headroom") / value("postgresql", "consumed_events")
    return max(4, 2 ** (ceil(needed) - 1).bit_length()) if needed > 1 else 4


TITLES = {
    "not-partitioned": "Nothing is partitioned",
    "log-by-key": "The log is partitioned by the hash of its key",
    "time-range": "Partitions by time",
    "hash-of-key": "Servers by the hash of the key",
    "key-and-time-bucket": "Partitions by sensor and time bucket",
}
BECAUSE = {word: (text + ".",) for word, text in TITLES.items()}
COSTS = {word: "more to run than the load asks for" for word in OPTIONS}
