"""`retry-without-backoff`: what fails is tried again at once, at a constant pace, or for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Handler, Operation, Retry
from datakeel.model.system import System
from datakeel.rules.facts.relays import forwarded
from datakeel.rules.facts.retries import count, far, one_caller, pause, waits_for_news
from datakeel.rules.facts.running import one_off
from datakeel.rules.facts.sagas import caught, in_body
from datakeel.rules.facts.words import host, thing
from datakeel.rules.rule import Hit, Record, rule

FEW, MANY = 3, 5  # attempts
UNANSWERED = re.compile(r"Time(d)?[ _]?out|RequestException|RequestError|TransportError|HTTPError", re.I)
SLOW, LONG = 60.0, 3600.0  # seconds: so seldom that it hurts nobody, for as long


@rule(Severity.MAJOR, Record(3, 12), sure=False)
def retry_without_backoff(operation: Operation, system: System) -> Iterator[Hit]:
    """What fails is tried again at once, or at a constant pace: a service that is overloaded gets more load."""
    told: set[str] = set()
    for retry in operation.retries:
        if retry.chain or retry.kind in told or retry.wait not in ("none", "constant"):
            continue
        if waits_for_news(operation, retry):
            continue
        attempts, wait = count(retry), pause(operation, retry) if retry.wait == "constant" else 0.0
        if harmless(attempts, wait):
            continue
        call = far(operation, retry)
        if call is not None:
            told |= {retry.kind} & {"framework"}  # all ways out of a job have its one pace
            alone = one_caller(operation) or one_off(operation, system)
            yield hit(operation, retry, call, attempts, wait, alone=alone)
    yield from hurried_relays(operation)


def hurried_relays(operation: Operation) -> Iterator[Hit]:
    """Loops that send what waits in a table, and begin again at once where the receiver does not answer."""
    for one in forwarded(operation):
        loop = one.call.inside("loop")
        for handler in operation.handlers:
            if loop is not None and goes_on(operation, handler, one.call) and not pauses(operation, handler, one.call):
                yield at_once(operation, handler, one.call, one.read)
                return


def goes_on(operation: Operation, handler: Handler, call: Effect) -> bool:
    """Whether a handler takes the failure of a call, and lets the loop go on, with nothing that is not known."""
    known = {(e.place.path, e.place.line) for e in operation.effects}
    if any((c.path, c.line) not in known for c in handler.calls):
        return False
    return (handler.falls or "continue" in handler.does) and in_body(call, handler) and caught(handler, call)


def pauses(operation: Operation, handler: Handler, call: Effect) -> bool:
    """Whether something waits between two attempts: in the handler, elsewhere in the loop, or before each call."""
    outer = [s for s in handler.scopes if s.kind == "loop"]
    if not outer:
        return True
    loop = outer[-1].number
    first = min((e.number for e in operation.effects if any(s.number == loop for s in e.scopes)), default=loop)
    for wait in operation.of(Kind.WAIT, Kind.CONSUME):
        if not any(s.number == loop for s in wait.scopes):
            if loop < wait.number < first:
                return True  # the loop's own condition waits
        elif not in_body(wait, handler) or operation.before_on_all_paths(wait, call):
            return True
    return False


def at_once(operation: Operation, handler: Handler, call: Effect, read: Effect) -> Hit:
    who = host(call) or thing(call)
    return Hit(
        place=handler.place,
        message=f"when {who} is away, this process asks it again at once, without end: it cannot recover",
        story=(
            Step(read.place, f"{operation.symbol} reads what waits in {read.dataset}"),
            Step(call.place, f"{who} is slow or down: the call fails"),
            Step(handler.place, "the failure is caught, and the loop begins again with no pause"),
            Step(call.place, f"the same rows are sent again, as fast as {who} refuses them"),
        ),
        rests_on=(call, read),
        apart=True,  # the record is that of other loops
        datasets=(read.dataset,),
        fix=Fix(
            title="wait longer after each failure, with jitter",
            text="time.sleep(random.uniform(0, min(60, 0.5 * 2**failures)))",
        ),
    )


def harmless(attempts: int | None, wait: float | None) -> bool:
    """Whether it is tried so seldom, or so slowly and not for long, that it adds no load to speak of."""
    if attempts is None:
        return False
    if wait == 0.0:
        return attempts < FEW
    return attempts <= FEW or (wait is not None and wait >= SLOW and wait * attempts <= LONG)


def endless(retry: Retry) -> bool:
    """Whether a library tries again at once, and for ever."""
    return retry.kind == "library" and retry.wait == "none" and retry.attempts == "unbounded"


def hurried(retry: Retry, attempts: int | None, call: Effect) -> bool:
    """Whether a loop asks a service again at once, and many times, when it gave no answer in time."""
    many = retry.kind == "loop" and retry.wait == "none" and attempts is not None and attempts > MANY
    return many and call.store == StoreKind.REMOTE and any(UNANSWERED.search(name) for name in retry.on)


def hit(
    operation: Operation, retry: Retry, call: Effect, attempts: int | None, wait: float | None, *, alone: bool
) -> Hit:
    pace = "at once" if retry.wait == "none" else f"every {wait:g} seconds" if wait else "at a constant pace"
    times = "without end" if retry.attempts == "unbounded" else f"{attempts} times" if attempts else "again and again"
    who = host(call) or thing(call)
    begins = operation.place if retry.kind == "framework" else retry.place
    return Hit(
        place=retry.place,
        message=f"when {who} is overloaded, every caller tries again {pace}, {times}: it cannot recover",
        story=(
            Step(begins, f"{operation.symbol} is started by many at once"),
            Step(call.place, f"{who} is slow or down: the calls fail together"),
            Step(retry.place, f"all of them try again {pace}, {times}, and so at the same moment"),
            Step(call.place, f"{who} comes back, and gets many times its usual load: it goes down again"),
        ),
        rests_on=(call,),
        # of the loops with a pause none was found true, of what libraries run again one of five; a job that is run
        # again some times, now and then, is no load
        apart=(retry.kind == "framework" and (attempts is None or attempts > MANY))
        or endless(retry)
        or hurried(retry, attempts, call),
        doubts=2 if alone else int(retry.on == ("answer",)),
        severity=Severity.MINOR if attempts is not None and attempts < MANY and retry.wait == "constant" else None,
        fix=fix(retry),
    )


def fix(retry: Retry) -> Fix:
    title = "wait longer after each failure, with jitter, and give up after some attempts"
    texts = {
        "library": "@retry(stop=stop_after_attempt(5), wait=wait_random_exponential(max=60), reraise=True)",
        "framework": "autoretry_for=(…,), retry_backoff=True, retry_backoff_max=600, retry_jitter=True, max_retries=8",
        "loop": "time.sleep(random.uniform(0, min(60, 0.5 * 2**attempt)))",
    }
    return Fix(title=title, text=texts[retry.kind])
