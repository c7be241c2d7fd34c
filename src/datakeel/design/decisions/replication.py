"""Who has copies, who takes writes, and what is lost when a machine is?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from datakeel.decision import Decision, Figure
from datakeel.design.amounts import YEAR, count, period, share
from datakeel.design.choice import Choice, answer
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements
from datakeel.technologies import value

QUESTION = "replication"


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    return max(_reasons(requirements, estimate, chosen["storage-engine"]), key=list(CHOICES).index)


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    reasons = _reasons(requirements, estimate, chosen["storage-engine"])
    topology = choose(requirements, estimate, chosen)
    return answer(
        QUESTION,
        topology,
        CHOICES,
        lambda other: _cost(other, estimate),
        because=[*reasons[topology]],
        figures=[] if topology == "leaderless" else _figures(estimate),
        sizes={"followers": float(followers(topology, estimate))} if topology.startswith("single-leader") else {},
    )


def _reasons(requirements: Requirements, estimate: Estimate, engine: str) -> dict[str, list[str]]:
    return dict(_called_for(requirements, estimate, engine))


def _called_for(requirements: Requirements, estimate: Estimate, engine: str) -> Iterator[tuple[str, list[str]]]:
    """Each topology that something calls for, with what calls for it."""
    wanted = requirements.availability
    yield "one-node", [_enough(requirements, estimate)]
    asynchronous = list(_asynchronous(requirements, estimate))
    if asynchronous:
        yield "single-leader-asynchronous", asynchronous
    lag = value("postgresql", "replica_lag")
    if wanted.loss is not None and wanted.loss < lag:
        yield (
            "single-leader-synchronous",
            [f"At most {period(wanted.loss)} of commits may be lost; an asynchronous follower may lack {period(lag)}."],
        )
    leaders = [
        f"{one.writers.capitalize()} write {one.name} while they are cut off from each other."
        for one in requirements.domain.replicated
    ]
    if (wanted.regions or 1) > 1 and wanted.writes_in == "every region":
        leaders.append(
            f"Each of {count(wanted.regions or 1, 'regions')} takes writes while the others are out of reach."
        )
    if wanted.offline and not leaders:
        leaders.append("Clients write while they are cut off.")
    if leaders:
        yield "multi-leader", leaders
    if engine == "cassandra":
        yield "leaderless", [*LEADERLESS]


LEADERLESS = (
    "3 replicas (N = 3) in 3 racks or zones: one may be repaired while another fails.",
    "Writes at ONE: a measurement is acknowledged when 1 replica has it, so that 2 of 3 may be away. "
    "Lost with that one "
    "machine is what it had not passed on yet, for milliseconds.",
    "Reads at QUORUM: 2 of 3 are asked. W + R = 1 + 2 ≤ N = 3, so the two need not meet: a read may miss "
    "a write of the last "
    "moments, and finds it when hints, read repair or repair have brought it. A graph of measurements "
    "bears that; who must "
    "read his own write asks for W = QUORUM (2 + 2 > 3) and pays for one more replica in each write.",
)


def _enough(requirements: Requirements, estimate: Estimate) -> str:
    wanted, one = requirements.availability.target, share(availability_of_one(estimate))
    asked = f"{share(wanted)} is asked for" if wanted else "nothing more is asked for"
    return (
        f"One server with backups is there {one} of the time; {asked}. A lost one is back after "
        f"{period(repair(estimate))}."
    )


def _asynchronous(requirements: Requirements, estimate: Estimate) -> Iterator[str]:
    wanted = requirements.availability
    archived = value("postgresql", "archive_interval")
    if wanted.target is not None and wanted.target > availability_of_one(estimate):
        yield (
            f"{share(wanted.target)} is asked for; one server with backups is there "
            f"{share(availability_of_one(estimate))} of the time."
        )
    if wanted.outage is not None and wanted.outage < repair(estimate):
        yield f"{period(wanted.outage)} of outage are allowed; one server is restored after {period(repair(estimate))}."
    if wanted.loss is not None and wanted.loss < archived:
        yield f"At most {period(wanted.loss)} of commits may be lost; archived WAL may lack {period(archived)}."
    if (wanted.regions or 1) > 1:
        yield (
            f"{count(wanted.regions or 1, 'regions')} read near by, from a follower each; writes go to the "
            "leader's region."
        )
    if read_share(estimate) > 1 / value("workload", "headroom"):
        yield (
            f"{count(estimate.peak_reads, 'reads/s')} at peak are {share(read_share(estimate))} of what one "
            "server answers."
        )


def repair(estimate: Estimate) -> float:
    """Seconds from the loss of the only server until another one, restored from a backup, is in its place."""
    return value("machine", "response") + estimate.bytes / value("machine", "restore_rate")


def availability_of_one(estimate: Estimate) -> float:
    down = value("machine", "failures") * repair(estimate) + value("machine", "maintenance")
    return max(0.0, 1 - down / YEAR)


def read_share(estimate: Estimate) -> float:
    return estimate.peak_reads / value("postgresql", "point_reads")


def followers(chosen: str, estimate: Estimate) -> int:
    """Followers for the reads, with headroom, and for the loss of one."""
    least = 2 if chosen == "single-leader-synchronous" else 1
    return max(least, ceil(read_share(estimate) * value("workload", "headroom")) - 1)


def _figures(estimate: Estimate) -> Iterator[Figure]:
    restored = period(estimate.bytes / value("machine", "restore_rate"))
    yield Figure(
        "availability of one server",
        share(availability_of_one(estimate)),
        f"{value('machine', 'failures'):g} failures a year × {period(repair(estimate))} (somebody comes after "
        f"{period(value('machine', 'response'))}, the restore takes {restored}) and "
        f"{period(value('machine', 'maintenance'))} of maintenance a year",
    )
    yield Figure(
        "reads at peak",
        count(estimate.peak_reads, "reads/s"),
        f"{share(read_share(estimate))} of {count(value('postgresql', 'point_reads'), 'reads/s')} that "
        "one server answers",
    )


def _cost(word: str, estimate: Estimate) -> str:
    lag, trip = period(value("postgresql", "replica_lag")), period(value("machine", "same_region_round_trip"))
    return {
        "one-node": f"down for {period(repair(estimate))} when the server is lost, and up to "
        f"{period(value('postgresql', 'archive_interval'))} of commits gone with it",
        "single-leader-asynchronous": (
            f"1 more server, reads that are up to {lag} old, and up to {lag} of commits lost at a failover"
        ),
        "single-leader-synchronous": f"2 more servers, and {trip} more in each commit",
        "multi-leader": (
            "conflicts to merge, and no constraint that holds across leaders: nothing here is written in two "
            "places at once"
        ),
        "leaderless": "3 nodes or more, with neither constraints nor transactions",
    }[word]


CHOICES = {
    "one-node": Choice(
        title="One server, with backups and archived WAL",
        consistency="All read and write at one place: every read sees every commit before it.",
        failure="The server is lost: the newest backup and the archived WAL are restored on another one.",
        scaling="A follower is added without a stop, when reads or availability ask for it.",
        operation="A base backup each night, WAL archived each minute; a restore is tried and timed each quarter.",
    ),
    "single-leader-asynchronous": Choice(
        title="A leader, and followers that may be a moment behind",
        consistency=(
            "Reads at the leader are current. A follower is read only where being late is allowed, or after "
            "it has "
            "replayed the position of the reader's own last write (read your writes)."
        ),
        failure=(
            "The leader is lost: a follower is promoted, and what it had not received is gone. The old "
            "leader is fenced "
            "before: its lease in the quorum runs out, and it stops taking writes."
        ),
        scaling="More followers for reads; writes stay with one server.",
        operation=(
            "A managed PostgreSQL with failover, or Patroni on 3 nodes of etcd. Alert on lag in bytes and "
            "seconds; "
            "practise the failover twice a year."
        ),
    ),
    "single-leader-synchronous": Choice(
        title="A leader that waits for one of two followers",
        consistency="A commit that was answered is on two servers (synchronous_standby_names = 'ANY 1 (a, b)').",
        failure=(
            "The leader is lost: a follower that has every answered commit is promoted, after the old one is "
            "fenced. Both "
            "followers are lost: commits wait rather than be unsafe."
        ),
        scaling="Followers for reads; each commit pays a round trip to the nearest of the two.",
        operation=(
            "Patroni in synchronous mode on 3 nodes of etcd, or a managed PostgreSQL over zones. Alert when "
            "fewer than two "
            "followers are in step."
        ),
    ),
    "multi-leader": Choice(
        title="Several leaders, whose writes are merged",
        consistency=(
            "Eventual: writers that have exchanged everything agree. Ids are made where the record is, so "
            "that two never clash."
        ),
        failure="A writer is cut off: it goes on alone, and its changes are merged when it is back.",
        scaling="By writers; each change travels to every other one.",
        operation=(
            "Watch the age of the oldest change that has not travelled; keep deletions as long as a writer "
            "may stay away."
        ),
    ),
    "leaderless": Choice(
        title="Three replicas without a leader: ONE for writes, QUORUM for reads",
        consistency=(
            "Tunable: W + R = 1 + 2 ≤ N = 3, so a read may miss a write of the last moments, and finds it soon after."
        ),
        failure="Up to 2 of 3 replicas are away: writes go on; with 2 away reads at QUORUM fail, and may ask for ONE.",
        scaling="In proportion to the nodes, without moving a leader.",
        operation=(
            "Hints for 3 hours, repair within gc_grace_seconds (1 day for measurements, which only expire; else "
            "10 days), clocks in step by NTP: the newest timestamp wins."
        ),
    ),
}
