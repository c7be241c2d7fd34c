"""`slow-poll-loop`: what is done between two polls can take longer than the other side waits for the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.loops import alone, holding, refused
from datakeel.rules.facts.slow import slow, words
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import way

BEAT = re.compile(r"heart_?beat|(^|[._])beat|keep_?alive|alive|lease", re.I)  # by which others know that it lives


@rule(Severity.MAJOR, Record(0, 6), sure=False)
def slow_poll_loop(operation: Operation, system: System) -> Iterator[Hit]:
    """What is done between two polls can take longer than the other side waits for the next one."""
    held = next((e for e in holding(operation, system) if beats(operation, e)), None)
    if held is not None:
        yield stopped(operation, held, alone(operation, system))
    for consume in operation.of(Kind.CONSUME):
        interval = consume.option("poll-interval")
        limit = interval.seconds() if interval is not None else None
        if consume.chain or limit is None or paused(operation, consume):
            continue
        for work in operation.effects:
            worst = longest(consume, work)
            if worst is not None and worst > limit:
                yield overslept(consume, work, worst, limit)
                break


def beats(operation: Operation, held: Effect) -> bool:
    """Whether it stands in a loop without end that sleeps between two turns so that others run: a heartbeat, a poll."""
    endless = {s.number for s in held.scopes if s.kind == "loop" and s.unbounded}
    sleeps = (e for e in operation.of(Kind.WAIT) if e.verb == "sleep" and not e.blocking) if endless else ()
    return any(s.number in endless for e in sleeps for s in e.scopes)


def paused(operation: Operation, consume: Effect) -> bool:
    """Whether the consumer says that it wants no more for a while: then it may poll on, and gets nothing."""
    return any(e.verb == "pause" and e.technology == consume.technology for e in operation.of(Kind.CALL))


def longest(consume: Effect, work: Effect) -> float | None:
    """How long a piece of work for what one poll gives may take, in seconds: a sleep, or a call with a limit of time
    for each message. None: not known, or it is done elsewhere."""
    loops = {s.number for s in consume.scopes if s.kind == "loop" and s.unbounded}
    if work.when != When.NOW or not slow(work) or not any(s.number in loops for s in work.scopes):
        return None
    if work.kind == Kind.WAIT:
        return number(work.text) if work.verb == "sleep" else None
    timeout, many = work.option("timeout"), consume.option("prefetch")
    each = timeout.seconds() if timeout is not None and work.store == StoreKind.REMOTE else None
    count = number(many.value) if many is not None else 1.0
    return each * count if each is not None and count is not None else None


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def stopped(operation: Operation, held: Effect, alone: bool) -> Hit:
    what = words(held) if held.kind in (Kind.CALL, Kind.WAIT) else thing(held)
    return Hit(
        place=here(held),
        message=f"in each turn of this loop the whole event loop stands still while {what} is waited for",
        story=(
            Step(operation.place, f"{operation.symbol} runs for ever in an event loop"),
            *way(held),
            Step(held.place, f"{what} holds the loop's only thread: no request is answered, no other beat is sent"),
            Step(held.place, "when it is slow, the next beat is late, and others take this process for dead"),
        ),
        rests_on=(held,),
        doubts=2 if alone else int(refused(held)),
        apart=BEAT.search(f"{operation.symbol} {held.callee} {held.dataset}") is not None,
        datasets=(held.dataset,) if held.dataset else (),
        symbol=operation.symbol,
        fix=Fix(
            title="hand it to a thread, or use an asynchronous client",
            text="await asyncio.to_thread(…)  # in Django: await sync_to_async(…)()",
        ),
    )


def overslept(consume: Effect, work: Effect, worst: float, limit: float) -> Hit:
    many = consume.option("prefetch") if work.kind != Kind.WAIT else None
    sum_ = f"{many.value} messages of up to {worst / float(many.value):g} s each" if many is not None else words(work)
    return Hit(
        place=here(work),
        message=f"between two polls up to {worst:g} s may pass, and after {limit:g} s the group takes this consumer "
        "for dead and gives its messages to another",
        story=(
            Step(
                consume.place, f"a poll gives messages; the next one is due within {limit:g} s (max.poll.interval.ms)"
            ),
            *way(work),
            Step(work.place, f"the other side is slow: {sum_}"),
            Step(consume.place, "the group is rebalanced: what was being handled is handed out and handled again"),
            Step(consume.place, "the next consumer meets the same slowness, and is thrown out in its turn"),
        ),
        rests_on=(consume, work),
        apart=True,  # the judged ones were loops of coroutines
        doubts=1
        if work.kind == Kind.WAIT or many is None or many.given
        else 2,  # defaults: nobody has reckoned with it
        datasets=(consume.dataset,) if consume.dataset else (),
        fix=Fix(
            title="ask for fewer messages at a time, or pause while they are handled elsewhere",
            text="max_poll_records=20  # × the longest a message may take < max_poll_interval_ms",
        ),
    )
