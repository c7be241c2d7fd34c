"""`cache-without-expiry`: derived entries never expire, and nothing drops them when their source changes."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Guard, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.rule import Hit, Record, rule


@rule(Severity.MINOR, Record(0, 1))
def cache_without_expiry(operation: Operation, system: System) -> Iterator[Hit]:
    """Derived entries never expire, and nothing drops them when their source changes."""
    for entry in operation.of(Kind.WRITE):
        if entry.chain or entry.store != StoreKind.CACHE or entry.verb != "set" or not never_expires(operation, entry):
            continue
        source = derived_from(operation, entry)
        if source is not None and entry.key and not dropped(system, entry.key):
            yield hit(entry, source, filled(operation, entry))


def never_expires(operation: Operation, entry: Effect) -> bool:
    given = [o for o in entry.options if o.word == "expiry"]
    if not given or any(o.value not in ("None", "False") for o in given):
        return False
    return not any(e.verb == "expire" and e.key == entry.key for e in operation.of(Kind.WRITE))


def derived_from(operation: Operation, entry: Effect) -> Effect | None:
    """The read of a record that the entry's value was computed from."""
    for source in entry.payload:
        read = operation.effect(source.number) if source.kind == "read" else None
        if read is not None and read.store in (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.REMOTE):
            return read
    return None


def dropped(system: System, key: str) -> bool:
    """Whether anything deletes entries whose key begins as this one's does."""
    head = key.partition("\ufffc")[0]
    return any(
        e.store == StoreKind.CACHE and e.verb in ("delete", "clear", "expire") and (not e.key or e.key.startswith(head))
        for o in system.operations
        for e in o.own()
        if e.kind == Kind.WRITE
    )


def filled(operation: Operation, entry: Effect) -> bool:
    """Whether requests fill the entry in where it is missing, and nobody has thought of how long it lives: what was
    judged false says that it lives for ever, and is set anew at set times."""
    thought = any(o.word == "expiry" and o.given for o in entry.options)
    starts = {e.kind for e in operation.entries}
    return not thought and starts == {"request"} and any(missing(operation, entry, g) for g in entry.guards)


def missing(operation: Operation, entry: Effect, guard: Guard) -> bool:
    """Whether it asks that the entry was not found."""
    asked = (operation.effect(s.number) for s in guard.sources if s.kind == "read")
    return any(e is not None and e.store == entry.store and e.key == entry.key for e in asked)


def hit(entry: Effect, source: Effect, plain: bool) -> Hit:
    what = source.dataset or "its source"
    return Hit(
        place=entry.place,
        message=f"the entry made from {what} never expires, and nothing drops it: it goes stale for good",
        story=(
            Step(source.place, f"{what} is read"),
            Step(entry.place, "the entry is set, with no expiry"),
            Step(entry.place, f"{what} changes: readers get the old value from now on"),
        ),
        rests_on=(entry, source),
        apart=plain,
        datasets=(source.dataset,) if source.dataset else (),
        fix=Fix(title="give the entry a time to live", text="ex=3600"),
    )
