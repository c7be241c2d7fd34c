"""What tells other systems of our changes: an outbox that the database fills with each change, a process for each
system that is fed, what takes its place on one machine, and what operators see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from datakeel import naming
from datakeel.decision import Design
from datakeel.write.aggregates import Moment, Shape, shapes, walk
from datakeel.write.contribution import Address, Contribution, Migration, Panel, Process, Trouble
from datakeel.write.modules import module_file, module_text
from datakeel.write.project import File, templates
from datakeel.write.targets.copies.shape import sources as rows_of
from datakeel.write.targets.tables.write import article

ORDER = 40
PARTS = frozenset({"feed"})
HERE = Path(__file__).parent / "parts"
FIRST_PORT = 8101  # of stand-ins, on one machine


class Sink(Struct, frozen=True, kw_only=True):
    """A system that is fed, as code names it. `title`: in sentences."""

    name: str
    title: str
    engine: str
    port: int

    @property
    def setting(self) -> str:
        return f"{self.name.upper()}_FEED_URL"

    @property
    def feed(self) -> str:
        return f"{naming.kebab(self.name)}-feed"

    @property
    def stand_in(self) -> str:
        return f"{naming.kebab(self.name)}-stand-in"


class Source(Struct, frozen=True, kw_only=True):
    """What is told of: `name` as messages have it, `receivers` as the arguments of a trigger. `life`: of an aggregate,
    the events of one whole life."""

    name: str
    table: str
    receivers: str
    module: str
    plural: str
    one: str = ""
    a: str = ""
    aggregate: str = ""
    document: bool = False
    life: tuple[Moment, ...] = ()
    shape: Shape | None = None


def contribution(design: Design) -> Contribution:
    sinks = tuple(_sinks(design))
    sources = tuple(_sources(design))
    package = naming.snake(design.requirements.name)
    words: dict[str, object] = {
        "sinks": sinks,
        "sources": sources,
        "rows": [source for source in sources if not source.aggregate],
        "events": [source for source in sources if source.aggregate],
        "creation": _creation,
    }
    return Contribution(
        files=tuple(_files(package, sinks, sources, words)),
        migrations=(Migration("deliveries", _render("deliveries.sql", words)),),
        processes=tuple(_processes(sinks)),
        addresses=tuple(Address(sink.setting, sink.feed, f"takes what {sink.title} is told") for sink in sinks),
        routers=("api.feeds",),
        troubles=tuple(_troubles(sinks)),
        panels=PANELS,
        diagram=tuple(_diagram(sinks, sources)),
        requirements=("httpx>=0.28",),
    )


def _sinks(design: Design) -> Iterator[Sink]:
    for number, one in enumerate(design.requirements.sinks()):
        title = " ".join(naming.words(one.name))
        yield Sink(name=naming.snake(one.name), title=title, engine=one.engine, port=FIRST_PORT + number)


def _sources(design: Design) -> Iterator[Source]:
    receivers: dict[str, list[str]] = {}
    for sink in design.requirements.sinks():
        for name in design.requirements.told(sink):
            receivers.setdefault(name, []).append(naming.snake(sink.name))
    told = {name: ", ".join(f"'{receiver}'" for receiver in given) for name, given in receivers.items()}
    for name, source in rows_of(design):
        if name in told:
            shape = source.shape
            yield Source(
                name=shape.table,
                table=shape.table,
                receivers=told[name],
                module=shape.module,
                plural=source.plural,
                one=shape.one,
                a=article(shape),
                document=source.document,
            )
    aggregates = zip(design.requirements.domain.aggregates, shapes(design.requirements), strict=True)
    for aggregate, made in aggregates:
        if aggregate.name in told:
            yield Source(
                name=made.module,
                table=made.plural,
                receivers=told[aggregate.name],
                module=made.module,
                plural=made.plural,
                aggregate=made.module,
                life=walk(made),
                shape=made,
            )


def _creation(moment: Moment) -> str:
    """A command whose values that must be unique are so."""
    own = {f.name: "id" if f.kind == "uuid" else "str(id)" for f in moment.fields if f.unique and not f.optional}
    given = ", ".join(f"{f.name}={own.get(f.name, f.example)}" for f in moment.fields if not f.optional)
    return f"{moment.command}({given})"


def _processes(sinks: tuple[Sink, ...]) -> Iterator[Process]:
    for sink in sinks:
        yield Process(sink.feed, f"processing.{sink.name}_feed", f"tells {sink.title} what changes")
    for sink in sinks:
        yield Process(
            sink.stand_in,
            f"processing.{sink.name}_stand_in",
            f"takes the place of {sink.title} on one machine",
            port=sink.port,
            deployed=False,
        )


PANELS = (
    Panel(
        "Feeds",
        "/operations/feeds",
        "How many changes wait for each system that is told of them, and for how long.",
        alarms=("dead_letters",),
    ),
    Panel(
        "Changes that were refused",
        "/operations/feeds/dead-letters",
        "What a system could not take. What it is told of the same thing later waits behind it.",
        most=100,
        action="/operations/feeds/dead-letters/{id}/replay",
        verb="Replay",
    ),
)


def _diagram(sinks: tuple[Sink, ...], sources: tuple[Source, ...]) -> Iterator[str]:
    if any(not source.aggregate for source in sources):
        yield "tables --> deliveries[(deliveries)]"
    if any(source.aggregate for source in sources):
        yield "events --> deliveries[(deliveries)]"
    for sink in sinks:
        feed = f"{sink.name}_feed[{sink.feed}]"
        yield f"deliveries --> {feed} -- one key for each change --> {sink.name}_system([{sink.title}])"


def _troubles(sinks: tuple[Sink, ...]) -> Iterator[Trouble]:
    for sink in sinks:
        yield Trouble(
            symptom=f"{sink.title} has to be connected",
            look=f"`{sink.setting}`: where {sink.title} ({sink.engine}) takes changes over HTTP; it may hold a user "
            "and a password. Without it, a stand-in on this machine is told.",
            do="What listens there gets a POST for each change: `id`, `source`, `key`, `change`, `version`, `at`, "
            "`data`, and the header Idempotency-Key. It writes the change and that key in one transaction, skips a key "
            "that it has, and answers 2xx. An answer below 500 that is neither 2xx nor 408, 425 or 429 says: never. "
            "Keys are kept for as long as a delivery may come again: a month is enough.",
        )
    yield Trouble(
        symptom="A system that is fed falls behind",
        look="`GET /operations/feeds`, `feed_lag_seconds`, `feed_delivery_seconds` by outcome; the feed's log: "
        "`no answer`.",
        do="Bring the receiver back: nothing is lost, and what waits leaves in its order. If it is there and slow, "
        "start a second process of the feed: they share what is due.",
    )
    yield Trouble(
        symptom="Changes were refused",
        look="The dashboard, or `GET /operations/feeds/dead-letters`: the answer of the receiver. "
        "`feed_dead_letters_total` counts them. What is told of the same thing later waits behind it.",
        do="Mend the cause, as a rule in the receiver; then replay the letter on the dashboard, or by "
        "`POST /operations/feeds/dead-letters/{id}/replay` with an Idempotency-Key. What waits behind it follows.",
    )
    yield Trouble(
        symptom="A system that is fed has lost what it had, or is new",
        look="Only changes are told, from the day on which the feed was there.",
        do="Give it the rows that are there by an export, made after the feed was started; what is told twice by that "
        "is older or the same: compare `version`, or `at`.",
    )


def _files(
    package: str, sinks: tuple[Sink, ...], sources: tuple[Source, ...], words: dict[str, object]
) -> Iterator[File]:
    known = _known(package)
    for dotted, template, about in MODULES:
        yield module_file(package, dotted, about, _render(f"{template}.py", words), known)
    for sink in sinks:
        body = _render("feed.py", words | {"one": sink})
        about = f"Tells {sink.title} what changes."
        yield module_file(package, f"processing.{sink.name}_feed", about, body, known)
        body = _render("stand_in.py", words | {"one": sink})
        about = f"Takes the place of {sink.title} on one machine, for a first look. It is not deployed."
        yield module_file(package, f"processing.{sink.name}_stand_in", about, body, known)
    testing = known | _writing(package, sources) | {"Counter": "collections"}
    body = _render("told.py", words)
    about = "What is told, and a receiver that notes what it took."
    yield File("tests/told.py", module_text(about, body, testing))
    testing |= dict.fromkeys(("RECEIVER", "Receiver", "LOST", "MAKE", "MESSAGES", "told_of", "drain"), "told")
    testing |= {f"{sink.name}_stand_in": f"{package}.processing" for sink in sinks}
    for path, template, about in TESTS:
        yield File(path, module_text(about, _render(f"{template}.py", words), testing))


MODULES = (
    ("processing.receivers", "receivers", "The systems that are told what changes, and where each of them is."),
    (
        "storage.deliveries",
        "storage",
        "The outbox of what other systems are told. The database fills it with each change; what was taken is deleted.",
    ),
    (
        "processing.delivering",
        "delivering",
        "Tells a receiver what changes: at least once under one key, of each thing in order, as slowly as it asks for.",
    ),
    ("api.feeds", "operations", "What operators see of the systems that are fed, and have done."),
)
TESTS = (
    ("tests/contract/test_feeds.py", "test_feeds", "What other systems are told, when, and what their answers mean."),
    (
        "tests/faults/test_feeds.py",
        "test_faults",
        "Feeds are killed and paused, answers are lost, the database goes away: each change is taken once, in order.",
    ),
)


def _known(package: str) -> dict[str, str]:
    """The names that the modules use, by their modules."""
    platform, delivering = f"{package}.platform", f"{package}.processing.delivering"
    known = dict.fromkeys(("open_pool", "run", "transaction"), f"{platform}.database")
    known |= dict.fromkeys(("Limit", "Pool", "create_app"), f"{platform}.http")
    known |= {"log": f"{platform}.logs", "Settings": f"{package}.settings", "serve": f"{platform}.server"}
    known |= dict.fromkeys(("Answer", "Key", "once"), f"{platform}.idempotency")
    known |= {"Counter": "prometheus_client", "Path": "fastapi"}
    known |= {"Stopping": f"{platform}.stopping", "LocalPostgres": f"{platform}.local_postgres"}
    known |= {"decode": f"{package}.messages", "deliveries": f"{package}.storage"}
    known |= {"Claimed": f"{package}.storage.deliveries"}
    known |= dict.fromkeys(("STAND_INS", "address"), f"{package}.processing.receivers")
    own = ("ATTEMPTS", "Outcome", "Reply", "feed", "pause", "read", "turn")
    return known | dict.fromkeys(own, delivering)


def _writing(package: str, sources: tuple[Source, ...]) -> dict[str, str]:
    """What makes the things that are told of."""
    known: dict[str, str] = {}
    for source in sources:
        if source.shape is not None:
            known |= {source.plural: f"{package}.storage"}
            domain = f"{package}.domain.{source.module}"
            known |= {moment.command: domain for moment in source.shape.moments}
        else:
            known |= {source.module: f"{package}.storage", f"some_{source.one}": "some_documents"}
            known |= {f"{source.a}_{source.one}": "samples"}
    return known


def _render(name: str, words: dict[str, object]) -> str:
    return templates(HERE).get_template(f"{name}.jinja").render(words)
