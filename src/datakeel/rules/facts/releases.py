"""Whether what is opened is closed again on every way out of the function that opens it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.model.effect import Effect, Kind, Scope, StoreKind
from datakeel.model.operation import Exit, Operation, Release, Resource, conditional
from datakeel.model.place import Place
from datakeel.rules.facts.failures import in_handler_of, tries
from datakeel.rules.facts.running import endless

HELD = ("connection", "session", "loan")
# closed by the interpreter as soon as nobody holds it, or by the other side; no server runs out of them
LOCAL = ("socket", "http", "sqlite")
ACTING = (Kind.READ, Kind.WRITE, Kind.ALTER, Kind.CALL, Kind.PUBLISH, Kind.CONSUME, Kind.COMMIT)


class Leak(Struct, frozen=True):
    """How a resource stays open: `how` is never, early (by a return), failure, or lent (where those
    fail who have it while a generator rests); `place`, where it is lost."""

    how: str
    place: Place


def owned(operation: Operation) -> Iterator[Resource]:
    """What a function opens, itself or by asking another for it, that nobody else holds and that must be closed."""
    for resource in operation.resources:
        lent = resource.passed == "yielded" and (resumed(operation) or bool(resource.releases))
        alone = resource.passed == "" or lent
        if (
            alone
            and resource.per == "call"
            and not resource.kept
            and held(resource)
            and not endless(operation, resource)
        ):
            yield resource


def resumed(operation: Operation) -> bool:
    """Whether a framework takes what a generator yields, and runs it to its end: nobody else closes it."""
    return bool(operation.entries) and all((e.kind, e.name) == ("request", "dependency") for e in operation.entries)


def held(resource: Resource) -> bool:
    """Whether it must be closed by hand: a consumer of a log is a member of its group until it says good-bye."""
    if resource.kind == "consumer":
        return resource.technology == "kafka"
    return resource.kind in HELD and resource.technology not in LOCAL


def leak(operation: Operation, resource: Resource) -> Leak | None:
    """The way out on which a resource stays open; None where there is none, or the function was not seen whole."""
    releases = resource.releases
    if not operation.complete or any(r.always or in_finally(r, resource) for r in releases):
        return None
    if not releases:
        used = next((e for e in operation.effects if e.number > resource.number and e.kind in ACTING), None)
        return Leak("never", used.place if used is not None else resource.place)
    left = next((x for x in operation.exits if x.kind == "return" and passes(resource, x, releases)), None)
    if left is not None:
        return Leak("early", left.place)
    last = max(r.number for r in releases)
    if resource.passed == "yielded":  # whoever has it meanwhile may fail: that comes out of the yield
        return Leak("lent", resource.chain[0] if resource.chain else resource.place)
    between = (e for e in operation.effects if resource.number < e.number < last and e.kind in ACTING)
    failing = next((e for e in between if can_fail(e) and not cared_for(operation, e, releases)), None)
    return Leak("failure", failing.place) if failing is not None else None


def in_finally(release: Release, resource: Resource) -> bool:
    outer = {s.number for s in resource.scopes}
    return any(s.kind == "try" and s.arm == "finally" and s.number not in outer for s in release.scopes)


def passes(resource: Resource, left: Exit, releases: tuple[Release, ...]) -> bool:
    """Whether some run opens the resource, and leaves here without having closed it."""
    if left.number < resource.number or not within(resource.scopes, left.scopes):
        return False
    before = [r for r in releases if r.number < left.number]
    return not any(together(r.scopes, left.scopes) for r in before) and any(r.number > left.number for r in releases)


def within(outer: tuple[Scope, ...], inner: tuple[Scope, ...]) -> bool:
    standing = {(s.number, s.arm) for s in inner}
    return all((s.number, s.arm) in standing for s in outer if conditional(s))


def together(a: tuple[Scope, ...], b: tuple[Scope, ...]) -> bool:
    """Whether one run may pass both: no two arms of one branch or try part them."""
    arms = {s.number: s.arm for s in a if conditional(s)}
    return all(arms.get(s.number, s.arm) == s.arm for s in b)


def can_fail(effect: Effect) -> bool:
    return effect.store not in (StoreKind.MEMORY, StoreKind.NONE) or effect.kind == Kind.COMMIT


def cared_for(operation: Operation, effect: Effect, releases: tuple[Release, ...]) -> bool:
    """Whether a handler round what may fail closes the resource, or goes on to where it is closed."""
    tried = tries(effect)
    if any(in_handler_of(r.scopes, tried) for r in releases):
        return True
    return any(h.number in tried and h.falls for h in operation.handlers)
