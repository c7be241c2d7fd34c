"""The schema of the production engine that a decision names for measurements: Cassandra, or TimescaleDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from datakeel import naming
from datakeel.decision import Design
from datakeel.requirements import Requirements, Series
from datakeel.write.project import File, templates

HERE = Path(__file__).parent
ENGINES = {"cassandra": "deploy/cassandra/schema.cql", "timescaledb": "deploy/timescaledb/schema.sql"}

# Cassandra wants a partition below 100 MB (its own documentation: "a good rule of thumb"), so a bucket is the longest
# period that one key fills with less.
LARGEST_PARTITION = 100e6  # bytes
BUCKETS = ((30 * 86_400, "month of 30 days"), (7 * 86_400, "week"), (86_400, "day"), (3600, "hour"))
KEYS = 100_000  # measured things, where nobody says how many there are
OVERHEAD = 30  # bytes that a cell's clustering, timestamps and flags add to a row
WINDOWS = 30  # of compaction in what is kept: twenty to thirty SSTables (TimeWindowCompactionStrategy's documentation)


class Column(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def sql(self) -> str: ...


class Shape(Protocol):
    """What the schemas need of a series."""

    @property
    def period(self) -> int: ...
    @property
    def table(self) -> str: ...
    @property
    def kept(self) -> int | None: ...
    @property
    def key(self) -> Column: ...
    @property
    def values(self) -> tuple[Column, ...]: ...


TYPES = {
    "text": "text",
    "uuid": "uuid",
    "bigint": "bigint",
    "double precision": "double",
    "boolean": "boolean",
    "timestamptz": "timestamp",
    "date": "date",
}


def files(design: Design, found: list[tuple[Series, Shape]]) -> Iterator[File]:
    """One file for each engine that a decision chose; none for what the embedded profile does itself."""
    chosen = design.decision("storage-engine").chosen
    for word, path in ENGINES.items():
        if word == chosen:
            series = [_values(one, shape, design.requirements) for one, shape in found]
            values = {"keyspace": naming.snake(design.requirements.name), "series": series, "regions": _regions(design)}
            template = f"{Path(path).name.replace('schema', word)}.jinja"
            yield File(path, templates(HERE / "parts").get_template(template).render(values))


def _regions(design: Design) -> list[str]:
    return [f"region_{n}" for n in range(1, (design.requirements.availability.regions or 1) + 1)]


def _values(series: Series, shape: Shape, whole: Requirements) -> dict[str, object]:
    bucket, word = _bucket(series, whole)
    window = max(3600, (shape.kept or 30 * 86_400) // WINDOWS)
    unit, size = ("DAYS", round(window / 86_400)) if window >= 86_400 else ("HOURS", round(window / 3600))
    return {
        "table": shape.table,
        "key": shape.key.name,
        "key_type": TYPES[shape.key.sql],
        "values": [(v.name, TYPES[v.sql]) for v in shape.values],
        "bucket": bucket,
        "bucket_word": word,
        "kept": shape.kept or 0,
        "sql_key": shape.key.sql,
        "sql_values": [(v.name, v.sql) for v in shape.values],
        "chunk": shape.period,
        "unit": unit,
        "size": size,
    }


def _bucket(series: Series, whole: Requirements) -> tuple[int, str]:
    """How long one partition of one key lasts."""
    work = series.workload or whole.workload
    writes = work.writes or whole.workload.writes or 1.0
    record = (work.record or whole.workload.record or 50.0) + OVERHEAD
    keys = work.records or whole.workload.records or KEYS
    a_second = writes / keys * record
    return next(((p, word) for p, word in BUCKETS if a_second * p <= LARGEST_PARTITION), BUCKETS[-1])
