"""`remote-call-without-timeout`: a network call that can wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Option, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.rules.facts.words import host, thing
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import endless

NETWORK = (StoreKind.REMOTE, StoreKind.MAIL, StoreKind.OBJECT, StoreKind.SEARCH, StoreKind.QUEUE)
WORDS = {
    "httpx": "timeout=httpx.Timeout(10.0, connect=3.0)",
    "aiohttp": "timeout=aiohttp.ClientTimeout(total=10)",
    "grpc": "timeout=5.0",
    "http": "timeout=(3.05, 27)  # to connect, and between two bytes",
}


@rule(Severity.MAJOR)
def remote_call_without_timeout(operation: Operation) -> Iterator[Hit]:
    """A network call can wait for ever."""
    for call in operation.of(Kind.CALL, Kind.PUBLISH, Kind.READ, Kind.WRITE):
        if call.chain or call.store not in NETWORK or limited(call):
            continue
        option = call.option("timeout")
        if option is not None and option.value in ("None", "0"):
            yield hit(operation, call, option)


def limited(call: Effect) -> bool:
    """Whether something round the call ends it (``async with timeout(5)``)."""
    return any(s.kind == "timeout" and s.text != "None" for s in call.scopes)


def hit(operation: Operation, call: Effect, option: Option) -> Hit:
    story = endless(call, "the answer")
    if option.place is not None and option.place != call.place:
        story = (Step(option.place, "what the call is made with is decided here, and no timeout is among it"), *story)
    return Hit(
        place=call.place,
        message=f"when {host(call) or 'the other side'} hangs, {thing(call)} waits for ever and keeps its worker",
        story=story,
        rests_on=(call,),
        severity=Severity.MINOR if operation.role == Role.SCRIPT else None,
        fix=Fix(title=f"give {thing(call)} a timeout", text=WORDS.get(call.technology, "timeout=10")),
    )
