"""What takes so long that others get in between: calls of remote services, other programs, mail, sleeping."""

from __future__ import annotations

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation

OWN = ("tasks", "semaphore")  # waits for this process itself: what its tasks wait for tells how long
SLOW_STORES = (StoreKind.REMOTE, StoreKind.MAIL, StoreKind.PROCESS)


def slow(effect: Effect) -> bool:
    """Whether an effect waits for the world outside this system's own stores."""
    if effect.kind == Kind.WAIT:
        return effect.verb not in OWN
    return effect.kind in (Kind.CALL, Kind.READ, Kind.WRITE, Kind.PUBLISH) and effect.store in SLOW_STORES


def slow_between(operation: Operation, read: Effect | None, write: Effect) -> Effect | None:
    """Something slow between a read (None: the function's start) and a write."""
    start = read.number if read is not None else 0
    return next(
        (
            e
            for e in operation.effects
            if start < e.number < write.number and slow(e) and e.when == "now" and not operation.exclusive(e, write)
        ),
        None,
    )


def words(call: Effect) -> str:
    """What is waited for, as people say it: ``the mail server``, ``requests post``."""
    if call.store == StoreKind.MAIL:
        return "the mail server"
    if call.store == StoreKind.PROCESS:
        return f"the program {call.text.split()[0]}" if call.text.strip() else "another program"
    if call.kind == Kind.WAIT:
        return "a sleep"
    return " ".join(dict.fromkeys(w for w in (call.technology, call.verb) if w)) or "a remote service"
