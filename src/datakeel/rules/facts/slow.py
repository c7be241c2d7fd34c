"""What takes so long that others get in between: calls of remote services, other programs, mail, sleeping."""

from __future__ import annotations

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation

SLOW_STORES = (StoreKind.REMOTE, StoreKind.MAIL, StoreKind.PROCESS)


def slow(effect: Effect) -> bool:
    """Whether an effect waits for the world outside this system's own stores."""
    if effect.kind == Kind.WAIT:
        return True
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
