"""Locks that live outside the process and end by themselves: how they are taken, how long they last, what is done under
them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from datakeel.model.effect import Effect, Kind, Option, StoreKind
from datakeel.model.operation import Operation

NAMED = re.compile(r"lock|mutex|lease|leader|semaphore|exclusive|in[-_ ]?progress|is[-_ ]?running", re.I)

SOME, LONG = 60.0, 600.0  # seconds: from here on somebody has thought of how long the work takes


class Lease(Struct, frozen=True):
    """A lock in another process's keeping. `made`: it is made by hand, of a key that only one can create."""

    taken: Effect
    made: bool = False

    @property
    def name(self) -> str:
        return (self.taken.key if self.made else self.taken.dataset) or ""

    @property
    def expiry(self) -> Option | None:
        """Its time to live; None where it is not known to have a say in that."""
        return self.taken.option("expiry")

    @property
    def seconds(self) -> float | None:
        """How long it lasts, where that is known."""
        return self.expiry.seconds() if self.expiry is not None else None

    @property
    def called(self) -> str:
        """The lock's name for people."""
        name = self.name.replace("\ufffc", "…").removeprefix("const:").strip("'\"")
        if not name.strip("…:-_ ") or name.startswith(("parameter:", "global:", "new:", "read:")):
            return "the lock"
        if name == "advisory":
            return "the advisory lock"
        return name if NAMED.search(name) else f"the lock {name}"

    @property
    def endless(self) -> bool:
        """Whether it surely has no time to live: one that could be given is not. (Of a lock without a name nobody saw
        how it was made: an heir of a library's class, which may say it in its own constructor.)"""
        if not self.name:
            return False
        words = [o for o in self.taken.options if o.word == "expiry"]
        return bool(words) and all(o.value in ("None", "False") for o in words)


def unlikely(seconds: float | None) -> int:
    """How much speaks against any number of calls taking longer than the lease."""
    if seconds is None:
        return 1
    return int(seconds >= SOME) + int(seconds >= LONG)


def leases(operation: Operation) -> Iterator[Lease]:
    """The leases that a function takes, in its own text or through what it calls."""
    for effect in operation.of(Kind.LOCK):
        if effect.verb == "distributed":
            yield Lease(effect)
    for effect in operation.of(Kind.WRITE):
        if claims(effect) and (NAMED.search(effect.key or "") or given_back(operation, effect)):
            yield Lease(effect, made=True)


def claims(effect: Effect) -> bool:
    """Whether a write succeeds for one of many at once only (``SET … NX``, ``cache.add``)."""
    return effect.verb == "add" and effect.store in (StoreKind.CACHE, StoreKind.KEY_VALUE)


def given_back(operation: Operation, taken: Effect) -> bool:
    """Whether the same function deletes the key again, with something done in between under it."""
    ended = any(same_key(taken, e) for e in operation.of(Kind.WRITE) if e.verb == "delete")
    return ended and any(taken.number in e.locks for e in operation.effects)


def same_key(a: Effect, b: Effect) -> bool:
    return bool(a.key) and a.key == b.key and a.store == b.store


def held(operation: Operation, lease: Lease) -> list[Effect]:
    """What is done under a lease."""
    return [e for e in operation.effects if lease.taken.number in e.locks]


def renewed(operation: Operation, lease: Lease) -> bool:
    """Whether something makes it last longer while the work goes on."""
    option = lease.taken.option("renewal")
    if option is not None and option.value != "False":
        return True
    extends = ("extend", "expire", "touch", "set", "script")
    return any(e.verb in extends and (e.verb == "extend" or same_key(lease.taken, e)) for e in held(operation, lease))


def checked(operation: Operation, lease: Lease, release: Effect) -> bool:
    """Whether a key is deleted only by its owner: in one step with the comparison, or where the clock shows that the
    lease still stands. A comparison in the program, before, is none: the key can expire in between.
    """
    if any(operation.effect(n) is not None and operation.effect(n).verb == "optimistic" for n in release.locks):  # type: ignore[union-attr]
        return True
    return any(s.kind == "clock" for g in release.guards for s in g.sources)


def watched(operation: Operation, lease: Lease, effect: Effect) -> bool:
    """Whether it is looked at, before the effect, if the lease still stands: the lock is asked, or the clock."""
    if any(s.kind == "clock" for g in effect.guards for s in g.sources):
        return True
    asks = [e.number for e in held(operation, lease) if e.kind == Kind.READ and e.verb in ("owned", "exists", "get")]
    return any(s.number in asks for g in effect.guards for s in g.sources)


def rowlocked(operation: Operation, write: Effect) -> bool:
    """Whether the database itself keeps others out: a row lock that is held to the commit."""
    locks = [operation.effect(n) for n in write.locks]
    return any(e is not None and e.kind == Kind.READ and e.store == StoreKind.RELATIONAL for e in locks)
