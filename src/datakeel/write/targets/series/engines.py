"""The schema of the production engine that a decision names for measurements: Cassandra, or TimescaleDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from datakeel import naming
from datakeel.decision import Design
from datakeel.requirements import Series
from datakeel.write.project import File, templates

HERE = Path(__file__).parent
ENGINES = {"cassandra": "deploy/cassandra/schema.cql", "timescaledb": "deploy/timescaledb/schema.sql"}

UNITS = ((86_400, "DAYS"), (3600, "HOURS"), (60, "MINUTES"))


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
            series = [_values(one, shape, design) for one, shape in found]
            values = {"keyspace": naming.snake(design.requirements.name), "series": series, "regions": _regions(design)}
            template = f"{Path(path).name.replace('schema', word)}.jinja"
            yield File(path, templates(HERE / "parts").get_template(template).render(values))


def _regions(design: Design) -> list[str]:
    return [f"region_{n}" for n in range(1, (design.requirements.availability.regions or 1) + 1)]


def _values(series: Series, shape: Shape, design: Design) -> dict[str, object]:
    """The partitioning decision has worked out how long a bucket and a window of compaction are."""
    bucket, window = (round(design.size(f"{series.name}.{what}") or shape.period) for what in ("bucket", "window"))
    length, unit = _in_units(window)
    spans, word = _in_units(bucket)
    return {
        "table": shape.table,
        "key": shape.key.name,
        "key_type": TYPES[shape.key.sql],
        "values": [(v.name, TYPES[v.sql]) for v in shape.values],
        "bucket": bucket,
        "bucket_word": f"{spans} {word.lower()}".removesuffix("s" if spans == 1 else ""),
        "kept": shape.kept or 0,
        "sql_key": shape.key.sql,
        "sql_values": [(v.name, v.sql) for v in shape.values],
        "chunk": shape.period,
        "unit": unit,
        "size": length,
    }


def _in_units(seconds: int) -> tuple[int, str]:
    """A period in the largest unit of which it is a whole number.

    >>> _in_units(86_400), _in_units(36 * 3600)
    ((1, 'DAYS'), (36, 'HOURS'))
    """
    return next((seconds // unit, word) for unit, word in UNITS if not seconds % unit)
