"""What a system's requirements alone show to be wrong: names that cannot be, words that stand for nothing, and
contradictions. Each fault comes with the path of what it is about."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from math import ceil

from datakeel.mistake import unknown
from datakeel.naming import LONGEST, column, snake, words
from datakeel.requirements.nouns import (
    Access,
    Aggregate,
    Batch,
    Domain,
    Event,
    Field,
    Invariant,
    Requirements,
    Saga,
    Series,
    Stream,
    View,
)
from datakeel.requirements.units import text

Path = tuple[str, ...]
Fault = tuple[Path, str]
MARKS = " _-'’"  # that a name may have beside letters and digits
OWN = {"id"}  # fields that every construct has
BETWEEN_REGIONS = 0.01  # seconds there and back: light in fibre needs 10 ms for 1,000 km
PACKAGES = {"psycopg", "fastapi", "uvicorn", "pydantic", "tenacity", "structlog", "pytest", "hypothesis", "tests"}
NUMBERS = {"integer", "decimal", "money"}
KEYS = {"text", "uuid", "integer", "enum", "date", "boolean"}  # that a stream job may count by
DAY = 86_400.0
MONTH = 28 * DAY
LONGER_MONTHS = 2 * DAY  # two months may be that much longer than twice the mean of a month
MOST_WINDOWS = 100  # of a hopping job, that one event counts in
CONSTRUCTS = ("aggregates", "tables", "documents", "series", "graphs", "replicated")
JOBS = ("views", "sagas", "streams", "batches", "services")
PARTS = ("fields", "events", "totals", "values", "steps", "holds")
EXAMPLE = "domain: {tables: {Room: {fields: {name: text unique}}}}"


def check(of: Requirements) -> Iterator[Fault]:
    """Every fault of the requirements, in the order of their parts."""
    yield from _system_name(of.name)
    yield from _names(of)
    yield from _twins(of.domain)
    yield from _empty(of.domain)
    fields = known_fields(of.domain)
    for table in of.domain.tables:
        yield from _rows(("domain", "tables", table.name), table.fields, table.invariants, table.access, of.domain)
    for document in of.domain.documents:
        yield from _rows(("domain", "documents", document.name), document.fields, (), document.access, of.domain)
    for aggregate in of.domain.aggregates:
        yield from _aggregate(aggregate, of.domain)
    for service in of.domain.services:
        for table in service.holds:
            path = ("domain", "services", service.name, "holds", table.name)
            yield from _rows(path, table.fields, table.invariants, table.access, Domain(tables=service.holds))
    for graph in of.domain.graphs:
        yield from _fields(("domain", "graphs", graph.name, "fields"), graph.fields, of.domain)
    for records in of.domain.replicated:
        yield from _fields(("domain", "replicated", records.name, "fields"), records.fields, of.domain)
    for series in of.domain.series:
        yield from _series(series, of)
    for view in of.domain.views:
        yield from _view(view, fields)
    for saga in of.domain.sagas:
        yield from _saga(saga, of)
    yield from _jobs(of, fields)
    yield from _services(of)
    yield from _existing(of)
    yield from _contradictions(of)


def known_fields(domain: Domain) -> dict[str, set[str]]:
    """The fields of each construct that something can be derived from, by its name."""
    found = {a.name: OWN | {"state"} | {f.name for e in a.events for f in e.fields} for a in domain.aggregates}
    found |= {t.name: OWN | {f.name for f in t.fields} for t in domain.tables}
    found |= {d.name: OWN | {f.name for f in d.fields} for d in domain.documents}
    found |= {r.name: OWN | {f.name for f in r.fields} for r in domain.replicated}
    found |= {s.name: {"time", s.key.name, *(f.name for f in s.values)} for s in domain.series}
    found |= {g.name: OWN | {g.vertex, g.edge, *(f.name for f in g.fields)} for g in domain.graphs}
    return found


def _system_name(name: str) -> Iterator[Fault]:
    yield from ((("name",), text) for text in name_faults(name))
    package = snake(name)
    if package in sys.stdlib_module_names or package in PACKAGES:
        yield ("name",), f'"{name}" is the name of a Python package: expected another one, such as "{name} system"'


def name_faults(name: str) -> Iterator[str]:
    """What is wrong with a name.

    >>> list(name_faults("../etc")), list(name_faults("Größe in m²"))
    (['"../etc" is no name: expected letters, digits, spaces, - and _, not "."'], [])
    """
    shown = name if len(name) <= 40 else f"{name[:37]}…"
    strange = next((c for c in name if not c.isalnum() and c not in MARKS), None)
    if strange is not None:
        yield f'"{_visible(shown)}" is no name: expected letters, digits, spaces, - and _, not "{_visible(strange)}"'
    elif not words(name):
        yield f'"{shown}" is no name: expected at least one letter from a to z or a digit'
    elif len("_".join(words(name))) > LONGEST:
        length = len("_".join(words(name)))
        yield f'the name "{shown}" has {length} characters in code: expected at most {LONGEST}'


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _names(of: Requirements) -> Iterator[Fault]:
    for path, name in _all_names(of):
        yield from ((path, fault) for fault in name_faults(name))


def _all_names(of: Requirements) -> Iterator[tuple[Path, str]]:
    for system in of.existing:
        yield ("existing", system.name), system.name
    for kind in (*CONSTRUCTS, *JOBS):
        for item in getattr(of.domain, kind):
            path = ("domain", kind, item.name)
            yield path, item.name
            for part in PARTS:
                for inner in getattr(item, part, ()):
                    if not isinstance(inner, str):
                        yield from _inner_names((*path, part, inner.name), inner)
    for saga in of.domain.sagas:
        for step in saga.steps:
            if step.compensation is not None:
                yield ("domain", "sagas", saga.name, "steps", step.name, "compensation"), step.compensation
    for graph in of.domain.graphs:
        yield from ((("domain", "graphs", graph.name, key), getattr(graph, key)) for key in ("vertex", "edge"))
    for series in of.domain.series:
        yield ("domain", "series", series.name, "key"), series.key.name
    for batch in of.domain.batches:
        if batch.output is not None:
            yield ("domain", "batches", batch.name, "output"), batch.output


def _inner_names(path: Path, inner: object) -> Iterator[tuple[Path, str]]:
    yield path, path[-1]
    for field in getattr(inner, "fields", ()):
        yield (*path, "fields", field.name), field.name
    if isinstance(inner, Event) and inner.state:
        yield (*path, "state"), inner.state


def _twins(domain: Domain) -> Iterator[Fault]:
    """Two names that become one identifier."""
    yield from _same((("domain", kind, i.name), i.name) for kind in CONSTRUCTS for i in getattr(domain, kind))
    for kind in JOBS:
        yield from _same((("domain", kind, i.name), i.name) for i in getattr(domain, kind))
    for kind in (*CONSTRUCTS, *JOBS):
        for item in getattr(domain, kind):
            path = ("domain", kind, item.name)
            for part in PARTS:
                inner = [i for i in getattr(item, part, ()) if not isinstance(i, str)]
                yield from _same(((*path, part, i.name), i.name) for i in inner)
                for i in inner:
                    yield from _same(
                        ((*path, part, i.name, "fields", f.name), f.name) for f in getattr(i, "fields", ())
                    )


def _same(names: Iterable[tuple[Path, str]]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for path, name in names:
        code = column(name)
        if code in first:
            yield path, f'"{name}" and "{first[code]}" both become {code} in code: expected two different names'
        else:
            first[code] = name


def _empty(domain: Domain) -> Iterator[Fault]:
    if not any(getattr(domain, kind) for kind in (*CONSTRUCTS, "sagas")):
        yield ("domain",), f"there is no system in it: expected at least one construct, such as {EXAMPLE}"
    needs = {"aggregates": "events", "tables": "fields", "series": "values", "views": "sources", "sagas": "steps"}
    for kind, part in {**needs, "replicated": "fields"}.items():
        for item in getattr(domain, kind):
            if not getattr(item, part):
                yield ("domain", kind, item.name, part), f'"{item.name}" needs at least one of its {part}'


def _rows(
    path: Path, fields: tuple[Field, ...], invariants: tuple[Invariant, ...], access: tuple[Access, ...], domain: Domain
) -> Iterator[Fault]:
    yield from _fields((*path, "fields"), fields, domain)
    known = {f.name: f for f in fields}
    for i, invariant in enumerate(invariants):
        yield from _invariant((*path, "invariants", str(i)), invariant, known)
    for i, way in enumerate(access):
        here = (*path, "access", str(i))
        used = [*way.by, *([way.range] if way.range else []), *([way.order.removeprefix("-")] if way.order else [])]
        yield from _unknown(here, "field", used, {*known, *OWN})
        if not used:
            yield here, "expected how it is read: by, range or order"


def _fields(path: Path, fields: tuple[Field, ...], domain: Domain) -> Iterator[Fault]:
    kinds = ("tables", "aggregates", "documents", "replicated")
    targets = {item.name for kind in kinds for item in getattr(domain, kind)}
    for field in fields:
        here = (*path, field.name)
        if field.references is not None:
            yield from _unknown(here, "table or aggregate", [field.references], targets)
        if field.type == "enum" and len(set(field.values)) < 2:
            yield here, f'expected two or more values of "{field.name}", such as enum(draft, paid)'
        if field.values and field.type != "enum":
            yield here, f'values belong to an enum, and "{field.name}" is {field.type}'
        if field.minimum is not None and field.type not in NUMBERS:
            yield here, f'a minimum belongs to a number, and "{field.name}" is {field.type}'
        yield from (((here), f"{text} (a value of {field.name})") for v in field.values for text in name_faults(v))
        yield from _same((here, value) for value in field.values)


def _invariant(path: Path, of: Invariant, known: dict[str, Field]) -> Iterator[Fault]:
    yield from _unknown(path, "field", [*of.fields, *([of.period] if of.period is not None else [])], {*known, *OWN})
    if not of.fields and of.kind not in ("no-overlap", "at-most"):
        yield path, f"{of.kind} needs at least one field"
    if (of.kind == "at-most") != (of.limit is not None):
        yield path, f"{of.kind} {'needs a' if of.kind == 'at-most' else 'has no'} limit"
    if (of.kind == "no-overlap") != (of.period is not None):
        yield path, f"{of.kind} {'needs a' if of.kind == 'no-overlap' else 'has no'} period"
    if (of.kind == "transitions") != bool(of.moves):
        yield path, f"{of.kind} {'needs' if of.kind == 'transitions' else 'has no'} moves"
    first = known.get(of.fields[0]) if of.fields else None
    if of.kind == "non-negative" and first is not None and first.type not in NUMBERS:
        yield path, f'expected a number, and "{first.name}" is {first.type}'
    if of.period in known and known[of.period].type != "period":
        yield path, f'expected a field of type period, and "{of.period}" is {known[of.period].type}'
    if of.kind == "transitions" and first is not None:
        if first.type != "enum":
            yield path, f'expected an enum, and "{first.name}" is {first.type}'
        else:
            yield from _unknown(
                path, f"value of {first.name}", [v for move in of.moves for v in move], set(first.values)
            )


def _aggregate(of: Aggregate, domain: Domain) -> Iterator[Fault]:
    path = ("domain", "aggregates", of.name)
    fields = {f.name for event in of.events for f in event.fields}
    if of.ordered_by is not None:
        yield from _unknown((*path, "ordered_by"), "field", [of.ordered_by], fields | OWN)
    for event in of.events:
        yield from _fields((*path, "events", event.name, "fields"), event.fields, domain)
        if not event.after and not event.state:
            yield (
                (*path, "events", event.name, "state"),
                f"{event.name} creates the {of.name}: expected the state it is in",
            )
    kept = {f"{event.name}.{f.name}": f for event in of.events for f in event.fields}
    for total in of.totals:
        here = (*path, "totals", total.name)
        yield from _unknown(here, "field of an event", [*total.adds, *total.subtracts], set(kept))
        for used in (kept[name] for name in (*total.adds, *total.subtracts) if name in kept):
            if used.type not in NUMBERS:
                yield here, f'expected a number, and "{used.name}" is {used.type}'
    known = {total.name: Field(name=total.name, type="integer") for total in of.totals}
    for i, invariant in enumerate(of.invariants):
        yield from _invariant((*path, "invariants", str(i)), invariant, known)
    yield from _same(((*path, "events", e.name, "state"), e.state) for e in _first_of_each_state(of.events))
    yield from _states(of, path)


def _first_of_each_state(events: Iterable[Event]) -> Iterable[Event]:
    return {e.state: e for e in reversed(list(events)) if e.state}.values()


def _states(of: Aggregate, path: Path) -> Iterator[Fault]:
    """Every event must be able to happen: from its creation on, something reaches one of the states before it."""
    states = {e.state for e in of.events if e.state}
    if of.events and all(e.after for e in of.events):
        yield (*path, "events"), f"no event creates the {of.name}: expected one without after"
        return
    faults = [f for e in of.events for f in _unknown((*path, "events", e.name, "after"), "state", e.after, states)]
    yield from faults
    reached = {e.state for e in of.events if not e.after}
    for _ in of.events:
        reached |= {e.state or s for e in of.events for s in e.after if s in reached}
    for event in of.events if not faults else ():
        if event.after and not reached & set(event.after):
            said = " or ".join(event.after)
            yield (*path, "events", event.name, "after"), f'{event.name} comes after "{said}", which no event reaches'


def _series(of: Series, whole: Requirements) -> Iterator[Fault]:
    path = ("domain", "series", of.name)
    yield from _same([((*path, "key"), of.key.name), *(((*path, "values", f.name), f.name) for f in of.values)])
    yield from _fields((*path, "values"), of.values, whole.domain)
    kept = _kept(of, whole)
    if kept is not None and of.range is not None and of.range > max(kept, of.kept or 0):
        yield (*path, "range"), "a usual query reaches further back than anything is kept"
    for i, rollup in enumerate(of.rollups):
        longest = of.kept or kept
        if longest is not None and rollup > longest:
            yield (*path, "rollups", str(i)), "a rollup is longer than it is kept"
    if len(set(of.rollups)) < len(of.rollups):
        yield (*path, "rollups"), "one rollup stands twice"


def _view(of: View, fields: dict[str, set[str]]) -> Iterator[Fault]:
    path = ("domain", "views", of.name)
    faults = list(_unknown((*path, "sources"), "source", of.sources, set(fields)))
    yield from faults
    if faults or not of.sources:
        return
    known = set().union(*(fields[source] for source in of.sources))
    yield from _unknown((*path, "fields"), "field", of.fields, known)
    yield from _unknown((*path, "dimensions"), "field", of.dimensions, known)
    yield from _unknown((*path, "measures"), "field", _measured(of.measures), known)
    if of.kind == "search" and not of.fields:
        yield path, f'the search view "{of.name}" needs the fields whose words are searched'
    if of.kind == "analytics" and not of.measures:
        yield path, f'the analytics view "{of.name}" needs at least one measure, such as count'
    if of.kind != "analytics" and (of.measures or of.dimensions):
        yield path, f'measures and dimensions belong to an analytics view, and "{of.name}" is a {of.kind} view'


def _measured(measures: Iterable[str]) -> list[str]:
    return [m.partition(" ")[2] for m in measures if m != "count"]


def _services(of: Requirements) -> Iterator[Fault]:
    for service in of.domain.services:
        if service.through is not None:
            known = {s.name for s in of.existing} | {s.name for s in of.domain.services if s is not service}
            yield from _unknown(("domain", "services", service.name, "through"), "service", [service.through], known)


def _existing(of: Requirements) -> Iterator[Fault]:
    domain = of.domain
    known = {one.name for kind in (domain.tables, domain.documents, domain.aggregates) for one in kind}
    for system in of.existing:
        path = ("existing", system.name)
        yield from _unknown((*path, "takes"), "table, document or aggregate", system.takes, known)
        if system.takes and system.role != "sink":
            yield (*path, "takes"), f"only a sink takes what changes: expected `role: sink` of {system.name}"
    yield from _same((("existing", system.name), system.name) for system in of.existing)


def _saga(of: Saga, whole: Requirements) -> Iterator[Fault]:
    path = ("domain", "sagas", of.name, "steps")
    services = {s.name for s in whole.domain.services} | {e.name for e in whole.existing}
    for step in of.steps:
        yield from _unknown((*path, step.name, "service"), "service", [step.service], services)
        if of.timeout is not None and step.timeout is not None and step.timeout > of.timeout:
            yield (*path, step.name, "timeout"), f"{step.name} may take longer than the whole saga"


def _jobs(whole: Requirements, fields: dict[str, set[str]]) -> Iterator[Fault]:
    domain = whole.domain
    for stream in domain.streams:
        yield from _windows(stream)
        yield from _stream(stream, domain, fields)
    yield from _same((("domain", kind, i.name), i.name) for kind in ("views", "streams") for i in getattr(domain, kind))
    sources = set(fields) | {view.name for view in domain.views} | {job.name for job in domain.streams}
    for batch in domain.batches:
        yield from _unknown(("domain", "batches", batch.name, "source"), "source", [batch.source], sources)
        if batch.source in fields:
            yield from _batch(batch, domain, fields[batch.source])
            yield from _kept_for(batch, whole)


def _batch(of: Batch, domain: Domain, known: set[str]) -> Iterator[Fault]:
    path = ("domain", "batches", of.name)
    leaving = of.kind in ("archive", "retention")
    for key in ("by", "fields", "where"):
        yield from _unknown((*path, key), "field", getattr(of, key), known)
    yield from _unknown((*path, "measures"), "field", _measured(of.measures), known)
    yield from _unknown((*path, "time"), "field", [of.time] if of.time else [], known)
    if (of.by or of.measures) and of.kind != "aggregate":
        yield path, f'by and measures belong to a job of kind aggregate, and "{of.name}" is of kind {of.kind}'
    if of.fields and of.kind != "export":
        yield path, f'fields belong to a job of kind export, and "{of.name}" is of kind {of.kind}'
    if leaving != (of.older_than is not None):
        yield path, f"{of.kind} {'needs' if leaving else 'has no'} older_than" + (": 2y" if leaving else "")
    if leaving and of.where:
        yield (*path, "where"), f"{of.kind} takes whole periods: expected no where"
    yield from _dated(of, domain, path, leaving)


def _kept_for(of: Batch, whole: Requirements) -> Iterator[Fault]:
    """A period of measurements is there as a whole until the next one is over: whatever broke its run off or made it
    wrong, it can be run again."""
    series = next((s for s in whole.domain.series if s.name == of.source), None)
    kept = _kept(series, whole) if series is not None else None
    longer = LONGER_MONTHS if of.every >= MONTH else 0.0
    least = 2 * of.every + (of.lateness or 0.0) + longer
    if kept is not None and kept < least:
        yield (
            ("domain", "batches", of.name, "every"),
            f'"{of.name}" takes {text(of.every, "period")} of {of.source}, which is kept for {text(kept, "period")}: '
            f"keep it for {text(_days(least), 'period')} (retention) or longer, so that a period can be run until the "
            "next one is over",
        )


def _kept(of: Series, whole: Requirements) -> float | None:
    """How long its measurements are kept; None: nobody has said."""
    return (of.workload.retention if of.workload else None) or whole.workload.retention


def _days(seconds: float) -> float:
    """In whole days, where it is more than one."""
    return ceil(seconds / DAY) * DAY if seconds > DAY else seconds


def _dated(of: Batch, domain: Domain, path: Path, leaving: bool) -> Iterator[Fault]:
    """What a table has to be for a job that goes by time."""
    table = next((t for t in domain.tables if t.name == of.source), None)
    if table is None:
        return
    time = next((f for f in table.fields if f.name == of.time), None)
    if time is not None and (time.type != "timestamp" or time.optional):
        yield (*path, "time"), f'expected a timestamp that every row has, and "{time.name}" is none'
    if leaving and of.time is None and not any(f.type == "timestamp" and not f.optional for f in table.fields):
        yield path, f"{of.kind} needs a timestamp that every row has, and {of.source} has none"
    for other in domain.tables if leaving else ():
        if other is not table and any(f.references == table.name for f in other.fields):
            yield (
                (*path, "source"),
                f"{other.name} refers to {table.name}, whose rows therefore cannot leave: take the reference out",
            )


def _windows(of: Stream) -> Iterator[Fault]:
    """One kind of windows, and lengths that fit each other."""
    path = ("domain", "streams", of.name)
    if (of.window is None) == (of.gap is None):
        yield path, f'"{of.name}" needs either a window, such as 5 min, or the gap that ends a session, such as 30 min'
    elif of.gap is not None and not of.key:
        yield (*path, "key"), "a session is one of somebody or something: expected a key"
    elif of.hop is not None and of.window is None:
        yield (*path, "hop"), "a hop belongs to a window, and a session has none"
    elif of.hop is not None and of.window is not None:
        times = of.window / of.hop
        if not 1 <= times <= MOST_WINDOWS or abs(times - round(times)) > 1e-9:
            yield (*path, "hop"), f"expected a part of the window: a half, a third, down to a {MOST_WINDOWS}th"


def _stream(of: Stream, domain: Domain, fields: dict[str, set[str]]) -> Iterator[Fault]:
    path = ("domain", "streams", of.name)
    aggregate = next((a for a in domain.aggregates if a.name == of.source), None)
    series = next((s for s in domain.series if s.name == of.source), None)
    followed = {a.name for a in domain.aggregates} | {s.name for s in domain.series}
    if of.source in fields and of.source not in followed:
        yield (*path, "source"), f'"{of.source}" is changed in place, and its rows are no events: expected an aggregate'
    elif of.source not in fields:
        yield from _unknown((*path, "source"), "source", [of.source], followed)
    elif series is not None:
        yield from _of_series(of, series, path)
    elif aggregate is not None:
        yield from _of_events(of, aggregate, path)


def _of_series(of: Stream, series: Series, path: Path) -> Iterator[Fault]:
    known = {f.name: f for f in (series.key, *series.values)}
    yield from _counted(of, path, [known])
    if of.events or of.time is not None:
        yield path, f'events and time belong to a job over an aggregate, and "{of.source}" is a series'


def _of_events(of: Stream, aggregate: Aggregate, path: Path) -> Iterator[Fault]:
    yield from _unknown((*path, "events"), "event", of.events, {e.name for e in aggregate.events})
    chosen = [e for e in aggregate.events if e.name in of.events or not of.events]
    id_ = Field(name="id", type="uuid")
    yield from _counted(of, path, [{"id": id_} | {f.name: f for f in e.fields} for e in chosen])


def _counted(of: Stream, path: Path, events: list[dict[str, Field]]) -> Iterator[Fault]:
    """That some event has all the fields that the job asks for, and that these can be counted."""
    known = {name: field for event in events for name, field in event.items()}
    measured = _measured(of.measures)
    wanted = {"key": of.key, "measures": tuple(measured), "time": (of.time,) if of.time is not None else ()}
    faults = [f for part, names in wanted.items() for f in _unknown((*path, part), "field", names, set(known))]
    yield from faults
    if faults or not events:
        return
    if not any(all(n in event for names in wanted.values() for n in names) for event in events):
        asked = ", ".join(dict.fromkeys(n for names in wanted.values() for n in names))
        yield path, f"no event has all of {asked}: expected fields that stand in one event"
    for name in of.key:
        if known[name].many or known[name].type not in KEYS:
            yield (*path, "key"), f'"{name}" cannot be counted by: expected a single text, number, date or id'
    for name in measured:
        if known[name].many or known[name].type not in NUMBERS:
            yield (*path, "measures"), f'expected a number, and "{name}" is {known[name].type}'
    if of.time is not None and (known[of.time].type != "timestamp" or known[of.time].many):
        yield (*path, "time"), f'expected a timestamp, and "{of.time}" is {known[of.time].type}'


def _contradictions(of: Requirements) -> Iterator[Fault]:
    everywhere = of.availability.writes_in == "every region"
    if everywhere and of.availability.regions == 1:
        yield ("availability", "writes_in"), "writes in every region need two regions or more, and regions is 1"
    strong = [t for t in of.domain.tables if t.consistency == "strong"]
    quick = of.latency.write is not None and of.latency.write < BETWEEN_REGIONS
    if everywhere and strong and quick:
        path = ("domain", "tables", strong[0].name, "consistency")
        bound = f"{(of.latency.write or 0) * 1000:g} ms"
        yield (
            path,
            (
                f"strong consistency with writes in every region costs a round trip between regions (10 ms or more for "
                f"1,000 km), and latency.write allows {bound}: weaken one of the three"
            ),
        )


def _unknown(path: Path, kind: str, used: Iterable[str], known: set[str]) -> Iterator[Fault]:
    for word in used:
        if word not in known:
            yield path, unknown(kind, word, known)
