"""`no-graceful-shutdown`: a consumer is killed in the middle of a message at every deployment."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Scope, StoreKind, When
from datakeel.model.operation import Handler, Operation, Resource, Role
from datakeel.model.system import System
from datakeel.rules.facts.acks import automatic, durable, meanwhile
from datakeel.rules.facts.claimed import Claim, claimed_for
from datakeel.rules.facts.stopping import interrupted, signal_handlers
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way

STARTS = ("main", "command")
ENDS = frozenset(("KeyboardInterrupt", "SystemExit"))


@rule(Severity.MAJOR)
def no_graceful_shutdown(operation: Operation, system: System) -> Iterator[Hit]:
    """A consumer does not hear that it is asked to stop, and is killed in the middle of its work."""
    yield from interrupted_only(operation, system)
    yield from other_signal(operation, system)
    yield from unsettled(operation)
    if not any(e.kind in STARTS for e in operation.entries) or not operation.complete:
        return
    for consume in operation.of(Kind.CONSUME):
        work = at_work(operation, consume)
        cost = lost(operation, consume, work) if work is not None else ""
        if cost and work is not None and seen_here(operation, consume, system):
            if next(signal_handlers(system), None) is None:
                yield hit(consume, work, cost)
            return


def seen_here(operation: Operation, consume: Effect, system: System) -> bool:
    """Whether this function is the one to speak of it: it stands here, or in a helper that only here is given what it
    consumes from."""
    if not consume.chain:
        return True
    if not any(e.kind in STARTS and e.place == operation.place for e in operation.entries):
        return False
    known = (c.place for o in system.operations for c in o.of(Kind.CONSUME) if not c.chain)
    return consume.place not in known


def interrupted_only(operation: Operation, system: System) -> Iterator[Hit]:
    """A process that cleans up when it is interrupted, or left, but not when it is asked to stop."""
    if operation.role != Role.PRODUCT or any(e.kind not in STARTS for e in operation.entries):
        return
    for handler in operation.handlers:
        caught = {n.rpartition(".")[2] for n in handler.exceptions}
        if not caught >= ENDS or "call" not in handler.does or "raise" in handler.does:
            continue
        if next(signal_handlers(system), None) is None:
            yield unheard(handler)


def other_signal(operation: Operation, system: System) -> Iterator[Hit]:
    """A program with work without end that ends in good order when it is interrupted, and hears no other signal."""
    for heard in operation.resources if operation.role == Role.PRODUCT else ():
        if heard.chain or not interrupted(heard) or not all(interrupted(r) for r in signal_handlers(system)):
            continue
        work = next((w for o in system.operations if (w := endless_work(o)) is not None), None)
        if work is not None:
            yield cut_off(heard, work)


def unsettled(operation: Operation) -> Iterator[Hit]:
    """A worker that in each turn writes what came of the calls in its threads, takes rows, and begins their calls; and
    that ends with the turn in which it is asked to stop."""
    for call in operation.of(Kind.CALL) if operation.role == Role.PRODUCT else ():
        if call.when != When.CONCURRENT or call.store != StoreKind.REMOTE:
            continue
        loop = next((s for s in call.scopes if s.kind == "loop"), None)
        claim = next((c for c in claimed_for(operation, call) if loop is not None and loop in c.taken.scopes), None)
        if loop is None or claim is None:
            continue
        table = [e for e in operation.of(Kind.WRITE) if e.dataset == claim.taken.dataset]
        settled = [e for e in table if e.number < claim.taken.number and loop in e.scopes and settles(e, claim)]
        others = [e for e in table if loop not in e.scopes or e.number > claim.taken.number]
        if settled and not others:
            yield left_open(loop, settled[0], claim, call)
            return


def settles(write: Effect, claim: Claim) -> bool:
    """Whether a change of rows that were taken ends that, or says what came of it."""
    return write.verb == "update" and any(a.column in (claim.until, *claim.marks) for a in write.assigned)


def left_open(loop: Scope, settled: Effect, claim: Claim, call: Effect) -> Hit:
    table = claim.taken.dataset
    return Hit(
        place=loop.place or claim.taken.place,
        message=f"what the last calls did is not written when the worker is asked to stop: their rows of {table} stay "
        f"taken until {claim.until}, and the calls are made again",
        story=(
            Step(settled.place, "each turn writes what came of the calls that have ended"),
            Step(claim.taken.place, f"it takes rows of {table}"),
            Step(call.place, "their calls begin, in threads"),
            Step(loop.place or claim.taken.place, "the worker is asked to stop: there is no further turn"),
            Step(claim.taken.place, f"{claim.until} passes; another worker takes the rows, and calls a second time"),
        ),
        rests_on=(settled, claim.taken, call),
        doubts=1,
        severity=Severity.MINOR,  # the rows come back
        datasets=(table,) if table else (),
        fix=Fix(
            title="when the loop has ended, wait for the calls that are at work, and write what came of them",
            text="wait(futures)\n…  # as in each turn, but without taking rows",
        ),
    )


def endless_work(operation: Operation) -> Effect | None:
    """What a program of its own does outside of the process, again and again."""
    if operation.role != Role.PRODUCT or {e.kind for e in operation.entries} != {"main"}:
        return None
    loops = (e for e in operation.of(Kind.WRITE, Kind.CALL) if any(s.kind == "loop" and s.unbounded for s in e.scopes))
    return next((e for e in loops if durable(e) and e.verb != "hand-over"), None)


def cut_off(heard: Resource, work: Effect) -> Hit:
    return Hit(
        place=heard.place,
        message="at every deployment the work at hand is cut off: SIGINT is heard, and SIGTERM is not",
        story=(
            Step(heard.place, "SIGINT (Ctrl-C) lets the program finish what it has begun"),
            *way(work),
            Step(work.place, "while this is at work, a deployment sends SIGTERM: the process ends at once"),
        ),
        rests_on=(work,),
        doubts=1,  # what starts it may send SIGINT
        fix=Fix(
            title="hear both signals",
            text="for number in (signal.SIGTERM, signal.SIGINT):\n    signal.signal(number, …)",
        ),
    )


def unheard(handler: Handler) -> Hit:
    return Hit(
        place=handler.place,
        message="what is cleaned up here is left as it is at every deployment: SIGTERM ends the process without"
        " KeyboardInterrupt or SystemExit, and nobody hears it",
        story=(
            Step(handler.place, "it cleans up on KeyboardInterrupt (Ctrl-C) and SystemExit"),
            Step(handler.place, "a deployment sends SIGTERM: Python raises neither, and ends at once"),
            Step(handler.place, "what is at work is cut off; processes, locks and files that it holds are left behind"),
        ),
        rests_on=(),
        doubts=1,
        fix=Fix(
            title="let SIGTERM leave the program as the others do",
            text="signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # raises SystemExit in the main thread",
        ),
    )


def lost(operation: Operation, consume: Effect, work: Effect) -> str:
    """What a kill costs: a message that never comes again, or minutes until another member has its partitions. A queue
    that is acknowledged gives the message to the next one at once."""
    if not any(s.kind == "loop" and s.unbounded for s in consume.scopes) or consume.store == StoreKind.MEMORY:
        return ""
    option = automatic(consume)
    if consume.verb == "pop" or (option is not None and meanwhile(operation, consume, work, option)):
        return "the message that is at work is gone"
    return "its partitions stand still until the broker misses it" if consume.store == StoreKind.LOG else ""


def at_work(operation: Operation, consume: Effect) -> Effect | None:
    """The first thing that is done outside of the process for what was consumed."""
    loops = {s.number for s in consume.scopes if s.kind == "loop" and s.unbounded}
    later = (e for e in operation.effects if e.number > consume.number and durable(e))
    return next((e for e in later if any(s.number in loops for s in e.scopes)), None)


def hit(consume: Effect, work: Effect, cost: str) -> Hit:
    gone = "gone" in cost
    return Hit(
        place=consume.place,
        message="nobody hears SIGTERM: at every deployment this consumer is killed in the middle of its work, and "
        + cost,
        story=(
            Step(consume.place, "a message is taken"),
            *way(work),
            Step(work.place, "while it is worked on, a deployment sends SIGTERM: the process ends at once"),
            Step(consume.place, cost),
        ),
        rests_on=(consume,),
        severity=Severity.MAJOR if gone else Severity.MINOR,
        datasets=(consume.dataset,) if consume.dataset else (),
        fix=Fix(
            title="note the signal, finish the message at hand, and close the consumer",
            text="stopping = threading.Event()\nsignal.signal(signal.SIGTERM, lambda *_: stopping.set())\n\n"
            "while not stopping.is_set():\n    …  # take one message with a time-out, and work on it\nconsumer.close()",
        ),
    )
