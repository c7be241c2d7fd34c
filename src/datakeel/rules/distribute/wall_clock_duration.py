"""`wall-clock-duration`: elapsed time, or a deadline, from a clock that is set and steps."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Change, Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Source
from datakeel.model.operation import Operation
from datakeel.rules.facts.guards import by_hand
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def wall_clock_duration(operation: Operation) -> Iterator[Hit]:
    """Elapsed time, or a deadline, is measured by the time of day, which is set and steps."""
    if by_hand(operation):
        return
    told: set[Source] = set()
    for elapsed in operation.own():
        if elapsed.kind != Kind.CLOCK or elapsed.verb != "elapsed":
            continue
        first = min(elapsed.payload)
        matters = decides(operation, elapsed) or kept(operation, elapsed)
        if first not in told and matters and not stored(operation, elapsed):
            told.add(first)
            yield hit(operation, elapsed, operation.effect(first.number))


def stored(operation: Operation, elapsed: Effect) -> bool:
    """Whether one of the readings is also kept or sent by itself: as a point in time for others it must be one of the
    day."""
    readings = set(elapsed.payload)
    sent = [s for e in operation.of(Kind.WRITE, Kind.PUBLISH, Kind.CALL) for s in carried(e)]
    return any(readings & set(sources) and not readings <= set(sources) for sources in sent)


def carried(effect: Effect) -> Iterator[tuple[Source, ...]]:
    """The sources of each value that an effect stores or sends."""
    yield from (a.sources for a in effect.assigned)
    yield effect.payload
    yield effect.key_sources


def hit(operation: Operation, elapsed: Effect, begun: Effect | None) -> Hit:
    first = begun.place if begun is not None and not begun.chain else elapsed.place
    harm = (
        "the limit is reached at once, or never"
        if decides(operation, elapsed)
        else "the duration is negative, or hours long"
    )
    return Hit(
        place=first,
        message=f"{harm}, when the clock is set between its two readings: both read the time of day",
        story=(
            Step(first, "the time of day is read"),
            Step(first, "the clock is set: by time synchronisation, by hand, after a pause of the machine"),
            Step(elapsed.place, f"the difference to a second reading is off by as much: {harm}"),
        ),
        rests_on=(elapsed,),
        doubts=2 * int(begun is None and not slept(operation, elapsed) and not kept(operation, elapsed)),
        fix=Fix(
            title="measure with a monotonic clock",
            text="time.monotonic()",
            changes=(Change("clock", first),),
        ),
    )


def slept(operation: Operation, elapsed: Effect) -> bool:
    """Whether it is waited for what is left: after a step of the clock for hours. (What an object only compares from
    time to time puts it off or brings it forward, once. Of 11 such findings in public code none was worth a change.)"""
    return any(set(elapsed.payload) & set(w.payload) for w in operation.of(Kind.WAIT))


def kept(operation: Operation, elapsed: Effect) -> bool:
    """Whether the duration is written to a store: what only logs and metrics show harms nothing."""
    measured = set(elapsed.payload)
    return any(measured <= set(a.sources) for e in operation.of(Kind.WRITE) for a in e.assigned)


def decides(operation: Operation, elapsed: Effect) -> bool:
    """Whether what was measured decides over the way on: it is held against a limit, here or further on."""
    return any(
        e.text != "-" and set(elapsed.payload) & set(e.payload)
        for e in operation.of(Kind.CLOCK)
        if e.verb == "elapsed" and e.number >= elapsed.number
    )
