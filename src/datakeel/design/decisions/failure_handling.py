"""What happens when a part fails half way?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel.decision import Decision, Figure
from datakeel.design import needs
from datakeel.design.amounts import count, period
from datakeel.design.choice import Choice, answer
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements, Saga, Step
from datakeel.technologies import value

QUESTION = "failure-handling"


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    if requirements.domain.sagas:
        return "compensated-steps"
    follows = needs.followed(requirements, estimate) or needs.noted(requirements, estimate)
    return "idempotent-consumers" if follows or requirements.sinks() else "transactions-and-time-outs"


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    sagas, followed = requirements.domain.sagas, needs.followed(requirements, estimate)
    return answer(
        QUESTION,
        choose(requirements, estimate, chosen),
        CHOICES,
        COSTS.__getitem__,
        because=_because(requirements, followed, needs.noted(requirements, estimate)),
        figures=[figure for saga in sagas for figure in _figures(saga)],
        parts=_parts(requirements, estimate),
        sizes={f"{saga.name}.{step.name}.patience": patience(step) for saga in sagas for step in saga.steps},
    )


def _parts(requirements: Requirements, estimate: Estimate) -> Iterator[str]:
    """Every system answers HTTP; who sends to others has an outbox; who works in the background shows it."""
    yield "http-api"
    domain = requirements.domain
    followed = needs.followed(requirements, estimate) or needs.noted(requirements, estimate)
    if domain.sagas:
        yield "outbox"
    fed = requirements.sinks()
    if followed or fed or domain.sagas or domain.series or domain.batches or domain.replicated:
        yield "dashboard"


def _because(requirements: Requirements, followed: tuple[str, ...], noted: tuple[str, ...]) -> Iterator[str]:
    domain, sagas = requirements.domain, requirements.domain.sagas
    if not (followed or noted or sagas or domain.series or domain.replicated or requirements.sinks()):
        yield (
            "Each request is one transaction in one database: it happened, or it did not. There is "
            "nothing that could be done "
            "by half, so there are no retries in the background, no messages and no dead letters."
        )
    if followed:
        yield (
            f"Events of {', '.join(followed)} come at least once: their ids are kept with their effects, so "
            "that the second one is skipped."
        )
    if noted:
        yield (
            f"A copy of {' or '.join(noted)} reads what was changed as it is now: a change that is noted twice is read "
            "twice, to the same end. What a copy cannot take is put aside by its id until it changes or is tried again."
        )
    for sink in requirements.sinks():
        yield (
            f"{sink.name} is told again until it has answered, with growing waits, under the same key. Silence is not "
            "the fault of a change and kills none; a change that it refuses, or fails at ten times, is put aside, and "
            "what it is told of the same id waits behind that."
        )
    for saga in sagas:
        steps = count(len(saga.steps), "steps")
        undone = sum(step.compensation is not None for step in saga.steps)
        yield (
            f"{saga.name}: {steps} at {_services(saga)} cannot be one transaction; {count(undone, 'of them')} "
            "can be undone, the last first."
        )
    for one in domain.replicated:
        yield f"{one.name}: a change that comes twice, late, or in another order is merged to the same result."
    if domain.series:
        yield (
            "A batch of measurements is written whole or not at all; its sender keeps it until it is "
            "answered, and sends it again."
        )


def _services(saga: Saga) -> str:
    names = list(dict.fromkeys(step.service for step in saga.steps))
    return f"{count(len(names), 'services')} ({', '.join(names)})" if len(names) > 1 else names[0]


def patience(step: Step) -> float:
    """Seconds until a step is given up: its calls, each up to its time-out, and the waits between them."""
    timeout = value("network", "call_timeout") if step.timeout is None else step.timeout
    retries = int(value("network", "retries")) if step.retries is None else step.retries
    base, cap = value("network", "first_wait"), value("network", "longest_wait")
    return (retries + 1) * timeout + sum(min(cap, base * 2.0**n) for n in range(retries))


def _figures(saga: Saga) -> Iterator[Figure]:
    for step in saga.steps:
        timeout = value("network", "call_timeout") if step.timeout is None else step.timeout
        retries = int(value("network", "retries")) if step.retries is None else step.retries
        yield Figure(
            f"{saga.name}, {step.name}: until it is given up",
            period(patience(step)),
            f"{count(retries + 1, 'calls')} of at most {period(timeout)}, and waits of "
            f"{period(value('network', 'first_wait'))} "
            f"that double up to {period(value('network', 'longest_wait'))}, each with jitter",
        )


COSTS = {
    "transactions-and-time-outs": "what spans two systems stops half way, and nobody goes on with it",
    "idempotent-consumers": (
        "offsets, ids that were seen and dead letters to keep; a step that fails for good undoes nothing"
    ),
    "compensated-steps": "a state machine and an undoing for each step, where nothing spans two services",
}
CHOICES = {
    "transactions-and-time-outs": Choice(
        title="One transaction for each request; time-outs everywhere; a key for each request that is sent again",
        consistency="A request is done once, however often it is sent: its key and its answer commit with its effect.",
        failure="A time-out ends every wait; the client sends again with the same key, and gets the first answer.",
        scaling="More than the pool can take is answered with 429 or 503 at once, rather than queued.",
        operation="Watch answers by status, time-outs, and requests at work.",
    ),
    "idempotent-consumers": Choice(
        title="Each event at least once, its effect once; dead letters for what cannot be handled",
        consistency="Effect, event id and offset commit together: nothing is lost, nothing is done twice.",
        failure=(
            "A consumer dies: another one takes its partitions and goes on at the last commit. An event that "
            "always fails is "
            "tried again with growing waits, then becomes a dead letter with its reason."
        ),
        scaling="Bounded batches, bounded consumers; a slow one makes its lag grow, and nothing else.",
        operation="Watch lag and dead letters; replay a letter when its cause is mended.",
    ),
    "compensated-steps": Choice(
        title="A saga: steps with keys, time-outs, retries and compensations; dead letters for what cannot be undone",
        consistency=(
            "Each step is done once by its key. Between steps others see what is reserved; in the end all is "
            "done, or all is undone."
        ),
        failure=(
            "The orchestrator dies: another one goes on from the stored state. A step fails for good: what "
            "was done is undone, the "
            "last first. An undoing fails for good: a dead letter, and an operator."
        ),
        scaling="Sagas do not know of each other; more workers take more of them.",
        operation="Watch sagas by state and age, retries, and dead letters; each transition is a log line and a row.",
    ),
}
