"""How long the process of a function lives: whether what it forgets is cleaned up by its end."""

from __future__ import annotations

from datakeel.model.effect import Kind
from datakeel.model.operation import Entry, Operation, Resource, Role
from datakeel.model.system import System
from datakeel.rules.facts.guards import is_job

AGAIN = ("request", "consumer", "task", "schedule", "event", "signal")
ONCE = ("command", "main")
ASKING = ("request", "consumer")
PROCESS = ("startup", "shutdown", "lifespan")  # events of the process itself, each of which happens once


def keeps_running(operation: Operation) -> bool:
    """Whether a function is run again and again by a process that lives on: by its ways in; one without any, in code
    that is a product's and no program's, by whoever uses it."""
    if operation.role != Role.PRODUCT:
        return False
    if not operation.entries:
        return True
    return any(serves(e) for e in operation.entries)


def one_off(operation: Operation, system: System) -> bool:
    """Whether it only runs in programs that somebody starts, and that end: none that a scheduler starts, none that goes
    on for ever or takes messages."""
    if not operation.entries:
        return operation.role == Role.SCRIPT
    if any(e.kind not in ONCE or is_job(e) for e in operation.entries):
        return False
    starts = {e.place for e in operation.entries}
    return not any(goes_on(o) for o in (operation, *(o for place in starts for o in system.defined_at(place))))


def unentered(operation: Operation, system: System) -> bool:
    """Whether nothing is seen to start it, in a program whose ways in are known."""
    return system.served and not operation.entries


def unstarted(operation: Operation, system: System) -> bool:
    """Whether nothing is seen to start it, nor may a decorator that is not known, in a program whose ways in are
    known."""
    return unentered(operation, system) and not operation.decorated


def only_jobs(operation: Operation) -> bool:
    """Whether it is started, and neither requests nor messages come to it."""
    return bool(operation.entries) and not any(e.kind in ASKING for e in operation.entries)


def goes_on(operation: Operation) -> bool:
    return any(e.kind == Kind.CONSUME or any(s.unbounded for s in e.scopes) for e in operation.effects)


def serves(entry: Entry) -> bool:
    return entry.kind in AGAIN and not (entry.kind == "event" and entry.name in PROCESS)


def endless(operation: Operation, resource: Resource) -> bool:
    """Whether what comes behind a resource's making has no end: it is kept as long as the process runs."""
    outer = {s.number for s in resource.scopes}
    later = (e for e in operation.effects if e.number > resource.number)
    return any(s.kind == "loop" and s.unbounded and s.number not in outer for e in later for s in e.scopes)


def once_for_each(operation: Operation, resource: Resource) -> str:
    """What a function makes a resource anew for, all the time: a request or a message; empty where it does not."""
    kinds = {e.kind for e in operation.entries if operation.role == Role.PRODUCT}
    if "request" in kinds:
        return "request"
    return "message" if "consumer" in kinds and each_message(operation, resource) else ""


def each_message(operation: Operation, resource: Resource) -> bool:
    """Whether it is made again for every message: the function is given one, is called for each, or takes the next one
    in the loop that makes it."""
    if any(s.kind == "loop" and s.unbounded for s in resource.scopes):
        return True
    taken = next((e for e in operation.of(Kind.CONSUME) if not e.chain), None)
    return taken.number == 0 if taken is not None else any(c.loop for c in operation.contexts)
