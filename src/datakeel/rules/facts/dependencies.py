"""On which other services a web process waits while it answers, how often, and what lets it go when they hang."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.system import System
from datakeel.rules.facts.sagas import address
from datakeel.rules.facts.services import inside

HOT = 3  # ways in that wait for the same service
OUTSIDE = ("http", "grpc")  # an SDK brings its own limits
NEAR = re.compile(r"^(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(:\d+)?$")  # a proxy beside the process
MADE_BY_HAND = re.compile(r"circuit_?breaker|bulkhead", re.I)
INTENT = re.compile(r"circuit|breaker|bulkhead|fallback|or_default|or_none|safe", re.I)
LETTING_GO = ("breaker", "semaphore", "suppress")


class Dependency(Struct, frozen=True):
    """Another service that a web process waits for: its name (host, or the function that asks it), its calls as the
    ways in have them, and those ways in."""

    name: str
    calls: tuple[Effect, ...]
    ways: tuple[Operation, ...]


def servers(system: System) -> Iterator[tuple[str, Resource]]:
    """The web processes whose start is in view, one for each service."""
    services = {o.place.path: o.service for o in system.operations}
    own = (r for o in system.operations if o.role == Role.PRODUCT for r in o.resources if not r.chain)
    found = [r for r in (*own, *system.resources) if r.kind == "server" and not r.chain]
    seen: set[str] = set()
    for server in sorted(found, key=lambda r: r.place):
        service = services.get(server.place.path) or nearest(services.values(), server.place.path)
        if service not in seen:
            seen.add(service)
            yield service, server


def nearest(services: Iterable[str], path: str) -> str:
    """The service whose folder holds a file that itself does nothing."""
    return max((s for s in services if inside(s, path)), key=lambda s: (len(s), s), default="")


def hot(system: System, service: str) -> Dependency | None:
    """The service that most ways in wait for, where at least some do, with nothing that lets go of it; None also where
    the code has a breaker of its own, which may stand round any call."""
    if any(MADE_BY_HAND.search(o.name) for o in system.operations if o.service == service):
        return None
    found: dict[str, list[tuple[Operation, Effect]]] = {}
    for operation in system.operations:
        if operation.service == service and operation.role == Role.PRODUCT and way_in(operation):
            for call in operation.of(Kind.CALL):
                if waited_for(call):
                    found.setdefault(name_of(call), []).append((operation, call))
    ranked = sorted(found.items(), key=lambda item: (-len({o.name for o, _ in item[1]}), item[0]))
    for name, pairs in ranked:
        ways = tuple({o.name: o for o, _ in pairs}.values())
        if len(ways) >= HOT and not any(let_go(system, c) for _, c in pairs):
            return Dependency(name, tuple(c for _, c in pairs), ways)
    return None


def way_in(operation: Operation) -> bool:
    """Whether a request begins here."""
    return any(e.kind == "request" and e.place == operation.place for e in operation.entries)


def waited_for(call: Effect) -> bool:
    """Whether a request waits for a call of another service, for a limited time."""
    if call.store != StoreKind.REMOTE or call.technology not in OUTSIDE or call.when != When.NOW:
        return False
    timeout = call.option("timeout")
    limited = timeout is not None and timeout.value != "None"
    return limited and not NEAR.match(address(call))


def name_of(call: Effect) -> str:
    """The host, where it is known; else the line that all these calls come to."""
    return address(call) or str(call.place)


def let_go(system: System, call: Effect) -> bool:
    """Whether something stands round a call that ends the wait, or answers without it: a breaker, a limit of how many
    wait at once, a handler that goes on without the answer, a cache that is asked first, or a name that says so."""
    if any(s.kind in LETTING_GO for s in call.scopes):
        return True
    return any(
        INTENT.search(o.symbol) or gone_on_without(o, e) or cached(o, e)
        for o in system.operations
        for e in o.of(call.kind)
        if e.place == call.place
    )


def gone_on_without(operation: Operation, call: Effect) -> bool:
    """Whether a handler answers for a failed call, if only sometimes, rather than always passes the failure on."""
    bodies = {s.number for s in call.scopes if s.kind == "try" and s.arm == "body"}
    return any(h.number in bodies and (h.falls or "return" in h.does) for h in operation.handlers)


def cached(operation: Operation, call: Effect) -> bool:
    """Whether it is called only where a cache has no answer."""
    read = {e.number for e in operation.of(Kind.READ) if e.store in (StoreKind.CACHE, StoreKind.KEY_VALUE)}
    return any(s.number in read for g in call.guards for s in g.sources)
