"""`remote-call-without-timeout`: a network call that can wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import endless


@rule(Severity.MAJOR)
def remote_call_without_timeout(operation: Operation) -> Iterator[Hit]:
    """A network call can wait for ever."""
    for call in operation.of(Kind.CALL, Kind.PUBLISH, Kind.READ, Kind.WRITE):
        if call.chain or call.inside("timeout") is not None:
            continue
        option = call.option("timeout")
        if option is not None and option.value in ("None", "0"):
            yield hit(call)


def hit(call: Effect) -> Hit:
    what = f"{call.technology} {call.verb}" if call.technology else call.verb
    return Hit(
        place=call.place,
        message=f"this {what} call has no timeout: it waits as long as the other side keeps the connection open",
        story=endless(call, "the answer"),
        rests_on=(call,),
        fix=Fix(title="give it a timeout", text="timeout=(3.05, 30)", safe=True),
    )
