"""The event-sourced aggregates: their domain code, the store of their events, the schemas of these, the log that views
are derived from, and the API of their commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from datakeel import naming
from datakeel.decision import Design
from datakeel.write.aggregates import TEXT, Attribute, Moment, Shape, shapes, walk
from datakeel.write.code import made, sample
from datakeel.write.contribution import Command, Contribution, Migration, Process, Trouble
from datakeel.write.project import File, templates

ORDER = 20
PARTS = frozenset({"event-store", "snapshots", "log", "message-schemas"})

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
PARTITIONS = 8  # where no decision says how many: each is one worker's at a time
MOST_PARTITIONS = 256  # the relay takes one byte of the hash
SNAPSHOT_EVERY = 100  # events: what is read in about a millisecond


def contribution(design: Design) -> Contribution:
    """What the aggregates of a design need; nothing where it has none."""
    found = shapes(design.requirements)
    if not found:
        return Contribution()
    parts = design.parts()
    return Contribution(
        files=tuple(_files(design, found, log="log" in parts, snapshots="snapshots" in parts)),
        migrations=tuple(_migrations(design, found, log="log" in parts, snapshots="snapshots" in parts)),
        processes=(RELAY, SAMPLES) if "log" in parts else (),
        commands=(CLAIM,) if any(s.unique for s in found) else (),
        routers=tuple(f"api.{s.plural}" for s in found),
        troubles=TROUBLES_OF_LOG if "log" in parts else (),
        diagram=tuple(_diagram(log="log" in parts)),
        requirements=("fastavro>=1.12", *(("httpx>=0.28",) if "log" in parts else ())),
    )


SAMPLES = Process(
    "sample-commands",
    "processing.sample_commands",
    "gives commands as clients would, so that there is something to see",
    deployed=False,
)
RELAY = Process("relay", "processing.relay", "puts committed events into the log, in their order")
CLAIM = Command("claim", "processing.unique_values", "claims values that had not to be unique when they were stored")
TROUBLES_OF_LOG = (
    Trouble(
        symptom="All views fall behind at once",
        look="`relay_lag_seconds`; then the oldest transaction: `SELECT pid, state, xact_start, query FROM "
        "pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start`. The relay waits for every transaction "
        "that began before the events it has yet to deliver.",
        do="End that transaction (`pg_terminate_backend`) if nothing needs it. If there is none, look whether a relay "
        "runs; a second one may always be started: only one is at work at a time.",
    ),
)


def _diagram(*, log: bool) -> Iterator[str]:
    yield "api -->|append| events[(events)]"
    if log:
        yield "events --> relay[relay] --> log[(log)]"


def values(design: Design, found: tuple[Shape, ...]) -> dict[str, object]:
    """What all templates may speak of."""
    fields = [f for s in found for m in s.moments for f in m.fields]
    names = [m.name for s in found for m in s.moments]
    return {
        "package": naming.snake(design.requirements.name),
        "shapes": found,
        "alone": len(found) == 1,
        "titles": " and each ".join(s.title for s in found),
        "has_many": any(f.many for f in fields),
        "has_json": any(f.kind == "json" for f in fields),
        "event_types": [f"{s.module}.{s.name}Event" for s in found],
        "all_events": " + ".join(f"{s.module}.EVENTS" for s in found),
        "event_names": names,
        "partitions": partitions(design),
        "snapshot_every": SNAPSHOT_EVERY,
        "keyed": any(s.ordered_by for s in found),
        "claimed": any(s.unique for s in found),
    }


def names(package: str, shape: Shape) -> dict[str, str]:
    """The names of an aggregate's domain module, and those of the platform, by their modules."""
    domain = f"{package}.domain.{shape.module}"
    own = dict.fromkeys(
        [
            *(m.name for m in shape.moments),
            *(m.command for m in shape.moments),
            *(f"{shape.name}{ending}" for ending in ("", "Event", "Command")),
            *("EVENTS", "State", "decide", "evolve", "fold"),
        ],
        domain,
    )
    return own | {
        "Command": f"{package}.domain.command",
        "Refused": f"{package}.domain.command",
        "Text": f"{package}.domain.command",
        "run": f"{package}.platform.database",
        **dict.fromkeys(("Pool", "Problem"), f"{package}.platform.http"),
        **dict.fromkeys(("Answer", "Key", "once"), f"{package}.platform.idempotency"),
    }


def _files(design: Design, found: tuple[Shape, ...], *, log: bool, snapshots: bool) -> Iterator[File]:
    common = values(design, found)
    package = str(common["package"])
    source = f"src/{package}"
    yield _file("domain/command.py", source, common)
    yield _file("messages.py", source, common)
    yield _file("storage/event_store.py", source, common)
    if snapshots:
        yield _file("storage/snapshots.py", source, common)
    for shape in found:
        yield from _aggregate(shape, package, common, snapshots=snapshots)
    if log:
        for name in ("relay", "consumer", "progress", "bell", "patience"):
            yield _file(f"processing/{name}.py", source, common)
        yield _samples(found, package, common)
    if common["claimed"]:
        yield from _unique_values(found, package, common)
    yield from _tests(found, package, common, log=log)


def _unique_values(found: tuple[Shape, ...], package: str, common: dict[str, object]) -> Iterator[File]:
    """What claims the values of what was stored before they had to be unique."""
    claiming = [s for s in found if s.unique]
    events = {s.creating()[0].name: f"{package}.domain.{s.module}" for s in claiming}
    own = events | {
        "Settings": f"{package}.settings",
        "claim_all": f"{package}.processing.unique_values",
        **dict.fromkeys(("Event", "decode"), f"{package}.messages"),
        "event_store": f"{package}.storage",
        **dict.fromkeys(("open_pool", "run"), f"{package}.platform.database"),
    }
    path = "processing/unique_values.py"
    yield made(TEMPLATES, f"src/[package]/{path}", f"src/{package}/{path}", common, own)
    first = claiming[0].creating()[0]
    spoken = {"event": sample(first, first.name), "unique": claiming[0].unique, "aggregate": claiming[0].module}
    path = "tests/concurrency/test_unique_values.py"
    yield made(TEMPLATES, path, path, {**common, **spoken}, own)


def _samples(found: tuple[Shape, ...], package: str, common: dict[str, object]) -> File:
    path = "processing/sample_commands.py"
    alone = len(found) == 1
    own = {
        **({m.command: f"{package}.domain.{found[0].module}" for m in found[0].moments} if alone else {}),
        **({} if alone else {s.module: f"{package}.domain" for s in found}),
        "Command": f"{package}.domain.command",
        "Settings": f"{package}.settings",
        "Stopping": f"{package}.platform.stopping",
        "log": f"{package}.platform.logs",
    }
    spoken = {**common, "chances": chances, "states_of": _states_of}
    return made(TEMPLATES, f"src/[package]/{path}", f"src/{package}/{path}", spoken, own)


def _states_of(shape: Shape, moment: Moment) -> str:
    """The states in which a command may be given, as the API tells them."""
    names = dict(shape.states)
    quoted = [json.dumps(names[state]) for state in moment.after]
    return f"({', '.join(quoted)}{',' if len(quoted) == 1 else ''})"


CHANCES = {
    "uuid": "UUID(int=chance.randint(1, 9))",
    "boolean": "chance.random() < 0.5",
    "timestamp": "datetime.now(UTC)",
}


def chances(moment: Moment) -> str:
    """The arguments of a command with a value of any life in each field that it needs."""
    return ", ".join(f"{f.name}={_chance(f)}" for f in moment.fields if not f.optional)


def _chance(field: Attribute) -> str:
    if field.many:
        return field.example
    if field.unique:
        return "uuid4()" if field.kind == "uuid" else "str(uuid4())"
    if field.kind == "text":
        return f'f"{json.loads(field.example)} {{chance.randint(1, 9)}}"'
    if field.kind in ("integer", "money"):
        return f"chance.randint({field.example}, {int(field.example) + 99})"
    return CHANCES.get(field.kind, field.example)


def _file(path: str, source: str, common: dict[str, object]) -> File:
    return made(TEMPLATES, f"src/[package]/{path}", f"{source}/{path}", common)


def _aggregate(shape: Shape, package: str, common: dict[str, object], *, snapshots: bool) -> Iterator[File]:
    own = names(package, shape)
    domain = f"{package}.domain.{shape.module}"
    inside = {n: m for n, m in own.items() if m != domain}
    with_shape = {**common, "shape": shape, "domain_names": ", ".join(n for n, m in own.items() if m == domain)}
    source = f"src/{package}"
    yield made(TEMPLATES, "src/[package]/domain/aggregate.py", f"{source}/domain/{shape.module}.py", with_shape, inside)
    repository = "repository_with_snapshots" if snapshots else "repository"
    yield made(TEMPLATES, f"src/[package]/storage/{repository}.py", f"{source}/storage/{shape.plural}.py", with_shape)
    stored = {"load": f"{package}.storage.{shape.plural}", "execute": f"{package}.storage.{shape.plural}"}
    yield made(TEMPLATES, "src/[package]/api/aggregate.py", f"{source}/api/{shape.plural}.py", with_shape, own | stored)
    for moment in shape.moments:
        yield File(f"{source}/schemas/{moment.name}.1.avsc", _avro(package, moment))


def _avro(package: str, moment: Moment) -> str:
    """The schema of an event, first version."""
    schema = {
        "type": "record",
        "name": moment.name,
        "namespace": package,
        "fields": [_avro_field(field) for field in moment.fields],
    }
    return json.dumps(schema, indent=2) + "\n"


def _avro_field(field: Attribute) -> dict[str, object]:
    if field.optional:
        return {"name": field.name, "type": ["null", field.avro], "default": None}
    return {"name": field.name, "type": field.avro}


def partitions(design: Design) -> int:
    """Of the log, as decided."""
    return min(int(design.size("log.partitions") or PARTITIONS), MOST_PARTITIONS)


def _migrations(design: Design, found: tuple[Shape, ...], *, log: bool, snapshots: bool) -> Iterator[Migration]:
    spoken = {
        "titles": " and each ".join(s.title for s in found),
        "partitions": partitions(design),
        "keyed": any(s.ordered_by for s in found),
        "claimed": any(s.unique for s in found),
    }
    names = ["events", *(["snapshots"] if snapshots else []), *(["log"] if log else [])]
    for name in names:
        yield Migration(name, templates(HERE / "parts").get_template(f"{name}.sql.jinja").render(spoken))


def _tests(found: tuple[Shape, ...], package: str, common: dict[str, object], *, log: bool) -> Iterator[File]:
    platform = f"{package}.platform"
    own = {
        "Conflict": f"{package}.storage.event_store",
        "append": f"{package}.storage.event_store",
        "relay": f"{package}.processing.relay",
        "create_app": f"{platform}.http",
        "transaction": f"{platform}.database",
        "run": f"{platform}.database",
        "Settings": f"{package}.settings",
    }
    yield made(TEMPLATES, "tests/contract/test_messages.py", "tests/contract/test_messages.py", common)
    first = found[0].creating()[0]
    values = {**common, "event": sample(first, first.name), "log": log}
    path = "tests/concurrency/test_append.py"
    yield made(TEMPLATES, path, path, values, own | names(package, found[0]))
    for shape in found:
        routed = {"router": f"{package}.api.{shape.plural}"}
        known = own | names(package, shape) | routed
        spoken = {**common, **_life(shape), "shape": shape}
        yield made(TEMPLATES, "tests/unit/test_aggregate.py", f"tests/unit/test_{shape.module}.py", spoken, known)
        yield made(TEMPLATES, "tests/contract/test_api.py", f"tests/contract/test_{shape.plural}_api.py", spoken, known)


def _life(shape: Shape) -> dict[str, object]:
    """What the tests of an aggregate speak of: one life of it, what it leaves, and what may not come after it."""
    life = walk(shape)
    state = next(m.state for m in reversed(life) if m.state)
    kept = {f.name: f.example for m in life for f in m.fields if not f.optional}
    totals = {t.name for t in shape.totals}
    attributes = {a.name for a in shape.attributes}
    return {
        "life": life,
        "last_state": state,
        "kept": [(n, "is" if v == "True" else "==", v) for n, v in kept.items() if n in attributes - totals],
        "late": [m for m in shape.moments if m.creates or state not in m.after],
        "guarded": dict.fromkeys(g[0].partition(" ")[0] for m in shape.moments for g in m.guards),
        "strategies": [("TEXT", TEXT)] if any(f.strategy.count(TEXT) for m in shape.moments for f in m.fields) else [],
        "short": lambda strategy: strategy.replace(TEXT, "TEXT"),
        "sample": sample,
        "later": life[1:],
        "creation_path": f"/{shape.path}" + (f"/{life[0].path}" if life[0].path else ""),
        "creation_command": sample(life[0]),
        "impossible": next((m for m in shape.moments if not m.creates), None),
    }
