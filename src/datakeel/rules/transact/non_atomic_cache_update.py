"""`non-atomic-cache-update`: a counter, quota or token in a cache is got, computed and set."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Guard, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.guards import here, now, stopped
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import both_pass, interleaved

STORES = (StoreKind.CACHE, StoreKind.KEY_VALUE)
SETS = ("set", "setex", "psetex", "put", "hset", "hmset", "mset", "add", "expire")
LIMITS = ("<", "<=", ">", ">=")


@rule(Severity.CRITICAL)
def non_atomic_cache_update(operation: Operation, system: System) -> Iterator[Hit]:
    """A value of a cache is got, computed and set, or asked and then claimed, and another run does the same in
    between."""
    reads = [e for e in operation.of(Kind.READ) if e.store in STORES and e.rows is not None and now(e)]
    if not reads:
        return
    for write in operation.of(Kind.WRITE):
        if write.store not in STORES or write.rows is None or not now(write) or atomic(write):
            continue
        read = next(
            (r for r in reads if r.rows == write.rows and r.number < write.number and operation.meet_here(r, write)),
            None,
        )
        if read is None or operation.exclusive(read, write):
            continue
        told = computed(read, write) or claimed(operation, read, write)
        answer = stopped(operation, read, write, system) if told else Answer.YES
        if answer != Answer.YES:
            yield hit(operation, read, write, told, answer)


def atomic(write: Effect) -> bool:
    """Whether the set itself is conditional: ``nx=True``, ``add``, a compare-and-set."""
    if write.verb in ("add", "setnx", "cas"):
        return True
    option = write.option("nx")
    return option is not None and option.value not in ("", "False", "None")


def computed(read: Effect, write: Effect) -> str:
    """The set value was computed from what was got."""
    if write.verb == "increment":
        return ""
    sources = {*write.payload, *(s for a in write.assigned for s in a.sources)}
    return "computed" if any(s.kind == "read" and s.number == read.number for s in sources) else ""


def claimed(operation: Operation, read: Effect, write: Effect) -> str:
    """A limit, or a token's first use, is asked of the cache, and what was asked is changed only later."""
    if any(limit(g, read) for e in later(operation, read) for g in e.guards):
        return "limit" if write.verb in ("increment", *SETS) else ""
    if read.verb == "exists" and write.verb in SETS:
        return "claim" if any(asks(g, read) for g in write.guards) else ""
    return ""


def later(operation: Operation, read: Effect) -> Iterator[Effect]:
    return (e for e in operation.effects if e.number > read.number)


def limit(guard: Guard, read: Effect) -> bool:
    return guard.test in LIMITS and asks(guard, read)


def asks(guard: Guard, read: Effect) -> bool:
    return any(s.kind == "read" and s.number == read.number for s in guard.sources)


def hit(operation: Operation, read: Effect, write: Effect, told: str, answer: Answer) -> Hit:
    key = write.key or "the key"
    guard = next((g for g in write.guards if asks(g, read)), None)
    messages = {
        "computed": f"of two runs at once, one change of {key} is lost: it is got, computed in the application and set",
        "limit": f"two runs at once both pass the limit on {key}: it is compared first and counted later",
        "claim": f"two runs at once both find {key} unused, and both use it: it is asked first and claimed later",
    }
    story = (
        interleaved(read.place, write.place, key)
        if told == "computed"
        else both_pass(read.place, (guard and guard.place) or read.place, write, key, None, None)
    )
    fixes = {
        "computed": "incrby(key, change)  # or a Lua script, or WATCH … MULTI with a retry",
        "limit": "count = incr(key)  # first; then compare what it gave with the limit",
        "claim": "if not set(key, 1, nx=True, ex=…):  # it is taken\n    …",
    }
    return Hit(
        place=here(write),
        message=messages[told],
        story=story,
        rests_on=(read, write),
        doubts=int(answer == Answer.UNKNOWN),
        datasets=(key,) if write.key else (),
        fix=Fix(title="let the cache do it in one step", text=fixes[told]),
    )
