"""The few shapes that a failure of this field takes, told step by step with places."""

from __future__ import annotations

from datakeel.finding import Step
from datakeel.model.effect import Effect
from datakeel.model.place import Place


def interleaved(read: Place, write: Place, what: str) -> tuple[Step, ...]:
    """Two at once: both read, both write, the first one's update is gone."""
    return (
        Step(read, f"A reads {what}"),
        Step(read, f"B reads {what}: the same value"),
        Step(write, "B writes what it computed"),
        Step(write, "A writes what it computed from the old value: B's update is gone"),
    )


def way(effect: Effect) -> tuple[Step, ...]:
    """The calls that lead to an effect, outermost first."""
    return tuple(Step(place, "calls") for place in effect.chain)


def overtaken(read: Place, slow: Effect, theirs: Effect, write: Effect, what: str) -> tuple[Step, ...]:
    """Too old: something slow lies between the read and the write, and another writes meanwhile."""
    return (
        Step(read, "A reads the whole row"),
        *way(slow),
        Step(slow.place, "A waits here, for milliseconds or for minutes"),
        Step(theirs.place, f"B writes {what}"),
        Step(write.place, f"A writes the whole row as it was: {what} has its old value again"),
    )


def early(begin: Place, publish: Effect, what: str) -> tuple[Step, ...]:
    """A message leaves inside a transaction: it arrives before the commit, or although there never is one."""
    return (
        Step(begin, "the transaction begins here"),
        *way(publish),
        Step(publish.place, f"{what} leaves while nothing is committed"),
        Step(
            begin,
            "the consumer runs at once and does not find the rows; or the transaction rolls back, and the message stands for nothing",
        ),
    )


def endless(call: Effect, what: str) -> tuple[Step, ...]:
    """A call that never comes back."""
    return (
        *way(call),
        Step(call.place, f"{what} is waited for, with no limit"),
        Step(
            call.place, "the other side hangs: the connection stays open, and this thread or worker with it, for ever"
        ),
        Step(call.place, "further work piles up behind it, until no worker is left"),
    )
