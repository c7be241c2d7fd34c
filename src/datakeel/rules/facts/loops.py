"""What holds an event loop: calls that wait in its own thread, and which of its functions make them."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System

DATABASES = (
    StoreKind.RELATIONAL,
    StoreKind.DOCUMENT,
    StoreKind.WIDE_COLUMN,
    StoreKind.KEY_VALUE,
    StoreKind.CACHE,
    StoreKind.SEARCH,
    StoreKind.GRAPH,
)
BROKERS = (StoreKind.LOG, StoreKind.QUEUE)
STORES = (*DATABASES, *BROKERS, StoreKind.OBJECT, StoreKind.REMOTE, StoreKind.MAIL, StoreKind.PROCESS)
ALONE = ("main", "command", "schedule")  # a program with one thing to do has nothing else that could wait
Held = tuple[Operation, tuple[Effect, ...]]
KINDS = (Kind.CALL, Kind.READ, Kind.WRITE, Kind.PUBLISH, Kind.CONSUME, Kind.LOCK)
WAITS = ("sleep", "program", "join", "result", "flush", "delivery")
SHORT = 0.05  # seconds that nobody notices
REFUSES = "django"  # its object-relational mapper, since version 3.0


def held_loops(system: System) -> Iterator[tuple[Held, ...]]:
    """The coroutine functions that hold their event loop, one group for each cause: a helper's line that all of them
    come to; one client of a database in one file; else each function for itself."""
    found: dict[tuple[object, ...], list[tuple[Operation, Effect]]] = {}
    for operation in system.operations:
        if operation.is_async and operation.role in (Role.PRODUCT, Role.SCRIPT) and not passing(operation):
            for effect in (e for e in holding(operation, system) if not refused(e)):
                found.setdefault(cause(operation, effect), []).append((operation, effect))
    for pairs in found.values():
        grouped: dict[str, list[Effect]] = {}
        for operation, effect in pairs:
            grouped.setdefault(operation.name, []).append(effect)
        yield tuple((o, tuple(grouped[o.name])) for o in {o.name: o for o, _ in pairs}.values())


def passing(operation: Operation) -> bool:
    """Whether it runs only at the start and at the end, when nobody else is there yet, or any more."""
    return bool(operation.entries) and all(e.kind == "event" for e in operation.entries)


def cause(operation: Operation, effect: Effect) -> tuple[object, ...]:
    if effect.chain:
        return (effect.place,)
    if effect.store in DATABASES:
        return (operation.place.path, effect.technology)
    return (operation.name,)


def alone(operation: Operation, system: System) -> bool:
    """Whether the loop runs for this one program: one that neither reads messages nor starts tasks."""
    if operation.role == Role.SCRIPT:
        return True
    if not operation.entries:
        return not busy(operation) and plainly_entered(system)
    starts = {e.place: e.kind for e in operation.entries}
    begun = [o for place in starts for o in system.defined_at(place)]
    coroutines = {o.place for o in begun if o.is_async}
    if any(kind not in ALONE and not (kind == "task" and at not in coroutines) for at, kind in starts.items()):
        return False  # a task that is a plain function begins a loop for itself
    return not any(busy(o) for o in (*begun, operation))


def attended(operation: Operation) -> bool:
    """Whether others are sure to wait in its loop: requests and messages come to it while it runs."""
    return any(e.kind not in (*ALONE, "task") for e in operation.entries)


def plainly_entered(system: System) -> bool:
    """Whether all known ways into a program are plain functions: as far as is known, one of them begins a loop for one
    call."""
    ways = [o for o in system.operations if any(e.place == o.place for e in o.entries)]
    return bool(ways) and not any(o.is_async for o in ways)


def busy(operation: Operation) -> bool:
    """Whether several things go on beside one another in it."""
    return any(e.verb in ("task", "supervised-task", "tasks") for e in operation.of(Kind.SPAWN, Kind.WAIT)) or any(
        e.store != StoreKind.MEMORY for e in operation.of(Kind.CONSUME)
    )


def holding(operation: Operation, system: System) -> Iterator[Effect]:
    """The effects that hold the event loop which a coroutine function runs in, as far as no coroutine function further
    down is the one to hold it: the innermost answers for them."""
    entered: dict[str, bool] = {}
    for effect in operation.effects if operation.is_async else ():
        if effect.blocking and waits(effect):
            if effect.callee not in entered:
                callee = system.operation(effect.callee) if effect.callee else None
                entered[effect.callee] = callee is not None and callee.is_async
            if not entered[effect.callee]:
                yield effect


def waits(effect: Effect) -> bool:
    """Whether an effect that is of the waiting kind goes out of the process, or sleeps, for longer than a moment."""
    if effect.when != When.NOW or effect.awaited:
        return False
    if effect.kind == Kind.WAIT:
        return effect.verb in WAITS and not instant(effect)
    if effect.verb == "relation":
        return False  # it loads itself only where a query did so before
    return effect.kind in KINDS and effect.store in STORES


def refused(effect: Effect) -> bool:
    """Whether its library raises in an event loop, in the versions of today, rather than wait there."""
    return effect.store == StoreKind.RELATIONAL and effect.technology == REFUSES


def instant(wait: Effect) -> bool:
    """Whether a wait is known to be shorter than anybody notices (``time.sleep(0)``, ``flush(0)``)."""
    option = wait.option("timeout")
    text = wait.text or (option.value if option is not None else "")
    try:
        return 0 <= float(text) < SHORT
    except ValueError:
        return False
