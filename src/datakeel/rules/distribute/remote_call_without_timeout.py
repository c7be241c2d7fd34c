"""`remote-call-without-timeout`: a network call that can wait for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Change, Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Option
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.decided import elsewhere
from datakeel.rules.facts.guards import by_hand
from datakeel.rules.facts.limits import NETWORK, limited, near, unlimited
from datakeel.rules.facts.running import one_off, unentered
from datakeel.rules.facts.words import host, thing
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import and_so_in, endless, further

WORDS = {
    "httpx": "timeout=httpx.Timeout(10.0, connect=3.0)",
    "aiohttp": "timeout=aiohttp.ClientTimeout(total=10)",
    "grpc": "timeout=5.0",
    "http": "timeout=(3.05, 27)  # to connect, and between two bytes",
}

# what all libraries of a technology take as the option `timeout`, in seconds
LIMITS = {"http": "10", "smtp": "10", "grpc": "10"}
# what takes its time before the first byte of its answer comes gets a minute
WORK = re.compile(
    r"quer(y|ies)|execut|upload|export|convert|render|scan|transcri|generat|complet|predict|infer|train", re.I
)
PATIENT = "60"

SOON = 600.0  # seconds
Open = tuple[Effect, Option]  # a call, and its time-out
CHECK = re.compile(r"health_?check", re.I)  # whoever runs one gives it a limit
STREAMS = re.compile(r"subscri|watch|stream|listen|follow|tail", re.I)


@rule(Severity.MAJOR)
def remote_call_without_timeout(noun: Operation | Resource, system: System) -> Iterator[Hit]:
    """A network call can wait for ever."""
    if isinstance(noun, Resource):
        yield from (of_cache(noun, o) for o in noun.options if noun.technology == "redis" and switched_off(o))
    else:
        yield from of_operation(noun, system)


def switched_off(option: Option) -> bool:
    """Whether the limit that newer versions have is taken away by hand."""
    return option.word == "timeout" and option.given and option.value == "None"


def of_cache(client: Resource, option: Option) -> Hit:
    place = option.place or client.place
    return Hit(
        place=place,
        message="when the cache hangs, every call of this client waits on: its limit is switched off",
        story=(
            Step(place, f"the client is made with {option.name}=None"),
            Step(place, "the cache's node is cut off: what was sent is never answered, nor refused"),
            Step(place, "each request that asks it keeps its worker, until none is left for those that need no cache"),
        ),
        rests_on=(client,),
        fix=Fix(title="give the client a limit", text="socket_timeout=1, socket_connect_timeout=1"),
    )


def of_operation(operation: Operation, system: System) -> Iterator[Hit]:
    """The calls of a function that nothing ends."""
    if (
        by_hand(operation)
        or checks(operation)
        or operation.always_inside("timeout") == Answer.YES
        or ended_soon(operation)
    ):
        return
    once, unused = one_off(operation, system), unentered(operation, system)
    own: dict[tuple[str, Place | None], list[Open]] = {}  # calls of one kind in one function lack it for one reason
    for call, option in endless_calls(operation):
        if not call.chain:
            own.setdefault((call.technology, option.place), []).append((call, option))
        elif left_open(call, system):
            yield hit(operation, [(call, option)], decided_at(call, system), once, unused)
    for calls in own.values():
        yield hit(operation, calls, calls[0][0].place, once, unused)


def checks(operation: Operation) -> bool:
    """Whether it is a program of its own that only says whether another is well."""
    alone = bool(operation.entries) and all(e.kind == "main" for e in operation.entries)
    return alone and CHECK.search(operation.name) is not None


def endless_calls(operation: Operation) -> Iterator[Open]:
    """The calls of a function that nothing ends, each with its time-out, which is none."""
    for call in operation.of(Kind.CALL, Kind.PUBLISH, Kind.READ, Kind.WRITE):
        if call.store not in NETWORK or limited(call) or near(call):
            continue
        option = call.option("timeout")
        if option is not None and unlimited(option) and not left_to_flow(call, option) and not subscribes(call):
            yield call, option


def ended_soon(operation: Operation) -> bool:
    """Whether it only runs in jobs that their worker ends within minutes, whatever they wait for."""
    limits = [e.option("work-limit") if e.kind in ("task", "schedule") else None for e in operation.entries]
    seconds = [limit.seconds() if limit is not None else None for limit in limits]
    return bool(seconds) and all(s is not None and 0 < s <= SOON for s in seconds)


def subscribes(call: Effect) -> bool:
    """Whether a generated stub is asked for what goes on without end, as far as its method's name says."""
    return call.technology == "grpc" and STREAMS.search(call.text) is not None


def left_to_flow(call: Effect, option: Option) -> bool:
    """Whether an answer without end is read, and its reader says so itself."""
    return call.verb == "stream" and option.given and option.place is None


def left_open(call: Effect, system: System) -> bool:
    """Whether a helper makes the call and leaves the limit to its callers: here it is decided that there is none."""
    helper = system.operation(call.callee)
    same = [e for e in helper.effects if e.place == call.place and e.chain == call.chain[1:]] if helper else []
    asked = [o for e in same if (o := e.option("timeout")) is not None]
    return bool(asked) and not any(o.value for o in asked)


def decided_at(call: Effect, system: System) -> Place:
    """Where a limit is missing: where the call is made; at the call of a helper whose other callers mostly set one."""
    asked = {(e.chain[0], o.value) for e in system.effects_at(call.place) if e.chain and (o := e.option("timeout"))}
    given = {place for place, value in asked if value and value != "None"}
    left = {place for place, value in asked if value == "None"}
    return call.chain[0] if len(given) >= len(left) else call.place


def hit(operation: Operation, calls: list[Open], place: Place, once: bool, unused: bool) -> Hit:
    """`once`: in a program that somebody starts, and sees hang; `unused`: nothing is seen to start it (of 40 such
    findings in public code 32 were true, of 66 others 63)."""
    (call, option), *others = calls
    also = further(call.place, (c.place for c, _ in others))
    more = and_so_in(also, "call", f" of {operation.symbol}")
    story = (*endless(call, "the answer", once), *(Step(p, "nor has this call a limit") for p in also[:8]))
    often = repeated(operation, call) or any(e.kind == "command" for e in operation.entries)  # a timer may start it
    if option.place is not None and option.place != call.place:
        place = option.place if elsewhere(operation, option.place) else place
        story = (Step(option.place, "what the call is made with is decided here, and no timeout is among it"), *story)
    return Hit(
        place=place,
        message=f"when {host(call) or 'the other side'} hangs, {thing(call)} has no limit of its own: it waits on, and "
        f"{'the program stands still' if once else 'keeps its worker'}{more}",
        story=story,
        rests_on=(call,),
        doubts=int(operation.sometimes_inside("timeout") is not None)
        + int(unused or option.given)  # who writes that there is none may wait for what takes its time
        + once * (1 if often else 2),
        severity=Severity.MINOR if once or operation.role == Role.SCRIPT else None,
        fix=Fix(
            title=f"give {thing(call)} a timeout",
            text=WORDS.get(call.technology, "timeout=10"),
            changes=tuple(dict.fromkeys(change for c, o in calls for change in limit(operation, c, o))),
        ),
    )


def repeated(operation: Operation, call: Effect) -> bool:
    return any(s.kind == "loop" for s in call.scopes) or any(c.loop for c in operation.contexts)


def limit(operation: Operation, call: Effect, option: Option) -> tuple[Change, ...]:
    """A limit among the arguments of the call, or of the client that it is made with, where nobody has said that there
    is none."""
    text = LIMITS.get(call.technology) if option.name == "timeout" else None
    if call.technology == "grpc" and not call.awaited:
        return ()  # it may be a stream, which a limit would cut
    if text is not None and WORK.search(f"{operation.place.path} {operation.symbol} {call.text}"):
        text = PATIENT
    place = option.place if option.place is not None else call.place
    if text is None or option.word == "outer-timeout" or option.given or (call.chain and option.place is None):
        return ()
    return (Change("argument", place, call.technology, option.name, text),)
