"""What is tried again after a failure: which effects stand in a retry, how often, and how it waits in between."""

from __future__ import annotations

import re

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Retry, Role

FAR = (
    StoreKind.REMOTE,
    StoreKind.MAIL,
    StoreKind.OBJECT,
    StoreKind.SEARCH,
    StoreKind.QUEUE,
    StoreKind.LOG,
)
ACTS = (Kind.CALL, Kind.READ, Kind.WRITE, Kind.PUBLISH, Kind.CONSUME)
# errors that tell that it is not time yet, that another was faster, that a value is refused, or that a database's
# transaction failed
EXPECTED = re.compile(
    r"NotReady|NotYet|Pending|StillRunning|InProgress|Unfinished|Empty|Assertion|Lock|Conflict|Watch|Integrity"
    r"|Serializ|Deadlock|Stale|Version|Lookup|KeyError|NotFound|NoSuch|DoesNotExist|BlockingIO|FileExists"
    r"|Validation|Operational|InvalidRequest|UniqueViolation|DatabaseError|InterfaceError|SQLAlchemyError|DBAPIError",
)
WAITING = re.compile(r"(^|[._])(wait|poll|await|until|ready)", re.I)


def inside(operation: Operation, retry: Retry) -> list[Effect]:
    """What is done again when it fails; not what a handler does that then leaves."""
    leaving = {(h.number, h.arm) for h in operation.handlers if not h.falls and "continue" not in h.does}
    return [
        e
        for e in operation.effects
        if any(s.kind == "retry" and s.number == retry.number for s in e.scopes)
        and not any((s.number, s.arm) in leaving for s in e.scopes)
    ]


def far(operation: Operation, retry: Retry) -> Effect | None:
    """The call of another service that is tried again: rather one that answers than a message; where a framework starts
    all of a job again, a message alone is none."""
    calls = [e for e in inside(operation, retry) if e.kind in ACTS and e.store in FAR]
    answering = [e for e in calls if e.kind != Kind.PUBLISH]
    return next(iter(answering if answering or retry.kind == "framework" else calls), None)


def waits_for_news(operation: Operation, retry: Retry) -> bool:
    """Whether it waits for something to come true, rather than for something broken to mend: a start, a poll."""
    if operation.role == Role.SCRIPT or WAITING.search(operation.symbol) or knocks(operation, retry):
        return True
    return bool(retry.on) and all(EXPECTED.search(name) for name in retry.on)


def knocks(operation: Operation, retry: Retry) -> bool:
    """Whether it only opens a connection that nothing is said over, until somebody listens."""
    calls = [e for e in operation.of(Kind.CALL) if e.technology == "socket"]
    tried = [e for e in inside(operation, retry) if e.kind in ACTS and e.store in FAR]
    return bool(tried) and all(e.technology == "socket" for e in tried) and all(e.verb == "connect" for e in calls)


def count(retry: Retry) -> int | None:
    """How many attempts there are; None: without end, or not known."""
    return int(retry.attempts) if retry.attempts.isdigit() else None


def pause(operation: Operation, retry: Retry) -> float | None:
    """How long a constant wait is, in seconds, where that is known. A job that waits in between waits for something
    else: its framework starts it again."""
    if retry.kind != "framework":
        return slept(operation, retry)
    if retry.pause:
        return float(retry.pause)
    own = (e.option(word) for e in operation.entries if e.place == operation.place for word in ("delay", "wait"))
    option = next((o for o in own if o is not None and o.value != "None"), None)
    return option.seconds() if option is not None else None


def slept(operation: Operation, retry: Retry) -> float | None:
    wait = next((e.text for e in inside(operation, retry) if e.kind == Kind.WAIT and e.text), "")
    try:
        return float(wait)
    except ValueError:
        return None


REFUSED = re.compile(
    r"^answer$|ConnectTimeout|NewConnection|ConnectError|RateLimit|TooManyRequests|Throttl|NameResolution"
)


def refused_before(retry: Retry) -> bool:
    """Whether it only answers to failures by which the other side surely did nothing, or a transaction's conflict."""
    return bool(retry.on) and all(REFUSED.search(name) or EXPECTED.search(name) for name in retry.on)


def whole_again(operation: Operation, work: list[Effect]) -> bool:
    """Whether the whole of a transaction stands in a retry, here or round every call of the function."""
    return operation.always_inside("retry") == Answer.YES or all(e.inside("retry") is not None for e in work)


def one_caller(operation: Operation) -> bool:
    """Whether somebody starts it by hand, or a plan does: there is one that asks, and no crowd that comes back at the
    same moment."""
    if not operation.entries:
        return operation.symbol == "main"
    kinds = {e.kind for e in operation.entries} - {"command", "schedule"}
    return not kinds or (kinds == {"main"} and any(e.kind == "schedule" for e in operation.entries))
