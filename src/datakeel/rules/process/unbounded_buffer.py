"""`unbounded-buffer`: what waits in memory without a limit grows until memory is gone."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Change, Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Resource
from datakeel.model.system import System
from datakeel.rules.facts.guards import now
from datakeel.rules.facts.running import ONCE
from datakeel.rules.rule import Hit, Record, rule

STARTS = {"task": "task", "supervised-task": "task", "thread": "thread", "process": "process", "submit": "job"}
PASSING = ("sleep", "poll", "flush", "event")  # waits that do not wait for what was started


@rule(Severity.MAJOR, Record(0, 4), sure=False)
def unbounded_buffer(noun: Operation | Resource, system: System) -> Iterator[Hit]:
    """What waits in memory without a limit grows until memory is gone, because nothing slows its producer down."""
    if isinstance(noun, Resource):
        yield from queues(noun, system)
    else:
        yield from one_for_each(noun)
        yield from handed_out_at_once(noun)


def queues(resource: Resource, system: System) -> Iterator[Hit]:
    # one that lives no longer than the call that makes it holds what that call has at hand
    if resource.kind != "queue" or not resource.complete or not (resource.kept or resource.per == "process"):
        return
    limit = resource.option("maxsize")
    if limit is not None and limit.value in ("0", "None", "-1") and not slowed(resource, system):
        yield endless_queue(resource)


def slowed(resource: Resource, system: System) -> bool:
    """Whether all that puts something into a queue, as far as its own file shows, either waits for what comes of it,
    or is work that somebody starts and that ends: then no more waits in it than is asked for at a time."""
    puts = [
        operation
        for operation in system.operations
        for put in operation.of(Kind.PUBLISH)
        if put.store == StoreKind.MEMORY and not put.chain and put.place.path == resource.place.path
    ]
    return bool(puts) and all(answered(o) or (bool(o.entries) and ends(o)) for o in puts)


def answered(operation: Operation) -> bool:
    """Whether a function that puts something into a queue takes something out of one too."""
    return any(e.store == StoreKind.MEMORY for e in operation.of(Kind.CONSUME))


def ends(operation: Operation) -> bool:
    """Whether it only runs in programs and jobs of a plan, and in no loop without an end."""
    endless = any(s.unbounded for e in operation.of(Kind.PUBLISH) for s in e.scopes)
    return not endless and all(e.kind in (*ONCE, "schedule") for e in operation.entries)


def one_for_each(operation: Operation) -> Iterator[Hit]:
    """Messages for each of which something is started, and the next one is asked for at once."""
    for consume in operation.of(Kind.CONSUME):
        if consume.store == StoreKind.MEMORY or not now(consume):
            continue  # what its own process put there, its own queue bounds; or what is started takes the messages
        for spawn in operation.of(Kind.SPAWN):
            if spawn.verb in STARTS and operation.meet_here(consume, spawn) and follows(consume, spawn):
                if not limited(operation, consume, spawn):
                    yield crowd(operation, consume, spawn)
                break


def follows(consume: Effect, spawn: Effect) -> bool:
    """Whether a message is followed by a start, and that by the next message; what starts far down, in what handles it,
    is something else."""
    if len(spawn.chain) > 1:
        return False
    if consume.number == 0:  # the function is given a message
        return True
    endless = {s.number for s in spawn.scopes if s.kind == "loop" and s.unbounded}
    return consume.number < spawn.number and any(s.number in endless for s in consume.scopes)


def limited(operation: Operation, consume: Effect, spawn: Effect) -> bool:
    """Whether something bounds how many run: a semaphore, a wait for some of them, or a broker that hands out no more
    than so many before they are acknowledged."""
    prefetch = consume.option("prefetch")
    if consume.store == StoreKind.QUEUE and prefetch is not None and prefetch.value not in ("0", "None"):
        return True
    if spawn.inside("semaphore") is not None or any(s.kind == "semaphore" for s in consume.scopes):
        return True
    loops = {s.number for s in spawn.scopes if s.kind == "loop"}
    waits = (e for e in operation.of(Kind.WAIT) if e.verb not in PASSING)
    return any(not loops or any(s.number in loops for s in e.scopes) for e in waits)


def crowd(operation: Operation, consume: Effect, spawn: Effect) -> Hit:
    what = STARTS[spawn.verb]
    place = spawn.chain[0] if spawn.chain else spawn.place
    return Hit(
        place=place,
        message=f"a {what} is started for each message, with no limit: when they are slow, they pile up until the "
        "process is killed",
        story=(
            Step(consume.place, "a message is taken"),
            Step(place, f"a {what} is started for it, and nothing waits for that"),
            Step(consume.place, "the next message is taken at once, and the next: as fast as the broker gives them"),
            Step(place, "what they call is slow: thousands wait in memory, and are lost when it runs out"),
        ),
        rests_on=(consume, spawn),
        apart=True,  # only queues were judged
        datasets=(consume.dataset,) if consume.dataset else (),
        fix=Fix(
            title="bound how many run at once, and take the next message when one is done",
            text="await limit.acquire()  # limit = asyncio.Semaphore(100)\n"
            "task = asyncio.create_task(…)\ntask.add_done_callback(lambda _: limit.release())",
            changes=handed_out(operation, consume),
        ),
    )


def handed_out(operation: Operation, consume: Effect) -> tuple[Change, ...]:
    """A broker that waits for acknowledgements hands out no more than so many messages: said before the consumer is
    started."""
    prefetch, automatic = consume.option("prefetch"), consume.option("auto-ack")
    if consume.technology != "rabbitmq" or prefetch is None or automatic is None or automatic.value != "False":
        return ()
    if consume.number != 0:
        return ()
    return (Change("prefetch", operation.place, "pika", "basic_qos", "prefetch_count=10"),)


def handed_out_at_once(operation: Operation) -> Iterator[Hit]:
    """A consumer that acknowledges by hand, and has not said how many messages it takes at a time: the broker hands it
    all that wait."""
    for entry in operation.entries:
        prefetch, automatic = entry.option("prefetch"), entry.option("auto-ack")
        if entry.kind != "consumer" or entry.place != operation.place or prefetch is None or automatic is None:
            continue
        consume = next((e for e in operation.of(Kind.CONSUME) if e.number == 0 and e.technology == "rabbitmq"), None)
        if consume is not None and automatic.value == "False" and prefetch.value in ("0", "None"):
            yield all_at_once(operation, consume)
            return


def all_at_once(operation: Operation, consume: Effect) -> Hit:
    what = consume.dataset or "its queue"
    return Hit(
        place=consume.place,
        message=f"all that waits in {what} comes to this consumer at once: it fills its memory, and others get none",
        story=(
            Step(consume.place, f"{operation.symbol} takes messages, and acknowledges each by hand"),
            Step(consume.place, "how many it takes at a time is not said: the broker hands out without a limit"),
            Step(consume.place, f"{what} has filled up meanwhile: a hundred thousand messages come down at once"),
            Step(consume.place, "they wait in its memory; a second consumer that is started to help finds none left"),
        ),
        rests_on=(consume,),
        apart=True,  # only queues were judged
        likely=True,  # its messages may be few, and small
        severity=Severity.MINOR,
        datasets=(consume.dataset,) if consume.dataset else (),
        fix=Fix(
            title="say how many it takes at a time",
            text="channel.basic_qos(prefetch_count=10)",
            changes=handed_out(operation, consume),
        ),
    )


def endless_queue(resource: Resource) -> Hit:
    return Hit(
        place=resource.place,
        message="this queue has no limit: when its consumer falls behind, it grows until the process is killed",
        story=(
            Step(resource.place, "the queue is made without a limit"),
            Step(
                resource.place,
                "its consumer stalls, or is slower than what comes in: nothing tells the producer to wait",
            ),
            Step(resource.place, "memory runs out, and everything in the queue is lost with the process"),
        ),
        rests_on=(resource,),
        apart=resource.many,  # one for each who listens, of whom some are gone: only single queues were judged
        fix=Fix(
            title="give it a limit, and let the producer wait or shed", text="maxsize=1000", changes=limit(resource)
        ),
    )


def limit(resource: Resource) -> tuple[Change, ...]:
    """A limit for a queue that is made here, by a call that leaves it out."""
    option = resource.option("maxsize")
    given = option is None or option.given or option.name != "maxsize" or bool(resource.chain)
    return () if given else (Change("argument", resource.place, resource.technology, "maxsize", "1000"),)
