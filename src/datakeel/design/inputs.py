"""Single figures of the requirements, by their paths in system.yaml: read, and replaced by others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.amounts import count, period, share, size
from datakeel.design.estimate import estimate
from datakeel.requirements import Requirements, Workload
from datakeel.technologies import value

# Of a workload: the field, its range, and how its figures are said.
WORKLOAD: tuple[tuple[str, float, float, Callable[[float], str]], ...] = (
    ("writes", 1e-3, 1e9, lambda n: count(n, "writes/s")),
    ("reads", 1e-3, 1e9, lambda n: count(n, "reads/s")),
    ("record", 10.0, 1e8, size),
    ("records", 1.0, 1e13, lambda n: count(n, "records")),
    ("retention", 3600.0, 1e10, period),
    ("users", 1.0, 1e10, lambda n: count(n, "users")),
)


class Input(Struct, frozen=True, kw_only=True):
    """A figure that may be changed. `now`: what it is, or is taken to be where nothing is said. `whole`: only whole
    numbers make sense. `nines`: a share that counts by what it lacks to one. `words`: it is one of them, and no
    number."""

    path: tuple[str, ...]
    now: float
    least: float = 0.0
    most: float = 0.0
    said: Callable[[float], str] = share
    whole: bool = False
    nines: bool = False
    words: tuple[object, ...] = ()

    @property
    def name(self) -> str:
        return ".".join(self.path)


def inputs(requirements: Requirements) -> Iterator[Input]:
    """The figures that the decisions may hang on."""
    for path, workload in _workloads(requirements):
        for field, least, most, said in WORKLOAD:
            now = _now(requirements, path, workload, field)
            if now is not None and now > 0:
                whole = field in ("records", "users")
                yield Input(path=(*path, field), now=now, least=least, most=most, said=said, whole=whole)
    yield from _availability(requirements)
    yield from _periods(requirements)


def _workloads(requirements: Requirements) -> Iterator[tuple[tuple[str, ...], Workload]]:
    yield ("workload",), requirements.workload
    domain = requirements.domain
    for kind in ("aggregates", "tables", "documents", "series", "graphs", "sagas"):
        for construct in getattr(domain, kind):
            if construct.workload is not None:
                yield ("domain", kind, construct.name, "workload"), construct.workload


def _now(requirements: Requirements, path: tuple[str, ...], workload: Workload, field: str) -> float | None:
    """What a figure is; of the whole system also what it is taken to be, as far as it has effect then."""
    said = getattr(workload, field)
    if said is not None or path != ("workload",):
        return None if said is None else float(said)
    loads = estimate(requirements).loads
    if field == "writes" and loads and requirements.workload.users is None:
        return sum(load.writes for load in loads)
    if field == "reads" and loads:
        return sum(load.reads for load in loads)
    if field == "retention" and loads:
        return max(load.retention for load in loads)
    return None


def _availability(requirements: Requirements) -> Iterator[Input]:
    wanted = requirements.availability
    path = "availability"
    one = value("machine", "maintenance")
    yield Input(path=(path, "target"), now=wanted.target or 0.9, least=0.9, most=0.99999, nines=True)
    yield Input(
        path=(path, "loss"),
        now=86_400.0 if wanted.loss is None else wanted.loss,
        least=0.001,
        most=86_400.0,
        said=period,
    )
    yield Input(
        path=(path, "outage"), now=wanted.outage or 30 * 86_400.0, least=one / 1000, most=30 * 86_400.0, said=period
    )
    yield Input(
        path=(path, "regions"), now=wanted.regions or 1, least=1, most=9, said=lambda n: count(n, "regions"), whole=True
    )
    if (wanted.regions or 1) > 1:
        yield Input(path=(path, "writes_in"), now=0, words=("one region", "every region"))
    yield Input(path=(path, "offline"), now=0, words=(False, True))


def _periods(requirements: Requirements) -> Iterator[Input]:
    for batch in requirements.domain.batches:
        path = ("domain", "batches", batch.name, "every")
        yield Input(path=path, now=batch.every, least=1.0, most=1e8, said=period)
    for stream in requirements.domain.streams:
        path = ("domain", "streams", stream.name, "gap" if stream.window is None else "window")
        yield Input(path=path, now=stream.span, least=1.0, most=1e8, said=period)


def changed(requirements: Requirements, path: tuple[str, ...], to: object) -> Requirements:
    """The same requirements with another value at a path; a thing in a list is named by its name.

    >>> changed(Requirements(name="x"), ("workload", "writes"), 7.0).workload.writes
    7.0
    """
    found: Any = _changed(requirements, path, to)
    assert isinstance(found, Requirements)
    return found


def _changed(node: Any, path: tuple[str, ...], to: object) -> Any:
    if not path:
        return to
    head, *rest = path
    if isinstance(node, tuple):
        return tuple(_changed(item, tuple(rest), to) if item.name == head else item for item in node)
    return replace(node, **{head: _changed(getattr(node, head), tuple(rest), to)})
