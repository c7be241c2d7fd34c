"""`lock-released-by-non-owner`: a lock is released without proof of ownership, or before the commit that it guards."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.derivation import committed_between
from datakeel.rules.facts.leases import NAMED, Lease, checked, claims, leases, rowlocked, same_key
from datakeel.rules.rule import Hit, Record, rule

COMPARE = """redis.eval(
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end", 1, key, token
)"""


@rule(Severity.CRITICAL, Record(1, 9), sure=False)
def lock_released_by_non_owner(operation: Operation, system: System) -> Iterator[Hit]:
    """A lock is given up that is not, or not yet, ours to give up."""
    for release in operation.of(Kind.WRITE):
        if release.verb == "delete" and not release.chain and release.key:
            lease = taken_for(operation, release, system)
            if lease is not None and not lease.endless and not checked(operation, lease, release):
                yield unowned(lease, release)
    for lock in operation.of(Kind.LOCK):
        found = uncommitted(operation, lock) if lock.verb in ("distributed", "lock") else None
        if found is not None:
            yield early(operation, lock, *found)


def taken_for(operation: Operation, release: Effect, system: System) -> Lease | None:
    """The lease that a deleted key is: taken in the same function, or by another method of the same class."""
    found = next((x for x in leases(operation) if x.made and same_key(x.taken, release)), None)
    if found is not None or "." not in operation.symbol:
        return found
    if not NAMED.search(f"{release.key} {operation.symbol}"):
        return None  # a cache that has both methods is no lock
    cls = operation.symbol.rpartition(".")[0]
    for other in system.operations:
        if other.place.path == operation.place.path and other.symbol.startswith(cls + "."):
            for effect in other.of(Kind.WRITE):
                if claims(effect) and same_key(effect, release):
                    return Lease(effect, made=True)
    return None


def uncommitted(operation: Operation, lock: Effect) -> tuple[Effect, Effect] | None:
    """A write under a lock whose transaction is still open where the lock is released, with that release."""
    for release in operation.of(Kind.UNLOCK):
        if release.number < lock.number or (release.dataset, release.key) != (lock.dataset, lock.key):
            continue
        if release.transaction is None or operation.exclusive(lock, release):
            continue
        if release.transaction == 0 and operation.always_inside("transaction") != Answer.YES:
            continue
        for write in operation.of(Kind.WRITE):
            under = (
                write.store == StoreKind.RELATIONAL and lock.number in write.locks and not rowlocked(operation, write)
            )
            if not under or write.transaction != release.transaction or committed_between(operation, write, release):
                continue
            if operation.meet_here(lock, write):
                return write, release
    return None


def unowned(lease: Lease, release: Effect) -> Hit:
    what = lease.called
    return Hit(
        place=release.place,
        message=f"{what} is deleted also when it is somebody else's by now: two then work at once",
        story=(
            Step(lease.taken.place, f"A takes {what} for a limited time"),
            Step(lease.taken.place, f"A is slow: {what} expires, and B takes it"),
            Step(release.place, f"A finishes, and deletes {what}: it is B's"),
            Step(lease.taken.place, "C takes it while B still works: both change the same data"),
        ),
        rests_on=(lease.taken, release),
        apart=any(s.kind == "random" for s in lease.taken.payload),  # it has a token of its holder, and is not asked
        fix=Fix(title="delete it only if it still holds this holder's own token, in one step", text=COMPARE),
    )


def early(operation: Operation, lock: Effect, write: Effect, release: Effect) -> Hit:
    what = Lease(lock).called
    transaction = operation.transaction_of(write)
    begun = transaction.place if transaction is not None and transaction.place is not None else operation.place
    return Hit(
        place=release.chain[0] if release.chain else release.place,
        message=f"{what} is released before the commit: the next holder does not see the write to {write.dataset}",
        story=(
            Step(begun, "the transaction begins"),
            Step(lock.place, f"A takes {what}"),
            Step(write.place, f"A writes {write.dataset}"),
            Step(release.place, f"A releases {what}; its transaction is still open"),
            Step(lock.place, f"B takes {what}, reads {write.dataset} as it was before, and decides on that"),
            Step(begun, "A commits: what the lock should keep apart has overlapped"),
        ),
        rests_on=(lock, write, release),
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(
            title="take the lock outside of the transaction, or one that the transaction itself releases",
            text="with lock:\n    with transaction.atomic():\n        …\n# PostgreSQL: SELECT pg_advisory_xact_lock(…)",
        ),
    )
