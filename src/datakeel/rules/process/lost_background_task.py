"""`lost-background-task`: a task is started and dropped, and with it its failure."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, When
from datakeel.model.operation import Handler, Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.failures import wide
from datakeel.rules.facts.running import one_off
from datakeel.rules.facts.started import covers
from datakeel.rules.rule import Hit, Record, rule

STARTS = {"task": "task", "submit": "job"}


@rule(Severity.MAJOR, Record(1, 17))
def lost_background_task(operation: Operation, system: System) -> Iterator[Hit]:
    """A task is started and dropped: its failure is never seen, and the end of the process loses it."""
    for spawn in operation.of(Kind.SPAWN):
        if spawn.chain or spawn.result_used or spawn.awaited or spawn.verb not in STARTS or told(spawn):
            continue
        started = function_of(operation, spawn, system)
        guarded = started is not None and any(answers_all(h) for h in started.handlers)
        if guarded and spawn.verb == "submit":
            continue  # its pool keeps it to its end, and it tells of its failure itself
        yield hit(operation, spawn, started, guarded, 2 * int(bool(operation.entries) and one_off(operation, system)))


def told(spawn: Effect) -> bool:
    """Whether a callback is given that its failure goes to."""
    option = spawn.option("error_callback")
    return option is not None and option.value != "None"


def function_of(operation: Operation, spawn: Effect, system: System) -> Operation | None:
    """The function that is started, where what it does is in view."""
    for effect in operation.effects:
        if effect.when == When.CONCURRENT and effect.chain and covers(spawn.place, effect.chain[0]):
            return system.operation(effect.callee)
    return None


def answers_all(handler: Handler) -> bool:
    """Whether a handler stands round all that a function does, or all that one turn of its loop does."""
    return wide(handler) and all(s.kind in ("loop", "deferred", "call") for s in handler.scopes)


def hit(operation: Operation, spawn: Effect, started: Operation | None, guarded: bool, ends: int) -> Hit:
    """`ends`: what speaks for it that somebody runs it, and sees what comes of it."""
    what = STARTS[spawn.verb]
    name = f" {started.symbol}" if started is not None else ""
    collected = spawn.verb == "task"
    waited = waited_for(operation, spawn)
    return Hit(
        place=spawn.place,
        message=f"the {what}{name} is started and dropped: "
        + ("it may vanish while it runs" if guarded else "when it fails, nobody is told")
        + ("" if waited else ", and the end of the process loses it"),
        story=(
            Step(spawn.place, f"the {what}{name} is started, and what stands for it is not kept"),
            *((Step(spawn.place, "the event loop holds it only weakly: it may be collected half done"),) * collected),
            *(() if guarded else (Step(spawn.place, "it raises: the exception stays in an object that nobody has"),)),
            Step(operation.place, "its pool waits for it, asks for nothing, and control goes on as after success")
            if waited
            else Step(
                operation.place, "the process is stopped: nothing waits for it, and what it was to do is not done"
            ),
        ),
        rests_on=(spawn,),
        apart=not guarded and answered(operation, spawn),
        doubts=ends
        + 2 * int(operation.role == Role.SCRIPT)  # whoever runs it sees what comes of it
        + int(guarded or not collected),  # a pool in a context waits for it, and only its failure is not told
        severity=Severity.MINOR if guarded else None,
        fix=Fix(title="keep it, and look at how it ended", text=cure(spawn)),
    )


def answered(operation: Operation, spawn: Effect) -> bool:
    """Whether a request is answered as if what it started had been done: a call or a write to another system, which
    may fail. What was judged false goes on by itself in the background of a process."""
    if spawn.verb != "task" or not any(e.kind == "request" and e.place == operation.place for e in operation.entries):
        return False
    return any(
        e.when == When.CONCURRENT
        and e.kind in (Kind.CALL, Kind.WRITE, Kind.PUBLISH)
        and e.chain
        and covers(spawn.place, e.chain[0])
        for e in operation.effects
    )


def waited_for(operation: Operation, spawn: Effect) -> bool:
    """Whether the job's pool is closed where it was opened, and waits there for all of its jobs."""
    pools = (r for r in operation.resources if r.kind == "executor" and not r.chain and r.number < spawn.number)
    return spawn.verb == "submit" and any(release.always for r in pools for release in r.releases)


def cure(spawn: Effect) -> str:
    if spawn.verb == "submit":
        return "future = pool.submit(…)\nfuture.add_done_callback(report)  # or keep it, and ask for future.result()"
    return (
        "task = asyncio.create_task(…)\nrunning.add(task)  # a set that lives as long as the process\n"
        "task.add_done_callback(running.discard)  # and one that logs task.exception(); or asyncio.TaskGroup"
    )
