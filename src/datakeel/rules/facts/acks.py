"""When a message is acknowledged: by the client itself, or after what is done for it."""

from __future__ import annotations

from datakeel.model.effect import Effect, Kind, Option, StoreKind, When
from datakeel.model.operation import Operation

AUTOMATIC = ("auto-commit", "auto-ack")


def handed(effect: Effect, consumed: set[int]) -> bool:
    """Whether what was consumed is given to code that is not in view; number 0 is what the function itself is given."""
    if effect.verb != "hand-over":
        return False
    return any(
        s.number in consumed or (0 in consumed and s.kind == "parameter" and s.name not in ("self", "cls"))
        for s in effect.payload
    )


def durable(effect: Effect) -> bool:
    """An effect outside the process that a crash would lose with the message."""
    if effect.kind not in (Kind.WRITE, Kind.PUBLISH, Kind.CALL) or effect.when not in (When.NOW, When.CONCURRENT):
        return False
    return effect.store not in (StoreKind.NONE, StoreKind.MEMORY, StoreKind.PROCESS)


def automatic(consume: Effect) -> Option | None:
    """The option by which the client acknowledges by itself as soon as a message is handed out; None where nobody asks
    afterwards what was acknowledged."""
    group = consume.option("group")
    if group is not None and group.source is not None and group.source.kind == "random":
        return None  # at its next start it is of another group
    stored = consume.option("offset-store")
    if stored is not None and stored.value != "True":
        return None
    found = (consume.option(word) for word in AUTOMATIC)
    return next((o for o in found if o is not None and o.value == "True"), None)


def meanwhile(operation: Operation, consume: Effect, work: Effect, option: Option) -> bool:
    """Whether what a client acknowledges by itself, as its option says, counts as done while it is still worked on.

    A client that stores an offset when it hands a message out, or that commits from a task of the same event loop,
    commits it meanwhile; one that commits what it gave last when it is asked for more does so only where the work goes
    on beside the loop.
    """
    if option.word != "auto-commit":
        return True
    return consume.option("offset-store") is not None or operation.is_async or work.when == When.CONCURRENT
