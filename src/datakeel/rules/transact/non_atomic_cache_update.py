"""`non-atomic-cache-update`: a counter, quota or token in a cache is got, computed and set."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Guard, Kind, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.guards import here, now, stopped
from datakeel.rules.facts.stakes import valuable
from datakeel.rules.facts.twice import NEAR, repeats
from datakeel.rules.facts.words import HOLE, thing
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import both_pass, interleaved

STORES = (StoreKind.CACHE, StoreKind.KEY_VALUE)
SETS = ("set", "setex", "psetex", "put", "hset", "hmset", "mset", "add", "expire")
LIMITS = ("<", "<=", ">", ">=")


@rule(Severity.CRITICAL, Record(2, 9), race=True, sure=False)
def non_atomic_cache_update(operation: Operation, system: System) -> Iterator[Hit]:
    """A value of a cache is got, computed and set, or asked and then claimed, and another run does the same in
    between."""
    reads = [e for e in operation.of(Kind.READ) if e.store in STORES and e.rows is not None and now(e)]
    spoken: set[Place] = set()  # one value that is asked is one cause, however many ways lead to its change
    for write in sorted(operation.of(Kind.WRITE), key=lambda w: w.verb != "increment") if reads else ():
        if write.store not in STORES or write.rows is None or not now(write) or atomic(write) or put_back(write):
            continue
        read = next(
            (r for r in reads if one_entry(r, write) and r.number < write.number and operation.meet_here(r, write)),
            None,
        )
        if (
            read is None
            or read.place in spoken
            or operation.exclusive(read, write)
            or kept_aside(operation, read, write)
        ):
            continue
        told = computed(operation, read, write) or claimed(operation, read, write)
        answer = stopped(operation, read, write, system) if told else Answer.YES
        if answer != Answer.YES:
            spoken.add(read.place)
            yield hit(operation, read, write, told, answer, system)
    yield from claimed_late(operation, system)


def one_entry(read: Effect, write: Effect) -> bool:
    """Whether both are of one entry of one cache: from one cache to another it is only copied."""
    return read.rows == write.rows and (read.dataset, read.connection) == (write.dataset, write.connection)


def put_back(write: Effect) -> bool:
    """Whether it stands where a stretch of work ends, however it ends: what was there before is put back."""
    return any(s.kind == "try" and s.arm == "finally" for s in write.scopes)


def kept_aside(operation: Operation, read: Effect, write: Effect) -> bool:
    """Whether what was got is put back as it was, behind another value that stood there meanwhile."""
    if not write.payload or any(s.kind != "read" or s.number != read.number for s in write.payload):
        return False
    return any(
        read.number < e.number < write.number and e.rows == write.rows and not operation.exclusive(e, write)
        for e in operation.of(Kind.WRITE)
    )


def claimed_late(operation: Operation, system: System) -> Iterator[Hit]:
    """What may be used once is claimed behind what is done with it, and nobody looks whether the claim succeeded."""
    for write in operation.of(Kind.WRITE):
        if write.store not in STORES or write.result_used or not atomic(write) or write.payload or not now(write):
            continue
        if any(s.kind == "random" for s in write.key_sources):
            continue  # a key that is new: no other run has it
        act = next((e for e in operation.effects if done_before(operation, e, write)), None)
        if act is not None and HOLE in (write.key or "") and asked_elsewhere(write, system):
            yield hit(operation, act, write, "late", Answer.UNKNOWN, system)


def done_before(operation: Operation, act: Effect, write: Effect) -> bool:
    """Whether an effect that a second run would repeat, to some harm, stands before the claim in this function."""
    if act.number > write.number or len(act.chain) > NEAR or not repeats(act) or not now(act):
        return False
    return operation.meet_here(act, write) and not operation.exclusive(act, write)


def asked_elsewhere(write: Effect, system: System) -> bool:
    """Whether the key is one that somebody asks for: it says that something was used."""
    return any(
        read.key == write.key and read.store == write.store
        for other in system.operations
        for read in other.of(Kind.READ)
        if not read.chain
    )


def atomic(write: Effect) -> bool:
    """Whether the set itself is conditional: ``nx=True``, ``add``, a compare-and-set."""
    if write.verb in ("add", "setnx", "cas"):
        return True
    option = write.option("nx")
    return option is not None and option.value not in ("", "False", "None")


def computed(operation: Operation, read: Effect, write: Effect) -> str:
    """The set value was computed from what was got, and from nothing that was fetched meanwhile."""
    if write.verb == "increment":
        return ""
    sources = {*write.payload, *(s for a in write.assigned for s in a.sources)}
    if not any(read.gave(s) for s in sources):
        return ""
    return "" if any(fetched(operation, s, read) for s in sources) else "computed"


def counted_up(read: Effect, write: Effect) -> bool:
    """Whether the new value is made of the old one alone, whatever that was: it counts. What was judged false is filled
    in, copied, or a note of how far something came."""
    alone = all(read.gave(s) for s in write.payload)
    spare = any(s.kind == "try" and s.arm.startswith("handler") for s in write.scopes)  # the usual way is another one
    return bool(write.payload) and alone and not spare and not any(asks(g, read) for g in write.guards)


def of_process(write: Effect, system: System) -> bool:
    """Whether each process has a cache of its own: what counts in it is an estimate, with or without a race."""
    backend = system.setting("django.CACHES.default") if "django" in write.technology else None
    return backend is not None and "locmem" in backend.casefold()


def fetched(operation: Operation, source: Source, read: Effect) -> bool:
    """Whether a value is what another service answers: then the entry is a copy of that, filled where it is missing,
    and two runs fill in the same."""
    if source.kind not in ("read", "result") or source.number == read.number:
        return False
    effect = operation.effect(source.number)
    return effect is not None and effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE


def claimed(operation: Operation, read: Effect, write: Effect) -> str:
    """A limit, or a token's first use, is asked of the cache, and what was asked is changed only later."""
    if any(limit(g, read) for e in later(operation, read) for g in e.guards):
        return "limit" if write.verb == "increment" or (write.verb in SETS and not noted(read, write)) else ""
    if read.verb == "exists" and write.verb in SETS:
        return "claim" if any(asks(g, read) and unused(g) for g in write.guards) else ""
    return ""


def noted(read: Effect, write: Effect) -> bool:
    """Whether what is set comes from elsewhere: how far a run has come, and not how many there were."""
    return bool(write.payload) and not any(read.gave(s) for s in write.payload)


def later(operation: Operation, read: Effect) -> Iterator[Effect]:
    return (e for e in operation.effects if e.number > read.number)


def limit(guard: Guard, read: Effect) -> bool:
    return guard.test in LIMITS and asks(guard, read)


def counts(guard: Guard) -> bool:
    """Whether it compares with something: over nothing, it only asks whether the key is there."""
    return guard.test in LIMITS and guard.text.removeprefix("const:") not in ("0", "-1")


def asks(guard: Guard, read: Effect) -> bool:
    return any(read.gave(s) for s in guard.sources)


def unused(guard: Guard) -> bool:
    """Whether it holds where the key was not there."""
    return guard.text in ("0", "False", "const:0", "const:False") if guard.test == "==" else not guard.polarity


def hit(operation: Operation, read: Effect, write: Effect, told: str, answer: Answer, system: System) -> Hit:
    key = (write.key or "the key").replace(HOLE, "…")
    guard = next((g for g in write.guards if asks(g, read)), None)
    messages = {
        "computed": f"of two runs at once, one change of {key} is lost: it is got, computed in the application and set",
        "limit": f"two runs at once both pass the limit on {key}: it is compared first and counted later",
        "late": f"with one {key}, two runs at once both come to {thing(read)}: it is claimed only behind that, and "
        "nobody looks whether it was still free",
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
        "late": "if not set(key, 1, nx=True, ex=…):  # before anything is done with it\n    …  # it is taken",
        "claim": "if not set(key, 1, nx=True, ex=…):  # it is taken\n    …",
    }
    return Hit(
        place=here(write),
        message=messages[told],
        story=story,
        rests_on=(read, write),
        apart=told == "late"
        or (told == "computed" and counted_up(read, write) and not of_process(write, system))
        or (told == "limit" and write.verb == "increment" and guard is not None and counts(guard)),
        doubts=int(answer == Answer.UNKNOWN),
        severity=Severity.MAJOR if told == "computed" and not valuable(key) else None,
        datasets=(write.key,) if write.key else (),
        fix=Fix(title="let the cache do it in one step", text=fixes[told]),
    )
