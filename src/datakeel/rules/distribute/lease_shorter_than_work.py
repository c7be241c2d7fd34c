"""`lease-shorter-than-work`: the work under a lease can outlast it, and a second holder begins beside the first."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Option, Scope
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.claimed import Claim, claimed_for, prolonged, told_below
from datakeel.rules.facts.leases import Lease, held, leases, renewed, unlikely, watched
from datakeel.rules.facts.slow import slow
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule

USUAL = 5.0  # seconds: clients that are given no limit of their own wait that long, or without end


@rule(Severity.CRITICAL)
def lease_shorter_than_work(operation: Operation, system: System) -> Iterator[Hit]:
    """The work under a lease can outlast it: a second holder begins beside the first."""
    for lease in leases(operation):
        if lease.expiry is None or lease.endless or renewed(operation, lease):
            continue
        work = [
            e for e in held(operation, lease) if operation.meet_here(lease.taken, e) and e.number > lease.taken.number
        ]
        surely = outlasts(lease, work)
        found = surely or unbounded(lease, work)
        if found is not None and not watched(operation, lease, found[0]):
            yield hit(lease, work, *found, doubts=0 if surely else unlikely(lease.seconds))
    yield from of_rows(operation, system)


def of_rows(operation: Operation, system: System) -> Iterator[Hit]:
    """Rows that are taken until a time that comes before the call for them has to have ended."""
    for call in operation.of(Kind.CALL):
        for claim in claimed_for(operation, call):
            seconds, limit = claim.seconds, waiting(call)
            if seconds is None or not slow(call) or told_below(call, system) or prolonged(claim, system):
                continue
            if limit is not None and limit > seconds:
                yield rows_hit(claim, call, f"{thing(call)} alone may take {limit:g} of the {seconds:g} seconds", 0)
                return
            if limit is None and seconds < USUAL:
                why = f"{thing(call)} may take longer than {seconds:g} seconds: its limit is not made for that"
                yield rows_hit(claim, call, why, 1)
                return


def outlasts(lease: Lease, work: list[Effect]) -> tuple[Effect, str] | None:
    """What surely takes longer than the lease, or may by its own limit."""
    seconds = lease.seconds
    if seconds is None:
        return None
    spent = 0.0
    for effect in work:
        limit = waiting(effect)
        spent += limit or 0.0
        if limit is not None and spent > seconds:
            return effect, f"{thing(effect)} alone may take {limit:g} of the {seconds:g} seconds"
        if seconds < 1 and slow(effect):
            return effect, f"{thing(effect)} takes longer than {seconds * 1000:g} milliseconds"
    return None


def waiting(effect: Effect) -> float | None:
    """How long an effect may take, as far as it says so."""
    if effect.kind == Kind.WAIT:
        return effect.seconds
    option = effect.option("timeout")
    return limit_of(option) if option is not None and option.given and slow(effect) else None


def limit_of(option: Option) -> float | None:
    """A time-out in seconds: of a pair, to connect and to read, both."""
    parts = option.value.strip("()").split(",") if option.value.startswith("(") else []
    try:
        return sum(map(float, parts)) if parts else option.seconds()
    except ValueError:
        return None


def unbounded(lease: Lease, work: list[Effect]) -> tuple[Effect, str] | None:
    """A slow call for each of many, begun under the lease."""
    around = {s.number for s in lease.taken.scopes}
    for effect in work:
        loop = next((s for s in effect.scopes if s.kind == "loop" and s.number not in around), None)
        if loop is not None and slow(effect) and effect.kind != Kind.WAIT and not retried(effect, loop):
            return effect, f"{thing(effect)} happens once for each, and there may be any number"
    return None


def retried(effect: Effect, loop: Scope) -> bool:
    """Whether the loop is one that tries the same again."""
    return any(s.kind == "retry" and s.place == loop.place for s in effect.scopes)


def hit(lease: Lease, work: list[Effect], effect: Effect, why: str, doubts: int) -> Hit:
    what = lease.called
    lasts = f"{lease.seconds:g} seconds" if lease.seconds is not None else "a fixed time"
    changes = [
        e for e in work if e.kind in (Kind.WRITE, Kind.PUBLISH) or (e.kind == Kind.CALL and e.idempotent.value != "yes")
    ]
    place = lease.taken.chain[0] if lease.taken.chain else lease.taken.place
    return Hit(
        place=place,
        message=f"{what} ends after {lasts}, and the work under it may go on: two then do it at once",
        story=(
            Step(place, f"A takes {what} for {lasts}; nothing renews it"),
            Step(effect.place, why),
            Step(place, f"{what} expires while A works; B takes it and begins the same work"),
            Step((changes or [effect])[-1].place, "A and B both go on, each as if alone"),
        ),
        rests_on=(lease.taken, effect),
        doubts=doubts,
        datasets=tuple(dict.fromkeys(e.dataset for e in changes if e.dataset))[:3],
        fix=Fix(
            title="renew the lock while the work goes on, and stop when it could not be renewed", text=renewal(lease)
        ),
    )


def rows_hit(claim: Claim, call: Effect, why: str, doubts: int) -> Hit:
    table, taken = claim.taken.dataset, claim.taken
    return Hit(
        place=taken.place,
        message=f"rows of {table} are taken for {claim.seconds:g} seconds, and the call for them may go on: "
        "two workers then do it at once",
        story=(
            Step(taken.place, f"A takes rows of {table} until {claim.until}, {claim.seconds:g} seconds from now"),
            Step(call.place, why),
            Step(taken.place, f"{claim.until} passes while A waits; B takes the same rows"),
            Step(call.place, "A and B both call for them, each as if alone"),
        ),
        rests_on=(taken, call),
        doubts=doubts,
        datasets=(table,) if table else (),
        fix=Fix(
            title="take them for longer than the call may take, its limit included",
            text=f"SET {claim.until} = now() + :seconds * interval '1 second'  -- three times the call's time-out",
        ),
    )


def renewal(lease: Lease) -> str:
    if lease.taken.option("renewal") is not None:
        return "auto_renewal=True"
    if lease.made:
        return "redis.expire(key, seconds)  # after each step, if the key still holds this holder's token"
    return "lock.extend(seconds, replace_ttl=True)  # after each step; it raises when the lock is lost"
