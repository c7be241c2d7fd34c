"""What is computed over events as they come, and by what?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from datakeel.decision import Decision, Figure
from datakeel.design import needs
from datakeel.design.amounts import count, period, size
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate
from datakeel.design.overrides import asked_for
from datakeel.requirements import Requirements, Stream
from datakeel.technologies import known, value

QUESTION = "stream"
STATE = 200  # bytes of one window of one key: the key, the window, count, sum, extremes, and its index


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    flink = asked_for(requirements, "stream") == "flink" and requirements.domain.streams
    return "flink" if flink else _needed(requirements, estimate)


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    asked, streams = asked_for(requirements, "stream"), requirements.domain.streams
    word = choose(requirements, estimate, chosen)
    return answer(
        QUESTION,
        word,
        CHOICES,
        lambda other: _cost(other, estimate),
        because=_because(requirements, estimate, word),
        figures=[_events(estimate), *(_state(job, estimate) for job in streams)],
        parts=(["stream-job"] if streams else []) + (["cluster-configuration"] if word == "flink" else []),
        products=["kafka", "flink"] if word == "flink" else [],
        judgement=judged(
            asked, word, _needed(requirements, estimate), CHOICES, known()["flink"].price if asked == "flink" else ""
        ),
    )


def _needed(requirements: Requirements, estimate: Estimate) -> str:
    streams = requirements.domain.streams
    if not streams:
        return "consumers-on-postgresql" if needs.followed(requirements, estimate) else "none"
    fast = any(rate(job, estimate) > value("postgresql", "relayed_events") for job in streams)
    large = sum(state(job, estimate) for job in streams) > value("machine", "memory")
    return "flink" if fast or large else "consumers-on-postgresql"


def rate(job: Stream, estimate: Estimate) -> float:
    """Events a second at peak that a job takes."""
    load = estimate.load(job.source)
    return estimate.peak_writes if load is None else load.peak_writes


def state(job: Stream, estimate: Estimate) -> float:
    """Bytes of open windows: one of each key for the window that is open, and for those that wait for late events."""
    load = estimate.load(job.source)
    keys = min(rate(job, estimate) * job.window, load.things if load else rate(job, estimate) * job.window)
    open_windows = 1 + ceil((job.lateness or 0.0) / job.window)
    return keys * open_windows * STATE


def _events(estimate: Estimate) -> Figure:
    return Figure(
        "events to follow at peak",
        count(estimate.peak_events, "events/s"),
        f"one relay on PostgreSQL carries {count(value('postgresql', 'relayed_events'), 'events/s')}",
    )


def _state(job: Stream, estimate: Estimate) -> Figure:
    late = ceil((job.lateness or 0.0) / job.window)
    return Figure(
        f"{job.name}: open windows",
        size(state(job, estimate)),
        f"one window of {period(job.window)} and {count(late, 'that wait for late events')}, "
        f"{size(STATE)} for each key",
    )


def _because(requirements: Requirements, estimate: Estimate, chosen: str) -> Iterator[str]:
    carries = count(value("postgresql", "relayed_events"), "events/s")
    for job in requirements.domain.streams:
        yield (
            f"{job.name}: {count(rate(job, estimate), 'events/s')} at peak; one relay and its consumers "
            f"on PostgreSQL carry {carries}. "
            f"Open windows are {size(state(job, estimate))}."
        )
        late = period(job.lateness or 0.0)
        yield (
            f"{job.name}: windows by the event's own time, closed {late} after their end; what comes later is "
            "counted as late, and kept."
        )
    if chosen == "none":
        yield "0 jobs follow events, and no view does."
    elif not requirements.domain.streams:
        yield (
            f"Views follow {count(estimate.peak_events, 'events/s')} at peak; one relay and its consumers on "
            f"PostgreSQL carry {carries}."
        )


def _cost(word: str, estimate: Estimate) -> str:
    if word == "none":
        return "views and windows that stand still"
    if word == "flink":
        return f"{count(known()['flink'].nodes, 'machines')}; {known()['flink'].price}"
    return (
        f"a relay and consumers that carry {count(value('postgresql', 'relayed_events'), 'events/s')}, for "
        f"{count(estimate.peak_events, 'events/s')} at peak"
    )


CHOICES = {
    "none": Choice(
        title="Nothing is computed over streams",
        consistency="There is nothing that could be late.",
        failure="There is no job that could fail.",
        scaling="Consumers of a log, when events are to be followed.",
        operation="Nothing to run.",
    ),
    "consumers-on-postgresql": Choice(
        title="Consumers with offset and state in PostgreSQL",
        consistency="State, offset and ids of events commit together: each event counts once.",
        failure="A consumer dies: its partitions go to another one, from the last commit on.",
        scaling="One consumer for each partition of the log.",
        operation="Watch lag, late events and dead letters.",
    ),
    "flink": Choice(
        title="Flink over Kafka, with event time and checkpoints",
        consistency=(
            "Each event counts once in the state; outputs are written by key, so that the same one again is "
            "the same row."
        ),
        failure="A machine is lost: state and offsets go back to the last checkpoint together.",
        scaling="By partitions of the topic; state of terabytes on local disks.",
        operation="Watch checkpoints and backpressure; a savepoint before each upgrade.",
    ),
}
