"""The nouns of ``system.yaml``. A name is as the user wrote it; what becomes of it in SQL or Python is the writer's.

A measure (of a view, of a stream) is ``count``, or ``sum``, ``mean``, ``min`` or ``max`` and a field: ``sum total``.
Beside the fields that are declared, every construct has ``id``, and an aggregate has ``state``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

# Numbers in base units. `unit` names what their texts are made of, for the reader, the writer and the JSON Schema.
Rate = Annotated[float, Meta(extra={"unit": "rate"})]  # per second
Size = Annotated[float, Meta(extra={"unit": "size"})]  # bytes
Period = Annotated[float, Meta(extra={"unit": "period"})]  # seconds
Loss = Annotated[float, Meta(extra={"unit": "loss"})]  # seconds, none of them allowed
Share = Annotated[float, Meta(extra={"unit": "share"})]  # of one: 0.999 is 99.9%
Growth = Annotated[float, Meta(extra={"unit": "growth"})]  # of one, a year
Factor = Annotated[float, Meta(extra={"unit": "factor"})]  # 3x
Bound = Annotated[float, Meta(extra={"unit": "latency"})]  # p99 50ms: seconds
Count = Annotated[float, Meta(extra={"unit": "count"})]  # 40k
Heads = Annotated[int, Meta(extra={"unit": "heads"})]  # whole ones: 40k

FieldType = Literal[
    "uuid", "text", "integer", "decimal", "money", "boolean", "timestamp", "date", "period", "enum", "json"
]  # money: an integer of the currency's smallest unit; period: from a timestamp (included) to one (excluded)


class Workload(Struct, frozen=True, kw_only=True):
    """How much, over the whole system or of one construct. `record` is the mean size of a record."""

    reads: Rate | None = None
    writes: Rate | None = None
    peak: Factor | None = None  # times the mean
    record: Size | None = None
    records: Count | None = None  # how many there are to begin with, or at the same time
    growth: Growth | None = None
    retention: Period | None = None
    users: Heads | None = None


class Latency(Struct, frozen=True, kw_only=True):
    """Bounds at the 99th percentile, unless `percentile` says another."""

    read: Bound | None = None
    write: Bound | None = None
    percentile: float = 99.0


class Availability(Struct, frozen=True, kw_only=True):
    target: Share | None = None
    regions: int | None = None
    writes_in: Literal["one region", "every region"] | None = None
    offline: bool | None = None  # clients that write while they are cut off
    loss: Loss | None = None  # how much of the last data may be lost with a machine (recovery point); 0s: nothing
    outage: Period | None = None  # how long it may be down (recovery time)


class Existing(Struct, frozen=True, kw_only=True):
    """A system that stays: its engine, and what it is to the new one. A `sink` is told what changes of the constructs
    that it `takes` (none: of all tables, documents and aggregates)."""

    name: str
    engine: str
    role: Literal["source", "sink", "peer"] = "peer"
    holds: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


class Field(Struct, frozen=True, kw_only=True):
    name: str
    type: FieldType = "text"
    values: tuple[str, ...] = ()  # of an enum
    optional: bool = False
    unique: bool = False
    references: str | None = None  # a table or an aggregate
    minimum: int | None = None
    many: bool = False  # a list of them


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened to an aggregate. It moves the aggregate from one of the states `after` (none: it creates
    the aggregate) to the state `state` (empty: it stays in the state that it is in)."""

    name: str
    fields: tuple[Field, ...] = ()
    after: tuple[str, ...] = ()
    state: str = ""


class Invariant(Struct, frozen=True, kw_only=True):
    """What must hold at all times.

    `unique`: no two rows agree in `fields`. `non-negative`: the first of `fields` is never below zero. `at-most`: no
    more than `limit` rows agree in `fields`. `no-overlap`: among rows that agree in `fields`, no two periods `period`
    overlap. `transitions`: the first of `fields` changes only as `moves` says (from, to).
    """

    kind: Literal["unique", "non-negative", "at-most", "no-overlap", "transitions"]
    fields: tuple[str, ...]
    limit: int | None = None
    period: str | None = None
    moves: tuple[tuple[str, str], ...] = ()


class Access(Struct, frozen=True, kw_only=True):
    """How a construct is read: by equality of `by`, in a range of `range`, in the order of `order` (``-`` in front:
    descending)."""

    by: tuple[str, ...] = ()
    range: str | None = None
    order: str | None = None


class Total(Struct, frozen=True, kw_only=True):
    """A number that an aggregate keeps: what the fields `adds` of its events (``MoneyDeposited.amount``) add up to,
    less those in `subtracts`."""

    name: str
    adds: tuple[str, ...] = ()
    subtracts: tuple[str, ...] = ()


class Aggregate(Struct, frozen=True, kw_only=True):
    """What changes as a whole, one at a time. Its history is kept as events. `invariants` speak of its totals."""

    name: str
    events: tuple[Event, ...]
    totals: tuple[Total, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    workload: Workload | None = None
    ordered_by: str | None = None  # the field whose events must be seen in order; None: the aggregate's own id


class Table(Struct, frozen=True, kw_only=True):
    name: str
    fields: tuple[Field, ...]
    invariants: tuple[Invariant, ...] = ()
    access: tuple[Access, ...] = ()
    workload: Workload | None = None
    consistency: Literal["strong", "read-your-writes", "eventual"] | None = None


class Document(Struct, frozen=True, kw_only=True):
    """Records that are read and written whole, and whose shape varies."""

    name: str
    fields: tuple[Field, ...] = ()  # those that are looked up by
    access: tuple[Access, ...] = ()
    workload: Workload | None = None


class Series(Struct, frozen=True, kw_only=True):
    """Measurements over time. `key` says of what (a sensor); `values` are measured; `rollups` are the periods for which
    means, extremes and counts are kept, for `kept` each."""

    name: str
    key: Field
    values: tuple[Field, ...]
    workload: Workload | None = None
    range: Period | None = None  # how far a usual query reaches
    rollups: tuple[Period, ...] = ()
    kept: Period | None = None
    lateness: Period | None = None


class Graph(Struct, frozen=True, kw_only=True):
    """Vertices of one kind and directed edges between them; `depth`: how many edges a usual query follows."""

    name: str
    vertex: str
    edge: str
    fields: tuple[Field, ...] = ()
    depth: int = 2
    workload: Workload | None = None


class View(Struct, frozen=True, kw_only=True):
    """What is derived from `sources` (aggregates, tables), to be read another way. `search`: by words in `fields`;
    `analytics`: `measures` by `dimensions` and period; `lookup`: by key; `cache`: the same as the source, nearer."""

    name: str
    sources: tuple[str, ...]
    kind: Literal["search", "analytics", "lookup", "cache"]
    fields: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    freshness: Period | None = None


class Step(Struct, frozen=True, kw_only=True):
    name: str
    service: str
    compensation: str | None = None  # None: there is nothing to undo, or it is the last
    timeout: Period | None = None
    retries: int | None = None


class Saga(Struct, frozen=True, kw_only=True):
    name: str
    steps: tuple[Step, ...]
    timeout: Period | None = None
    workload: Workload | None = None


class Stream(Struct, frozen=True, kw_only=True):
    """A job over what happens: `measures` by `key` (none: over all) in windows of the events' own time. Windows of
    length `window` follow each other, or begin every `hop`; a session ends where nothing came for `gap`. What is late
    corrects its window up to `lateness` after its end, and is put aside after that. `events` of an aggregate count
    (none: all that have the fields); `time` is their field that says when it was (none: when it was recorded). A
    partition that is silent for `idle` keeps no window open. Results stay for `kept`."""

    name: str
    source: str  # an aggregate or a series
    key: tuple[str, ...] = ()
    window: Period | None = None
    hop: Period | None = None
    gap: Period | None = None
    lateness: Period | None = None
    measures: tuple[str, ...] = ("count",)
    events: tuple[str, ...] = ()
    time: str | None = None
    idle: Period | None = None
    kept: Period | None = None

    @property
    def span(self) -> float:
        """How long a window is; of a session, how long it is at the least."""
        return self.window or self.gap or 1.0


class Batch(Struct, frozen=True, kw_only=True):
    """A job over much data at once, for one period of `every` after the other. `aggregate`: `measures` (none: count) of
    the rows of the period, grouped by `by`, become rows of the table `output`. `export`: the rows themselves, with
    their `fields` (none: all), become a file. `archive`: the rows of periods that are `older_than` leave their source
    for a file; `retention`: for nowhere.

    `time`: the field that says in which period a row lies (of a table its first timestamp, where nothing is said; where
    it has none, each run takes all rows). `where`: what fields must be. `lateness`: how long rows may come after the
    end of their period; `deadline`: how long after it the output must be there."""

    name: str
    source: str
    every: Period
    output: str | None = None  # none: as the job is called
    kind: Literal["export", "aggregate", "archive", "retention"] = "aggregate"
    by: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    where: dict[str, str] = {}
    time: str | None = None
    older_than: Period | None = None
    lateness: Period | None = None
    deadline: Period | None = None


class Service(Struct, frozen=True, kw_only=True):
    """A service that a saga calls: one of ours (with a database of its own), or somebody else's (`external`).
    `through`: the external service that does its work (payments, through a payment provider)."""

    name: str
    external: bool = False
    through: str | None = None
    holds: tuple[Table, ...] = ()


class Replicated(Struct, frozen=True, kw_only=True):
    """Records with several writers that may be cut off from each other."""

    name: str
    fields: tuple[Field, ...]
    writers: Literal["clients", "regions"] = "clients"
    merge: Literal["crdt", "version-vector", "application"] = "crdt"
    ids: Literal["client", "server"] = "client"


class Domain(Struct, frozen=True, kw_only=True):
    aggregates: tuple[Aggregate, ...] = ()
    tables: tuple[Table, ...] = ()
    documents: tuple[Document, ...] = ()
    series: tuple[Series, ...] = ()
    graphs: tuple[Graph, ...] = ()
    views: tuple[View, ...] = ()
    sagas: tuple[Saga, ...] = ()
    streams: tuple[Stream, ...] = ()
    batches: tuple[Batch, ...] = ()
    services: tuple[Service, ...] = ()
    replicated: tuple[Replicated, ...] = ()


class Requirements(Struct, frozen=True, kw_only=True):
    """The whole of ``system.yaml``. `overrides` name what somebody has decided already (``engine: cassandra``, ``log:
    kafka``); they are honoured, and judged. `reasons` says of a value, by its path (``workload.writes``,
    ``domain.aggregates.Order.events.OrderPlaced.fields.total``; of a list, by position: ``….access.0``), from what it
    was inferred or why it was assumed: one line."""

    name: str
    summary: str = ""
    language: str = "python"
    profile: Literal["embedded", "cluster"] = "embedded"
    workload: Workload = Workload()
    latency: Latency = Latency()
    freshness: Period | None = None
    availability: Availability = Availability()
    existing: tuple[Existing, ...] = ()
    domain: Domain = Domain()
    overrides: dict[str, str] = {}
    reasons: dict[str, str] = {}

    def sinks(self) -> tuple[Existing, ...]:
        """The systems that stay, and are told what changes here."""
        return tuple(one for one in self.existing if one.role == "sink")

    def told(self, sink: Existing) -> tuple[str, ...]:
        """The constructs whose changes a sink is told."""
        kinds = (self.domain.tables, self.domain.documents, self.domain.aggregates)
        names = (one.name for kind in kinds for one in kind)
        return tuple(name for name in names if not sink.takes or name in sink.takes)
