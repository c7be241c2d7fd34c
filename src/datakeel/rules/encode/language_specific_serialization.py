"""`language-specific-serialization`: what crosses a process, or is stored, is written in the memory form of one
program."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Source, StoreKind
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.guards import KEYS
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, Record, rule

NATIVE = re.compile(r"'?(_?c?pickle|dill|cloudpickle|marshal|jsonpickle)(\.|'?$)", re.I)
SAFE_LOADERS = ("SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader")
BROKERS = (StoreKind.LOG, StoreKind.QUEUE)
STORES = (*BROKERS, StoreKind.CACHE, StoreKind.KEY_VALUE, StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.OBJECT)
# what is read of them, and written by nobody in view, is the project's own of long ago, to be put into another form
OWN = (StoreKind.RELATIONAL, StoreKind.DOCUMENT)
KEPT = {StoreKind.CACHE: 2, StoreKind.KEY_VALUE: 1, StoreKind.OBJECT: 1}
GONE = "what was written before cannot be read any more; who can write here, runs code in the reader"
SHAPE = "it reads only with this code: a class that moves or changes breaks it, other languages cannot read it"


@rule(Severity.CRITICAL, Record(3, 10), sure=False)
def language_specific_serialization(system: System) -> Iterator[Hit]:
    """What crosses a process, or is stored, is written in the memory form of one program."""
    yield from configured(system)
    written: set[StoreKind] = set()
    for operation in system.operations:
        if operation.role == Role.PRODUCT:
            for effect, how in encoded(operation):
                written.add(effect.store)
                yield of_write(operation, effect, how)
    for operation in system.operations:
        if operation.role == Role.PRODUCT:
            for decode, origin in decoded(operation):
                if origin.kind == Kind.CONSUME or origin.store not in written:
                    yield of_read(operation, decode, origin)


def encoded(operation: Operation) -> Iterator[tuple[Effect, str]]:
    """What leaves the process in a form of its own, and the function that made that."""
    for effect in operation.of(Kind.PUBLISH, Kind.WRITE, Kind.CALL):
        if len(effect.chain) > 1 or effect.store in (StoreKind.NONE, StoreKind.MEMORY, StoreKind.PROCESS):
            continue
        how = native((*effect.payload, *(s for a in effect.assigned for s in a.sources)), "encoding")
        serializer = effect.option("serializer") if effect.verb == "task" and not effect.chain else None
        if serializer is not None and serializer.given and NATIVE.match(serializer.value):
            how = serializer.value.strip("'")
        if how:
            yield effect, how


def native(sources: tuple[Source, ...], kind: str) -> str:
    return next((s.name for s in sources if s.kind == kind and NATIVE.match(s.name)), "")


def configured(system: System) -> Iterator[Hit]:
    """Producers and consumers that encode so; and jobs, where the project's settings say so: of these the first."""
    made = [r for o in system.operations if o.role == Role.PRODUCT for r in o.resources if not r.chain]
    for resource in (*made, *system.resources):
        option = next((o for o in resource.options if o.given and NATIVE.match(o.value)), None)
        if option is not None and resource.kind in ("producer", "consumer", "connection"):
            yield of_client(resource, f"{option.name} is {option.value}")
    jobs = [
        (e.place, o, e)
        for o in system.operations
        if o.role == Role.PRODUCT
        for e in o.of(Kind.PUBLISH)
        if e.verb == "task" and not e.chain and carries(e) and by_setting(e)
    ]
    if jobs:
        _, operation, publish = min(jobs, key=lambda job: job[0])
        yield of_write(operation, publish, "pickle, as the settings say")


def carries(publish: Effect) -> bool:
    """Whether a job is given more than keys: numbers and texts hold no class that a release could change."""
    return any(not s.path or (s.path[-1] not in KEYS and not s.path[-1].endswith("_id")) for s in publish.payload)


def by_setting(publish: Effect) -> bool:
    option = publish.option("serializer")
    return option is not None and not option.given and bool(NATIVE.match(option.value))


def decoded(operation: Operation) -> Iterator[tuple[Effect, Effect]]:
    """Where bytes from elsewhere become any object that they ask for, with the effect that got them."""
    for decode in operation.of(Kind.CALL):
        if decode.verb != "decode" or decode.chain or safe(decode):
            continue
        numbers = [s.number for s in decode.payload if s.kind in ("read", "result")]
        found = next((e for n in numbers if (e := operation.effect(n)) is not None and foreign(e)), None)
        if found is not None:
            yield decode, found


def safe(decode: Effect) -> bool:
    """YAML is read as plain data: by its loader, or by what its loader may be."""
    if not decode.text.startswith("yaml."):
        return False
    loader = decode.option("Loader")
    return loader is None or not loader.value or loader.value.rpartition(".")[2] in SAFE_LOADERS


def foreign(effect: Effect) -> bool:
    remote = effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE
    return remote or (effect.kind in (Kind.READ, Kind.CONSUME) and effect.store in STORES)


def after(place: Place) -> tuple[Step, Step]:
    """What a later release makes of it."""
    changed = "a release moves, renames or changes a class; old and new processes run side by side"
    return Step(place, changed), Step(place, GONE)


def of_write(operation: Operation, effect: Effect, how: str) -> Hit:
    return Hit(
        place=effect.place,
        symbol=operation.symbol,
        message=f"{thing(effect)} is readable by this program alone, and in this version: it is written with {how}",
        story=(
            Step(effect.place, f"{thing(effect)} carries objects as {how} wrote them: {SHAPE}"),
            *after(effect.place),
        ),
        rests_on=(effect,),
        apart=effect.kind == Kind.PUBLISH and effect.verb != "task",
        doubts=doubts(effect),
        datasets=(effect.dataset,) if effect.dataset else (),
        fix=Fix(title="write a format with a schema", text='json.dumps({"version": 1, …})'),
    )


def doubts(effect: Effect) -> int:
    """An entry of a cache may be made again; an object may be a model that is trained again."""
    return KEPT.get(effect.store, 0) if effect.kind in (Kind.READ, Kind.WRITE) else 0


def of_read(operation: Operation, decode: Effect, origin: Effect) -> Hit:
    what = f"the message of {origin.dataset or origin.technology}" if origin.kind == Kind.CONSUME else thing(origin)
    return Hit(
        place=decode.place,
        symbol=operation.symbol,
        message=f"{what} may be any object, and run any code: it is read with {decode.text}",
        story=(
            Step(origin.place, f"{what} comes from outside of this process"),
            Step(
                decode.place, f"{decode.text} makes of it whatever it says, as the writer's version of the code had it"
            ),
            Step(decode.place, "a writer of another release breaks the reader; who can write there, runs code here"),
        ),
        rests_on=(decode, origin),
        apart=origin.kind == Kind.CONSUME or origin.store == StoreKind.REMOTE,
        doubts=2 if origin.store in OWN else doubts(origin),
        datasets=(origin.dataset,) if origin.dataset else (),
        fix=Fix(title="read a format with a schema", text="json.loads(…), and a model that checks it"),
    )


def of_client(resource: Resource, what: str) -> Hit:
    return Hit(
        place=resource.place,
        message=f"messages can be read by this program alone, and only in this version: {what}",
        story=(
            Step(resource.place, f"{what}: {SHAPE}"),
            *after(resource.place),
        ),
        rests_on=(resource,),
        apart=True,
        fix=Fix(title="write a format with a schema", text="value_serializer=lambda value: json.dumps(value).encode()"),
    )
