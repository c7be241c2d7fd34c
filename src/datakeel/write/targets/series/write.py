"""Measurements over time: a spool that takes batches, range partitions by time with a compound key, rollups, and their
API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from datakeel import naming
from datakeel.decision import Design
from datakeel.mistake import Mistake
from datakeel.requirements import Field, Requirements, Series
from datakeel.write.code import made
from datakeel.write.contribution import Contribution, Folder, Migration, Panel, Process, Trouble
from datakeel.write.project import File, templates
from datakeel.write.targets.series import engines

ORDER = 40
PARTS = frozenset({"time-series", "rollups"})

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
HOUR, DAY = 3600, 86_400

# What one partition covers: the longest period that still leaves a dozen of them in what is kept, so that a drop frees
# a twelfth at most, and there are never more than about a hundred.
PERIODS = (HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY)
LEAST_PARTITIONS = 12
ACCEPTED = 365 * DAY  # from how far back something may come where all is kept for ever
LONGEST_VARIABLE = 16  # characters: what keeps the lines of code around it short
LATENESS = 60.0  # seconds, where the requirements say nothing


class Type(Struct, frozen=True):
    """How a value of a type is held: in the API, in Python, in SQL, and as text for COPY."""

    annotation: str
    python: str
    sql: str
    line: str = "str({})"


TYPES = {
    "text": Type("Text", "str", "text", "_escaped({})"),
    "uuid": Type("UUID", "UUID", "uuid"),
    "integer": Type("BigInt", "int", "bigint"),
    "money": Type("BigInt", "int", "bigint"),
    "decimal": Type("FiniteFloat", "float", "double precision", "repr({})"),
    "boolean": Type("bool", "bool", "boolean"),
    "timestamp": Type("AwareDatetime", "datetime", "timestamptz", "{}.isoformat()"),
    "date": Type("date", "date", "date", "{}.isoformat()"),
}
NUMBERS = {"integer", "money", "decimal"}


class Column(Struct, frozen=True):
    name: str  # in Python and in SQL
    word: str
    annotation: str
    python: str
    sql: str
    line: str
    optional: bool = False
    number: bool = False


class Rolled(Struct, frozen=True):
    """One length of period for which counts, sums and extremes are kept."""

    name: str
    constant: str
    table: str
    seconds: int
    make: str
    page: str


class Shape(Struct, frozen=True):
    """A series as the templates speak of it."""

    name: str
    module: str
    plural: str
    item: str
    table: str
    path: str
    word: str
    plural_title: str
    key: Column
    fields: tuple[Column, ...]
    values: tuple[Column, ...]
    rollups: tuple[Rolled, ...]
    accepted: int
    kept: int | None
    kept_rollups: int | None
    period: int
    lateness: int
    annotations: frozenset[str]

    @property
    def words(self) -> str:
        return self.plural_title.lower()

    @property
    def sample_key(self) -> str:
        return SAMPLE_KEYS[self.key.sql][0]

    @property
    def sample_keys(self) -> str:
        return ", ".join(SAMPLE_KEYS[self.key.sql])

    @property
    def samples(self) -> list[tuple[str, str]]:
        return [(v.name, _sample(v)) for v in self.values if not v.optional]

    @property
    def number_as_key(self) -> str:
        """The key of the sender with some number, in JSON."""
        return NUMBER_AS_KEY[self.key.sql].format(word=self.key.word)

    @property
    def chances(self) -> list[tuple[str, str]]:
        return [(v.name, CHANCES.get(v.sql) or _chosen(v) or f'"{v.word}"') for v in self.values if not v.optional]

    @property
    def tables(self) -> str:
        return json.dumps([self.table, *(rollup.table for rollup in self.rollups)])

    @property
    def rollup_tables(self) -> str:
        return f"[{', '.join(json.dumps(rollup.table) for rollup in self.rollups)}]"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def escapes(self) -> bool:
        return "Text" in self.annotations

    @property
    def integers(self) -> bool:
        return "BigInt" in self.annotations

    @property
    def nullable(self) -> bool:
        return any(field.optional for field in self.fields)


SAMPLES = {
    "text": '"a tab\\t and a \\\\"',
    "uuid": '"00000000-0000-0000-0000-000000000001"',
    "bigint": "7",
    "double precision": "20.5",
    "boolean": "True",
    "timestamptz": '"2026-01-31T12:00:00Z"',
    "date": '"2026-01-31"',
}
NUMBER_AS_KEY = {
    "text": 'f"{word} {{number}}"',
    "uuid": "str(UUID(int=number))",
    "bigint": "number",
}
CHANCES = {
    "bigint": "chance.randint(1, 100)",
    "double precision": "round(chance.gauss(20, 2), 2)",
    "boolean": "chance.random() < 0.5",
    "timestamptz": "now",
    "uuid": "str(UUID(int=number))",
    "date": "now[:10]",
}
SAMPLE_KEYS = {
    "text": tuple(f'"key {n}"' for n in range(4)),
    "uuid": tuple(f'"00000000-0000-0000-0000-{n:012}"' for n in range(4)),
    "bigint": tuple(map(str, range(4))),
}


def _sample(of: Column) -> str:
    """A value of this column in the JSON of a test."""
    return _chosen(of) or SAMPLES[of.sql]


def _chosen(of: Column) -> str:
    """The first of the values among which one must be chosen; nothing where any is."""
    chosen = re.match(r'Literal\[("[^"]*")', of.annotation)
    return chosen.group(1) if chosen else ""


class Kept(Struct, frozen=True):
    """A table that is partitioned by time."""

    name: str
    period: int
    accepted: int
    kept: int | None


def contribution(design: Design) -> Contribution:
    """What the series of a design need; nothing where it has none."""
    requirements = design.requirements
    found = list(shapes(design).values())
    if not found:
        return Contribution()
    rolled = [s for s in found if s.rollups]
    return Contribution(
        files=(
            *_files(naming.snake(requirements.name), found),
            *engines.files(design, list(zip(requirements.domain.series, found, strict=True))),
        ),
        migrations=tuple(_migration(s) for s in found),
        processes=(PARTITIONS, *((ROLLUPS,) if rolled else ()), SENDERS),
        folders=(spool(len(found)),),
        routers=tuple(f"api.{s.plural}" for s in found),
        repeatable=tuple(f"post /{s.path}" for s in found),
        troubles=(*TROUBLES, *((ROLLUPS_BEHIND,) if rolled else ())),
        panels=tuple(panel for s in found for panel in _panels(s)),
        diagram=tuple(_diagram(found)),
        requirements=("httpx>=0.28",),
    )


PARTITIONS = Process("partitions", "processing.partitions", "makes partitions ahead of time, drops what is over")
ROLLUPS = Process("rollups", "processing.rollups", "makes the rollups that are due")
SENDERS = Process(
    "sample-batches",
    "processing.sample_batches",
    "sends measurements as devices would, so that there is something to see",
    deployed=False,
)
SPOOL_SIZE = 256  # MiB for each series: MOST_WAITING of the API
TROUBLES = (
    Trouble(
        symptom="Batches are answered with 503, the buffer is full",
        look="`series_waiting_bytes` of each API process, and its log: the error for which segments wait. `no "
        "partition of relation` means that the process `partitions` does not run.",
        do="Put right what the log names; the spool drains by itself, and nothing that was accepted is lost. If the "
        "database simply cannot keep up, nothing but fewer measurements or another engine helps: the decision on the "
        "storage engine has the figures.",
    ),
    Trouble(
        symptom="The buffer cannot be written to",
        look="The disk of the folder `SPOOL`: `df`, the kernel's log.",
        do="Make room or replace the disk, then restart the process: it takes up every whole record that it finds.",
    ),
    Trouble(
        symptom="An API machine is gone for good",
        look="Whether its folder `SPOOL` can still be read.",
        do="In Kubernetes each pod finds its volume claim again, on whichever machine it starts; after scaling down, "
        "scale up once more until `series_waiting_bytes` is 0. Elsewhere copy the folder of segments beside that of a "
        "running process and restart that one: it takes over places that nobody holds. "
        "What stood only on a lost disk was accepted and is lost; clients that keep what they sent for a while may "
        "send it again, since nothing is doubled.",
    ),
    Trouble(
        symptom="Partitions are not dropped",
        look="`partitions_last_run_timestamp_seconds`; `SELECT pid, xact_start, query FROM pg_stat_activity WHERE "
        "backend_xmin IS NOT NULL ORDER BY xact_start`: detaching waits for transactions that are older than it.",
        do="End the old transaction. A partition that is half detached is finished by the next run.",
    ),
)
ROLLUPS_BEHIND = Trouble(
    symptom="Rollups are behind",
    look="`rollups_behind_seconds` and `rollups_due`; the log of `rollups` (statements of over a minute).",
    do="Start a second `rollups` process: each takes other periods. Late measurements make periods due again; if they "
    "never end, look for a device whose clock is wrong.",
)


def spool(series: int) -> Folder:
    """With room for twice what may wait."""
    storage = f"{max(1024, 2 * SPOOL_SIZE * series)}Mi"
    return Folder("spool", "api", "what is accepted and not in the database yet", storage=storage)


def _panels(s: Shape) -> Iterator[Panel]:
    yield Panel(s.plural_title, f"/{s.path}/kept", "What the database has, in how many partitions.")
    yield Panel(
        f"{s.plural_title} that wait", f"/{s.path}/waiting", "Accepted by the process that answers, and not loaded yet."
    )


def _diagram(found: list[Shape]) -> Iterator[str]:
    yield "api -->|append, fsync| spool[(spool)]"
    for s in found:
        yield f"spool -->|COPY| {s.table}[({s.table})]"
        yield f"partitions[partitions] -.->|create, detach, drop| {s.table}"
        for rollup in s.rollups:
            yield f"{s.table} --> rollups[rollups] --> {rollup.table}[({rollup.table})]"


def shapes(design: Design) -> dict[str, Shape]:
    """The series of a design, by their names."""
    whole, rollups = design.requirements, "rollups" in design.parts()
    decided = {s.name: design.size(f"{s.name}.partition") for s in whole.domain.series}
    return {s.name: shape(s, whole, rollups=rollups, period=decided[s.name]) for s in whole.domain.series}


def shape(series: Series, whole: Requirements, *, rollups: bool, period: float | None = None) -> Shape:
    """A series with its names and types in SQL and Python. `period`: what one partition covers, if decided."""
    module = naming.snake(series.name)
    plural = naming.plural(module)
    item = module if len(module) <= LONGEST_VARIABLE else "one"
    fields = _columns(series, item)
    retention = series.workload.retention if series.workload else None
    kept = _whole(retention or whole.workload.retention)
    made = tuple(_rollups(series, plural, fields)) if rollups else ()
    return Shape(
        name=naming.pascal(series.name),
        module=module,
        plural=plural,
        item=item,
        table=plural,
        path=naming.kebab(plural),
        word=" ".join(naming.words(series.name)),
        plural_title=" ".join(naming.words(plural)).capitalize(),
        key=fields[0],
        fields=fields,
        values=fields[3:],
        rollups=made,
        accepted=kept or ACCEPTED,
        kept=kept,
        kept_rollups=max(_whole(series.kept) or kept, kept) if kept else _whole(series.kept),
        period=_whole(period) or _period(kept or ACCEPTED),
        lateness=int(series.lateness or LATENESS),
        annotations=frozenset(f.annotation.removesuffix(" | None") for f in fields),
    )


def delta(seconds: int) -> str:
    """A period in Python.

    >>> delta(7 * DAY), delta(90), delta(2 * HOUR)
    ('timedelta(days=7)', 'timedelta(seconds=90)', 'timedelta(hours=2)')
    """
    unit, word = next(
        (n, w) for n, w in ((DAY, "days"), (HOUR, "hours"), (60, "minutes"), (1, "seconds")) if not seconds % n
    )
    return f"timedelta({word}={seconds // unit})"


def _whole(period: float | None) -> int | None:
    return None if period is None else max(1, round(period))


def _period(kept: int) -> int:
    return max((p for p in PERIODS if kept / p >= LEAST_PARTITIONS), default=PERIODS[0])


def _columns(series: Series, item: str) -> tuple[Column, ...]:
    key = _column(series.key, item)
    if key.sql not in SAMPLE_KEYS or key.optional:
        raise Mistake(f'series "{series.name}": expected a key of type text, uuid or integer, not {series.key.type}')
    time = Column("time", "time", "AwareDatetime", "datetime", "timestamptz", f"{item}.time.isoformat()")
    number = Column("sequence", "sequence", "SequenceNumber", "int", "bigint", f"str({item}.sequence)")
    values = tuple(_column(field, item) for field in series.values)
    taken = {"time", "sequence", "bucket", "count"}
    for column in (key, *values):
        if column.name in taken:
            raise Mistake(f'series "{series.name}": expected another name than "{column.word}", which it has itself')
    return (key, time, number, *values)


def _column(field: Field, item: str) -> Column:
    name = naming.column(field.name)
    known = TYPES.get(field.type)
    if field.type == "enum":
        values = ", ".join(f'"{value}"' for value in field.values)
        known = Type(f"Literal[{values}]", "str", "text", "{}")
    if known is None or field.many:
        raise Mistake(f'a series measures single values: expected another type of "{field.name}" than {field.type}')
    line = known.line.format(f"{item}.{name}")
    return Column(
        name=name,
        word=" ".join(naming.words(field.name)),
        annotation=f"{known.annotation} | None" if field.optional else known.annotation,
        python=known.python,
        sql=known.sql,
        line=f"NULL if {item}.{name} is None else {line}" if field.optional else line,
        optional=field.optional,
        number=field.type in NUMBERS,
    )


NAMES = ((7 * DAY, "w"), (DAY, "d"), (HOUR, "h"), (60, "min"), (1, "s"))


def _rollups(series: Series, table: str, fields: tuple[Column, ...]) -> Iterator[Rolled]:
    """The rollups, the shortest first; each but the first is made from the one before."""
    lengths = sorted({max(1, round(period)) for period in series.rollups})
    for before, after in pairwise(lengths):
        if after % before:
            raise Mistake(f'series "{series.name}": expected each rollup to be a multiple of the one before it')
    source = ""
    for seconds in lengths:
        unit, name = next((n, w) for n, w in NAMES if seconds % n == 0)
        label = f"{seconds // unit}{name}"
        own = f"{table}_{label}"
        text = templates(HERE / "parts")
        spoken = {"table": own, "raw": table, "source": source, "key": fields[0], "values": _numbers(fields)}
        yield Rolled(
            name=label,
            constant=f"EVERY_{label.upper()}",
            table=own,
            seconds=seconds,
            make=text.get_template("make.sql.jinja").render(spoken).strip(),
            page=text.get_template("page.sql.jinja").render(spoken).strip(),
        )
        source = own


def _numbers(fields: tuple[Column, ...]) -> list[Column]:
    return [field for field in fields[3:] if field.number]


def _migration(s: Shape) -> Migration:
    sql = templates(HERE / "parts").get_template("series.sql.jinja").render(s=s, numbers=_numbers(s.fields))
    return Migration(s.plural, sql)


def _tables(found: list[Shape]) -> Iterator[Kept]:
    for s in found:
        yield Kept(s.table, s.period, s.accepted, s.kept)
        for rollup in s.rollups:
            kept = s.kept_rollups
            yield Kept(
                rollup.table, _period(kept or s.accepted), s.accepted + rollup.seconds, kept and kept + rollup.seconds
            )


def _files(package: str, found: list[Shape]) -> Iterator[File]:
    rolled = [s for s in found if s.rollups]
    common: dict[str, object] = {"package": package, "delta": delta, "tables": tuple(_tables(found)), "rolled": rolled}
    common["modules"] = sorted(f"{s.module}_rollups" for s in rolled)
    for path in ("storage/spool", "storage/partitions", "processing/partitions", "processing/loader"):
        yield made(TEMPLATES, f"src/[package]/{path}.py", f"src/{package}/{path}.py", common)
    for path in ("tests/unit/test_spool.py", "tests/unit/test_loader.py"):
        yield made(TEMPLATES, path, path, common)
    if rolled:
        yield made(TEMPLATES, "src/[package]/processing/rollups.py", f"src/{package}/processing/rollups.py", common)
    yield _samples(package, found, common)
    for s in found:
        yield from _of_one(package, s, common)


def _samples(package: str, found: list[Shape], common: dict[str, object]) -> File:
    own = {
        "Settings": f"{package}.settings",
        "Stopping": f"{package}.platform.stopping",
        "log": f"{package}.platform.logs",
    }
    path = "processing/sample_batches.py"
    return made(TEMPLATES, f"src/[package]/{path}", f"src/{package}/{path}", {**common, "series": found}, own)


def _of_one(package: str, s: Shape, common: dict[str, object]) -> Iterator[File]:
    own = {
        **dict.fromkeys((s.name, "Text", "BigInt", "EARLIEST", "implausible"), f"{package}.domain.{s.module}"),
        **dict.fromkeys(("encoded", "kept", "load", "page"), f"{package}.storage.{s.plural}"),
        **dict.fromkeys(("BY_NAME", "summaries"), f"{package}.storage.{s.module}_rollups"),
        **dict.fromkeys(("Broken", "Full", "Spool"), f"{package}.storage.spool"),
        **dict.fromkeys(("Pool", "Problem"), f"{package}.platform.http"),
        "run": f"{package}.platform.database",
        "loading": f"{package}.processing.loader",
    }
    values = {**common, "s": s}
    source = f"src/{package}"
    yield made(TEMPLATES, "src/[package]/domain/series.py", f"{source}/domain/{s.module}.py", values, own)
    yield made(TEMPLATES, "src/[package]/storage/series.py", f"{source}/storage/{s.plural}.py", values, own)
    yield made(TEMPLATES, "src/[package]/api/series.py", f"{source}/api/{s.plural}.py", values, own)
    if s.rollups:
        yield made(
            TEMPLATES, "src/[package]/storage/rollups.py", f"{source}/storage/{s.module}_rollups.py", values, own
        )
    for kind in ("contract", "concurrency", "faults"):
        yield made(TEMPLATES, f"tests/{kind}/test_series.py", f"tests/{kind}/test_{s.plural}.py", values)
