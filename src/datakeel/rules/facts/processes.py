"""The processes of a system whose start is in view: web servers that a program serves, and consumers that it runs."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.dependencies import servers, way_in
from datakeel.rules.facts.services import inside

FEWEST = 3  # ways in that use a store: below, it is an example, or a part of something larger
STARTS = ("main", "command")
KEPT = (StoreKind.NONE, StoreKind.MEMORY, StoreKind.PROCESS, StoreKind.FILE)


class Process(Struct, frozen=True):
    """`kind` is web or consumer; `place`, where it is begun; `ways` are what it is run for; `made`: the server object,
    `serving`: what starts it."""

    kind: str
    service: str
    place: Place
    ways: tuple[Operation, ...]
    made: Resource | None = None
    serving: Resource | None = None


def processes(system: System) -> Iterator[Process]:
    yield from webs(system)
    yield from consumers(system)


def webs(system: System) -> Iterator[Process]:
    """Web servers that a program of the same service starts, and that answer from a store in several ways."""
    started = [
        *system.resources,
        *(r for o in system.operations if o.role in (Role.PRODUCT, Role.SCRIPT) for r in o.resources),
    ]
    serving = [r for r in started if r.kind == "serving"]
    for service, made in servers(system):
        start = next((r for r in serving if inside(service, r.place.path) or r.place.path == made.place.path), None)
        ways = tuple(o for o in system.operations if o.service == service and way_in(o) and lasting(o) is not None)
        if start is not None and len(ways) >= FEWEST:
            yield Process("web", service, made.place, ways, made, start)


def consumers(system: System) -> Iterator[Process]:
    """Programs that take messages without end and do something lasting for them."""
    for operation in system.operations:
        begun = operation.role == Role.PRODUCT and any(e.kind in STARTS for e in operation.entries)
        taken = next((e for e in operation.of(Kind.CONSUME) if endless(e)), None) if begun else None
        if taken is not None and lasting(operation) is not None:
            yield Process("consumer", operation.service, taken.place, (operation,))


def endless(consume: Effect) -> bool:
    own = not consume.chain and consume.store != StoreKind.MEMORY
    return own and any(s.kind == "loop" and s.unbounded for s in consume.scopes)


def lasting(operation: Operation) -> Effect | None:
    """The first thing that an operation reads or writes outside of its process."""
    found = operation.of(Kind.READ, Kind.WRITE, Kind.PUBLISH, Kind.CALL)
    return next((e for e in found if e.store not in KEPT), None)
