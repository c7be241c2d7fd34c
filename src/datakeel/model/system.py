"""All of it: services, datasets and operations, and who touches what."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.migration import Migration
from datakeel.model.operation import Operation, Resource
from datakeel.model.place import Place

HOLE = "\ufffc"  # what is not known of a text
MANY_WAYS = 20  # ways in of a program that is surely one, and no library
MANY_FUNCTIONS = 200  # that do something to the world, in a whole program
Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class Setting(Struct, frozen=True, order=True, gc=False):
    """A project-wide setting that changes behaviour: ``django.ATOMIC_REQUESTS``, its value as text, where it stands."""

    name: str
    value: str
    path: str = ""
    line: int = 0


class Use(Struct, frozen=True, order=True, gc=False):
    """A library that a service's own code imports, or that its framework's settings name, by the first part of its
    name (``prometheus_client``); ``print`` for each function that prints. `place`: the first of its file."""

    service: str
    name: str
    place: Place


class Remark(Struct, frozen=True, order=True, gc=False):
    """What could not be analysed, in words for the report."""

    path: str
    line: int
    text: str


class System(Struct, frozen=True, kw_only=True, dict=True):
    """The linked model. Operations are sorted by name, datasets by name and service, migrations as they run."""

    operations: tuple[Operation, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    migrations: tuple[Migration, ...] = ()
    resources: tuple[Resource, ...] = ()  # those of modules
    settings: tuple[Setting, ...] = ()
    remarks: tuple[Remark, ...] = ()
    uses: tuple[Use, ...] = ()
    services: tuple[str, ...] = ()
    whole: bool = True  # False: something was lost on the way (a function took too long) that another run may find
    files: int = 0
    lines: int = 0

    def dataset(self, name: str, near: str = "") -> Dataset | None:
        """The dataset of that name: with or without its namespace, whatever the letters' case, or a partition's.

        `near` is the path of the code that asks: where several services have a dataset of that name, it is the one of
        the service that holds the code. None where a name without a namespace may mean several.
        """
        key = name.casefold()
        found = self._named.get(key, ()) or self._named.get(key.rpartition(".")[2], ())
        if len(found) < 2:
            return found[0] if found else None
        ranked = sorted(((_closeness(d.service, near), key in _names(d)), number) for number, d in enumerate(found))
        (first, number), (second, _) = ranked[-1], ranked[-2]
        return found[number] if first != second or first[1] else None

    def dataset_of(self, effect: Effect) -> Dataset | None:
        """The dataset that an effect acts on; None where it is not known."""
        return self.dataset(effect.dataset, effect.place.path) if effect.dataset else None

    @cached_property
    def _named(self) -> dict[str, tuple[Dataset, ...]]:
        """Datasets by their names, with and without a namespace."""
        found: dict[str, tuple[Dataset, ...]] = {}
        for dataset in self.datasets:
            for name in dict.fromkeys(n for whole in _names(dataset) for n in (whole, whole.rpartition(".")[2])):
                found[name] = (*found.get(name, ()), dataset)
        return found

    def used_by(self, service: str) -> frozenset[str]:
        """The libraries that a service uses."""
        return self._used.get(service, frozenset())

    @cached_property
    def _used(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for use in self.uses:
            found.setdefault(use.service, set()).add(use.name)
        return {service: frozenset(names) for service, names in found.items()}

    @cached_property
    def served(self) -> bool:
        """Whether requests come in by so many ways that it is a program whose ways in are known, and no library."""
        places = {e.place for o in self.operations for e in o.entries if e.kind == "request"}
        return len(places) >= MANY_WAYS

    @cached_property
    def large(self) -> bool:
        """Whether so many functions do something to the world that it is a whole program, and no part of one."""
        return sum(1 for o in self.operations if o.effects) >= MANY_FUNCTIONS

    def setting(self, name: str) -> str | None:
        return next((s.value for s in self.settings if s.name == name), None)

    def writers(self, dataset: str) -> Iterator[tuple[Operation, Effect]]:
        """Who writes it, in its own text or by an object's own ``save`` (other callers are left out)."""
        yield from self._writers.get(dataset, ())

    @cached_property
    def _writers(self) -> dict[str, tuple[tuple[Operation, Effect], ...]]:
        own = ((o, e) for o in self.operations for e in o.of(Kind.WRITE) if e.own)
        return _gathered((name, (o, e)) for o, e in own for name in self._means(e))

    @cached_property
    def written(self) -> frozenset[str]:
        """The datasets that the program is seen to write."""
        return frozenset(self._writers)

    def _means(self, effect: Effect) -> tuple[str, ...]:
        """What a dataset is called by the code, and by its schema where that gives it a namespace too."""
        whole = self.dataset_of(effect) if "." not in effect.dataset else None
        apart = whole is not None and whole.name.rpartition(".")[2] == effect.dataset != whole.name
        return (effect.dataset, whole.name) if apart and whole is not None else (effect.dataset,)

    def brought(self, write: Effect) -> tuple[tuple[Operation, Effect], ...]:
        """A write of some function's own text as the functions that call it have it, each in its own terms."""
        return self._brought.get(write.place, ())

    @cached_property
    def _brought(self) -> dict[Place, tuple[tuple[Operation, Effect], ...]]:
        return _gathered((e.place, (o, e)) for o in self.operations for e in o.of(Kind.WRITE) if e.chain)

    def senders(self, dataset: str) -> tuple[tuple[Operation, Effect], ...]:
        """Who sends to it, by itself or by what it calls."""
        return self._senders.get(dataset, ())

    @cached_property
    def _senders(self) -> dict[str, tuple[tuple[Operation, Effect], ...]]:
        return _gathered((e.dataset, (o, e)) for o in self.operations for e in o.of(Kind.PUBLISH))

    def calling(self, request: str) -> tuple[tuple[Operation, Effect], ...]:
        """Who calls a route of the program (``PUT /messages``) over HTTP, by an address of which only the host may be
        unknown."""
        return self._calling.get(request, ())

    @cached_property
    def _calling(self) -> dict[str, tuple[tuple[Operation, Effect], ...]]:
        calls = ((o, e) for o in self.operations for e in o.of(Kind.CALL) if e.store == StoreKind.REMOTE)
        return _gathered((route, (o, e)) for o, e in calls if e.verb == "http" and (route := _route(e)))

    def defined_at(self, place: Place) -> tuple[Operation, ...]:
        """The operations of the function that stands at a place."""
        return self._defined_at.get(place, ())

    @cached_property
    def _defined_at(self) -> dict[Place, tuple[Operation, ...]]:
        return _gathered((o.place, o) for o in self.operations)

    def operation(self, name: str) -> Operation | None:
        return self._operations.get(name)

    def callers(self, name: str) -> Iterator[tuple[Operation, bool]]:
        """Who calls a function that has effects, each with whether a call stands in a loop without an end."""
        yield from self._callers.get(name, {}).values()

    @cached_property
    def _callers(self) -> dict[str, dict[str, tuple[Operation, bool]]]:
        found: dict[str, dict[str, tuple[Operation, bool]]] = {}
        for operation in self.operations:
            for effect in operation.effects:
                if effect.callee:
                    known = found.setdefault(effect.callee, {})
                    endless = any(s.kind == "loop" and s.unbounded for s in effect.round_call)
                    known[operation.name] = operation, endless or known.get(operation.name, (operation, False))[1]
        return found

    def effects_at(self, place: Place) -> tuple[Effect, ...]:
        """Every effect of one place in the text, as each operation sees it that reaches it."""
        return tuple(self._effects_at.get(place, ()))

    def standing_at(self, place: Place) -> frozenset[str]:
        """The operations in whose own text an effect of this place stands."""
        return self._standing.get(place, frozenset())

    @cached_property
    def _standing(self) -> dict[Place, frozenset[str]]:
        found: dict[Place, set[str]] = {}
        for operation in self.operations:
            for effect in operation.own():
                found.setdefault(effect.place, set()).add(operation.name)
        return {place: frozenset(names) for place, names in found.items()}

    @cached_property
    def _effects_at(self) -> dict[Place, list[Effect]]:
        found: dict[Place, list[Effect]] = {}
        for operation in self.operations:
            for effect in operation.effects:
                found.setdefault(effect.place, []).append(effect)
        return found

    @cached_property
    def _operations(self) -> dict[str, Operation]:
        return {operation.name: operation for operation in self.operations}

    def task(self, name: str) -> Operation | None:
        """The job that is registered under a name of its own; None where there is none, or several."""
        found = self._tasks.get(name, ())
        return found[0] if len(found) == 1 else None

    @cached_property
    def _tasks(self) -> dict[str, tuple[Operation, ...]]:
        return _gathered(
            (e.name, o) for o in self.operations for e in o.entries if e.kind == "task" and e.place == o.place
        )

    def readers(self, dataset: str) -> Iterator[tuple[Operation, Effect]]:
        """Who reads it, in its own text."""
        yield from self._readers.get(dataset, ())

    @cached_property
    def _readers(self) -> dict[str, tuple[tuple[Operation, Effect], ...]]:
        own = ((o, e) for o in self.operations for e in o.of(Kind.READ) if not e.chain)
        return _gathered((e.dataset, (o, e)) for o, e in own)


def _names(dataset: Dataset) -> tuple[str, ...]:
    return tuple(n.casefold() for n in (dataset.name, *dataset.partitions))


def _route(call: Effect) -> str:
    """The method and path that a call asks for; empty where they are not known, or the host is a known other's."""
    method = call.option("method")
    host, slash, path = call.text.partition("/") if call.text.startswith(("/", HOLE)) else ("", "", "")
    known = method is not None and slash and host in ("", HOLE) and HOLE not in path
    return f"{method.value.strip(chr(39)).upper()} /{path}" if known and method is not None else ""


def _gathered(pairs: Iterable[tuple[Key, Item]]) -> dict[Key, tuple[Item, ...]]:
    """What belongs to each key, in its order."""
    found: dict[Key, list[Item]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return {key: tuple(items) for key, items in found.items()}


def _closeness(service: str, path: str) -> int:
    """How far down towards a path a service's folder lies; -1: elsewhere."""
    return len(service) if not service or path.startswith(service + "/") else -1
