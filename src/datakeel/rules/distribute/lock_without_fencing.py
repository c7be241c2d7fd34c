"""`lock-without-fencing`: a write under a lease can be overtaken, and the store could tell but is not asked."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.claimed import Claim, blind_ends, claims, in_one_transaction
from datakeel.rules.facts.guards import versioned
from datakeel.rules.facts.leases import Lease, held, leases, rowlocked, unlikely, watched
from datakeel.rules.facts.slow import slow
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule

CHANGES = ("update", "save", "upsert", "set")


@rule(Severity.MAJOR)
def lock_without_fencing(operation: Operation, system: System) -> Iterator[Hit]:
    """A row is read or taken under a lease, and written after something slow, whoever holds the lease by then."""
    for lease in leases(operation):
        if lease.expiry is None or lease.endless:
            continue
        work = [e for e in held(operation, lease) if e.number > lease.taken.number]
        pauses = [e for e in work if slow(e)]
        for write in (e for e in work if rewrites(e)) if pauses else ():
            read = read_for(operation, write, work)
            pause = next((p for p in pauses if read is not None and between(read, p, write)), None)
            if read is None or pause is None or not operation.meet_here(lease.taken, write):
                continue
            if not guarded(operation, lease, write, system):
                yield hit(lease, read, pause, write)
                break
    for claim in claims(operation):
        dataset = system.dataset_of(claim.taken)
        for other, write in blind_ends(claim, dataset, system) if dataset is not None else ():
            if not in_one_transaction(claim, write, system):
                yield unasked(claim, other, write)


def guarded(operation: Operation, lease: Lease, write: Effect, system: System) -> bool:
    """Whether the store refuses a late write, or it is looked at before whether the lease still stands."""
    if versioned(operation, write, system) or rowlocked(operation, write):
        return True
    return watched(operation, lease, write)


def rewrites(effect: Effect) -> bool:
    if effect.kind != Kind.WRITE or effect.store not in (StoreKind.RELATIONAL, StoreKind.DOCUMENT):
        return False
    return effect.verb in CHANGES and any(a.how == "value" for a in effect.assigned)


def read_for(operation: Operation, write: Effect, work: list[Effect]) -> Effect | None:
    """The read under the lease that the written values were computed from, in the same table or of another system."""
    numbers = {s.number for a in write.assigned if a.how == "value" for s in a.sources if s.kind in ("read", "result")}
    used = [e for e in work if e.number in numbers]
    read = next((e for e in used if e.kind == Kind.READ and e.dataset == write.dataset), None)
    return read or next((e for e in used if fetches(e)), None)


def fetches(effect: Effect) -> bool:
    """Whether another system is asked how things stand: its answer grows old as a row does that was read."""
    method = effect.option("method")
    asks = effect.idempotent == Answer.YES and (method is None or method.value == "'GET'")
    return effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE and asks


def between(read: Effect, pause: Effect, write: Effect) -> bool:
    """Whether something slow stands between what was read and what is written; waiting for the answer is slow too."""
    return read.number < pause.number < write.number or (pause is read and fetches(read))


def hit(lease: Lease, read: Effect, pause: Effect, write: Effect) -> Hit:
    what, table = lease.called, write.dataset or "the row"
    columns = ", ".join(dict.fromkeys(a.column for a in write.assigned if a.how == "value"))
    place = lease.taken.chain[0] if lease.taken.chain else lease.taken.place
    return Hit(
        place=write.chain[0] if write.chain else write.place,
        message=f"a holder of {what} that was paused overwrites {table} after the next one has written it",
        story=(
            Step(place, f"A takes {what} for a limited time"),
            Step(read.place, f"A asks for {thing(read)}" if fetches(read) else f"A reads {table}"),
            Step(pause.place, f"A waits for {thing(pause)}, or is stopped by its machine: {what} expires"),
            Step(place, f"B takes {what}, does the same, writes {table} and is done"),
            Step(write.place, f"A wakes up and writes {columns or 'it'} from what it read: B's write is gone"),
        ),
        rests_on=(lease.taken, read, write),
        doubts=unlikely(lease.seconds),
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(
            title="let the store refuse the late write: compare a version, or the lock's fencing token",
            text=f"UPDATE {table} SET {columns.split(', ')[0] or '…'} = …, version = version + 1\n"
            " WHERE id = … AND version = :as_read  -- no row changed: somebody else was here",
        ),
    )


def unasked(claim: Claim, operation: Operation, write: Effect) -> Hit:
    """Of rows that are taken by what is written into them."""
    table, taken = write.dataset or "the row", claim.taken
    columns = ", ".join(dict.fromkeys(a.column for a in write.assigned))
    return Hit(
        place=write.place,
        symbol=operation.symbol,
        message=f"a worker that was paused until its claim was over writes {table} that the next one has taken",
        story=(
            Step(taken.place, f"A takes rows of {table} until {claim.until}, and commits"),
            Step(write.place, f"A is stopped by its machine, or waits, until {claim.until} has passed"),
            Step(taken.place, "B takes the same rows, and works on them"),
            Step(write.place, f"A wakes up and writes {columns} by the key alone: B's claim is over, unseen"),
        ),
        rests_on=(taken, write),
        doubts=1,  # a trigger may compare, or the work may be such that twice does no harm
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(
            title="write only where the claim is still the one that was taken",
            text=f"UPDATE {table} SET … WHERE id = … AND {claim.mark} = :{claim.mark}  -- no row: somebody else has it",
        ),
    )
