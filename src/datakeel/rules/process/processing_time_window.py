"""`processing-time-window`: events are put into windows by when they arrive, though they say when they happened."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Source
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.survey import Survey
from datakeel.rules.facts.windows import counted_by_arrival
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way

CURES = {
    "flink": "TumblingEventTimeWindows.of(…)  # with a watermark strategy that has a timestamp assigner",
    "kafka": "….relative_to_stream()  # or relative_to_field(Event.happened_at)",
}


@rule(Severity.MAJOR)
def processing_time_window(system: System) -> Iterator[Hit]:
    """Events are counted where they arrive, by the clock, though each says when it happened."""
    for operation, made in Survey(system).resources:
        time = made.option("time") if made.kind == "window" else None
        if time is not None and time.value == "'arrival'":
            yield of_stream(operation, made)
    for operation in system.operations:
        if operation.role == Role.PRODUCT:
            counted = next(counted_by_arrival(operation, system), None)
            if counted is not None:
                yield of_consumer(operation, *counted)


def of_stream(operation: Operation | None, made: Resource) -> Hit:
    timed = operation is not None and any(e.verb == "event" for e in operation.of(Kind.CLOCK))
    chosen = made.technology == "kafka"  # a message there has its time, and a window goes by it unless told otherwise
    return Hit(
        place=made.place,
        symbol=operation.symbol if operation is not None else "",
        message="an event that comes late is counted in the window of its arrival: after an outage or a replay the "
        "numbers are others than before",
        story=(
            Step(made.place, "the window goes by the clock of the machine that computes it"),
            *replayed(made.place),
        ),
        rests_on=(made,),
        doubts=0 if timed else 1 if chosen else 2,
        fix=Fix(title="let the window go by the event's own time", text=CURES.get(made.technology, "")),
    )


def of_consumer(operation: Operation, write: Effect, carried: Source) -> Hit:
    name = carried.path[-1]
    place = here(write)
    return Hit(
        place=place,
        symbol=operation.symbol,
        message=f"an event that comes late is counted in the window of its arrival, though its {name} says when it "
        "happened",
        story=(
            *way(write),
            Step(write.place, f"the window is named by the clock, not by the event's {name}"),
            *replayed(place),
        ),
        rests_on=(write,),
        doubts=0,
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(title=f"name the window by the event's {name}", text=f"window = event.{name} // 60"),
    )


def replayed(place: Place) -> tuple[Step, ...]:
    return (
        Step(place, "the consumer stands still for ten minutes: a deployment, a rebalance, an outage"),
        Step(place, "what happened in these ten minutes is counted in the one in which it is read"),
        Step(place, "a replay of the day puts all of it into this minute: the numbers cannot be computed again"),
    )
