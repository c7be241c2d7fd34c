"""Jobs over windows of the events' own time: results that late data corrects, what was too late, how far each is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from datakeel import naming
from datakeel.decision import Design
from datakeel.write import streams
from datakeel.write.aggregates import shapes
from datakeel.write.code import made
from datakeel.write.contribution import Contribution, Migration, Panel, Process, Trouble
from datakeel.write.derived import derived
from datakeel.write.project import File, templates
from datakeel.write.streams import Counted, Job, Kept, Part, delta, spoken
from datakeel.write.targets.events import write as events
from datakeel.write.targets.series import write as measured
from datakeel.write.targets.views import write as views

ORDER = 50  # after the tables that it follows
PARTS = frozenset({"stream-job"})

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
PARTITIONS = 8  # of what arrives in a series: how finely its silence is told apart


def contribution(design: Design) -> Contribution:
    """The stream jobs of a design; nothing where it has none."""
    found = streams.jobs(design.requirements)
    if not found:
        return Contribution()
    return Contribution(
        files=tuple(_files(design, found)),
        migrations=tuple(_migrations(design, found)),
        processes=tuple(Process(j.process, f"processing.{j.table}", f"counts {j.title}") for j in found),
        routers=("api.streams", *(f"api.{j.table}" for j in found)),
        troubles=TROUBLES,
        panels=tuple(_panels(found)),
        diagram=tuple(_diagram(design, found)),
    )


TROUBLES = (
    Trouble(
        symptom="A stream job gives no new results",
        look="`GET /operations/streams`, `stream_watermark_lag_seconds`. If the watermark stands still while events "
        "come: which row of its table `…_clocks` is the oldest, and whether that partition has something unread; then "
        "the job's log, and for a job over events the relay.",
        do="Start the job, or the relay. A partition in which nothing comes holds windows open for no longer than "
        "`IDLE` in the job's module; one that is far behind does until it has caught up.",
    ),
    Trouble(
        symptom="Events come too late to count",
        look="`stream_late_events_total`; `/late` below the path of the job: which they are, their time, the watermark "
        "that they met. If one source sends them all, its clock or its connection is at fault.",
        do="They are in no result, and nothing is lost: the source has them. Raise `lateness` of the job in "
        "system.yaml if that is how it is; to count them in, add up the window again from the source by hand, or, for "
        "a job over events, run the command `rebuild` with its name: it reads the log from the beginning on.",
    ),
)


def _panels(found: tuple[Job, ...]) -> Iterator[Panel]:
    yield Panel(
        "Stream jobs",
        "/operations/streams",
        "The time up to which each has results, the windows that can still change, and what came too late.",
    )
    for job in found:
        title = job.title.capitalize()
        yield Panel(title, f"/{job.path}?limit=20", f"{job.measured.capitalize()}{job.by}.", bars=job.answers[0].name)


def _diagram(design: Design, found: tuple[Job, ...]) -> Iterator[str]:
    tables = {s.name: naming.plural(naming.snake(s.name)) for s in design.requirements.domain.series}
    for job in found:
        source = "log" if job.shape is not None else tables[job.stream.source]
        yield f"{source} --> {job.table}_process[{job.process}] --> {job.table}[({job.title})]"
        yield f"{job.table} --> api"


def idle(job: Job) -> float:
    """Seconds: as asked for, else long enough for what is recorded in a transaction that is still open."""
    return job.stream.idle or streams.IDLE


def key_of(job: Job, part: Part, one: Counted) -> str:
    return f"event.{part.source}" if part.source else "message.stream_id"


def _arriving(of: measured.Shape, found: tuple[Job, ...]) -> tuple[measured.Column, ...]:
    """The columns of a series that jobs need to see arrive: its own key, and what they count by and measure."""
    named = {f.name for j in found for f in j.fields} | {p.source for j in found for p in j.key}
    return tuple(c for c in of.fields if c == of.fields[0] or c.name in named | {"time", "sequence"})


def _followers(found: tuple[Job, ...], source: str) -> tuple[Job, ...]:
    return tuple(job for job in found if job.shape is None and job.stream.source == source)


def _migrations(design: Design, found: tuple[Job, ...]) -> Iterator[Migration]:
    parts = templates(HERE / "parts")
    followed = measured.shapes(design)
    for name, s in followed.items():
        followers = _followers(found, name)
        if followers:
            spoken_ = {"s": s, "columns": _arriving(s, followers), "partitions": PARTITIONS}
            yield Migration(f"{s.module}_arrivals", parts.get_template("arrivals.sql.jinja").render(spoken_))
    for job in found:
        identity = [("stream_id", "uuid"), ("version", "integer")]
        if job.shape is None:
            key = followed[job.stream.source].key
            identity = [(f"of_{key.name}", key.sql), ("time", "timestamptz"), ("sequence", "bigint")]
        yield Migration(job.table, parts.get_template("job.sql.jinja").render(job=job, identity=identity))


def _files(design: Design, found: tuple[Job, ...]) -> Iterator[File]:
    package = naming.snake(design.requirements.name)
    source = f"src/{package}"
    common: dict[str, object] = {
        "package": package,
        "jobs": found,
        "fixed": any(not j.session for j in found),
        "optional": any(k.optional for j in found for k in j.kept),
        "delta": delta,
        "spoken": spoken,
        "idle": idle,
        "key_of": key_of,
        "partitions": PARTITIONS,
    }
    yield made(TEMPLATES, "src/[package]/domain/windows.py", f"{source}/domain/windows.py", common)
    yield made(TEMPLATES, "src/[package]/processing/windows.py", f"{source}/processing/windows.py", common)
    yield made(TEMPLATES, "src/[package]/api/streams.py", f"{source}/api/streams.py", common)
    yield from _shared(design, package, source)
    for job in found:
        yield from _of_one(design, job, found, common)
    yield from _tests(design, found, common)


def _shared(design: Design, package: str, source: str) -> Iterator[File]:
    """What the log and its views bring, where there is neither."""
    spoken_ = {"package": package}
    if not (shapes(design.requirements) and "log" in design.parts()):
        path = "processing/patience.py"
        yield made(events.TEMPLATES, f"src/[package]/{path}", f"{source}/{path}", spoken_)
    if not (derived(design.requirements) or streams.of_log(design.requirements)):
        path = "processing/rows.py"
        yield made(views.TEMPLATES, f"src/[package]/{path}", f"{source}/{path}", spoken_)


def _spoken(design: Design, job: Job, found: tuple[Job, ...]) -> dict[str, object]:
    """What the templates of one job speak of beside what all do."""
    keys = [(p.name, p.python) for p in job.key]
    window = [("window_start", "datetime"), ("window_end", "datetime")]
    ends = [("watermark", "datetime"), ("put_aside_at", "datetime")]
    if job.shape is not None:
        fields = [("stream_id", "UUID"), ("version", "int"), *keys, *window, ("time", "datetime"), *ends]
        return {"job": job, "late_fields": fields, "late_columns": ", ".join(name for name, _ in fields)}
    s = measured.shapes(design)[job.stream.source]
    followers = _followers(found, job.stream.source)
    arrived = [c for c in _arriving(s, (job,)) if c.name not in ("time", "sequence")]
    numbers = {f.name for f in job.fields if f.kind == "decimal"}
    names = [f"{c.name}::numeric AS {c.name}" if c.name in numbers else c.name for c in arrived]
    of = f"of_{s.key.name}"
    fields = [(of, s.key.python), ("time", "datetime"), ("sequence", "int"), *keys, *window, *ends]
    return {
        "job": job,
        "s": s,
        "followers": followers,
        "arrived": [_arrived(c, numbers) for c in arrived],
        "arrived_names": ", ".join([*names, "time", "sequence", "partition", PLACE]),
        "identity": f"{of}, time, sequence",
        "late_fields": fields,
        "late_columns": ", ".join(name for name, _ in fields),
    }


# A name of its own for the text: to order by `transaction_id` would else be to order by that.
PLACE = "transaction_id::text AS transaction, position"


def _arrived(column: measured.Column, numbers: set[str]) -> dict[str, object]:
    python = "Decimal" if column.name in numbers else column.python
    return {"name": column.name, "python": python, "optional": column.optional}


def _names(package: str, job: Job) -> dict[str, str]:
    """The names that the modules of a job use, by their modules."""
    own = {
        **dict.fromkeys(("around", "is_late", "least", "greatest"), f"{package}.domain.windows"),
        "windows": f"{package}.processing",
        "records": f"{package}.processing.rows",
        "run": f"{package}.platform.database",
        "Pool": f"{package}.platform.http",
        "Settings": f"{package}.settings",
        "Stopping": f"{package}.platform.stopping",
    }
    if job.shape is not None:
        consumer = ("Message", "View", "advance", "forget", "register")
        own |= dict.fromkeys(consumer, f"{package}.processing.consumer")
        own |= {c.moment.name: f"{package}.domain.{job.shape.module}" for c in job.counted}
    return own


def _of_one(design: Design, job: Job, found: tuple[Job, ...], common: dict[str, object]) -> Iterator[File]:
    package = str(common["package"])
    values = {**common, **_spoken(design, job, found)}
    own = _names(package, job)
    template = "job_of_log" if job.shape is not None else "job_of_series"
    reading = dict.fromkeys(("GAP", "LATENESS"), f"{package}.processing.{job.table}")
    routing = dict.fromkeys(("LateEvent", "Result", "late_events", "results"), f"{package}.storage.{job.table}")
    for room, name, known in (
        ("processing", template, own),
        ("storage", "job", own | reading),
        ("api", "job", own | routing),
    ):
        path = f"src/{package}/{room}/{job.table}.py"
        yield made(TEMPLATES, f"src/[package]/{room}/{name}.py", path, values, known)


def _tests(design: Design, found: tuple[Job, ...], common: dict[str, object]) -> Iterator[File]:
    package = str(common["package"])
    domain = dict.fromkeys(("Clock", "around", "greatest", "is_late", "least", "moved"), f"{package}.domain.windows")
    path = "tests/unit/test_windows.py"
    yield made(TEMPLATES, path, path, common, domain)
    for job in found:
        values = {**common, **_spoken(design, job, found), **_happening(design, job)}
        own = _tested(package, job, values)
        recount = f"recount_{job.table}"
        yield made(TEMPLATES, "tests/recount.py", f"tests/{recount}.py", values, own)
        known = {n: m for n, m in own.items() if n not in ("send", "KEYS")}
        known |= dict.fromkeys(RECOUNTED, recount)
        for kind, name in (("unit", "pieces"), ("contract", "job"), ("faults", "job")):
            yield made(TEMPLATES, f"tests/{kind}/test_{name}.py", f"tests/{kind}/test_{job.table}.py", values, known)


RECOUNTED = [
    "BASE",
    "GAP",
    "HOP",
    "KEYS",
    "LATENESS",
    "LENGTH",
    "SIZE",
    "SPAN",
    "arrive",
    "catch_up",
    "differences",
    "pass_everywhere",
    "send",
]


def _tested(package: str, job: Job, values: dict[str, object]) -> dict[str, str]:
    platform, processing = f"{package}.platform", f"{package}.processing"
    own = {
        **dict.fromkeys(("JOB", "Piece", "VIEW", "together"), f"{processing}.{job.table}"),
        **dict.fromkeys(("open_pool", "run", "transaction"), f"{platform}.database"),
        "LocalPostgres": f"{platform}.local_postgres",
        "Settings": f"{package}.settings",
        "create_app": f"{platform}.http",
        "streams": f"{package}.api",
        job.table: f"{package}.api",
    }
    if job.shape is not None:
        names = {c.moment.name: f"{package}.domain.{job.shape.module}" for c in job.counted}
        log = {"relay": f"{processing}.relay", "rebuild": f"{processing}.rebuild"}
        return own | names | log | dict.fromkeys(("decode", "encode"), f"{package}.messages")
    s = values["s"]
    assert isinstance(s, measured.Shape)
    own |= {s.name: f"{package}.domain.{s.module}", "look_after": f"{processing}.partitions"}
    own[s.plural] = f"{package}.storage"
    return own


def _happening(design: Design, job: Job) -> dict[str, object]:
    """How the tests make what is counted, and read it."""
    if job.shape is not None:
        return {**_in_tests(job), **_event_made(job), "partitions": events.partitions(design)}
    s = measured.shapes(design)[job.stream.source]
    room = s.accepted / 3 - (job.stream.lateness or 0)  # of what is accepted, for the time in which things happen
    spans = max(3, min(SPANS, int(room / job.stream.span)))
    read = (
        "AND NOT EXISTS (",
        f"    SELECT FROM {s.module}_arrivals AS next, {job.table}_watermark AS mark",
        "    WHERE (next.transaction_id, next.position) > (mark.transaction_id, mark.position))",
    )
    return {**_in_tests(job), **_measurement_made(s, job), "spans": spans, "all_read": read}


def _in_tests(job: Job) -> dict[str, object]:
    number = max((len(p.examples) for p in job.key), default=1)
    keys = [", ".join(p.examples[n % len(p.examples)] for p in job.key) for n in range(number)]
    asked = "".join(f', "{p.name}": str(KEYS[0][{n}])' for n, p in enumerate(job.key))
    other = f'{{"{job.key[0].name}": str(KEYS[2][0])}}' if number > FEW else ""
    return {
        "keys": [f"{key}," if len(job.key) == 1 else key for key in keys],
        "spans": SPANS,
        "recounted": recounted,
        "part_of": part_of,
        "value_of": value_of,
        "key_asked": asked,
        "other_key": other,
        "all_read": [line.format(table=job.table) for line in READ_LOG],
    }


SPANS = 12  # windows over which things happen in tests
FEW = 2  # values that a key has at the least
READ_LOG = (
    "AND NOT EXISTS (",
    "    SELECT FROM consumer_offsets AS held",
    "    JOIN log_partitions AS head ON head.partition = held.partition",
    "    WHERE consumer = '{table}' AND held.position < head.position)",
    "AND (SELECT count(*) FROM log_partitions) = (",
    "    SELECT count(*) FROM consumer_offsets WHERE consumer = '{table}')",
)


def part_of(part: Part, number: int | None = None) -> str:
    """A value of a key in a test: by its number, or by the variable `key`."""
    return part.examples[number] if number is not None else f"[{', '.join(part.examples[:2])}][key]"


def value_of(one: Kept) -> str:
    """A number of a piece in a test, by the variable `value`."""
    if one.name.startswith("number_"):
        return "value % 2"
    value = "Decimal(value)" if one.python.startswith("Decimal") else "value"
    return f"{value} if value % 3 else None" if one.optional else value


def recounted(one: Kept) -> str:
    """A number of a window, from all that happened in it."""
    what = one.name.partition("_")[0]
    if what == "number":
        return f"len(of_{one.of})"
    values = f"of_{one.of}" if one.optional else f"one.{one.of} for one in group"
    if one.begin != "{value}":  # a sum of what may be missing
        values = f"of_{one.of}"
    return f"{what}({values}, default=None)" if what in ("min", "max") and one.optional else f"{what}({values})"


def _measured(kind: str, *, optional: bool, decimal: str) -> str:
    value = decimal if kind == "decimal" else "number"
    return f"{value} if number % 3 else None" if optional else value


def _event_made(job: Job) -> dict[str, object]:
    moment = job.counted[0].moment
    keys = {p.source: n for n, p in enumerate(job.key) if p.source}
    numbers = {f.name for f in job.fields}
    given = []
    for field in moment.fields:
        if field.name in keys:
            value = f"KEYS[key][{keys[field.name]}]"
        elif field.name == job.time:
            value = "at"
        elif field.name in numbers:
            value = _measured(field.kind, optional=field.optional, decimal="Decimal(number) / 4")
        elif field.optional:
            continue
        else:
            value = field.example
        given.append(f"{field.name}={value}")
    read = [f"event.{p.source}" if p.source else "stream_id" for p in job.key]
    return {
        "counting": moment,
        "event_of": ", ".join(given),
        "by_id": next((n for n, p in enumerate(job.key) if not p.source), None),
        "key_read": ", ".join(read) + ("," if len(read) == 1 else ""),
        "values_read": "".join(f", event.{f.name}" for f in job.fields),
    }


SENDERS = {"text": 'f"sender {number}"', "uuid": "UUID(int=number + 9)", "bigint": "number"}


def _measurement_made(s: measured.Shape, job: Job) -> dict[str, object]:
    keys = {p.source: n for n, p in enumerate(job.key)}
    numbers = {f.name: f for f in job.fields}
    sender = SENDERS[s.key.sql]
    if s.key.name in keys:
        sender = f"KEYS[key][{keys[s.key.name]}] if key >= 0 else {sender}"
    given = [(s.key.name, sender), ("time", "at"), ("sequence", "number")]
    for column in s.values:
        if column.name in keys:
            given.append((column.name, f"KEYS[key][{keys[column.name]}]"))
        elif column.name in numbers:
            of = numbers[column.name]
            given.append((column.name, _measured(of.kind, optional=of.optional, decimal="number / 4")))
        elif not column.optional:
            given.append((column.name, dict(s.samples)[column.name]))
    columns = [n for n in dict.fromkeys([*keys, *numbers]) if n != s.key.name]
    read = ["name" if p.source == s.key.name else f"{p.source}_" for p in job.key]
    decimals = {n for n, f in numbers.items() if f.kind == "decimal"}
    return {
        "event_of": "{" + ", ".join(f'"{name}": {value}' for name, value in given) + "}",
        "columns_read": "".join(f", {n}{'::numeric' if n in decimals else ''}" for n in columns),
        "variables_read": "".join(f", {n}_" for n in columns),
        "key_read": ", ".join(read) + ("," if len(read) == 1 else ""),
        "values_read": "".join(f", {'name' if n == s.key.name else f'{n}_'}" for n in numbers),
    }
