"""`unkeyed-ordered-stream`: messages that change one thing after another have no key, and arrive in any order."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Assignment, Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.system import System
from datakeel.rules.facts.derivation import OUTBOX
from datakeel.rules.facts.event_store import event_log, stream_column
from datakeel.rules.facts.lanes import lanes
from datakeel.rules.facts.losable import losable
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way

COMMAND = re.compile(r"^(operation|action|op|change|change_?type|operation_?type)$", re.I)
EVENT = re.compile(r"^(type|kind|event|event_?(type|name|kind))$", re.I)
STATE = re.compile(r"(^|_)(status|state|balance|quantity|version)$|[a-z](Status|State)$", re.I)
IDENTITY = re.compile(r"^(id|uuid|pk)$|_(id|uuid|number|key)$|[a-z]Id$", re.I)
ENTITY = re.compile(r"(^|_)(id|uuid|pk|number|key|sku|data|payload|body|object|entity|before|after)$|[a-z]Id$", re.I)
ABOUT = re.compile(r"^(aggregate|entity|stream|subject|object)_?(id|key)?$|_id$", re.I)
EACH = re.compile(r"^(event|message|row|record)?_?(id|uuid)$|^(position|offset|sequence(_number)?|seq|version)$", re.I)
CHANGES = ("update", "save", "upsert", "delete")
KEPT = (StoreKind.RELATIONAL, StoreKind.DOCUMENT)
SEVERAL = 2
NEW = ("has a new key each time", "each with a key of its own")
Sent = tuple[Operation, Effect]


@rule(Severity.CRITICAL)
def unkeyed_ordered_stream(system: System) -> Iterator[Hit]:
    """Messages that change one thing after another have no key, and arrive in any order."""
    streams: dict[str, list[Sent]] = defaultdict(list)
    keyed: set[str] = set()
    for operation in system.operations:
        if operation.role != Role.PRODUCT:
            continue
        for publish in operation.of(Kind.PUBLISH):
            if publish.store != StoreKind.LOG or publish.technology != "kafka":
                continue
            name = publish.dataset or f"{publish.place.path}:{publish.place.line}"
            if spread(publish):
                streams[name].append((operation, publish))
            elif publish.key is not None:
                keyed.add(name)
    alone = {r.name for r in topics(system) if any(o.word == "partitions" and o.value == "1" for o in r.options)}
    for name, sent in streams.items():
        if name not in alone and not losable(system, name):
            for operation, publish, why in ordered(sent):
                yield hit(operation, publish, why, elsewhere=name in keyed)

    yield from scattered(system)


def scattered(system: System) -> Iterator[Hit]:
    """Events of a table, or an outbox, whose lane is picked by what differs from one event of a thing to the next."""
    for operation in system.operations:
        for read in operation.own() if operation.role == Role.PRODUCT else ():
            dataset = system.dataset_of(read) if read.kind == Kind.READ else None
            stream = stream_column(dataset) if dataset is not None else None
            if dataset is None or stream is None or not (event_log(dataset) or OUTBOX.search(dataset.name)):
                continue
            known = {c.name for c in dataset.schema.columns}
            for lane, columns in lanes(read.text):
                if columns <= known and all(EACH.search(c) for c in columns) and stream not in columns:
                    yield of_table(operation, read, lane, ", ".join(sorted(columns)), stream)


def spread(publish: Effect) -> bool:
    """Whether it goes to any partition: it has no key, or a new one each time."""
    partition = publish.option("partition")
    if partition is not None and partition.given and partition.value != "None":
        return False
    return publish.key is None or (bool(publish.key_sources) and all(s.kind == "random" for s in publish.key_sources))


def topics(system: System) -> Iterator[Resource]:
    yield from (r for r in system.resources if r.kind == "topic")
    yield from (r for o in system.operations for r in o.resources if r.kind == "topic")


def ordered(sent: list[Sent]) -> Iterator[tuple[Operation, Effect, str]]:
    """Messages of one stream whose order matters, each with why: several of them speak of one thing."""
    kinds = {t for _, e in sent for a in e.assigned if EVENT.match(a.column) for t in texts(a)}
    for operation, publish in sent:
        changed = changed_row(operation, publish)
        if changed is not None:
            yield operation, publish, f"each tells of a change of a row in {changed.dataset}"
            continue
        entity = of_outbox(operation, publish)
        if entity:
            yield operation, publish, f"the rows of an outbox go out in their order, and several have one {entity}"
            continue
        if not any(ENTITY.search(a.column) for a in publish.assigned):
            continue
        command = next((a for a in publish.assigned if COMMAND.match(a.column)), None)
        event = next((a for a in publish.assigned if EVENT.match(a.column)), None)
        if command is not None:
            yield operation, publish, f"each says by {command.column} what to do with a thing"
        elif event is not None and len(kinds) >= SEVERAL:
            some = ", ".join(sorted(kinds)[:3])
            yield operation, publish, f"several kinds of {event.column} speak of one thing: {some}"
        elif (state := told_state(publish)) is not None:
            yield operation, publish, f"each says what {state.column} a thing has, and the last one counts"


def of_outbox(operation: Operation, publish: Effect) -> str:
    """The column by which the rows of an outbox say what they are about, where what is sent was read of them in their
    order."""
    for source in publish.payload:
        read = operation.effect(source.number) if source.kind == "read" else None
        if read is None or read.selection is None or not OUTBOX.search(read.dataset) or not read.selection.order:
            continue
        named = (c for c in read.selection.columns or () if ABOUT.search(c))
        return next(named, "")
    return ""


def told_state(publish: Effect) -> Assignment | None:
    """The state of a thing that a message tells, beside the thing's id; not one that is the same each time."""
    if not any(IDENTITY.search(a.column) for a in publish.assigned):
        return None
    return next((a for a in publish.assigned if STATE.search(a.column) and a.sources and not texts(a)), None)


def texts(assignment: Assignment) -> tuple[str, ...]:
    return (assignment.text.removeprefix("const:").strip("'"),) if assignment.text.startswith("const:") else ()


def changed_row(operation: Operation, publish: Effect) -> Effect | None:
    """The change of a row, made in the same function, that a message tells of."""
    roots = {f"{s.kind}:{s.number if s.number >= 0 else s.name}" for s in publish.payload if s.name != "self"}
    return next((w for w in operation.of(Kind.WRITE) if told(operation, w, publish, roots)), None)


def told(operation: Operation, write: Effect, publish: Effect, roots: set[str]) -> bool:
    if write.verb not in CHANGES or write.store not in KEPT or write.rows is None or write.number > publish.number:
        return False
    if OUTBOX.search(write.dataset):
        return False  # a row that says that a message waits is no thing of its own
    return write.rows.root in roots and operation.meet_here(write, publish)


def hit(operation: Operation, publish: Effect, why: str, *, elsewhere: bool) -> Hit:
    topic = publish.dataset or "the topic"
    lack, without = ("has no key", "with no key") if publish.key is None else NEW
    return Hit(
        place=publish.place,
        symbol=operation.symbol,
        message=f"a message to {topic} {lack}, and two about one thing may arrive in the other order: {why}",
        story=(
            *way(publish),
            Step(publish.place, f"two messages about one thing are sent, one after the other, {without}"),
            Step(publish.place, f"they go to two partitions of {topic}, which two consumers read"),
            Step(publish.place, "the second one is handled first; then the older one overwrites what it did"),
        ),
        rests_on=(publish,),
        doubts=0 if elsewhere else 1,
        datasets=(publish.dataset,) if publish.dataset else (),
        fix=Fix(title="take the id of what the message speaks of as its key", text="key=str(order.id)"),
    )


def of_table(operation: Operation, read: Effect, lane: str, columns: str, stream: str) -> Hit:
    return Hit(
        place=read.place,
        symbol=operation.symbol,
        message=f"events of one {stream} go to different lanes ({lane}), which {columns} picks: "
        "the second may be handled before the first",
        story=(
            Step(read.place, f"two events of one {stream} are read, each with a {columns} of its own"),
            Step(read.place, f"a hash of {columns} puts them into two of the lanes, which two workers read"),
            Step(read.place, "the second one is handled first; then the older one overwrites what it did"),
        ),
        rests_on=(read,),
        doubts=1,
        datasets=(read.dataset,),
        fix=Fix(
            title=f"let {stream} pick the {lane}: what belongs together stays in its order", text=f"hash({stream})"
        ),
    )
