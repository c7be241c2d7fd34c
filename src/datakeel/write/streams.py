"""A job over windows as its writers need it: what it counts by, what it keeps of a window, and what each event adds."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel import naming
from datakeel.mistake import Mistake
from datakeel.requirements import Field, Requirements, Stream
from datakeel.write.aggregates import Attribute, Moment, Shape, attribute, attribute_name, shapes

# Seconds: three times what a transaction may take (Settings.request_timeout), so that an event which was recorded in
# one that is still open does not come after its time.
IDLE = 30.0
ARRIVING = {"partition", "position", "transaction_id"}
TAKEN = ARRIVING | {"stream_id", "window_start", "window_end", "put_aside_at"}  # as columns beside the key
TAKEN |= {"count", "time", "revision", "changed", "final", "watermark", "given_at", "sequence"}
# Modules that stand beside those of jobs, and what tables of theirs would collide with.
RESERVED = {"relay", "consumer", "bell", "patience", "views", "rows", "dead_letters", "rebuild", "windows", "loader"}
RESERVED |= {"partitions", "rollups", "events", "log", "snapshots", "operations", "dashboard", "server", "streams"}
BY_TEXT = 'Annotated[str | None, Query(max_length=200, pattern=r"^[^\\x00]*$")]'
UNITS = ((86_400_000, "days"), (3_600_000, "hours"), (60_000, "minutes"), (1000, "seconds"), (1, "milliseconds"))
EXAMPLES = {  # three values of a key, and a fourth that no event of a test has
    "text": ('"first"', '"second"', '"third"', '"fourth"'),
    "uuid": ("UUID(int=1)", "UUID(int=2)", "UUID(int=3)", "UUID(int=4)"),
    "integer": ("1", "2", "3", "4"),
    "date": ("date(2026, 1, 1)", "date(2026, 1, 2)", "date(2026, 1, 3)", "date(2026, 1, 4)"),
    "boolean": ("True", "False"),
}


class Part(Struct, frozen=True, kw_only=True):
    """A field by which is counted. `source`: what it is called where it comes from (empty: it is the id); `exact`: its
    type there; `query`: how the API takes it; `examples`: values, as Python."""

    name: str
    source: str
    sql: str
    python: str
    exact: str
    query: str
    examples: tuple[str, ...]
    optional: bool = False


class Kept(Struct, frozen=True, kw_only=True):
    """A number of a window: what one event adds (`value` in braces), and how two of them come together in Python (`a`
    and `b`) and in SQL."""

    name: str
    sql: str
    python: str
    begin: str
    of: str = ""  # the field; empty: it counts
    optional: bool = False
    together: str = "{a} + {b}"

    def joined(self, a: str, b: str) -> str:
        return self.together.format(a=f"{a}.{self.name}", b=f"{b}.{self.name}")


class Answered(Struct, frozen=True, kw_only=True):
    """A measure as the API gives it: from what is kept."""

    name: str
    python: str
    sql: str


class Counted(Struct, frozen=True, kw_only=True):
    """An event that counts, and what must be there for that. `reads`: whether any of its fields matters."""

    moment: Moment
    time: str
    needs: tuple[str, ...]
    reads: bool


class Job(Struct, frozen=True, kw_only=True):
    title: str
    table: str
    path: str
    stream: Stream
    key: tuple[Part, ...]
    kept: tuple[Kept, ...]
    answers: tuple[Answered, ...]
    fields: tuple[Attribute, ...]  # that are measured
    shape: Shape | None = None  # of the aggregate that it follows; None: it follows a series
    counted: tuple[Counted, ...] = ()
    time: str = ""  # the field that says when an event was; empty: when it was recorded

    @property
    def process(self) -> str:
        return naming.kebab(self.table)

    @property
    def session(self) -> bool:
        return self.stream.gap is not None

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(f"{self.table}{ending}" for ending in ("", "_open", "_late", "_clocks", "_watermark"))

    @property
    def key_names(self) -> str:
        return ", ".join(part.name for part in self.key)

    @property
    def cell(self) -> str:
        """What names a window, in SQL."""
        return ", ".join([*(part.name for part in self.key), "window_start"])

    @property
    def columns(self) -> str:
        names = [part.name for part in self.key], ["window_start", "window_end"], [k.name for k in self.kept]
        return ", ".join(name for some in names for name in some)

    @property
    def windows(self) -> str:
        """The kind of its windows, in words."""
        of = self.stream
        if of.gap is not None:
            return f"sessions that end where nothing comes for {spoken(of.gap)}"
        hops = f", one every {spoken(of.hop)}" if of.hop is not None and of.hop != of.window else ""
        return f"windows of {spoken(of.span)}{hops}"

    @property
    def measured(self) -> str:
        names = [a.name.rstrip("_").replace("_", " ") for a in self.answers]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

    @property
    def by(self) -> str:
        return f" by {' and '.join(p.name.rstrip('_').replace('_', ' ') for p in self.key)}" if self.key else ""


def jobs(requirements: Requirements) -> tuple[Job, ...]:
    return (*of_log(requirements), *of_series(requirements))


def of_log(requirements: Requirements) -> tuple[Job, ...]:
    """The jobs that follow events of aggregates."""
    known = {s.name: s for s in shapes(requirements)}
    return tuple(
        _of_events(stream, known[naming.pascal(stream.source)], requirements)
        for stream in requirements.domain.streams
        if naming.pascal(stream.source) in known
    )


def of_series(requirements: Requirements) -> tuple[Job, ...]:
    """The jobs that follow measurements."""
    known = {s.name: s for s in requirements.domain.series}
    made = []
    for stream in (s for s in requirements.domain.streams if s.source in known):
        one = known[stream.source]
        fields = {f.name: _as_column(f) for f in (one.key, *one.values)}
        made.append(_job(stream, fields, requirements))
    return tuple(made)


def _as_column(field: Field) -> Attribute:
    """A value of a series, by the name that its column has."""
    of = attribute(field)
    name = naming.column(field.name)
    if name in ARRIVING:
        raise Mistake(f'"{field.name}" of a series that a stream job follows: expected another name')
    return Attribute(**{f: getattr(of, f) for f in of.__struct_fields__} | {"name": name})


def _of_events(stream: Stream, shape: Shape, requirements: Requirements) -> Job:
    chosen = {naming.pascal(name) for name in stream.events}
    moments = [m for m in shape.moments if not chosen or m.name in chosen]
    measured = [m.partition(" ")[2] for m in stream.measures if m != "count"]
    names = [*stream.key, *measured, *([stream.time] if stream.time else [])]
    wanted = [attribute_name(name) for name in names if name != "id"]
    counting = [m for m in moments if set(wanted) <= {f.name for f in m.fields}]
    if not counting:
        raise Mistake(f"{stream.name}: no event of {shape.name} has all of {', '.join(names)}")
    fields = {name: f for m in counting for name in names for f in m.fields if f.name == attribute_name(name)}
    made = _job(stream, fields, requirements, f"{shape.module.rstrip('_')}_id")
    time = attribute_name(stream.time) if stream.time else ""
    needed = {*_keys(stream), time}
    counted = (_counted(m, needed, time, measured=bool(measured)) for m in counting)
    return _with(made, shape=shape, time=time, counted=tuple(counted))


def _keys(stream: Stream) -> set[str]:
    return {attribute_name(name) for name in stream.key if name != "id"}


def _counted(moment: Moment, needed: set[str], time: str, *, measured: bool) -> Counted:
    needs = tuple(f.name for f in moment.fields if f.name in needed and f.optional)
    reads = bool(needed - {""}) or measured
    return Counted(moment=moment, time=f"event.{time}" if time else "message.recorded_at", needs=needs, reads=reads)


def _job(stream: Stream, fields: dict[str, Attribute], requirements: Requirements, id_: str = "") -> Job:
    kept, answers = _measures(stream, fields)
    table = _table(stream, requirements)
    measured = dict.fromkeys(m.partition(" ")[2] for m in stream.measures if m != "count")
    return Job(
        title=" ".join(naming.words(stream.name)),
        table=table,
        path=naming.kebab(table),
        stream=stream,
        key=tuple(_part(name, fields, id_) for name in stream.key),
        kept=kept,
        answers=answers,
        fields=tuple(fields[name] for name in measured),
    )


def _table(stream: Stream, requirements: Requirements) -> str:
    table = naming.column(stream.name)
    domain = requirements.domain
    kinds = ("aggregates", "series", "tables", "documents", "views")
    others = [str(one.name) for kind in kinds for one in getattr(domain, kind)]
    names = {naming.snake(name) for name in others} | {naming.column(name) for name in others}
    names |= {naming.plural(name) for name in names}
    return f"{table}_windows" if table in names | RESERVED else table


def _part(name: str, fields: dict[str, Attribute], id_: str) -> Part:
    if name == "id":
        examples = EXAMPLES["uuid"]
        return Part(
            name=id_, source="", sql="uuid", python="UUID", exact="UUID", query="UUID | None", examples=examples
        )
    of = fields[name]
    kind = of.kind if of.kind in EXAMPLES else "text"
    choices = tuple(of.python[8:-1].split(", ")) if of.kind == "enum" else EXAMPLES[kind]
    python = "str" if of.kind == "enum" else of.python
    return Part(
        name=f"{of.name}_" if of.name in TAKEN else of.name,
        source=of.name,
        sql=of.sql,
        python=python,
        exact=of.python,
        query=BY_TEXT if python == "str" else f"{python} | None",
        examples=choices,
        optional=of.optional,
    )


def _measures(stream: Stream, fields: dict[str, Attribute]) -> tuple[tuple[Kept, ...], tuple[Answered, ...]]:
    kept = {"count": Kept(name="count", sql="bigint", python="int", begin="1")}
    answers = []
    for measure in stream.measures:
        what, _, of = measure.partition(" ")
        if what == "count":
            answers.append(Answered(name="count", python="int", sql="count"))
            continue
        for one in _kept_for(what, fields[of]):
            kept.setdefault(one.name, one)
        answers.append(_answered(what, fields[of]))
    return tuple(kept.values()), tuple(answers)


def _kept_for(what: str, field: Attribute) -> Iterator[Kept]:
    """What is kept of a window for a measure. Sums are exact, whatever comes first."""
    number = "Decimal" if field.kind == "decimal" else "int"
    if what in ("min", "max"):
        rule = f"{'least' if what == 'min' else 'greatest'}" if field.optional else what
        yield Kept(
            name=f"{what}_{field.name}",
            sql="numeric" if number == "Decimal" else "bigint",
            python=f"{number} | None" if field.optional else number,
            begin="{value}",
            of=field.name,
            optional=field.optional,
            together=f"{rule}({{a}}, {{b}})",
        )
        return
    zero = "Decimal()" if number == "Decimal" else "0"
    yield Kept(
        name=f"sum_{field.name}",
        sql="numeric",
        python=number,
        begin=f"{{value}} or {zero}" if field.optional else "{value}",
        of=field.name,
    )
    if what == "mean" and field.optional:
        yield Kept(
            name=f"number_{field.name}", sql="bigint", python="int", begin="int({value} is not None)", of=field.name
        )


def _answered(what: str, field: Attribute) -> Answered:
    name, number = f"{what}_{field.name}", "Decimal" if field.kind == "decimal" else "int"
    if what == "mean":
        of = f"number_{field.name}" if field.optional else "count"
        return Answered(
            name=name,
            python="Decimal | None" if field.optional else "Decimal",
            sql=f"sum_{field.name} / {f'nullif({of}, 0)' if field.optional else of} AS {name}",
        )
    missing = field.optional and what != "sum"
    return Answered(name=name, python=f"{number} | None" if missing else number, sql=name)


def _with(job: Job, **values: object) -> Job:
    return Job(**{f: getattr(job, f) for f in job.__struct_fields__} | values)


def delta(seconds: float) -> str:
    """A period in Python.

    >>> delta(90), delta(86_400), delta(0.25), delta(0)
    ('timedelta(seconds=90)', 'timedelta(days=1)', 'timedelta(milliseconds=250)', 'timedelta()')
    """
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "timedelta()"
    unit, word = next((n, w) for n, w in UNITS if not milliseconds % n)
    return f"timedelta({word}={milliseconds // unit})"


def spoken(seconds: float) -> str:
    """
    >>> spoken(60), spoken(90), spoken(7200)
    ('1 minute', '90 seconds', '2 hours')
    """
    milliseconds = round(seconds * 1000)
    unit, word = next((n, w) for n, w in UNITS if not milliseconds % n)
    number = milliseconds // unit
    return f"{number} {word.removesuffix('s') if number == 1 else word}"
