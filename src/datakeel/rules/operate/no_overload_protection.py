"""`no-overload-protection`: an event loop takes as many requests as come."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.operation import Operation, Resource
from datakeel.model.system import System
from datakeel.rules.facts.measures import seen_in
from datakeel.rules.facts.processes import Process, webs
from datakeel.rules.rule import Hit, rule

LIMITING = re.compile(r"limit|slowapi|throttl|backpressure|shed|overload|concurrency|semaphore|gunicorn", re.I)


@rule(Severity.SUGGESTION)
def no_overload_protection(system: System) -> Iterator[Hit]:
    """A web process takes requests without any limit: threads bound themselves, an event loop does not."""
    if seen_in(system, LIMITING):
        return
    for process in webs(system):
        asynchronous = [o for o in process.ways if o.is_async]
        if asynchronous and not limited(process.serving) and not any(map(bounded, process.ways)):
            yield hit(process, asynchronous[0])


def limited(serving: Resource | None) -> bool:
    option = serving.option("limit_concurrency") if serving is not None else None
    return option is None or option.value != "None"


def bounded(operation: Operation) -> bool:
    return any(s.kind == "semaphore" for e in operation.effects for s in e.scopes)


def hit(process: Process, first: Operation) -> Hit:
    start = process.serving.place if process.serving is not None else process.place
    return Hit(
        place=start,
        message="this process takes requests without limit: past what it can do, all of them get slower until none is"
        " answered in time",
        story=(
            Step(start, "the server is started without a limit of requests at work"),
            Step(first.place, "twice as many come as it can serve: all are taken, and wait for a connection"),
            Step(start, "those who wait give up and ask again; what is worked on, nobody waits for any more"),
        ),
        doubts=2,  # a proxy before it may bound them
        symbol="",
        fix=Fix(
            title="bound how many are at work, and answer 503 above that",
            text="uvicorn.run(app, limit_concurrency=200)",
        ),
    )
