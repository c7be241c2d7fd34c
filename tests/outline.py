"""The outline of a system: its tables with what they hold, and who writes and derives what; without places, and without
what every table of its kind has. Once as it was designed, told by the requirements and the parts that were decided on,
and once as a review reads it from what was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from datakeel import naming
from datakeel.decision import Design
from datakeel.model.effect import Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.requirements import Field, View
from datakeel.write.aggregates import shape

# what a table has for its work, whatever it is about
STANDING = """
    id version state created_at recorded_at changed_at words partition day time sequence bucket stream_id since
    window_start window_end revision given_at begins_at
"""
# tables for the work of the parts themselves
MECHANICS = """
    log log_partitions relay_position consumer_offsets processed_events dead_letters idempotency_keys claims snapshots
    sagas transitions outbox outcomes received_messages holds accounts faults batch_files batch_rejects batch_runs
    deleted changes copy_positions copy_dead_letters deliveries
"""
EVENTS = "event_id aggregate type schema_version data correlation_id causation_id transaction_id position"
CHANGED = {"changes": ("client_id", "record_id", "stamp", "effect", "position"), "position": ("one", "position")}
SAGA = frozenset({"sagas", "transitions", "outbox"})
SPANS = {60.0: "1min", 3600.0: "1h", 86400.0: "1d"}


class Outline(NamedTuple):
    """`tables`: their own columns, by name. `asked`: the tables that requests write. `derived`: for each process that
    derives tables, those that it writes."""

    tables: dict[str, frozenset[str]]
    asked: frozenset[str]
    derived: dict[str, frozenset[str]]


# As it was designed ---------------------------------------------------------------------------------------------------


def designed(design: Design) -> Outline:
    domain, parts = design.requirements.domain, design.parts()
    asked = {table_of(name) for name in (*(t.name for t in domain.tables), *(d.name for d in domain.documents))}
    asked |= {table_of(name) for graph in domain.graphs for name in (graph.vertex, graph.edge)}
    asked |= {f"{naming.snake(r.name)}_{what}" for r in domain.replicated for what in CHANGED}
    asked |= {"events"} if domain.aggregates else set()
    asked |= {"sagas", "outbox", *dict(counted(design))} if "saga" in parts else set()
    derived: dict[str, frozenset[str]] = {}
    if "log" in parts:
        derived["relay"] = frozenset({"log"})
    if parts & {"log", "change-feed"}:
        derived |= {naming.snake(view.name): frozenset(names_of(view)) for view in domain.views}
    for stream in domain.streams:
        name = naming.column(stream.name)
        arrivals = {f"{naming.snake(s.name)}_arrivals" for s in domain.series if s.name == stream.source}
        derived[naming.snake(stream.name)] = frozenset({name, f"{name}_open", f"{name}_watermark", *arrivals})
    if "saga" in parts:
        derived["orchestrator"] = frozenset({"sagas", "transitions", "outbox"})
    return Outline(dict(stated(design)), frozenset(asked), derived)


def stated(design: Design) -> Iterator[tuple[str, frozenset[str]]]:
    domain = design.requirements.domain
    for table in domain.tables:
        yield table_of(table.name), columns_of(table.fields)
    for document in domain.documents:
        ways = {name for way in document.access for name in (*way.by, way.range, (way.order or "").removeprefix("-"))}
        yield table_of(document.name), columns_of(f for f in document.fields if f.unique or f.name in ways) | {"body"}
    if domain.aggregates:
        ordered = {"ordering_key"} if any(a.ordered_by for a in domain.aggregates) else set()
        yield "events", own((*EVENTS.split(), *ordered))
    for view in domain.views:
        for name in names_of(view):
            yield name, own(fields_of(view, design, totals=view.kind == "analytics" and not name.endswith("_rows")))
    for stream in domain.streams:
        yield naming.column(stream.name), own((*map(naming.column, stream.key), *measured(stream.measures)))
    for batch in domain.batches:
        if batch.kind == "aggregate":
            source = next((t for t in domain.tables if t.name == batch.source), None)
            of = {f.name: name_of(f) for f in source.fields} if source is not None else {}
            by = (of.get(name, naming.column(name)) for name in batch.by)
            yield naming.column(batch.output or batch.name), own((*by, *measured(batch.measures)))
    for series in domain.series:
        yield table_of(series.name), columns_of((series.key, *series.values))
        for rollup in series.rollups:
            numbers = [naming.column(f.name) for f in series.values if f.type in ("decimal", "integer", "money")]
            sums = (f"{name}_{how}" for name in numbers for how in ("count", "sum", "min", "max"))
            yield f"{table_of(series.name)}_{SPANS[rollup]}", own((naming.column(series.key.name), "count", *sums))
    yield from counted(design)
    for graph in domain.graphs:
        yield table_of(graph.vertex), own(())
        yield table_of(graph.edge), columns_of(graph.fields) | {"source_id", "target_id"}
    for replicated in domain.replicated:
        yield from ((f"{naming.snake(replicated.name)}_{what}", own(has)) for what, has in CHANGED.items())


def counted(design: Design) -> Iterator[tuple[str, frozenset[str]]]:
    """What services have so many of, and hold some of for a saga; the others keep their holds alone."""
    domain = design.requirements.domain
    for table in (t for service in domain.services for t in service.holds if domain.sagas):
        counters = [name for i in table.invariants if i.kind == "non-negative" for name in i.fields]
        keys = [f.name for f in table.fields if f.unique]
        if counters:
            yield naming.column(table.name), own(map(naming.column, (*keys[:1], *counters)))


def names_of(view: View) -> tuple[str, ...]:
    """The tables of a view: an analytic one keeps beside its totals the rows that they are made of."""
    name = naming.column(view.name)
    return (name, f"{name}_rows") if view.kind == "analytics" else (name,)


def fields_of(view: View, design: Design, *, totals: bool) -> Iterator[str]:
    """A view's columns, or those of its totals."""
    if view.sources[0] not in {a.name for a in design.requirements.domain.aggregates}:  # a copy of rows
        yield from (*map(naming.column, (*view.fields, *view.dimensions)), *measured(view.measures))
        return
    made = next(shape(a) for a in design.requirements.domain.aggregates if a.name in view.sources)
    if totals:
        yield from (*map(naming.column, view.dimensions), *measured(view.measures, count=made.plural))
        return
    yield f"{made.module.rstrip('_')}_id"
    summed = [measure.partition(" ")[2] for measure in view.measures]
    whole = tuple(a.name for a in made.everything()) if view.kind == "lookup" else ()
    fields = (*view.fields, *view.dimensions, *filter(None, summed), *whole)
    yield from map(naming.column, fields)


def measured(measures: Iterable[str], count: str = "count") -> Iterator[str]:
    """Columns of measures: a mean is told from its sum."""
    for measure in measures:
        how, _, what = measure.partition(" ")
        yield naming.column(f"{'sum' if how == 'mean' else how} {what}") if what else count


def table_of(name: str) -> str:
    return naming.column(naming.plural(name))


def columns_of(fields: Iterable[Field]) -> frozenset[str]:
    ends = {"period": ("begins_at", "ends_at")}
    return own(name for field in fields for name in ends.get(field.type, (name_of(field),)))


def name_of(field: Field) -> str:
    return naming.column(field.name) + ("_id" if field.references else "")


def own(columns: Iterable[str]) -> frozenset[str]:
    return frozenset(columns) - set(STANDING.split())


# As it is read --------------------------------------------------------------------------------------------------------


def read_back(system: System, known: Outline) -> Outline:
    """What is read of the tables and processes that were designed, and of tables that nobody has spoken of."""
    tables = {
        d.name.rpartition(".")[2]: own(c.name for c in d.schema.columns)
        for d in system.datasets
        if not is_standing(d.name, known)
    }
    begun = {name for o in system.operations if any(e.kind == "request" for e in o.entries) for name in written(o)}
    views = set().union(*known.derived.values()) - SAGA  # an operator's replay of a dead letter writes them too
    mains = {o.name.split(".")[-2]: o for o in system.operations if o.symbol == "main"}
    return Outline(
        tables,
        frozenset(begun & (known.tables.keys() | SAGA) - views - {"transitions"}),
        {name: worked_out(written(mains[name])) for name in known.derived if name in mains},
    )


def is_standing(name: str, known: Outline) -> bool:
    """Whether a table is there for the work of others, and not designed by itself."""
    parts = ("open", "late", "watermark", "clocks", "arrivals", "due", "building", *known.tables)
    about = [name.removesuffix(f"_{part}") for part in parts if name.endswith(f"_{part}")]
    if name in known.tables:
        return False
    return name in MECHANICS.split() or any(a in known.tables or naming.plural(a) in known.tables for a in about)


def worked_out(tables: set[str]) -> frozenset[str]:
    """What a process writes, without its notes of how far it is."""
    return frozenset(tables - set(MECHANICS.split()) | tables & {"log", *SAGA})


def written(operation: Operation) -> set[str]:
    return {e.dataset for e in operation.of(Kind.WRITE) if e.dataset}
