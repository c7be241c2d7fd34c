"""For the tests of a batch job: rows of its source, what it is to make of them, and where that is found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from msgspec import Struct

from datakeel import naming
from datakeel.write.aggregates import Moment, walk
from datakeel.write.code import sample
from datakeel.write.targets.batches.shape import Column, Job
from datakeel.write.targets.tables import shape as tables
from datakeel.write.targets.tables.write import article

TEXTS = ("text", "uuid", "bigint")  # that look alike in JSON and in Python


class Sample(Struct, frozen=True):
    """Lines of the bodies of the functions of one job."""

    name: str
    module: str
    kind: str
    timed: bool
    age: str
    fill: tuple[str, ...]
    expected: tuple[str, ...]
    output: tuple[str, ...]


def of(job: Job) -> Sample:
    return Sample(
        job.name,
        job.module,
        job.kind,
        timed=bool(job.time),
        age=f"{job.module}.{'OLDER_THAN' if job.older_than else 'LATENESS'}",
        fill=tuple(f"    {line}" for line in _fill(job)),
        expected=tuple(f"    {line}" for line in _expected(job)),
        output=tuple(f"    {line}" for line in _output(job)),
    )


def _fill(job: Job) -> Iterator[str]:
    if job.read.table is not None:
        yield from _rows(job, job.read.table)
    elif job.read.series is not None:
        yield from _measurements(job)
    else:
        yield from _histories(job)


def _compared(job: Job) -> tuple[Column, ...]:
    """What the lines of a file are compared by."""
    alike = tuple(c for c in job.written if c.sql in TEXTS)
    return tuple(c for c in alike if c.name == "id") or alike


def _seen(job: Job) -> tuple[Column, ...]:
    if job.kind == "aggregate":
        return job.used
    return tuple(dict.fromkeys((*_compared(job), *job.used)))


def _varied(job: Job, column: Column, minimum: int = 0, values: tuple[str, ...] = ()) -> str:
    """A value of a column that differs between rows as its use asks for."""
    wanted = next((v for name, v in job.batch.where.items() if job.column(name) == column), None)
    if wanted is not None:
        other = next((v for v in values if v != wanted), "another")
        meant = {"boolean": f"number % 4 > 0 if {wanted == 'true'} else number % 4 == 0"}.get(column.sql)
        if column.sql == "bigint":
            meant = f"{wanted} if number % 4 else {int(wanted) + 1}"
        return meant or f"{json.dumps(wanted)} if number % 4 else {json.dumps(other)}"
    if values:
        return f"[{', '.join(map(json.dumps, values))}][number % {len(values)}]"
    more = f" + {minimum}" if minimum else ""
    value = {
        "text": '("a", "b", "c")[number % 3]',
        "uuid": "UUID(int=number % 3 + 1)",
        "bigint": f"number % 5{more}",
        "numeric": f"Decimal(number % 5) / 4{more}",
        "double precision": "number % 5 / 4",
        "boolean": "number % 2 == 0",
        "date": "date(2026, 1, number % 3 + 1)",
        "timestamptz": "datetime(2026, 1, number % 3 + 1, tzinfo=UTC)",
    }[column.sql]
    return f"None if number % 5 == 4 else {value}" if column.optional else value


def _rows(job: Job, shape: tables.Shape) -> Iterator[str]:
    values, states = [], []
    parents: dict[str, str] = {}
    for column in shape.columns:
        used = next((c for c in job.used if c.name == column.name), None)
        if column.name == job.time:
            values.append(f"{column.name}=at")
        elif used is not None and column.state:
            states += [(column.name, _varied(job, used, values=column.field.values))] if job.batch.where else []
        elif used is not None and column.parent is not None:
            parents[column.name] = f"{article(column.parent)}_{column.parent.one}"
            values.append(f"{column.name}={column.name}s[number % 3]")
        elif used is not None and column.type.sql != "jsonb":
            minimum = 0 if column.amount else column.field.minimum or 0
            values.append(f"{column.name}={_varied(job, used, minimum, column.field.values)}")
    for name, make in parents.items():
        yield f"{name}s = [{make}(connection).id for _ in range(3)]"
    yield "seen = []"
    made = f"one = {article(shape)}_{shape.one}({', '.join(['connection', *values])})"
    at, numbered = "at" if job.time else "_", any("number" in text for text in (made, *(v for _, v in states)))
    yield f"for number, {at} in enumerate(times):" if numbered else f"for {at} in times:"
    yield f"    {made}"
    for name, value in states:
        yield f"    {name} = {value}"
        yield f'    connection.execute("UPDATE {shape.table} SET {name} = %s WHERE id = %s", ({name}, one.id))'
    changed = {name for name, _ in states}
    pairs = (f'"{c.name}": {c.name if c.name in changed else _of_model(c)}' for c in _seen(job))
    yield f"    seen.append({{{', '.join(pairs)}}})"
    yield "return seen"


def _of_model(column: Column) -> str:
    return "str(one.id)" if column.name == "id" else f"one.{column.name}"


def _measurements(job: Job) -> Iterator[str]:
    series = job.read.series
    assert series is not None
    seen = {c.name for c in _seen(job)}
    fields = {naming.column(f.name): f for f in (series.key, *series.values)}
    columns = {c.name: c for c in job.read.columns.values() if c.name in fields}
    values = {
        name: _varied(job, column, values=fields[name].values) if name in seen or not column.optional else "None"
        for name, column in columns.items()
    }
    names = ["time", "sequence", *values]
    yield f'for of in (t for t in TABLES if t.table == "{job.relation}"):'
    yield "    create_ahead(connection, of, max(times))"
    yield "seen = []"
    yield "for number, at in enumerate(times):"
    yield f"    row: dict[str, Any] = {{{', '.join(f'{json.dumps(n)}: {v}' for n, v in values.items())}}}"
    yield "    connection.execute("
    yield f'        "INSERT INTO {job.relation} ({", ".join(names)})"'
    yield f'        " VALUES ({", ".join(["%s"] * len(names))})",'
    yield "        (at, next(SEQUENCE), *row.values()),"
    yield "    )"
    yield '    seen.append({**row, "time": at})'
    yield "return seen"


def _histories(job: Job) -> Iterator[str]:
    """Each of them begun, and some gone further; what happens after the period is not seen."""
    shape = job.read.folded
    assert shape is not None
    first, *later = walk(shape)
    yield "seen = []"
    yield "for number, at in enumerate(times):"
    yield "    stream_id = uuid4()"
    yield f"    history: list[Event] = [{_event(job, first)}]"
    if later:
        yield "    if number % 3:"
        yield f"        history.append({_event(job, later[0])})"
    yield "    for version, event in enumerate(history, 1):"
    yield f'        write_event(connection, "{job.source}", stream_id, version, event, at)'
    if len(later) > 1:
        yield "    if number % 3:"
        yield f"        after = {sample(later[1], later[1].name)}"
        yield "        future = datetime.now(UTC) + timedelta(days=1000)"
        yield f'        write_event(connection, "{job.source}", stream_id, 3, after, future)'
    yield "    found = fold(event for event in history if isinstance(event, EVENTS))"
    yield "    assert found is not None"
    pairs = (f'"{c.name}": found.{c.attribute}' for c in _seen(job))
    yield f"    seen.append({{{', '.join(pairs)}}})"
    yield "return seen"


def _event(job: Job, moment: Moment) -> str:
    """An event, with values that differ between rows in what the job groups by and adds up."""
    text = sample(moment, moment.name)
    given = {f.name for f in moment.fields if not f.many and f.kind in ("text", "integer", "money", "decimal")}
    varied = {c.attribute: _varied(job, c) for c in _seen(job) if c.attribute in given and not c.optional}
    return f"replace({text}, {', '.join(f'{n}={v}' for n, v in varied.items())})" if varied else text


def _expected(job: Job) -> Iterator[str]:
    meant = [_is(job.column(name), value) for name, value in job.batch.where.items()]
    if job.kind == "retention":
        yield "return []  # nothing is left of them"
    elif job.kind == "aggregate":
        there = [f'row["{c.name}"] is not None' for c in job.needed if c.optional]
        groups = _tuple(f'row["{job.column(name).name}"]' for name in job.batch.by)
        yield "groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}"
        yield "for row in seen:"
        condition = " and ".join([*meant, *there])
        if condition:
            yield f"    if {condition}:"
        inside = "        " if condition else "    "
        yield f"{inside}groups.setdefault({groups}, []).append(row)"
        totals = ", ".join(_summed(job, measure) for measure in _measures(job))
        yield "made: list[tuple[Any, ...]] = []"
        yield "for key, rows in groups.items():"
        yield f"    made.append((*key, len(rows){', ' + totals if totals else ''}))"
        yield "return made"
    else:
        values = _tuple(f'str(row["{c.name}"])' for c in _compared(job))
        condition = f" if {' and '.join(meant)}" if meant else ""
        yield f"return [{values} for row in seen{condition}]"


def _is(column: Column, value: str) -> str:
    said = json.dumps(value) if column.sql == "text" else value.capitalize() if column.sql == "boolean" else value
    return f'row["{column.name}"] {"is" if column.sql == "boolean" else "=="} {said}'


def _measures(job: Job) -> list[tuple[str, str]]:
    """As they are kept: of a mean the sum."""
    split = [m.split(" ", 1) for m in job.batch.measures if m != "count"]
    return list(dict.fromkeys(("sum" if word == "mean" else word, field) for word, field in split))


def _summed(job: Job, measure: tuple[str, str]) -> str:
    return f'{measure[0]}(row["{job.column(measure[1]).name}"] for row in rows)'


def _output(job: Job) -> Iterator[str]:
    if job.kind == "retention":
        yield "return connection.execute("
        where = f" WHERE {job.time} >= %s AND {job.time} < %s"
        yield f'    "SELECT id FROM {job.relation}"'
        yield f'    "{where}",'
        yield f"    (begins_at, {job.module}.EVERY.end(begins_at)),"
        yield ").fetchall()"
    elif job.kind == "aggregate":
        names = [*(g.name for g in job.groups), "count", *(t.name for t in job.totals)]
        yield "return connection.execute("
        chosen, where = f"SELECT {', '.join(names)}", f" FROM {job.table} WHERE begins_at = %s"
        yield f'    "{chosen}"'
        yield f'    "{where}",'
        yield "    (begins_at,),"
        yield ").fetchall()"
    else:
        values = _tuple(f'str(line["{c.name}"])' for c in _compared(job))
        yield f'lines = file_lines(connection, settings, "{job.name}", begins_at)'
        yield f"return [{values} for line in lines]"


def _tuple(values: Iterable[str]) -> str:
    """
    >>> _tuple(["a"]), _tuple(["a", "b"])
    ('(a,)', '(a, b)')
    """
    listed = list(values)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"
