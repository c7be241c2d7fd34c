"""`blocking-call-in-async`: a call that waits in the event loop's own thread stops all that the loop runs."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.loops import DATABASES, Held, alone, attended, held_loops
from datakeel.rules.facts.running import unstarted
from datakeel.rules.facts.slow import words
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way

SHOWN = 6  # further places that a story names


@rule(Severity.MAJOR, sure=False)
def blocking_call_in_async(system: System) -> Iterator[Hit]:
    """A call waits in the event loop's own thread, and all that the loop runs waits with it."""
    causes: dict[tuple[str, ...], list[Held]] = {}
    for group in held_loops(system):
        ranked = sorted(group, key=lambda held: rank(held, system))
        causes.setdefault(cause(*ranked[0]), []).extend(ranked)
    for found in causes.values():
        yield hit(system, tuple(sorted(found, key=lambda held: rank(held, system))))


def rank(held: Held, system: System) -> tuple[object, ...]:
    operation, effects = held
    return alone(operation, system), unattended(operation, system), effects[0].origin, here(effects[0])


def cause(operation: Operation, effects: tuple[Effect, ...]) -> tuple[str, ...]:
    """What is mended in one way: what one function waits for in several places; one client of a database, here or in
    helpers, in the functions of one file."""
    if effects[0].store in DATABASES:
        return operation.place.path, effects[0].technology
    return (operation.name,)


def hit(system: System, group: tuple[Held, ...]) -> Hit:
    operation, held = group[0]
    first = held[0]
    what = words(first) if first.kind in (Kind.CALL, Kind.WAIT) else thing(first)
    others = sorted({here(e) for _, found in group for e in found} - {here(first)})
    job = first.kind == Kind.PUBLISH and first.verb == "task"  # the broker is near, and answers at once while it is up
    return Hit(
        place=here(first),
        message=f"every other request and task of this event loop stands still while {what} is waited for{more(group)}",
        story=(
            Step(operation.place, f"{operation.symbol} runs in an event loop{reached(operation)}"),
            *way(first),
            Step(first.place, f"{what} holds the loop's only thread until it has answered"),
            *(Step(place, "holds it as well") for place in others[:SHOWN]),
            Step(operation.place, "meanwhile no other coroutine goes on: no request, no heartbeat, no timeout"),
        ),
        rests_on=(first,),
        doubts=2 if job or alone(operation, system) else unattended(operation, system),
        severity=Severity.MINOR if job else None,
        datasets=(first.dataset,) if first.dataset else (),
        symbol=operation.symbol,
        fix=Fix(title="await a client of the asynchronous kind, or hand the call to a thread", text=cure(first)),
    )


def unattended(operation: Operation, system: System) -> int:
    """The doubts that anybody waits beside it: nothing is seen to start it, less so where the ways in are known; or it
    is a program's or a task's, which may do one thing after the other. (Of eight such findings in public code three
    were true, of 75 that requests or messages come to 69.)"""
    if not operation.entries:
        return 1 + unstarted(operation, system)
    return 2 * int(not attended(operation))


def more(group: tuple[Held, ...]) -> str:
    count = len({o.name for o, _ in group}) - 1
    return f", here and in {count} other function{'s' if count > 1 else ''}" if count else ""


def reached(operation: Operation) -> str:
    return f": {operation.entries[0].kind} {operation.entries[0].name}" if operation.entries else ""


def cure(call: Effect) -> str:
    if call.kind == Kind.WAIT and call.verb == "sleep":
        return f"await asyncio.sleep({call.text or '…'})"
    if call.store == StoreKind.PROCESS:
        return "process = await asyncio.create_subprocess_exec(…)\nawait process.communicate()"
    if call.technology == "http":
        return "async with httpx.AsyncClient(timeout=10) as client:\n    answer = await client.request(…)"
    return "answer = await asyncio.to_thread(…)  # in FastAPI: declare the endpoint with def, and it runs in a thread"
