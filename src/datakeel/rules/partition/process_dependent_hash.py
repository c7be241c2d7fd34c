"""`process-dependent-hash`: Python's own hash, another one in each process, names, stores or routes data."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Source, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule

INSIDE = (StoreKind.NONE, StoreKind.MEMORY, StoreKind.PROCESS)
KINDS = (Kind.READ, Kind.WRITE, Kind.PUBLISH, Kind.LOCK, Kind.CALL)
TEXTS = ("builtins.str", "builtins.bytes")


@rule(Severity.CRITICAL)
def process_dependent_hash(operation: Operation) -> Iterator[Hit]:
    """Python's own hash, another one in each process, names, stores or routes data."""
    if operation.role != Role.PRODUCT:
        return
    for effect in operation.of(*KINDS):
        if effect.chain or (effect.store in INSIDE and effect.kind != Kind.LOCK):
            continue
        use, unsure = used(effect)
        if use:
            yield hit(effect, use, unsure)


def used(effect: Effect) -> tuple[str, int]:
    """What the hash decides, and how unsure it is that what is hashed is text: a number has one hash everywhere."""
    route = next((o for o in effect.options if o.word == "route" and o.value.startswith("hash")), None)
    if route is not None:
        return "picks the node or partition of", int(not route.value.endswith(TEXTS))
    hashed = of_process(effect.key_sources)
    if hashed is not None and effect.kind == Kind.LOCK:
        return "is the key of", int(kind_of(hashed) not in TEXTS)
    if hashed is not None:
        return "names", 0 if kind_of(hashed) in TEXTS else 2
    asked = of_process(tuple(s for p in effect.predicates for s in p.sources))
    hashed = asked or of_process(tuple(s for a in effect.assigned for s in a.sources))
    if hashed is not None:  # what is looked for by it, a shard or a slot, is mostly a text's
        return "is kept, or looked for, in", 0 if kind_of(hashed) in TEXTS else 1 if hashed is asked else 2
    return "", 0


def kind_of(hashed: Source) -> str:
    """The type of what is hashed; empty where it is not known."""
    return next(iter(hashed.path), "")


def of_process(sources: tuple[Source, ...]) -> Source | None:
    return next((s for s in sources if s.kind == "hash"), None)


def hit(effect: Effect, use: str, unsure: int) -> Hit:
    what = "the lock" if effect.kind == Kind.LOCK else thing(effect)
    lock = effect.kind == Kind.LOCK
    harm = "both hold the lock at once" if lock else "the other process looks elsewhere: it does not find what is there"
    cached = effect.store == StoreKind.CACHE and not use.startswith("picks")
    return Hit(
        place=effect.place,
        message=f"hash() {use} {what}: each process has another hash of the same text, and after a restart too",
        story=(
            Step(effect.place, f"process A: hash() of the text gives one number, which {use} {what}"),
            Step(effect.place, "process B, or A after a restart: the same text gives another number"),
            Step(effect.place, harm),
        ),
        rests_on=(effect,),
        doubts=unsure,
        severity=Severity.MAJOR if cached and not lock else None,
        datasets=(effect.dataset,) if effect.dataset else (),
        fix=Fix(title="take a hash that is the same everywhere", text="zlib.crc32(key.encode())"),
    )
