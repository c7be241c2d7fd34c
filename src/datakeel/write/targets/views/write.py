"""What is derived from the log of events: views to search, count and look up in, and what operators see of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from datakeel import naming
from datakeel.decision import Design
from datakeel.write.aggregates import walk
from datakeel.write.code import made
from datakeel.write.contribution import Command, Contribution, Migration, Panel, Process, Trouble
from datakeel.write.derived import Derived, derived
from datakeel.write.project import File, templates
from datakeel.write.streams import of_log

ORDER = 30
PARTS = frozenset({"search-view", "analytics-view", "lookup-view", "cache", "dashboard", "stream-job"})

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"


def contribution(design: Design) -> Contribution:
    """The views over the aggregates of a design, and what jobs over their events share with them; nothing where it has
    neither."""
    views = derived(design.requirements)
    tables = [v.table for v in views] + [job.table for job in of_log(design.requirements)]
    if not tables:
        return Contribution()
    return Contribution(
        files=tuple(_files(design, views, tables)),
        migrations=tuple(Migration(v.table, _sql(v)) for v in views),
        processes=tuple(Process(naming.kebab(v.table), f"processing.{v.table}", _about(v)) for v in views),
        commands=(Command("rebuild", "processing.rebuild", "makes a view again from the log"),),
        routers=("api.operations", *(f"api.{v.table}" for v in views)),
        troubles=tuple(_troubles(naming.snake(design.requirements.name), tables[0])),
        panels=tuple(_panels(views)),
        diagram=tuple(_diagram(views)),
    )


def _troubles(package: str, table: str) -> Iterator[Trouble]:
    yield Trouble(
        symptom="A view falls behind, the others do not",
        look="`GET /operations/views`, or `consumer_lag_seconds` and `consumer_lag_events`; `consumer_batch_seconds` "
        "of that view; its process's log.",
        do="Start more of its processes, up to one for each partition of the log: they share them. If batches "
        "fail, the log says why; what can never be taken becomes a dead letter and holds up only its own stream.",
    )
    yield Trouble(
        symptom="There are dead letters",
        look="The dashboard, or `GET /operations/dead-letters`: the reason of each. The first of a stream is the one "
        "with a fault; those that say Behind only wait for it. `consumer_dead_letters_total` counts them.",
        do="Mend the cause (as a rule the view's code) and deploy; then replay the first letter of each stream, or "
        "all, on the dashboard, or by `POST /operations/dead-letters/{letter_id}/replay` with an Idempotency-Key: "
        "those behind it follow in order.",
    )
    yield Trouble(
        symptom="A view shows something wrong",
        look="The events of the thing in question: they are the record, the view is derived.",
        do=f"Mend its code, deploy, and run `python -m {package} rebuild {table}`, or whichever view it is. "
        "It is made beside the one that is read, and takes its place in one transaction.",
    )
    yield Trouble(
        symptom="Events have to be delivered again",
        look="How old they are: `SELECT consumer, min(processed_at) FROM processed_events GROUP BY consumer`. An event "
        "that stands there takes no effect twice. After 7 days (`KEPT` in `processing/consumer.py`) it is forgotten.",
        do="Up to that age set the position in `consumer_offsets` back, with the view's processes stopped. Beyond it "
        "an event would be counted again: rebuild the view instead. The same holds for a backup: restore the whole "
        "database, never `consumer_offsets` alone.",
    )


def _about(view: Derived) -> str:
    return f"keeps {view.title} up to date"


def _panels(views: tuple[Derived, ...]) -> Iterator[Panel]:
    yield Panel(
        "Views",
        "/operations/views",
        "How many events each view has had, and how far it is behind.",
        alarms=("dead_letters",),
    )
    yield Panel(
        "Dead letters",
        "/operations/dead-letters",
        "Events that a view could not take. Replaying one replays what waits behind it in its stream too.",
        most=100,
        action="/operations/dead-letters/{id}/replay",
        verb="Replay",
    )
    for view in views:
        if view.kind == "analytics":
            yield Panel(
                view.title.capitalize(), f"/{view.path}", f"{view.measured} by {view.grouped}.", bars=view.counted
            )


def _diagram(views: tuple[Derived, ...]) -> Iterator[str]:
    for view in views:
        yield f"log --> {view.table}_process[{naming.kebab(view.table)}] --> {view.table}[({view.title})]"
        yield f"{view.table} --> api"


def _sql(view: Derived) -> str:
    return templates(HERE / "parts").get_template(f"{view.kind}.sql.jinja").render({"view": view, "shape": view.shape})


def _files(design: Design, views: tuple[Derived, ...], tables: list[str]) -> Iterator[File]:
    package = naming.snake(design.requirements.name)
    source = f"src/{package}"
    common = {
        "package": package,
        "alone": len(design.requirements.domain.aggregates) == 1,
        "views": views,
        "tables": tables,
        "jobs": len(tables) > len(views),
    }
    for name in (
        "processing/rows",
        "processing/views",
        "processing/dead_letters",
        "processing/rebuild",
        "api/operations",
    ):
        yield made(TEMPLATES, f"src/[package]/{name}.py", f"{source}/{name}.py", common)
    for view in views:
        own = _names(package, view)
        stored = dict.fromkeys(("Found", "find", "Totals", "totals"), f"{package}.storage.{view.table}")
        spoken = {**common, "view": view, "shape": view.shape}
        for room in ("processing", "storage", "api"):
            template = f"src/[package]/{room}/{view.kind}.py"
            used = own | (stored if room == "api" else {})
            yield made(TEMPLATES, template, f"{source}/{room}/{view.table}.py", spoken, used)
    if views:
        yield from _tests(package, views, common)


def _names(package: str, view: Derived) -> dict[str, str]:
    """The names that the modules of a view use, by their modules."""
    domain = f"{package}.domain.{view.shape.module}"
    return {
        **{m.name: domain for m in view.moments},
        **dict.fromkeys(("Message", "View", "follow"), f"{package}.processing.consumer"),
        **dict.fromkeys(("known", "records", "text"), f"{package}.processing.rows"),
        **dict.fromkeys(("Pool", "Problem"), f"{package}.platform.http"),
        "run": f"{package}.platform.database",
        "Settings": f"{package}.settings",
        "Stopping": f"{package}.platform.stopping",
    }


def _tests(package: str, views: tuple[Derived, ...], common: dict[str, object]) -> Iterator[File]:
    shape = views[0].shape
    consumer = f"{package}.processing.consumer"
    spoken = {
        **common,
        "shape": shape,
        "life": walk(shape),
        # Whatever the bytes, they are an event of a type that has no fields. No type of event begins in lower case.
        "with_fields": next((m.name for m in walk(shape) if m.fields), "unreadable"),
        "last_state": dict(shape.states)[next(m.state for m in reversed(walk(shape)) if m.state)],
        "word_of": lambda view: _example(view, view.words),
        "key_of": _key_of,
        "own_views": json.dumps([v.table for v in views if v.shape == shape]),
        "analytics": [v for v in views if v.kind == "analytics"],
    }
    own = {
        **{m.name: f"{package}.domain.{shape.module}" for m in shape.moments},
        **{m.command: f"{package}.domain.{shape.module}" for m in shape.moments},
        f"{shape.name}Command": f"{package}.domain.{shape.module}",
        f"{shape.name}Event": f"{package}.domain.{shape.module}",
        "Refused": f"{package}.domain.command",
        **dict.fromkeys(("load", "execute"), f"{package}.storage.{shape.plural}"),
        "append": f"{package}.storage.event_store",
        **dict.fromkeys(("Message", "View", "advance", "follow", "register"), consumer),
        **dict.fromkeys(("forget", "measure", "take", "together"), consumer),
        **dict.fromkeys(("replay", "waiting"), f"{package}.processing.dead_letters"),
        "VIEWS": f"{package}.processing.views",
        "rebuild": f"{package}.processing.rebuild",
        "relay": f"{package}.processing.relay",
        **dict.fromkeys(("open_pool", "run", "transaction"), f"{package}.platform.database"),
        "LocalPostgres": f"{package}.platform.local_postgres",
        "Stopping": f"{package}.platform.stopping",
        "Settings": f"{package}.settings",
    }
    yield made(TEMPLATES, "tests/convergence.py", "tests/convergence.py", spoken)
    path = "tests/contract/test_views_api.py"
    routed = dict.fromkeys(("operations", *(v.table for v in views)), f"{package}.api")
    yield made(TEMPLATES, path, path, spoken, own | routed | {"create_app": f"{package}.platform.http"})
    for name in (
        "concurrency/test_consumer",
        "faults/test_nothing_lost",
        "faults/test_dead_letters",
        "faults/test_rebuild",
    ):
        path = f"tests/{name}.py"
        yield made(TEMPLATES, path, path, spoken, own)


def _example(view: Derived, names: tuple[str, ...]) -> str:
    """What one life leaves in the first of these columns that it fills, as Python; nothing where it fills none."""
    left = {f.name: f.example for moment in walk(view.shape) for f in moment.fields if not f.optional}
    example = next((left[name] for name in names if name in left), '""')
    return example.removeprefix("(").removesuffix(",)")


def _key_of(view: Derived) -> str:
    """The parameters of a look-up that finds one life."""
    state = dict(view.shape.states)[next(m.state for m in reversed(walk(view.shape)) if m.state)]
    values = {view.key: f"str({view.shape.module}_id)", "state": f'"{state}"'}
    examples = {name: _example(view, (name,)) for name in view.by}
    texts = {name: text if text.startswith('"') else f"str({text})" for name, text in examples.items()}
    pairs = [f'"{name}": {values.get(name) or texts[name]}' for name in view.by]
    return f"{{{', '.join(pairs)}}}"
