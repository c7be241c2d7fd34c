"""`volatile-store-of-record`: the only copy of a record lies where a restart, or a full memory, drops it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.losable import losable
from datakeel.rules.rule import Hit, rule

VOLATILE = re.compile(r"locmem|LocMemCache|memcache|MemcachedCache|PyLibMC|PyMemcache", re.I)
SHORT = re.compile(
    r"lock|session|token|nonce|csrf|otp|rate|limit|throttl|attempt|seen|last_|flag|version|state|status", re.I
)
DURABLE = (
    StoreKind.RELATIONAL,
    StoreKind.DOCUMENT,
    StoreKind.WIDE_COLUMN,
    StoreKind.LOG,
    StoreKind.QUEUE,
    StoreKind.OBJECT,
    StoreKind.SEARCH,
    StoreKind.REMOTE,
    StoreKind.FILE,
)


@rule(Severity.CRITICAL)
def volatile_store_of_record(operation: Operation, system: System) -> Iterator[Hit]:
    """The only copy of a record lies where a restart, or a full memory, drops it."""
    if operation.role != Role.PRODUCT or any(e.store in DURABLE for e in operation.effects):
        return
    for entry in operation.of(Kind.WRITE):
        if entry.chain or entry.store != StoreKind.CACHE or entry.verb not in ("set", "add") or not entry.key:
            continue
        if volatile(system, entry) and for_ever(entry) and given(operation, entry) and not short(system, entry):
            read = asked(system, entry)
            if read is not None:
                yield hit(entry, read)


def volatile(system: System, entry: Effect) -> bool:
    """Whether the store is one that keeps nothing: memcached, or a cache of Django's that is known to be in memory."""
    if entry.technology == "memcached":
        return True
    alias = system.setting("django.CACHES.default") if "django" in entry.technology else None
    return alias is not None and bool(VOLATILE.search(alias))


def for_ever(entry: Effect) -> bool:
    """Whether whoever wrote it meant it to stay."""
    expiry = [o for o in entry.options if o.word == "expiry"]
    return bool(expiry) and all(o.value in ("None", "0") for o in expiry)


def given(operation: Operation, entry: Effect) -> bool:
    """Whether its content came with the call, rather than from a store where it could be looked up again."""
    return bool(entry.payload) and all(s.kind in ("parameter", "encoding", "new", "random") for s in entry.payload)


def short(system: System, entry: Effect) -> bool:
    return bool(SHORT.search(entry.key or "")) or losable(system, entry.key or "")


def asked(system: System, entry: Effect) -> Effect | None:
    """Where the entry is read, by a key that begins as this one's does."""
    head = (entry.key or "").partition("\ufffc")[0]
    reads = (e for o in system.operations for e in o.of(Kind.READ) if e.store == StoreKind.CACHE and not e.chain)
    return next((e for e in reads if head and e.key and e.key.startswith(head)), None)


def hit(entry: Effect, read: Effect) -> Hit:
    return Hit(
        place=entry.place,
        message="what is kept here is gone after a restart, or when memory is short: nothing else has it",
        story=(
            Step(entry.place, "what the caller gave is kept in memory, with no expiry, and nowhere else"),
            Step(entry.place, "the cache is restarted, or full: it drops what was not used for a while"),
            Step(read.place, "it is looked for here, and there is nothing"),
        ),
        rests_on=(entry, read),
        doubts=1,
        fix=Fix(title="write it to the database, and keep the cache as a copy", text="Order.objects.create(…)"),
    )
