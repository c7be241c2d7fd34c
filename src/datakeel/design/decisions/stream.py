"""What is computed over events as they come, and by what?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, inf

from datakeel.decision import Decision, Figure
from datakeel.design import needs
from datakeel.design.amounts import count, period, several, size
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate
from datakeel.design.overrides import asked_for
from datakeel.requirements import Requirements, Stream
from datakeel.technologies import known, value

QUESTION = "stream"
STATE = 200  # bytes of one window of one key: the key, the window, count, sum, extremes, and its index
PARTITIONS = 8  # of what a job follows
IDLE = 30.0  # seconds after which a silent partition keeps no window open, where nothing else is said


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    flink = asked_for(requirements, "stream") == "flink" and requirements.domain.streams
    return "flink" if flink else _needed(requirements, estimate)


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    asked, streams = asked_for(requirements, "stream"), requirements.domain.streams
    word = choose(requirements, estimate, chosen)
    cluster = word == "flink" and not scaled(requirements, word)
    return answer(
        QUESTION,
        word,
        CHOICES,
        lambda other: _cost(other, estimate),
        because=_because(requirements, estimate, word),
        figures=[_events(estimate), *(figure for job in streams for figure in _of_job(job, requirements, estimate))],
        parts=(["stream-job"] if streams else []) + (["cluster-configuration"] if cluster else []),
        products=["kafka", "flink"] if cluster else [],
        judgement=judged(
            asked, word, _needed(requirements, estimate), CHOICES, known()["flink"].price if asked == "flink" else ""
        ),
    )


def scaled(requirements: Requirements, word: str) -> bool:
    """Whether the jobs are written to a scale: figures lead to Flink, and nobody spoke of more than one machine."""
    return word == "flink" and requirements.profile == "embedded" and asked_for(requirements, "stream") != "flink"


def _needed(requirements: Requirements, estimate: Estimate) -> str:
    streams = requirements.domain.streams
    if not streams:
        follows = needs.followed(requirements, estimate) or needs.noted(requirements, estimate)
        return "consumers-on-postgresql" if follows else "none"
    fast = any(pieces(job, estimate) > value("postgresql", "windowed_events") for job in streams)
    large = sum(state(job, requirements, estimate) for job in streams) > value("machine", "memory")
    return "flink" if fast or large else "consumers-on-postgresql"


def rate(job: Stream, estimate: Estimate) -> float:
    """Events a second at peak that a job takes."""
    load = estimate.load(job.source)
    return estimate.peak_writes if load is None else load.peak_writes


def together(job: Stream) -> int:
    """In how many windows one event counts."""
    return round(job.window / job.hop) if job.window is not None and job.hop is not None else 1


def pieces(job: Stream, estimate: Estimate) -> float:
    """What a job adds to windows in a second at peak."""
    return rate(job, estimate) * together(job)


def horizon(job: Stream) -> float:
    """Seconds of event time whose windows are open: one window, or a gap on both sides, and what may be late."""
    return (2 if job.window is None else 1) * job.span + (job.lateness or 0.0)


def windows(job: Stream, requirements: Requirements, estimate: Estimate) -> float:
    """Open windows of all keys: of each key those within the horizon, and no more than there are events to open them.
    How many keys there are is known of what the source itself is of: a sensor, an order."""
    each = ceil(horizon(job) / (job.hop or job.span))
    load = estimate.load(job.source)
    opened = pieces(job, estimate) * horizon(job)
    if not job.key:
        return min(float(each), opened)
    own = {("id",), *((s.key.name,) for s in requirements.domain.series if s.name == job.source)}
    return min(each * load.things, opened) if load and job.key in own else opened


def state(job: Stream, requirements: Requirements, estimate: Estimate) -> float:
    """Bytes of open windows."""
    return windows(job, requirements, estimate) * STATE


def lag(job: Stream, estimate: Estimate) -> float:
    """Seconds from the end of a window to its result, on the average: until each of the partitions has had an event
    after it (the longest of so many waits), and at most until it counts as silent."""
    load = estimate.load(job.source)
    mean = load.writes if load is not None else sum(one.writes for one in estimate.loads)
    longest = sum(1 / n for n in range(1, PARTITIONS + 1)) * PARTITIONS / mean if mean > 0 else inf
    return min(longest, job.idle or IDLE) + value("postgresql", "relay_lag")


def _events(estimate: Estimate) -> Figure:
    return Figure(
        "events to follow at peak",
        count(estimate.peak_events, "events/s"),
        f"one relay on PostgreSQL carries {count(value('postgresql', 'relayed_events'), 'events/s')}",
    )


def _of_job(job: Stream, requirements: Requirements, estimate: Estimate) -> Iterator[Figure]:
    carries = count(value("postgresql", "windowed_events"), "events/s")
    each = together(job)
    yield Figure(
        f"{job.name}: events to count at peak",
        count(pieces(job, estimate), "events/s"),
        f"{count(rate(job, estimate), 'events/s')}, each in {several(each, 'window', 'windows')}; "
        f"one worker counts {carries}",
    )
    late = f", and {period(job.lateness)} for what is late" if job.lateness else ""
    yield Figure(
        f"{job.name}: open windows",
        size(state(job, requirements, estimate)),
        f"{count(windows(job, requirements, estimate), 'windows')} within {_spanned(job)}{late}, {size(STATE)} each; "
        "at most, if each event opens its own",
    )
    yield Figure(
        f"{job.name}: from the end of a window to its result",
        period(lag(job, estimate)),
        f"until each of {PARTITIONS} partitions has had an event after it, or was silent for "
        f"{period(job.idle or IDLE)}",
    )


def _spanned(job: Stream) -> str:
    return f"a window of {period(job.span)}" if job.gap is None else f"a gap of {period(job.span)} on both sides"


def _because(requirements: Requirements, estimate: Estimate, chosen: str) -> Iterator[str]:
    carries = count(value("postgresql", "relayed_events"), "events/s")
    counts = count(value("postgresql", "windowed_events"), "events/s")
    for job in requirements.domain.streams:
        yield (
            f"{job.name}: {count(pieces(job, estimate), 'events/s')} at peak to be put into windows; one worker on "
            f"PostgreSQL counts {counts}. Open windows are {size(state(job, requirements, estimate))}."
        )
        yield (
            f"{job.name}: windows by the event's own time. A result is there {period(lag(job, estimate))} after the "
            f"end of its window, is corrected for {period(job.lateness or 0.0)}, and what comes later is put aside and "
            "counted."
        )
    if scaled(requirements, chosen):
        yield (
            f"This project's embedded profile counts windows in PostgreSQL, up to {counts} with one worker: it shows "
            "the system to a scale. Files for Flink are not written by this version."
        )
    if chosen == "none":
        yield "0 jobs follow events, and no view does."
    elif not (requirements.domain.streams or needs.followed(requirements, estimate)):
        yield (
            f"Copies follow {count(estimate.peak_events, 'changes/s')} at peak, each by one process that takes up to "
            "1,000 of them in one statement."
        )
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
        f"a relay, consumers and jobs that carry {count(value('postgresql', 'relayed_events'), 'events/s')}, for "
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
        consistency=(
            "State, offset and ids of events commit together: each event counts once. A result is right for what had "
            "come by then, and a later revision replaces it."
        ),
        failure="A consumer or a job dies: another one goes on from the last commit.",
        scaling=(
            "One consumer of a view for each partition of the log. The windows of a job are one worker's at a time: "
            "beyond what it counts, Flink."
        ),
        operation="Watch lag, the watermark, late events and dead letters.",
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
