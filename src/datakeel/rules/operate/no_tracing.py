"""`no-tracing`: a request cannot be followed from process to process."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.system import System
from datakeel.rules.facts.dependencies import way_in
from datakeel.rules.facts.measures import TRACES, TRACING, seen_in
from datakeel.rules.facts.processes import Process, processes
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way


@rule(Severity.SUGGESTION)
def no_tracing(system: System) -> Iterator[Hit]:
    """What a process sends carries no trace and no correlation id."""
    everywhere = (*system.resources, *(r for o in system.operations for r in o.resources))
    if seen_in(system, TRACING) or any(r.kind in TRACES for r in everywhere):
        return
    for process in processes(system):
        ways = (*process.ways, *(o for o in system.operations if o.service == process.service and way_in(o)))
        sent = next((e for o in ways for e in o.of(Kind.CALL, Kind.PUBLISH) if leaves(e)), None)
        if sent is not None:
            yield hit(process, sent)


def leaves(effect: Effect) -> bool:
    """Whether another process goes on with it."""
    if effect.kind == Kind.CALL:
        return effect.store == StoreKind.REMOTE
    return effect.store in (StoreKind.LOG, StoreKind.QUEUE)


def hit(process: Process, sent: Effect) -> Hit:
    return Hit(
        place=process.place,
        message=f"{thing(sent)} carries nothing that tells which request it belongs to",
        story=(
            Step(process.place, "the process starts"),
            *way(sent),
            Step(sent.place, f"{thing(sent)} leaves, and the other process logs an error of its own"),
            Step(process.place, "which of a thousand requests it was, no log can say"),
        ),
        rests_on=(sent,),
        doubts=2,  # an agent may add it
        symbol="",
        fix=Fix(
            title="let the libraries carry the trace, or send a correlation id and log it on both sides",
            text="FastAPIInstrumentor.instrument_app(app)\nRequestsInstrumentor().instrument()",
        ),
    )
