"""`weak-write-acknowledgement`: a write counts as done before enough copies of it exist, and a failover loses it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Change, Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Option, StoreKind
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.losable import losable
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.rule import Hit, rule

NOBODY = ("0", "'0'", "False")
ONE = ("1", "'1'", "'leader'")
TRANSIENT = ("1", "pika.DeliveryMode.Transient")
PERSISTENT = ("2", "pika.DeliveryMode.Persistent")
URL = re.compile(r"^'?mongodb(?:\+srv)?://[^?]*\?(?:[^']*&)?w=([01])(?:&|'|$)", re.I)
OFF = re.compile(r"\bsynchronous_commit\s*(?:=|to)\s*'?(off|local)\b", re.I)


@rule(Severity.CRITICAL)
def weak_write_acknowledgement(system: System) -> Iterator[Hit]:
    """A write counts as done before enough copies of it exist, and a failover loses it."""
    for operation, made in resources(system):
        weak = weakness(made)
        if weak is not None and not all_losable(system, made):
            yield of_client(operation, made, *weak)
    for operation in system.operations:
        if operation.role == Role.PRODUCT:
            yield from committed_early(system, operation)
    yield from unasked(system)
    yield from kept_in_memory(system)


def resources(system: System) -> Iterator[tuple[Operation | None, Resource]]:
    """What is made in product code, each with the function that makes it, or that calls one and says with what."""
    for operation in system.operations:
        if operation.role == Role.PRODUCT:
            yield from ((operation, r) for r in operation.resources)
    yield from ((None, r) for r in system.resources if not of_tests(r.place.path))


def weakness(made: Resource) -> tuple[Option, str] | None:
    """The option by which a client's writes, or a topic's, are done too early, and what it means."""
    for option in made.options:
        if option.word == "acks" and option.value in (*NOBODY, *ONE):
            return option, nobody(made) if option.value in NOBODY else one(made)
        if made.kind == "profile" and option.word == "consistency" and option.value == "ANY":
            return option, "a hint on the coordinator is enough, and no replica has the write"
        if option.word == "replicas" and option.value == "1" and made.kind == "topic":
            return option, "the topic has no second copy"
        found = URL.match(option.value) if option.name in ("host", "url", "uri") else None
        if found is not None:
            return option, nobody(made) if found[1] == "0" else one(made)
        if option.given and OFF.search(option.value):
            return option, "a commit returns before its record is on the disk or on a standby"
    return None


def unasked(system: System) -> Iterator[Hit]:
    """Databases and collections that say so of all their writes: each is told once, at the first of them."""
    told: dict[tuple[str, Place | None], tuple[Effect, Option]] = {}
    for operation in system.operations:
        for write in operation.own() if operation.role == Role.PRODUCT else ():
            option = said_of_writes(system, write)
            if option is not None:
                told.setdefault((write.connection or write.place.path, option.place), (write, option))
    yield from (of_write(write, option) for write, option in told.values())


def said_of_writes(system: System, write: Effect) -> Option | None:
    """What the database or collection of a write says of all its writes: that nobody is asked whether he has got it."""
    if write.kind != Kind.WRITE or write.store != StoreKind.DOCUMENT or losable(system, write.dataset):
        return None
    option = write.option("acks")
    return option if option is not None and option.given and option.value in NOBODY else None


def kept_in_memory(system: System) -> Iterator[Hit]:
    """Messages of RabbitMQ of which only half is durable: the queue and not the message, or the message and not the
    queue. A restart of the broker loses them, though somebody has thought of that."""
    made = {e.dataset: e for o in system.operations for e in o.own() if e.verb == "create-queue" and e.dataset}
    for operation in system.operations:
        for publish in operation.own() if operation.role == Role.PRODUCT else ():
            queue = made.get(publish.dataset) if publish.kind == Kind.PUBLISH else None
            half = halved(queue, publish) if queue is not None and not losable(system, publish.dataset) else ""
            if half and queue is not None:
                yield of_message(operation, queue, publish, half)


def halved(queue: Effect, publish: Effect) -> str:
    """Which half is missing; empty where both are there, neither is, or one is not known."""
    durable, mode, alone = queue.option("durable"), publish.option("delivery-mode"), queue.option("exclusive")
    if durable is None or mode is None or (alone is not None and alone.value != "False"):
        return ""
    if durable.value == "True" and mode.given and mode.value in TRANSIENT:
        return "message"
    return "queue" if durable.value == "False" and mode.given and mode.value in PERSISTENT else ""


def of_message(operation: Operation, queue: Effect, publish: Effect, half: str) -> Hit:
    place = publish.place if half == "message" else queue.place
    what = queue.dataset
    lacks = "the message is kept in memory only" if half == "message" else "the queue itself goes with the broker"
    return Hit(
        place=place,
        symbol=operation.symbol if half == "message" else "",
        message=f"what waits in {what} is gone when the broker restarts: {lacks}",
        story=(
            Step(publish.place, f"a message is sent to {what}, and counts as sent"),
            Step(place, f"{lacks}, though {'the queue' if half == 'message' else 'the message'} is durable"),
            Step(place, "the broker restarts, for an update: what nobody had taken yet is nowhere"),
        ),
        rests_on=(queue, publish),
        datasets=(what,),
        fix=Fix(
            title="make both durable",
            text="delivery_mode=pika.DeliveryMode.Persistent" if half == "message" else "durable=True",
        ),
    )


def of_write(write: Effect, option: Option) -> Hit:
    place = option.place or write.place
    what = f"{write.technology} is not even asked whether it got the write"
    return Hit(
        place=place,
        message=f"an acknowledged write is gone when its node dies: {what} ({option.name}={option.value})",
        story=(Step(place, f"{option.name} is {option.value}: {what}"), *lost(write.place)),
        rests_on=(write,),
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(title="let a write count when a majority has it", text='WriteConcern("majority", wtimeout=5000)'),
    )


def nobody(made: Resource) -> str:
    return f"{made.technology} is not even asked whether it got the write"


def one(made: Resource) -> str:
    what = "the primary" if made.technology == "mongodb" else "the partition's leader"
    return f"{what} alone answers, before any follower has the write"


def all_losable(system: System, made: Resource) -> bool:
    """Whether all that is sent with it, as far as it is seen, may be lost."""
    if losable(system, made.name):
        return True
    near = [o for o in system.operations if o.place.path == made.place.path]
    sent = [e for o in near for e in o.of(Kind.WRITE, Kind.PUBLISH) if e.technology == made.technology and e.dataset]
    return bool(sent) and all(losable(system, e.dataset) for e in sent)


def of_client(operation: Operation | None, made: Resource, option: Option, what: str) -> Hit:
    place = option.place or made.place
    return Hit(
        place=place,
        symbol=operation.symbol if operation is not None else "",
        message=f"an acknowledged write is gone when its node dies: {what} ({option.name}={option.value})",
        story=(
            Step(place, f"{option.name} is {option.value}: {what}"),
            *lost(place),
        ),
        rests_on=(made,),
        doubts=2 if made.kind == "topic" or not option.given else 0,
        fix=Fix(
            title="let a write count when a majority has it",
            text=cure(made.technology, option),
            changes=waiting(made, option),
        ),
    )


def waiting(made: Resource, option: Option) -> tuple[Change, ...]:
    """The option that is given where the client is made waits for all, or for a majority."""
    value = {"kafka": '"all"', "mongodb": '"majority"'}.get(made.technology)
    plain = option.given and not made.chain and option.word == "acks" and option.place in (None, made.place)
    return (Change("option", made.place, made.technology, option.name, value),) if plain and value else ()


def lost(place: Place) -> tuple[Step, ...]:
    return (
        Step(place, "the node that took the write dies before the others have it"),
        Step(place, "another one takes over; the write, which the caller was told is done, is nowhere"),
    )


def cure(technology: str, option: Option) -> str:
    if technology == "cassandra":
        return "consistency_level=ConsistencyLevel.LOCAL_QUORUM"
    if technology == "mongodb":
        return 'MongoClient(…, w="majority")'
    if option.word == "replicas":
        return "replication_factor=3, with min.insync.replicas=2"
    if technology == "kafka":
        return f'"{option.name}": "all" with min.insync.replicas=2 on the topic'
    return "synchronous_commit = on"


def committed_early(system: System, operation: Operation) -> Iterator[Hit]:
    """A statement turns waiting for the commit off, and records are written after it."""
    for setting in operation.of(Kind.CALL, Kind.ALTER):
        found = OFF.search(setting.text) if setting.text and not setting.chain else None
        if found is None:
            continue
        write = next((w for w in operation.of(Kind.WRITE) if kept(system, setting, w)), None)
        if write is not None:
            yield of_statement(setting, write, found[1].lower())


def kept(system: System, setting: Effect, write: Effect) -> bool:
    same = write.store == setting.store and write.connection == setting.connection
    return same and write.number > setting.number and bool(write.dataset) and not losable(system, write.dataset)


def of_statement(setting: Effect, write: Effect, value: str) -> Hit:
    where = "on the disk" if value == "off" else "on a standby"
    return Hit(
        place=setting.place,
        message=f"a committed row of {write.dataset} is gone after a crash: a commit does not wait until it is {where}",
        story=(
            Step(setting.place, f"synchronous_commit is {value} from here on"),
            Step(write.place, f"{write.verb} {write.dataset}; the commit returns before the row is {where}"),
            Step(
                write.place, "the server dies: what was committed last is gone, and the caller believes that it is done"
            ),
        ),
        rests_on=(setting, write),
        datasets=(write.dataset,),
        fix=Fix(title="leave synchronous_commit on for records", text="SET LOCAL synchronous_commit = on"),
    )
