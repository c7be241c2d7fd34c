"""`hand-rolled-leader-election`: a process makes itself the leader because another's heartbeat looks old to it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.leadership import Seizure, seizures
from datakeel.rules.rule import Hit, Record, rule


@rule(Severity.CRITICAL, Record(0, 2))
def hand_rolled_leader_election(operation: Operation) -> Iterator[Hit]:
    """A process becomes the leader when another's heartbeat looks old by its own clock, or when it finds no leader."""
    told = set()
    for seizure in seizures(operation):
        if seizure.at not in told:
            told.add(seizure.at)
            yield hit(operation, seizure)


def hit(operation: Operation, seizure: Seizure) -> Hit:
    where = seizure.store or "the store"
    return Hit(
        place=seizure.at,
        message=f"two processes lead at once: {why(seizure)} ({where}), and nothing stops the one that led before",
        story=paused(seizure, where) if seizure.clock else both(seizure, where),
        rests_on=seizure.rests_on,
        datasets=(seizure.store,) if seizure.store else (),
        fix=fix(operation, seizure),
    )


def why(seizure: Seizure) -> str:
    if not seizure.clock:
        return "each looks whether there is a leader, and then makes itself one"
    return "each takes the leader for dead by its own clock"


def paused(seizure: Seizure, where: str) -> tuple[Step, ...]:
    last = seizure.write.place if seizure.write is not None else seizure.at
    return (
        Step(last, f"A leads, and has put its time into {where}"),
        Step(seizure.at, "A is paused (its machine, garbage collection, a slow call), or B's clock is ahead"),
        Step(seizure.at, "B compares A's time with its own clock: too old, so A must be dead"),
        Step(last, "B leads"),
        Step(seizure.at, "A goes on where it was, as the leader: both do what only one may do"),
    )


def both(seizure: Seizure, where: str) -> tuple[Step, ...]:
    read = seizure.read.place if seizure.read is not None else seizure.at
    return (
        Step(read, f"A looks for {where} and finds none"),
        Step(read, f"B looks for {where} and finds none"),
        Step(seizure.at, "A makes itself the leader"),
        Step(seizure.at, "B makes itself the leader too: both do what only one may do"),
    )


def fix(operation: Operation, seizure: Seizure) -> Fix:
    """A lock that ends with the leader's session; for the table at hand, or what a cache can be replaced by."""
    records = any(e.store == StoreKind.RELATIONAL for e in seizure.rests_on)
    name = operation.symbol.rpartition(".")[2]
    if records:
        return Fix(
            title="lead for as long as a connection of its own holds an advisory lock",
            text=f"SELECT pg_try_advisory_lock(hashtext('{seizure.store}'))  "
            f"-- in {name}: lead while this connection lives; the database lets go of the lock when it ends",
        )
    return Fix(
        title="leave the election to etcd or ZooKeeper, or to an advisory lock that a session holds",
        text=f'KazooClient(hosts="…").Election("/{name}", identifier=node).run(lead)',
    )
