"""What a team declares of its system and code cannot show: put into the model, so that every rule sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from datakeel.mistake import unknown
from datakeel.model.dataset import Dataset
from datakeel.model.operation import Context, Entry, Operation
from datakeel.model.system import System


def declared(
    system: System,
    *,
    losable: Collection[str] = (),
    bounded: Collection[str] = (),
    distributed: Collection[str] = (),
    alone: Collection[str] = (),
    serialised: Collection[str] = (),
) -> System:
    """The system with what is declared of it. Datasets are named as stores know them, functions by their dotted names
    (the last parts are enough, where they tell)."""
    lonely = {o.place for o in system.operations if named(o, alone)}
    return replace(
        system,
        datasets=tuple(datasets(system, losable, bounded, distributed)),
        operations=tuple(
            taking_turns(running_alone(o, alone, lonely), serialised) if alone or serialised else o
            for o in system.operations
        ),
    )


def unmatched(system: System, **facts: Collection[str]) -> Iterator[str]:
    """What is wrong with declarations that speak of nothing in the system, each with the name that was probably
    meant."""
    if not any(facts.values()):
        return
    stores = {d.name for d in system.datasets}
    stores |= {e.dataset for o in system.operations for e in o.own() if e.dataset}
    for fact, names in sorted(facts.items()):
        for name in names:
            if fact in ("losable", "bounded", "distributed"):
                if name not in stores:
                    yield f"facts.{fact}: {unknown('dataset', name, stores)}"
            elif not any(named(o, (name,)) for o in system.operations):
                yield f"facts.{fact}: {unknown('function', name, (o.name for o in system.operations))}"


def datasets(
    system: System, losable: Collection[str], bounded: Collection[str], distributed: Collection[str]
) -> Iterator[Dataset]:
    """The datasets, marked; a declared one that no schema shows (a topic, a cache) is added."""
    known = {d.name for d in system.datasets}
    added = [
        Dataset(name=name, kind="topic", columns_complete=False)
        for name in sorted({*losable, *bounded, *distributed} - known)
    ]
    for dataset in (*system.datasets, *added):
        name = dataset.name
        yield replace(dataset, losable=name in losable, bounded=name in bounded, distributed=name in distributed)


def named(operation: Operation, names: Collection[str]) -> bool:
    return any(operation.name == name or operation.name.endswith(f".{name}") for name in names)


def running_alone(operation: Operation, alone: Collection[str], lonely: Collection[object]) -> Operation:
    """A job of which one runs at a time, and what it alone starts, runs beside nothing."""
    entries = tuple(replace(e, concurrent=False) if e.place in lonely else e for e in operation.entries)
    if not entries and named(operation, alone):
        entries = (Entry("schedule", operation.name, operation.place, concurrent=False),)
    return replace(operation, entries=entries) if entries != operation.entries else operation


def taking_turns(operation: Operation, serialised: Collection[str]) -> Operation:
    """A function whose callers take turns has a lock round it, wherever it is."""
    if not named(operation, serialised):
        return operation
    return replace(operation, contexts=tuple(replace(c, locks=True) for c in operation.contexts or (Context(),)))
