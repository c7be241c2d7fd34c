"""Who decides, where two could?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel.decision import Decision
from datakeel.design import needs
from datakeel.design.amounts import count
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate
from datakeel.design.overrides import asked_for
from datakeel.requirements import Requirements
from datakeel.technologies import known, value

QUESTION = "coordination"


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    return "consensus-service" if asked_for(requirements, "coordination") == "etcd" else _needed(requirements)


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    asked, sagas = asked_for(requirements, "coordination"), requirements.domain.sagas
    word = choose(requirements, estimate, chosen)
    return answer(
        QUESTION,
        word,
        CHOICES,
        _cost,
        because=_because(requirements, estimate, word, chosen["replication"]),
        parts=(["saga"] if sagas else []) + (["cluster-configuration"] if word == "consensus-service" else []),
        products=["etcd"] if word == "consensus-service" else [],
        judgement=judged(asked, word, _needed(requirements), CHOICES, known()["etcd"].price if asked == "etcd" else ""),
    )


def _needed(requirements: Requirements) -> str:
    return "saga-orchestrator" if requirements.domain.sagas else "the-database"


def _because(requirements: Requirements, estimate: Estimate, chosen: str, replication: str) -> Iterator[str]:
    followed = needs.followed(requirements, estimate)
    for saga in requirements.domain.sagas:
        names = list(dict.fromkeys(step.service for step in saga.steps))
        yield (
            f"{saga.name}: {count(len(names), 'services' if len(names) != 1 else 'service')} with a "
            "database each, and one state "
            "machine that asks them in turn. Two-phase commit would block all of them while its coordinator is away."
        )
    if followed:
        yield (
            "Which consumer has which partition is a row with a lease and a number that grows; a write with "
            "an older number is refused."
        )
    noted = needs.noted(requirements, estimate)
    if noted:
        yield (
            f"Which process brings a copy of {' or '.join(noted)} up to date is who has the lock of the copy's "
            "position, held to the commit; one that was paused has lost its transaction, and can write nothing."
        )
    if chosen == "the-database" and not (followed or noted) and replication not in ("multi-leader", "leaderless"):
        yield "One database has one leader: its constraints and row locks say who was first. Nothing else is needed."
    if requirements.domain.batches or requirements.domain.series:
        yield (
            "A job that must run once at a time holds an advisory lock of the database for as long as its "
            "session lives."
        )
    if replication.startswith("single-leader"):
        yield (
            "Who leads after a failover is decided by a quorum outside of the two servers: that of the "
            "managed service, or of Patroni."
        )
    if replication == "leaderless":
        yield (
            "No replica decides for the others: the newest timestamp of a cell wins, and a measurement is "
            "never written twice differently."
        )
    if replication == "multi-leader":
        yield (
            "Nobody decides between two writers: their changes are merged by a rule that gives the same "
            "result in every order."
        )


def _cost(word: str) -> str:
    if word == "consensus-service":
        return (
            f"{count(known()['etcd'].nodes, 'nodes')} more; {known()['etcd'].price}; one database decides this already"
        )
    if word == "saga-orchestrator":
        return "a state machine with a row for each saga, where one transaction decides"
    trip = value("machine", "same_region_round_trip") * 1000
    return (
        "one transaction over databases of several services: prepared locks that are held for 2 round trips "
        f"of {trip:g} ms, or for as long as the coordinator is away"
    )


CHOICES = {
    "the-database": Choice(
        title="The database decides: constraints, row locks, leases in rows, advisory locks",
        consistency="One order of commits; a lease carries a number, and the row refuses an older one.",
        failure="A holder dies: its session's locks are gone at once, its lease when it runs out.",
        scaling="As the database; a lease costs one write each time that it is renewed.",
        operation="Watch the age of leases and the waits for advisory locks.",
    ),
    "saga-orchestrator": Choice(
        title="An orchestrator drives each saga; its state is a row that is moved conditionally",
        consistency=(
            "Two orchestrators may hold one saga for a moment: the conditional update lets one of them move it."
        ),
        failure=(
            "An orchestrator dies: its sagas are due again when their time comes, and others take them (SKIP LOCKED)."
        ),
        scaling="More workers; each takes due sagas that nobody else holds.",
        operation="Watch the oldest saga in each state.",
    ),
    "consensus-service": Choice(
        title="etcd decides: leases and elections by Raft, with a token in each write",
        consistency=(
            "Linearizable: one leader at a time, and its revision as the fencing token that the database checks."
        ),
        failure=(
            "One of 3 nodes is lost: nothing stops. Two are lost: nobody is elected, and who leads steps "
            "down at the end of its lease."
        ),
        scaling="Decisions, not data: some thousand writes/s.",
        operation="Disk latency under 10 ms, compaction, backups of its state, certificates.",
    ),
}
