"""Whether only a timer starts a function: its runs come one after the other, and meet only where one of them outlasts
the time to the next tick."""

from __future__ import annotations

from collections.abc import Iterable

from datakeel.model.effect import Effect, Kind, Predicate
from datakeel.model.operation import Entry, Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.guards import is_job

TIMED = ("schedule", "command")
KEYS = ("id", "pk", "_id", "_pk", "_uuid", "_key")
FEW = 4  # tasks that send tasks


def by_timer(operation: Operation, asked: Iterable[Predicate], system: System) -> bool:
    """Whether all that starts it is a timer, directly or through tasks that nobody else sends. Where one tick sends
    many tasks, they run beside each other: then each must ask for rows of its own, by a key."""
    own = any(p.operator == "=" and p.column.endswith(KEYS) and p.sources for p in asked)
    return bool(operation.entries) and all(timed(e, system, own, ()) for e in operation.entries)


def timed(entry: Entry, system: System, own: bool, seen: tuple[str, ...]) -> bool:
    """Whether a timer alone sets one way in going."""
    if entry.kind in TIMED or not entry.concurrent or is_job(entry):
        return True
    if entry.kind != "task" or entry.name in seen or len(seen) == FEW:
        return entry.kind == "task" and entry.name in seen
    senders = [(o, e) for o, e in system.senders(entry.name) if o.role != Role.TEST and not o.unused]
    started = any(e.kind == "schedule" for o in system.defined_at(entry.place) for e in o.entries)
    return (bool(senders) or started) and all(sent_by_timer(o, e, system, own, (*seen, entry.name)) for o, e in senders)


def sent_by_timer(sender: Operation, message: Effect, system: System, own: bool, seen: tuple[str, ...]) -> bool:
    """Whether a task is sent by what a timer alone starts, and alone, or for rows of its own."""
    if not sender.entries:
        return sender.role in (Role.SCRIPT, Role.MIGRATION)
    if not own and message.kind == Kind.PUBLISH and message.inside("loop") is not None:
        return False
    return all(timed(e, system, own, seen) for e in sender.entries)
