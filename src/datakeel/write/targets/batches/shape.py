"""A batch job as the templates speak of it: what it reads, in which order, and what it makes of that."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from msgspec import Struct

from datakeel import naming
from datakeel.mistake import Mistake
from datakeel.requirements import Aggregate, Batch, Requirements, Series, Table
from datakeel.write import aggregates
from datakeel.write.targets.series.write import delta
from datakeel.write.targets.tables import shape as tables

MONTH = 365.25 * 86_400 / 12
DAY = 86_400
LONG = 10 * DAY
LATENESS = 300.0  # seconds: longer than any transaction of these projects lasts
OWN = {"begins_at", "count"}  # columns that every output has
PYTHON = {
    "uuid": "UUID",
    "text": "str",
    "bigint": "int",
    "numeric": "Decimal",
    "double precision": "float",
    "boolean": "bool",
    "date": "date",
    "timestamptz": "datetime",
    "jsonb": "dict[str, JsonValue]",
}
NUMBERS = ("bigint", "numeric", "double precision")


class Column(Struct, frozen=True):
    """What can be read of a row of the source. `attribute`: in Python, of an aggregate."""

    name: str
    sql: str
    optional: bool = False
    attribute: str = ""

    @property
    def python(self) -> str:
        return PYTHON[self.sql]


class Source(Struct, frozen=True, kw_only=True):
    """What a job reads: `keys` are columns and types, in the order in which rows are taken. `folded`: rows are made
    from events."""

    name: str
    relation: str
    time: str
    keys: tuple[tuple[str, str], ...]
    columns: dict[str, Column]  # by the names of fields
    indexed: bool = True
    table: tables.Shape | None = None
    series: Series | None = None
    folded: aggregates.Shape | None = None


class Index(Struct, frozen=True):
    name: str
    columns: str
    where: str = ""


class Total(Struct, frozen=True):
    """A number that is kept for each group: how it is made of a chunk, and of two of its kind."""

    name: str
    sql: str
    partial: str
    merged: str
    python: str


class Job(Struct, frozen=True, kw_only=True):
    batch: Batch
    read: Source
    table: str
    indexes: tuple[Index, ...] = ()

    @property
    def name(self) -> str:
        return naming.kebab(self.batch.name)

    @property
    def module(self) -> str:
        return naming.snake(self.batch.name)

    @property
    def title(self) -> str:
        return " ".join(naming.words(self.batch.name))

    @property
    def kind(self) -> str:
        return self.batch.kind

    @property
    def files(self) -> bool:
        return self.kind in ("export", "archive")

    @property
    def one(self) -> str:
        """A variable for one of them."""
        return "found"

    @property
    def title_of_source(self) -> str:
        return " ".join(naming.words(self.read.name))

    @property
    def folded(self) -> bool:
        return self.read.folded is not None

    @property
    def template(self) -> str:
        return f"{self.kind}{'_folded' if self.folded else ''}.jinja"

    @property
    def about(self) -> str:
        source = naming.plural(" ".join(naming.words(self.read.name)))
        what = {
            "aggregate": f"{self._spoken()} of {source}, a row for each period{self._by()}",
            "export": f"{source} as lines of a file",
            "archive": f"old {source} leave for files",
            "retention": f"old {source} are dropped",
        }[self.kind]
        return f"{self.title.capitalize()}: {what}. A period that is run again gives the same."

    def _spoken(self) -> str:
        named = [" of ".join(measure.split(" ", 1)) for measure in self.batch.measures or ("count",)]
        return " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))

    def _by(self) -> str:
        return f" and {' and '.join(' '.join(naming.words(name)) for name in self.batch.by)}" if self.batch.by else ""

    @property
    def months(self) -> int:
        """The calendar months of a period; 0: it is a fixed length."""
        number = self.batch.every / MONTH
        return round(number) if round(number) and abs(number - round(number)) < 1e-6 else 0

    @property
    def every(self) -> str:
        return f"Months({self.months})" if self.months else f"Steps({delta(max(1, round(self.batch.every)))})"

    @property
    def lateness(self) -> int:
        late = self.read.series.lateness if self.read.series else None
        return round(self.batch.lateness or late or LATENESS)

    @property
    def deadline(self) -> int:
        return max(1, _whole(self.batch.deadline or self.batch.every))

    @property
    def older_than(self) -> int:
        return _whole(self.batch.older_than or 0.0)

    # What is read.

    @property
    def relation(self) -> str:
        return self.read.relation

    @property
    def source(self) -> str:
        return naming.snake(self.read.name)

    @property
    def time(self) -> str:
        return self.read.time

    @property
    def keys(self) -> str:
        return ", ".join(name for name, _ in self.read.keys)

    @property
    def row(self) -> str:
        return self.keys if len(self.read.keys) == 1 else f"({self.keys})"

    @property
    def casts(self) -> str:
        return ", ".join(f"(%(position)s::text[])[{n}]::{sql}" for n, (_, sql) in enumerate(self.read.keys, 1))

    @property
    def texts(self) -> str:
        return ", ".join(f"{name}::text" for name, _ in self.read.keys)

    @property
    def chunk_keys(self) -> str:
        return ", ".join(f"key_{n}" for n in range(len(self.read.keys)))

    @property
    def position(self) -> str:
        return ", ".join(f"key_{n}::text" for n in range(len(self.read.keys)))

    @property
    def last(self) -> str:
        return ", ".join(f"key_{n} DESC" for n in range(len(self.read.keys)))

    @property
    def selected(self) -> str:
        keys = [f"{name} AS key_{n}" for n, (name, _) in enumerate(self.read.keys)]
        return ", ".join([*keys, *(c.name for c in self.used)])

    # What of it is used.

    def column(self, field: str) -> Column:
        found = self.read.columns.get(field)
        if found is None:
            raise Mistake(f"{self.batch.name}: {self.read.name} has no single value {field}")
        return found

    @property
    def measured(self) -> tuple[Column, ...]:
        names = [m.partition(" ")[2] for m in self.batch.measures if m != "count"]
        return tuple(self.column(name) for name in dict.fromkeys(names))

    @property
    def needed(self) -> tuple[Column, ...]:
        """What a row has to have to be taken."""
        return tuple(dict.fromkeys((*(self.column(name) for name in self.batch.by), *self.measured)))

    @property
    def used(self) -> tuple[Column, ...]:
        return tuple(dict.fromkeys((*self.needed, *(self.column(name) for name in self.batch.where))))

    @property
    def groups(self) -> tuple[Column, ...]:
        """Of the output."""
        taken = OWN | {total.name for total in self.totals}
        found = (self.column(name) for name in self.batch.by)
        return tuple(Column(f"{c.name}_" if c.name in taken else c.name, c.sql) for c in found)

    @property
    def totals(self) -> tuple[Total, ...]:
        made = (_total(self, *measure.split(" ", 1)) for measure in self.batch.measures if measure != "count")
        return tuple({total.name: total for total in made}.values())

    @property
    def answers(self) -> tuple[tuple[str, str, str], ...]:
        """What the output answers with: column, expression, Python."""
        found = [("count", "count", "int")]
        for measure in self.batch.measures:
            word, _, field = measure.partition(" ")
            if word == "mean":
                column = self.column(field)
                python = "float" if column.sql == "double precision" else "Decimal"
                found.append((f"mean_{column.name}", f"sum_{column.name} / count AS mean_{column.name}", python))
            elif field:
                total = _total(self, word, field)
                found.append((total.name, total.name, total.python))
        return tuple(dict.fromkeys(found))

    @property
    def shown(self) -> str:
        return ", ".join(
            ["begins_at", *(g.name for g in self.groups), *(expression for _, expression, _ in self.answers)]
        )

    @property
    def model(self) -> str:
        return f"{naming.pascal(self.table)}Row"

    @property
    def columns(self) -> str:
        return ", ".join(["begins_at", *(g.name for g in self.groups), "count", *(t.name for t in self.totals)])

    @property
    def partials(self) -> str:
        return ", ".join([*(c.name for c in self._by_columns()), "count(*)", *(t.partial for t in self.totals)])

    @property
    def grouped(self) -> str:
        return ", ".join(c.name for c in self._by_columns())

    def _by_columns(self) -> tuple[Column, ...]:
        return tuple(self.column(name) for name in self.batch.by)

    @property
    def key(self) -> str:
        return ", ".join(["begins_at", *(g.name for g in self.groups)])

    # Which rows are meant, and which cannot be taken.

    @property
    def filter(self) -> str:
        return " AND ".join(_equal(self.column(name), value) for name, value in self.batch.where.items())

    @property
    def missing(self) -> str:
        return " OR ".join(f"{c.name} IS NULL" for c in self.needed if c.optional)

    @property
    def refused(self) -> str:
        missing = f"({self.missing})" if self.filter and " OR " in self.missing else self.missing
        wanted = " AND ".join(filter(None, [self.filter, missing]))
        if not self.folded:
            return wanted if self.missing else ""
        return f"reason IS NOT NULL OR ({wanted})" if self.missing else "reason IS NOT NULL"

    @property
    def taken(self) -> str:
        readable = "reason IS NULL" if self.folded else ""
        there = [f"{c.name} IS NOT NULL" for c in self.needed if c.optional]
        return " AND ".join(filter(None, [readable, self.filter, *there]))

    @property
    def refusals(self) -> str:
        return f"count(*) FILTER (WHERE {self.refused})" if self.refused else "0::bigint"

    @property
    def passed(self) -> str:
        readable = "reason IS NULL AND " if self.folded else ""
        return f"count(*) FILTER (WHERE {readable}NOT ({self.filter}))" if self.filter else "0::bigint"

    @property
    def recordset(self) -> str:
        return ", ".join(["key text", "reason text", *(f"{c.name} {c.sql}" for c in self.used)])

    @property
    def reason(self) -> str:
        cases = (f"CASE WHEN {c.name} IS NULL THEN 'no {c.name}' END" for c in self.needed if c.optional)
        said = f"concat_ws(', ', {', '.join(cases)})"
        if not self.folded:
            return said
        return f"coalesce(reason, {said})" if self.missing else "reason"

    # What is written to files.

    @property
    def written(self) -> tuple[Column, ...]:
        names = self.batch.fields or tuple(self.read.columns)
        return tuple(dict.fromkeys(self.column(name) for name in names))

    @property
    def object(self) -> str:
        return ", ".join(f"'{c.name}', {c.name}" for c in self.written)

    @property
    def own_object(self) -> str:
        return ", ".join(f"'{c.name}', row.{c.name}" for c in self.written)


def _whole(period: float) -> int:
    """Seconds; where it is long, of whole days."""
    return ceil(period / DAY) * DAY if period >= LONG else round(period)


def _total(job: Job, word: str, field: str) -> Total:
    column = job.column(field)
    if word == "mean":
        word = "sum"
    if word == "sum" and column.sql not in NUMBERS:
        raise Mistake(f'{job.batch.name}: "{field}" is no number that could be added up')
    name = f"{word}_{column.name}"
    if word == "sum":
        sql = "double precision" if column.sql == "double precision" else "numeric"
        python = {"bigint": "int", "numeric": "Decimal"}.get(column.sql, "float")
        return Total(name, sql, f"sum({column.name})", f"built.{name} + excluded.{name}", python)
    better = "least" if word == "min" else "greatest"
    return Total(name, column.sql, f"{word}({column.name})", f"{better}(built.{name}, excluded.{name})", column.python)


def _equal(column: Column, value: str) -> str:
    if column.sql == "boolean" or (column.sql == "bigint" and value.removeprefix("-").isdigit()):
        said = value
    elif column.sql == "text":
        escaped = value.replace("\\", "\\\\").replace("'", "''").replace("%", "%%").replace('"', '\\"')
        said = f"'{escaped}'"
    else:
        raise Mistake(f'expected a value of {column.name}, which is {column.sql}, not "{value}"')
    return f"{column.name} IS NOT DISTINCT FROM {said}" if column.optional else f"{column.name} = {said}"


def jobs(requirements: Requirements, archives: tuple[Batch, ...] = ()) -> tuple[Job, ...]:
    """The batch jobs, each with the indexes that none before it has asked for."""
    domain = requirements.domain
    taken = {naming.column(naming.plural(n.name)) for kind in KINDS for n in getattr(domain, kind)}
    taken |= {naming.column(view.name) for view in domain.views}
    made: list[Job] = []
    known: set[str] = set()
    for batch in (*domain.batches, *archives):
        read = _source(batch, requirements)
        table = naming.column(batch.output or batch.name)
        table = f"{table}_report" if table in taken else table
        indexes = tuple(index for index in _indexes(read) if index.name not in known)
        known |= {index.name for index in indexes}
        taken.add(table)
        made.append(Job(batch=batch, read=read, table=table, indexes=indexes))
    return tuple(made)


KINDS = ("aggregates", "tables", "documents", "series", "graphs", "replicated")


def _indexes(read: Source) -> Iterator[Index]:
    if read.folded is not None:
        yield Index("events_created", "aggregate, recorded_at, stream_id", "version = 1")
    elif not read.indexed:
        yield Index(f"{read.relation}_{read.time}", f"{read.time}, id")


def _source(batch: Batch, requirements: Requirements) -> Source:
    domain = requirements.domain
    leaving = batch.kind in ("archive", "retention")
    for table, shape in zip(domain.tables, _in_their_order(requirements), strict=True):
        if table.name == batch.source:
            return _of_table(batch, table, shape)
    series = next((s for s in domain.series if s.name == batch.source), None)
    if series is not None and not leaving:
        return _of_series(series)
    aggregate = next((a for a in domain.aggregates if a.name == batch.source), None)
    if aggregate is not None and not leaving and batch.kind == "aggregate":
        return _of_aggregate(aggregate)
    raise Mistake(_unwritten(batch, series, aggregate))


def _unwritten(batch: Batch, series: Series | None, aggregate: Aggregate | None) -> str:
    if aggregate is not None and batch.kind == "export":
        return (
            f"{batch.name}: what has happened to {aggregate.name} is kept as events, and this version of datakeel "
            "exports rows only: make it a table, or compute measures of it (kind: aggregate)"
        )
    if aggregate is not None:
        return (
            f"{batch.name}: the events of {aggregate.name} are the record that its views are made from, and never "
            "leave it: make it a table, whose old rows can"
        )
    if series is not None:
        return (
            f"{batch.name}: old measurements of {series.name} are dropped by the partition: say for how long they are "
            "kept (workload: {retention: 90d}) in place of this job"
        )
    return (
        f"{batch.name} reads {batch.source}, and this version of datakeel writes batch jobs over tables, aggregates "
        "and series: name one of these as its source"
    )


def _in_their_order(requirements: Requirements) -> list[tables.Shape]:
    found = {shape.source: shape for shape in tables.shapes(requirements)}
    return [found[table.name] for table in requirements.domain.tables]


def _of_table(batch: Batch, table: Table, shape: tables.Shape) -> Source:
    columns = {"id": Column("id", "uuid")}
    for one in shape.columns:
        if not one.field.many:
            sql = "numeric" if one.type.sql.startswith("numeric") else one.type.sql
            columns.setdefault(one.field.name, Column(one.name, sql, one.field.optional))
    if batch.kind == "archive":  # nothing of a row may be lost
        columns = {c.name: Column(c.name, c.type.sql) for c in shape.columns} | {"id": columns["id"]}
        columns |= {"version": Column("version", "bigint")} if shape.versioned else {}
    times = [c for c in shape.columns if c.field.type == "timestamp" and not c.field.optional]
    wanted = [c for c in times if batch.time in (None, c.field.name)]
    time = wanted[0].name if wanted else ""
    return Source(
        name=table.name,
        relation=shape.table,
        time=time,
        keys=((time, "timestamptz"), ("id", "uuid")) if time else (("id", "uuid"),),
        columns=columns,
        indexed=not time or (time, "id") in shape.indexes,
        table=shape,
    )


def _of_series(series: Series) -> Source:
    fields = (series.key, *series.values)
    columns = {
        "time": Column("time", "timestamptz"),
        **{f.name: Column(naming.column(f.name), SERIES.get(f.type, "text"), f.optional) for f in fields},
    }
    key = columns[series.key.name]
    return Source(
        name=series.name,
        relation=naming.plural(naming.snake(series.name)),
        time="time",
        keys=((key.name, key.sql), ("time", "timestamptz"), ("sequence", "bigint")),
        columns=columns,
        series=series,
    )


SERIES = {
    "uuid": "uuid",
    "integer": "bigint",
    "money": "bigint",
    "decimal": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
}


def _of_aggregate(aggregate: Aggregate) -> Source:
    shape = aggregates.shape(aggregate)
    fields = [f for event in aggregate.events for f in aggregates.expanded(event.fields)]
    names = {f.name: shape.attribute(f.name) for f in fields} | {
        t.name: shape.attribute(t.name) for t in aggregate.totals
    }
    columns = {name: _attribute(found) for name, found in names.items() if found is not None and not found.many}
    columns["state"] = Column("state", "text", False, "state.value")
    return Source(
        name=aggregate.name,
        relation="events",
        time="recorded_at",
        keys=(("recorded_at", "timestamptz"), ("stream_id", "uuid")),
        columns={"id": Column("key", "text"), **columns},
        folded=shape,
    )


def _attribute(found: aggregates.Attribute) -> Column:
    name = f"{found.name}_" if found.name in ("key", "reason") else found.name
    return Column(name, found.sql, found.optional, found.name)
