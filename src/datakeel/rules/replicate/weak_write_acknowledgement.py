"""`weak-write-acknowledgement`: a write counts as done before enough copies of it exist, and a failover loses it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Change, Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Option
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.losable import losable
from datakeel.rules.facts.survey import TESTS
from datakeel.rules.rule import Hit, rule

NOBODY = ("0", "'0'", "False")
ONE = ("1", "'1'", "'leader'")
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


def resources(system: System) -> Iterator[tuple[Operation | None, Resource]]:
    """What is made in product code, each with the function that makes it, or that calls one and says with what."""
    for operation in system.operations:
        if operation.role == Role.PRODUCT:
            yield from ((operation, r) for r in operation.resources)
    yield from ((None, r) for r in system.resources if not TESTS.search(r.place.path))


def weakness(made: Resource) -> tuple[Option, str] | None:
    """The option by which a client's writes, or a topic's, are done too early, and what it means."""
    for option in made.options:
        if option.word == "acks" and option.value in (*NOBODY, *ONE):
            return option, nobody(made) if option.value in NOBODY else one(made)
        if option.word == "replicas" and option.value == "1" and made.kind == "topic":
            return option, "the topic has no second copy"
        found = URL.match(option.value) if option.name in ("host", "url", "uri") else None
        if found is not None:
            return option, nobody(made) if found[1] == "0" else one(made)
        if option.given and OFF.search(option.value):
            return option, "a commit returns before its record is on the disk or on a standby"
    return None


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
