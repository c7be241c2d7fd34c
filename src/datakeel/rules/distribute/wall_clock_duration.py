"""`wall-clock-duration`: elapsed time, or a deadline, from a clock that is set and steps."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Change, Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Source
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.guards import by_hand
from datakeel.rules.facts.running import unentered
from datakeel.rules.rule import Hit, rule

SHORT = 5.0  # seconds


@rule(Severity.MINOR, sure=False)
def wall_clock_duration(operation: Operation, system: System) -> Iterator[Hit]:
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
            yield hit(operation, elapsed, operation.effect(first.number), unused=unentered(operation, system))


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


def hit(operation: Operation, elapsed: Effect, begun: Effect | None, *, unused: bool) -> Hit:
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
        doubts=2 if unused or not (slept_away(operation, elapsed) or waited_out(operation, elapsed)) else 0,
        fix=Fix(
            title="measure with a monotonic clock",
            text="time.monotonic()",
            changes=(Change("clock", first),),
        ),
    )


def slept_away(operation: Operation, elapsed: Effect) -> bool:
    """Whether something sleeps for what is left: after a step back, for as long as the step."""
    return any(set(elapsed.payload) <= set(e.payload) for e in operation.of(Kind.WAIT))


def waited_out(operation: Operation, elapsed: Effect) -> bool:
    """Whether a loop looks again and again, with short pauses, until the time is over. One that goes on, or begins to
    count anew, only does something from time to time; one with long pauses has time: a step moves it by little."""
    before = operation.effect(min(elapsed.payload).number)
    outside = {s.number for s in before.scopes} if before is not None else set()
    loops = [s for e in operation.effects for s in e.scopes if s.kind == "loop" and s.number not in outside]
    tested = {s.number for s in loops if s.place is not None and s.place.line == elapsed.place.line}
    held = {s.number for s in elapsed.scopes if s.kind == "loop"} & {s.number for s in loops}
    if not tested and not (held and left_by(operation, elapsed)):
        return False
    inside = [e for e in operation.effects if any(s.number in tested | held for s in e.scopes)]
    if any(e.kind == Kind.CLOCK and e.verb == "wall" and e.number > elapsed.number for e in inside):
        return False
    return not any(e.kind == Kind.WAIT and long(e) for e in inside)


def left_by(operation: Operation, elapsed: Effect) -> bool:
    """Whether the way out depends on what was measured."""
    measured = {e.place.line for e in operation.of(Kind.CLOCK) if set(e.payload) & set(elapsed.payload)}
    return any(g.place is not None and g.place.line in measured for x in operation.exits for g in x.guards)


def long(pause: Effect) -> bool:
    """Whether a pause is of many seconds: it says so, or is a stretch of time that is configured."""
    if pause.seconds is None:
        return any(s.kind in ("span", "random") for s in pause.payload)
    return pause.seconds > SHORT


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
