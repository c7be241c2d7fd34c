"""Who sends and who reads what goes through a broker, and in which process."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.derivation import OUTBOX

HOLE = "\ufffc"
BROKERS = (StoreKind.LOG, StoreKind.QUEUE)
Roundabout = tuple[Operation, Effect, Operation, Effect, Effect]


def roundabouts(system: System) -> Iterator[Roundabout]:
    """Topics and queues that one process alone sends to and reads from, and that end in its own database: who sends,
    the message, who reads, its reading, and what is written then."""
    sent, read = touching(system, Kind.PUBLISH), touching(system, Kind.CONSUME)
    for name in sorted(sent.keys() & read.keys()):
        programs = {p for o, _ in (*sent[name], *read[name]) for p in processes(system, o)}
        if len(programs) != 1 or None in programs or wanted(system, name, read[name]):
            continue
        sender, publish = sent[name][0]
        receiver, consume = read[name][0]
        write = next((w for w in receiver.of(Kind.WRITE) if w.store == StoreKind.RELATIONAL), None)
        if write is not None and not any(relays(o) for o, _ in sent[name]):
            yield sender, publish, receiver, consume, write


def relays(operation: Operation) -> bool:
    """Whether it sends what waits in an outbox: the broker is there for others."""
    return any(OUTBOX.search(r.dataset) for r in operation.of(Kind.READ))


def touching(system: System, kind: Kind) -> dict[str, list[tuple[Operation, Effect]]]:
    """Topics and queues with all that sends to them, or reads them, in its own text; tasks of a job library are none,
    nor is a name that is not wholly known."""
    found: dict[str, list[tuple[Operation, Effect]]] = {}
    for operation in system.operations:
        if operation.role != Role.TEST:
            for effect in operation.of(kind):
                if effect.store in BROKERS and effect.verb != "task" and not effect.chain and effect.dataset:
                    found.setdefault(effect.dataset, []).append((operation, effect))
    return {} if any(HOLE in name for name in found) else found


def processes(system: System, operation: Operation) -> frozenset[Place | None]:
    """The programs that a function runs in, each by its start; None where it is not known, or may be several: a web
    server has as many processes as it is given."""
    entries = [e for e in operation.entries if e.kind != "consumer"]
    if not entries and operation.entries:  # a callback: it runs in the only program that there is
        entries = [e for o in system.operations if o.role != Role.TEST for e in o.entries if e.kind != "consumer"]
    if not entries or any(e.kind != "main" for e in entries):
        return frozenset((None,))
    return frozenset(e.place for e in entries)


def wanted(system: System, name: str, read: list[tuple[Operation, Effect]]) -> bool:
    """Whether something says that a topic is there for a reason: it is declared, laid out in partitions, read by
    several consumers, or by each process for itself."""
    dataset = system.dataset(name)
    if dataset is not None and dataset.distributed:
        return True
    if any(e.verb == "create-topic" for o in system.operations for e in o.of(Kind.ALTER)):
        return True
    groups = [c.option("group") for _, c in read]
    if len(read) > 1 or any(g is not None and g.value == "None" for g in groups):
        return True
    return any(e.inside("loop") is not None for o in system.operations if program(o) for e in o.of(Kind.SPAWN)) or any(
        started_often(e) for o in system.operations for e in o.of(Kind.CONSUME) if e.dataset == name
    )


def program(operation: Operation) -> bool:
    return any(e.kind == "main" for e in operation.entries)


def started_often(consume: Effect) -> bool:
    """Whether a loop starts more than one of it."""
    kinds = [s.kind for s in consume.scopes]
    return "deferred" in kinds and "loop" in kinds[: kinds.index("deferred")]
