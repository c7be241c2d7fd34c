"""`lock-without-expiry`: a distributed lock that a dead holder keeps for ever."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.facts.leases import Lease, leases, same_key
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR, sure=False)
def lock_without_expiry(operation: Operation) -> Iterator[Hit]:
    """A lock outside the process has no time to live: a holder that dies keeps it for ever."""
    for lease in leases(operation):
        if not lease.taken.chain and lease.endless:
            later = expires_later(operation, lease.taken)
            if later is None or lease.made:
                yield hit(lease, later)


def expires_later(operation: Operation, taken: Effect) -> Effect | None:
    """A second command that sets the time to live: a holder that dies in between still keeps it."""
    return next((e for e in operation.of(Kind.WRITE) if e.verb == "expire" and same_key(taken, e)), None)


def hit(lease: Lease, later: Effect | None) -> Hit:
    taken, what = lease.taken, lease.called
    when = "between taking it and limiting it" if later is not None else "while it holds it"
    return Hit(
        place=taken.place,
        message=f"{what} is held for ever when a process dies {when}: nobody does this work again",
        story=(
            Step(taken.place, f"{what} is taken, with no time to live"),
            Step((later or taken).place, f"the process is killed {when}: a deployment, out of memory, a lost machine"),
            Step(taken.place, "every later run waits for it, or passes over the work, until somebody deletes the key"),
        ),
        rests_on=(taken,),
        fix=fix(lease),
    )


def fix(lease: Lease) -> Fix:
    title = "take it with a time to live that is longer than the work, and renew it while the work goes on"
    if lease.made and lease.taken.technology == "redis":
        return Fix(title=title, text="redis.set(key, token, nx=True, ex=60)  # one command")
    if lease.made:
        return Fix(title=title, text="cache.add(key, token, timeout=60)")
    names = [o.name for o in lease.taken.options if o.word == "expiry"]
    return Fix(title=title, text=f"{names[0] if names else 'timeout'}=60")
