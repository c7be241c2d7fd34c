"""Capacity: rates at peak, bytes a day, rows kept, memory for indexes, and the part of one server that this takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from datakeel.decision import Figure
from datakeel.design.amounts import DAY, count, period, share, size
from datakeel.requirements import Document, Domain, Event, Field, Requirements, Table, Workload, held
from datakeel.technologies import value

Kind = Literal["aggregate", "table", "document", "series", "graph", "replicated", "saga"]

HEADER = 28  # of a row: 24 bytes and a line pointer of 4 (PostgreSQL manual, Database Page Layout)
ENTRY = 12  # of an index entry: 8 bytes and a line pointer of 4 (B-Tree, the same)
FILL = 0.69  # of a B-tree under random inserts: ln 2 (Yao, On random 2-3 trees, 1978)
INSTANT = 8  # bytes of a point in time
ID = 16  # bytes of a UUID
DOCUMENT = 1000.0  # bytes of a document of which nothing is said
STEP = 200.0  # bytes of a step of a saga, with its answer
ARCHIVED = ("aggregate", "table")  # whose old rows may leave
KEPT = ("table", "document", "replicated")  # whose rows are changed in place: as many rows as things
ENVELOPE = 88  # of an event: id 16, stream 16, version 8, type 24, recorded 8, correlation 16
FIELD_BYTES = {
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
    packed: float  # bytes of the record without what names its thing, as a wide-column store keeps it
    row: float
    entries: float
    rows: float
    retention: float
    things: float  # that the rows are of: sensors, orders; of what is changed in place, the rows themselves
    counted: str  # how the rows kept are worked out
    leaves: bool = False  # old rows may leave for an archive: nobody has said for how long they are kept here

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

    def things_of(self, name: str) -> float:
        """How many things a construct holds: a view of it has a row for each."""
        load = self.load(name)
        return 0.0 if load is None else load.things

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

    @cached_property
    def hot(self) -> float:
        """Seconds for which one server holds all rows, where those of which nobody said how long they are kept leave it
        afterwards; nothing where none may leave, or where they would have to at once."""
        leaving = sum(load.bytes_a_day for load in self.loads if load.leaves) / DAY
        staying = sum(load.bytes for load in self.loads if not load.leaves)
        fits = (value("postgresql", "node_bytes") - staying) / leaving if leaving else 0.0
        return fits if fits >= value("workload", "hot") else 0.0

    def figures(self) -> Iterator[Figure]:
        """The capacity, worked out, as every record of a decision may quote it."""
        for load in self.loads:
            yield Figure(
                f"{load.name}: writes at peak",
                count(load.peak_writes, "writes/s"),
                f"{count(load.writes, 'writes/s')} × peak {load.peak:g}",
            )
            yield Figure(f"{load.name}: rows kept", count(load.rows, "rows"), load.counted)
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
    system = requirements.workload
    writes = _spread(
        _assumed_writes(requirements) if system.writes is None else system.writes,
        [(c.workload or Workload()).writes for c in constructs],
        [c.seldom for c in constructs],
    )
    changes = sum(w for c, w in zip(constructs, writes, strict=True) if c.kind != "series")
    asked = changes * value("workload", "reads_per_write")
    asked += sum(c.kind == "series" for c in constructs) * value("workload", "series_reads")
    reads = _spread(
        asked if system.reads is None else system.reads,
        [(c.workload or Workload()).reads for c in constructs],
        [False] * len(constructs),
    )
    loads = (_load(c, w, r, system) for c, w, r in zip(constructs, writes, reads, strict=True))
    return Estimate(loads=tuple(loads), assumptions=assumptions, fan_out=_fan_out(requirements))


def _fan_out(requirements: Requirements) -> int:
    """Views and jobs that follow each event of an aggregate or a document."""
    tables = {table.name for table in requirements.domain.tables}
    rows = tables | {document.name for document in requirements.domain.documents}
    kept = {"lookup": rows, "cache": rows}  # where the rows are; other views, of tables alone
    views = [view for view in requirements.domain.views if not set(view.sources) <= kept.get(view.kind, tables)]
    return len(views) + len(requirements.domain.streams)


class Construct(Struct, frozen=True, kw_only=True):
    """What is written: with its own workload, the bytes of a record, those of its part that names the thing (a sensor),
    those of the keys of all its indexes, and the rows that one thing comes to (events of an order)."""

    name: str
    kind: Kind
    workload: Workload | None
    record: float
    key: float = 0.0
    keys: float
    indexes: int
    together: int = 1
    kept: float | None = None  # seconds, after which a job takes rows away
    seldom: bool = False  # others refer to it, and are what is written


def _constructs(requirements: Requirements) -> Iterator[Construct]:
    """With the age at which a batch job takes their rows away, where one does."""
    ages = {b.source: b.older_than + b.every for b in requirements.domain.batches if b.older_than}
    rarely = seldom(requirements.domain)
    return (replace(o, kept=ages.get(o.name), seldom=o.name in rarely) for o in _declared(requirements))


def seldom(domain: Domain) -> frozenset[str]:
    """The tables that others refer to, that refer to nothing, and whose rows do not change with each that refers to
    them, as a balance does: rooms, of which there are bookings."""
    apart = {
        t.name
        for t in domain.tables
        if not any(f.references for f in t.fields) and not any(i.kind == "non-negative" for i in t.invariants)
    }
    holders: tuple[Table | Document | Event, ...]
    holders = (*domain.tables, *domain.documents, *(event for one in domain.aggregates for event in one.events))
    return frozenset(apart & {f.references for holder in holders for f in holder.fields})


def _declared(requirements: Requirements) -> Iterator[Construct]:
    domain = requirements.domain
    for one in domain.aggregates:
        largest = ENVELOPE + max((_bytes(event.fields) for event in one.events), default=0.0)
        yield Construct(
            name=one.name,
            kind="aggregate",
            workload=one.workload,
            record=largest,
            keys=40,  # (stream, version) and the event's id
            indexes=2,
            together=max(1, len(one.events)),
        )
    for table in (*domain.tables, *held.tables(domain)):
        yield _indexed("table", table.name, table.workload, _bytes(table.fields), _indexes(table))
    for document in domain.documents:
        yield _indexed("document", document.name, document.workload, DOCUMENT, 1 + len(document.fields))
    for series in domain.series:
        key, values = _bytes((series.key,)), _bytes(series.values)
        yield Construct(
            name=series.name,
            kind="series",
            workload=series.workload,
            record=key + INSTANT + values,
            key=key,
            keys=key + INSTANT,
            indexes=1,
        )
    for graph in domain.graphs:
        yield _indexed("graph", graph.name, graph.workload, 2 * ID + _bytes(graph.fields), 4)  # both ways, two ids each
    for replicated in domain.replicated:
        yield _indexed("replicated", replicated.name, None, 3 * ID + _bytes(replicated.fields), 1)
    for saga in domain.sagas:
        steps = 2 * len(saga.steps) + 1  # the saga is begun, and each step begun and ended
        yield Construct(
            name=saga.name, kind="saga", workload=saga.workload, record=STEP, keys=40, indexes=2, together=steps
        )


def _indexed(kind: Kind, name: str, workload: Workload | None, record: float, indexes: int) -> Construct:
    return Construct(name=name, kind=kind, workload=workload, record=record, keys=ID * indexes, indexes=indexes)


def _indexes(table: Table) -> int:
    """The primary key, one for each declared way of reading, and those that keep the invariants."""
    keeping = sum(i.kind in ("unique", "no-overlap") for i in table.invariants) + sum(f.unique for f in table.fields)
    return 1 + len(table.access) + keeping


def _bytes(fields: Iterable[Field]) -> float:
    return float(sum(FIELD_BYTES[field.type] * (4 if field.many else 1) for field in fields))


def _spread(total: float, own: list[float | None], rarely: list[bool]) -> list[float]:
    """The total over all: who has a figure keeps it, the others share the rest alike. Of what is `rarely` written the
    share is a small part; and that is everybody's, where the figures leave nothing."""
    part = value("workload", "reference_share")
    shares = [0.0 if w is not None else part if seldom else 1.0 for w, seldom in zip(own, rarely, strict=True)]
    rest = max(0.0, total - sum(w for w in own if w is not None)) / (sum(shares) or 1.0)
    least = total / max(1, len(own)) * part
    return [max(rest * s, least) if w is None else w for w, s in zip(own, shares, strict=True)]


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
    own, measured = construct.workload or Workload(), construct.kind == "series"
    said = construct.kept or own.retention or system.retention
    retention = said or value("workload", f"{'series_' if measured else ''}retention")
    growth = (1 + (own.growth or system.growth or 0.0)) ** value("workload", "horizon")
    record = own.record or system.record or construct.record
    written = writes * growth * (construct.together if construct.kind == "saga" else 1)
    things = own.records or system.records
    counted = bool(things) and construct.kind in KEPT and not construct.kept
    grown = things * growth if things and counted else None
    rows, worked_out = _kept(construct.kind, grown, written, retention)
    return Load(
        name=construct.name,
        kind=construct.kind,
        writes=written,
        reads=reads * growth,
        peak=own.peak or system.peak or value("workload", f"{'machine_' if measured else ''}peak"),
        record=record,
        packed=max(8.0, record - construct.key),
        row=HEADER + 8 * -(-record // 8),
        entries=(construct.indexes * ENTRY + construct.keys) / FILL,
        rows=rows,
        retention=retention,
        things=things or _things(construct, written, rows),
        counted=worked_out,
        leaves=not said and not counted and construct.kind in ARCHIVED,
    )


def _kept(kind: Kind, counted: float | None, writes: float, retention: float) -> tuple[float, str]:
    """The rows that are kept in the end, and how that is worked out: as many as are counted, or one for each write that
    does not replace one."""
    if counted is not None:
        return counted, "as many as there are, with their growth"
    said = f"{count(writes, 'writes/s')} over {period(retention)}"
    if kind != "document":
        return writes * retention, said
    each = value("workload", "document_writes")
    return writes * retention / each, f"{said}, {count(each, 'writes')} of each"


def _things(construct: Construct, writes: float, rows: float) -> float:
    """How many things rows are of, where nobody says it."""
    if construct.kind == "series":
        return max(1.0, writes * value("workload", "series_interval"))
    return rows / construct.together
