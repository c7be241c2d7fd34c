"""Who has copies, who takes writes, and what is lost when a machine is?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Figure, Option
from datakeel.design.amounts import YEAR, period, share
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements
from datakeel.technologies import value

OPTIONS = ("one-node", "single-leader-asynchronous", "single-leader-synchronous", "multi-leader", "leaderless")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    chosen = _needed(requirements, estimate, decided)
    return Decision(
        question="replication",
        chosen=chosen,
        title=TITLES[chosen],
        because=BECAUSE[chosen],
        figures=(one_node(estimate),),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen)[:3],
    )


def _needed(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> str:
    wanted = requirements.availability
    if decided["storage-engine"].product == "cassandra":
        return "leaderless"
    if requirements.domain.replicated or ((wanted.regions or 1) > 1 and wanted.writes_in == "every region"):
        return "multi-leader"
    if wanted.loss is not None and wanted.loss < value("postgresql", "replica_lag"):
        return "single-leader-synchronous"
    if (
        (wanted.regions or 1) > 1
        or (wanted.target or 0.0) > availability_of_one(estimate)
        or (wanted.outage is not None and wanted.outage < repair(estimate))
        or (wanted.loss is not None and wanted.loss < value("postgresql", "archive_interval"))
    ):
        return "single-leader-asynchronous"
    return "one-node"


def repair(estimate: Estimate) -> float:
    """Seconds from the loss of the only server to its replacement, restored from a backup."""
    return value("machine", "response") + estimate.bytes / value("machine", "restore_rate")


def availability_of_one(estimate: Estimate) -> float:
    down = value("machine", "failures") * repair(estimate) + value("machine", "maintenance")
    return max(0.0, 1 - down / YEAR)


def one_node(estimate: Estimate) -> Figure:
    return Figure(
        "availability of one server",
        share(availability_of_one(estimate)),
        f"{value('machine', 'failures'):g} failures a year × {period(repair(estimate))} (response "
        f"{period(value('machine', 'response'))}, restore {period(estimate.bytes / value('machine', 'restore_rate'))}) "
        f"+ {period(value('machine', 'maintenance'))} of maintenance a year",
    )


TITLES = {
    "one-node": "One server, with backups and archived WAL",
    "single-leader-asynchronous": "A leader and a follower that may be a moment behind",
    "single-leader-synchronous": "A leader that waits for one of two followers",
    "multi-leader": "Several leaders, whose writes are merged",
    "leaderless": "Three replicas without a leader: ONE for writes, QUORUM for reads",
}
BECAUSE = {
    "one-node": ("One server meets the availability that is asked for.",),
    "single-leader-asynchronous": ("One server is down for longer than is allowed.",),
    "single-leader-synchronous": ("No commit may be lost with a machine.",),
    "multi-leader": ("Writes are taken where the others cannot be reached.",),
    "leaderless": ("Each node takes writes, and one may fail without notice.",),
}
COSTS = {
    "one-node": "down until it is restored",
    "single-leader-asynchronous": "a second server, and the last second of commits lost at a failover",
    "single-leader-synchronous": "two more servers, and a round trip in each commit",
    "multi-leader": "conflicts that must be merged; no unique constraint across leaders",
    "leaderless": "no constraints and no transactions",
}
