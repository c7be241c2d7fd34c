"""Capacity: rates at peak, bytes a day, rows kept, memory for indexes, and the part of one server that this takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal

from msgspec import Struct

from datakeel.decision import Figure
from datakeel.design.amounts import DAY, YEAR, count, period, share, size
from datakeel.requirements import Field, Requirements, Workload
from datakeel.technologies import value

Kind = Literal["aggregate", "table", "document", "series", "graph", "replicated", "saga"]

HEADER = 28  # of a row: 24 bytes and a line pointer of 4 (PostgreSQL manual, Database Page Layout)
ENTRY = 12  # of an index entry: 8 bytes and a line pointer of 4 (B-Tree, the same)
FILL = 0.69  # of a B-tree under random inserts: ln 2 (Yao, On random 2-3 trees, 1978)
ENVELOPE = 88  # of an event: id 16, stream 16, version 8, type 24, recorded 8, correlation 16
COPY_BYTES = {
    "uuid": 16,
    "text": 40,
    "integer": 8,
    "decimal": 12,
    "money": 8,
    "boolean": 1,
    "timestamp": 8,
    "date": 4,
    "period": 24,
    "enum": 12,
    "json": 400,
}


class Load(Struct, frozen=True, kw_only=True):
    """What one construct takes: means a second, bytes of a record, of its row and of its index entries, and the rows
    that are kept in the end."""

    name: str
    kind: Kind
    writes: float
    reads: float
    peak: float
    record: float
    row: float
    entries: float
    rows: float
    retention: float
    keys: float  # of how many things the rows are: sensors, orders

    @property
    def peak_writes(self) -> float:
        return self.writes * self.peak

    @property
    def peak_reads(self) -> float:
        return self.reads * self.peak

    @property
    def bytes_a_day(self) -> float:
        return self.writes * DAY * (self.row + self.entries)

    @property
    def bytes(self) -> float:
        return self.rows * (self.row + self.entries)

    @property
    def index_bytes(self) -> float:
        return self.rows * self.entries


class Estimate(Struct, frozen=True, kw_only=True, dict=True):
    """The load of each construct, and what had to be assumed for it."""

    loads: tuple[Load, ...]
    assumptions: tuple[Figure, ...] = ()
    fan_out: int = 0  # views and jobs that follow each event

    def load(self, name: str) -> Load | None:
        return next((load for load in self.loads if load.name == name), None)

    def rows_of(self, name: str) -> float:
        """Things that a construct holds, for a view of one row each."""
        load = self.load(name)
        return 0.0 if load is None else load.keys

    def of(self, *kinds: Kind) -> tuple[Load, ...]:
        return tuple(load for load in self.loads if load.kind in kinds)

    @cached_property
    def series(self) -> tuple[Load, ...]:
        return self.of("series")

    @cached_property
    def transactional(self) -> tuple[Load, ...]:
        return tuple(load for load in self.loads if load.kind != "series")

    @cached_property
    def peak_writes(self) -> float:
        return sum(load.peak_writes for load in self.loads)

    @cached_property
    def peak_reads(self) -> float:
        return sum(load.peak_reads for load in self.loads)

    @cached_property
    def peak_events(self) -> float:
        """Events a second at peak that views, sagas and jobs follow."""
        return sum(load.peak_writes for load in self.transactional) if self.fan_out else 0.0

    @cached_property
    def bytes(self) -> float:
        return sum(load.bytes for load in self.loads)

    @cached_property
    def bytes_a_day(self) -> float:
        return sum(load.bytes_a_day for load in self.loads)

    @cached_property
    def index_bytes(self) -> float:
        return sum(load.index_bytes for load in self.loads)

    @cached_property
    def rows(self) -> float:
        return sum(load.rows for load in self.loads)

    @cached_property
    def commit_share(self) -> float:
        """The part of one server's commits that transactions take at peak, with what follows each of them."""
        writes = sum(load.peak_writes for load in self.transactional)
        following = 1 + self.fan_out * value("postgresql", "following")
        return writes * following / value("postgresql", "commits")

    @cached_property
    def copy_share(self) -> float:
        """The part of one server's COPY that measurements take at peak."""
        return sum(load.peak_writes for load in self.series) / value("postgresql", "copied_rows")

    @cached_property
    def write_share(self) -> float:
        return self.commit_share + self.copy_share

    @cached_property
    def memory(self) -> float:
        """Bytes of all the data as objects of one process."""
        return self.bytes * value("machine", "object_overhead")

    @property
    def fits_in_memory(self) -> bool:
        return self.memory <= value("machine", "process_memory")

    def figures(self) -> Iterator[Figure]:
        """The capacity, worked out, as every record of a decision may quote it."""
        for load in self.loads:
            yield Figure(
                f"{load.name}: writes at peak",
                count(load.peak_writes, "writes/s"),
                f"{count(load.writes, 'writes/s')} × peak {load.peak:g}",
            )
            yield Figure(
                f"{load.name}: rows kept",
                count(load.rows, "rows"),
                f"{count(load.writes, 'writes/s')} over {period(load.retention)}",
            )
            yield Figure(
                f"{load.name}: bytes a day",
                f"{size(load.bytes_a_day)}/day",
                f"{count(load.writes, 'writes/s')} × 86,400 s × {size(load.row + load.entries)} (row {size(load.row)}, "
                f"index entries {size(load.entries)})",
            )
        yield Figure(
            "bytes kept", size(self.bytes), " + ".join(f"{load.name} {size(load.bytes)}" for load in self.loads)
        )
        yield Figure("memory for the indexes", size(self.index_bytes), "index entries of all rows kept")
        yield Figure(
            "part of one PostgreSQL's writes",
            share(self.write_share),
            f"commits {share(self.commit_share)} of {count(value('postgresql', 'commits'), 'commits/s')}, COPY "
            f"{share(self.copy_share)} of {count(value('postgresql', 'copied_rows'), 'rows/s')}",
        )
        yield Figure(
            "as objects in one process",
            size(self.memory),
            f"{size(self.bytes)} × {value('machine', 'object_overhead'):g}; a process keeps "
            f"{size(value('machine', 'process_memory'))}",
        )


def estimate(requirements: Requirements) -> Estimate:
    constructs = tuple(_constructs(requirements))
    assumptions = tuple(_assumptions(requirements))
    writes = _spread(
        requirements.workload.writes or _assumed_writes(requirements), [c.workload.writes for c in constructs]
    )
    reads_of_all = requirements.workload.reads
    if reads_of_all is None:
        reads_of_all = sum(w for c, w in zip(constructs, writes, strict=True) if c.kind != "series") * value(
            "workload", "reads_per_write"
        )
    reads = _spread(reads_of_all, [c.workload.reads for c in constructs])
    loads = (_load(c, w, r, requirements.workload) for c, w, r in zip(constructs, writes, reads, strict=True))
    return Estimate(loads=tuple(loads), assumptions=assumptions, fan_out=_fan_out(requirements))


def _fan_out(requirements: Requirements) -> int:
    """Views and jobs that follow each event of an aggregate or a document."""
    own = {table.name for table in requirements.domain.tables}
    views = [view for view in requirements.domain.views if not set(view.sources) <= own]
    return len(views) + len(requirements.domain.streams)


class Construct(Struct, frozen=True):
    name: str
    kind: Kind
    workload: Workload
    record: float  # bytes of a record, from its fields
    keys: int  # bytes of the keys of its indexes
    indexes: int
    together: int = 1  # rows that one thing comes to: events of an order, steps of a saga


def _constructs(requirements: Requirements) -> Iterator[Construct]:
    """What is written, with its own workload and the bytes that its fields take."""
    domain, nothing = requirements.domain, Workload()
    for aggregate in domain.aggregates:
        sizes = [_bytes(event.fields) for event in aggregate.events] or [0.0]
        yield Construct(
            aggregate.name, "aggregate", aggregate.workload or nothing, ENVELOPE + max(sizes), 40, 2, len(sizes)
        )
    for table in (*domain.tables, *(t for service in domain.services for t in service.holds)):
        indexes = 1 + len(table.access) + sum(i.kind in ("unique", "no-overlap") for i in table.invariants)
        yield Construct(table.name, "table", table.workload or nothing, _bytes(table.fields), 16 * indexes, indexes)
    for document in domain.documents:
        indexes = 1 + len(document.fields)
        yield Construct(document.name, "document", document.workload or nothing, 1000.0, 16 * indexes, indexes)
    for series in domain.series:
        record = 8 + _bytes((series.key, *series.values))
        yield Construct(series.name, "series", series.workload or nothing, record, 24, 1)
    for graph in domain.graphs:
        yield Construct(graph.name, "graph", graph.workload or nothing, 32 + _bytes(graph.fields), 64, 2)
    for replicated in domain.replicated:
        yield Construct(replicated.name, "replicated", nothing, 48 + _bytes(replicated.fields), 16, 1)
    for saga in domain.sagas:
        steps = 2 * len(saga.steps) + 1  # each is begun and ended, and the saga is begun
        yield Construct(saga.name, "saga", saga.workload or nothing, 200.0, 40, 2, steps)


def _bytes(fields: Iterable[Field]) -> float:
    return float(sum(COPY_BYTES[field.type] * (4 if field.many else 1) for field in fields))


def _spread(total: float, own: list[float | None]) -> list[float]:
    """The total over all: who has a figure keeps it, the others share the rest alike."""
    rest = max(0.0, total - sum(w for w in own if w is not None))
    without = sum(w is None for w in own)
    return [rest / without if w is None else w for w in own]


def _assumed_writes(requirements: Requirements) -> float:
    users = requirements.workload.users
    if users is None:
        return value("workload", "writes")
    return users * value("workload", "writes_per_user") / DAY


def _assumptions(requirements: Requirements) -> Iterator[Figure]:
    workload, users = requirements.workload, requirements.workload.users
    if workload.writes is None and users is not None:
        yield Figure(
            "writes (assumed)",
            count(_assumed_writes(requirements), "writes/s"),
            f"{count(users, 'users')} × {value('workload', 'writes_per_user'):g} writes a day",
        )
    elif workload.writes is None:
        yield Figure("writes (assumed)", count(value("workload", "writes"), "writes/s"), "nothing is said of the load")


def _load(construct: Construct, writes: float, reads: float, system: Workload) -> Load:
    own = construct.workload
    machine = construct.kind == "series"
    peak = own.peak or system.peak or value("workload", "machine_peak" if machine else "peak")
    retention = own.retention or system.retention or value("workload", "series_retention" if machine else "retention")
    growth = (1 + (own.growth or system.growth or 0.0)) ** value("workload", "horizon")
    writes, reads = writes * growth, reads * growth
    record = own.record or (system.record if machine else None) or construct.record
    if construct.kind == "saga":
        writes *= construct.together
    rows = writes * retention
    keys = own.records or (system.records if machine else None)
    if machine:
        keys = keys or max(1.0, writes * value("workload", "series_interval"))
    elif construct.kind in ("table", "document", "replicated"):
        keys = rows = (own.records or system.records or 0.0) * growth or rows
    else:
        keys = keys or rows / construct.together
    return Load(
        name=construct.name,
        kind=construct.kind,
        writes=writes,
        reads=reads,
        peak=peak,
        record=record,
        row=HEADER + 8 * -(-record // 8),
        entries=(construct.indexes * ENTRY + construct.keys) / FILL,
        rows=rows,
        retention=retention,
        keys=keys,
    )


def years(seconds: float) -> float:
    return seconds / YEAR
