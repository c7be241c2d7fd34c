"""Copies of tables and of documents, to be searched or added up: the notes of what changes, a process that keeps each
copy up to date, what makes one anew beside it, its routes, and what operators see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as Folder

from datakeel import naming
from datakeel.decision import Design
from datakeel.write.contribution import Command, Contribution, Migration, Panel, Process, Trouble
from datakeel.write.modules import module_file, module_text
from datakeel.write.project import File, templates
from datakeel.write.prose import wrapped
from datakeel.write.targets.copies.shape import Copy, Source, copies
from datakeel.write.targets.tables import shape as tables
from datakeel.write.targets.tables.write import article

ORDER = 14
PARTS = frozenset({"change-feed"})
HERE = Folder(__file__).parent / "parts"


def contribution(design: Design) -> Contribution:
    found = copies(design)
    if not found:
        return Contribution()
    sources = tuple({c.source.shape.table: c.source for c in found}.values())
    package = naming.snake(design.requirements.name)
    sampled = any(source.document for source in sources)
    return Contribution(
        files=tuple(_files(package, found, sources)),
        migrations=tuple(_migrations(found, sources)),
        processes=(*(Process(c.process, f"processing.{c.table}", f"keeps {c.title} up to date") for c in found),)
        + ((SAMPLES,) if sampled else ()),
        commands=(Command("rebuild-copy", "processing.copies", "makes a copy anew from the rows"),),
        routers=("api.copies", *(f"api.{c.table}" for c in found)),
        troubles=tuple(_troubles(package, found[0].table)),
        panels=tuple(_panels(found)),
        diagram=tuple(_diagram(found)),
        requirements=("httpx>=0.28",) if sampled else (),
    )


SAMPLES = Process(
    "sample-documents",
    "processing.sample_documents",
    "writes documents as clients would, so that there is something to see",
    deployed=False,
)


def _migrations(found: tuple[Copy, ...], sources: tuple[Source, ...]) -> Iterator[Migration]:
    yield Migration("changes", _render("changes.sql"))
    for source in sources:
        yield Migration(f"{source.shape.table}_noted", _render("noted.sql", table=source.shape.table))
    for copy in found:
        yield Migration(copy.table, _render(f"{copy.kind}.sql", copy=copy))


def _diagram(found: tuple[Copy, ...]) -> Iterator[str]:
    for copy in found:
        source = f"{copy.source.shape.table}_changes"
        yield f"api --> {source}[(changes of {copy.source.plural})]"
        yield f"{source} --> {copy.table}_process[{copy.process}] --> {copy.table}[({copy.title})]"
        yield f"{copy.table} --> api"


def _panels(found: tuple[Copy, ...]) -> Iterator[Panel]:
    yield Panel(
        "Copies",
        "/operations/copies",
        "How many changes wait for each copy, and for how long.",
        alarms=("dead_letters",),
    )
    yield Panel(
        "Rows that were put aside",
        "/operations/copies/dead-letters",
        "Rows that a copy could not take. One that changes is taken again by itself.",
        most=100,
        action="/operations/copies/{copy}/dead-letters/{id}/replay",
        verb="Replay",
    )
    for copy in found:
        if copy.kind == "analytics":
            yield Panel(
                copy.title.capitalize(), f"/{copy.path}", f"{copy.about}.", bars="count" if _counts(copy) else ""
            )


def _counts(copy: Copy) -> bool:
    return any(answer.name == "count" for answer in copy.answers)


def _troubles(package: str, table: str) -> Iterator[Trouble]:
    yield Trouble(
        symptom="A copy falls behind",
        look="`GET /operations/copies`, `copy_lag_seconds`; the log of its process. If all are late: the oldest "
        "transaction, `SELECT pid, state, xact_start, query FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER "
        "BY xact_start`. A copy waits for every transaction that began before the changes it has yet to take.",
        do="End that transaction (`pg_terminate_backend`) if nothing needs it. If there is none, look whether the "
        "copy's process runs; a second one may always be started: only one is at work at a time.",
    )
    yield Trouble(
        symptom="Rows were put aside",
        look="The dashboard, or `GET /operations/copies/dead-letters`: the reason of each. "
        "`copy_dead_letters_total` counts them.",
        do="Mend the cause (as a rule the copy's code, or a row that somebody wrote by hand) and deploy; then replay "
        "the row on the dashboard, or by `POST /operations/copies/{name}/dead-letters/{id}/replay` with an "
        "Idempotency-Key. A row that changes is taken again by itself.",
    )
    yield Trouble(
        symptom="A copy shows something wrong, or its source was truncated or restored",
        look="The row in question: it is the record, the copy is derived.",
        do=f"Run `python -m {package} rebuild-copy {table}`, or whichever copy it is. It is made beside the one that "
        "is read, and takes its place in one transaction.",
    )
    yield Trouble(
        symptom="The table `changes` grows",
        look="`SELECT * FROM copy_positions ORDER BY transaction_id, position`: notes stay until the last copy of "
        "their source has had them. A row `rebuild_…` that nothing moves is a rebuild that was broken off.",
        do="Start the process of the copy that is behind; run a rebuild that was broken off again. Of a copy that is "
        "there no more, delete the row.",
    )


def _files(package: str, found: tuple[Copy, ...], sources: tuple[Source, ...]) -> Iterator[File]:
    known = _known(package)
    words = {"copies": found, "sources": sources}
    modules = dict.fromkeys((c.table for c in found), f"{package}.processing")
    for name, about in COMMON.items():
        own = known | modules if name == "copies" else known
        yield module_file(package, f"processing.{name}", about, _render(f"{name}.py", **words), own)
    about = "What operators see of the copies, and have done."
    yield module_file(package, "api.copies", about, _render("operations.py"), known)
    for copy in found:
        yield from _of(package, copy, known)
    documents = [source for source in sources if source.document]
    if documents:
        about = (
            "What clients would do, for a first look at the system on one machine: documents are made, replaced and "
            "removed as long as it runs. It is not deployed."
        )
        body = _render("sample_documents.py", documents=documents, chances=_chance)
        yield module_file(package, "processing.sample_documents", about, body, known)
    yield from _tests(package, found, sources, known)


def _of(package: str, copy: Copy, known: dict[str, str]) -> Iterator[File]:
    words = {"copy": copy, "wrapped": wrapped}
    own = known | dict.fromkeys((f"{copy.model}Found", "find"), f"{package}.storage.{copy.table}")
    own |= dict.fromkeys((f"{copy.model}Totals", "totals"), f"{package}.storage.{copy.table}")
    titled = copy.title.capitalize()
    about = f"{titled}: {copy.about}. A copy, made of the rows as they are now."
    yield module_file(package, f"processing.{copy.table}", about, _render(f"{copy.kind}.py", **words), own)
    for room, template, said in (
        ("storage", "storage", f"Reading {copy.title}."),
        ("api", "routes", f"{titled} over HTTP."),
    ):
        body = _render(f"{copy.kind}_{template}.py", **words)
        yield module_file(package, f"{room}.{copy.table}", said, body, own)


def _tests(package: str, found: tuple[Copy, ...], sources: tuple[Source, ...], known: dict[str, str]) -> Iterator[File]:
    words = {"copies": found, "sources": sources, "first": sources[0], "article": article, "wrapped": wrapped}
    words["groups"] = " ".join(g.row for c in found for g in c.groups)
    testing = known | _writing(package, sources)
    helper = _render("copied.py", **words)
    yield File("tests/copied.py", module_text("What copies must show, worked out from the rows.", helper, testing))
    names = ("make", "change", "remove", "note_again", "differences", "converged", "drain", "begun")
    testing |= dict.fromkeys((*names, *(f"all_{s.shape.module}" for s in sources)), "copied")
    for path, template, about in TESTS:
        yield File(path, module_text(about, _render(template, **words), testing))


COMMON = {
    "changes": "The notes of what changes: the database makes them with each change, and a copy that has one reads the "
    "row as it is now. What is noted twice, or late, is read twice, to the same end.",
    "copying": "Keeps a copy up to date for as long as its process runs.",
    "rebuilding": "Makes a copy anew from all rows, beside the one that is read meanwhile, and puts it in its place.",
    "copies": "Every copy by its name.",
}
TESTS = (
    ("tests/contract/test_copies_api.py", "test_api.py", "Copies over HTTP."),
    ("tests/concurrency/test_copies.py", "test_writers.py", "Changes that come again or late, and workers that meet."),
    (
        "tests/faults/test_copies.py",
        "test_faults.py",
        "Processes are killed and paused, connections cut, the database restarted, copies made anew: they converge.",
    ),
)


def _known(package: str) -> dict[str, str]:
    """The names that the modules use, by their modules."""
    platform, processing = f"{package}.platform", f"{package}.processing"
    known = dict.fromkeys(("Missing", "open_pool", "run", "transaction"), f"{platform}.database")
    known |= dict.fromkeys(("Limit", "Pool", "Problem"), f"{platform}.http")
    known |= dict.fromkeys(("Answer", "Key", "once"), f"{platform}.idempotency")
    known |= {"log": f"{platform}.logs", "tracer": f"{platform}.tracing", "Settings": f"{package}.settings"}
    known |= {"Stopping": f"{platform}.stopping", "LocalPostgres": f"{platform}.local_postgres"}
    changes = (
        "BATCH",
        "FORGOTTEN",
        "Copy",
        "Process",
        "advance",
        "begin",
        "forget",
        "in_parts",
        "lag",
        "take",
        "take_or_tell",
    )
    known |= dict.fromkeys((*changes, "together", "together_or_in_parts"), f"{processing}.changes")
    known |= dict.fromkeys(("Busy", "rebuild"), f"{processing}.rebuilding")
    known |= {"follow": f"{processing}.copying", "COPIES": f"{processing}.copies", "Counter": "prometheus_client"}
    return known


def _writing(package: str, sources: tuple[Source, ...]) -> dict[str, str]:
    """What makes and changes the rows of the sources."""
    known: dict[str, str] = {}
    for source in sources:
        shape = source.shape
        known |= {shape.module: f"{package}.storage"}
        known |= dict.fromkeys((shape.model, f"{shape.model}Change"), f"{package}.domain.{shape.one}")
        samples = {f"some_{shape.one}": "some_documents"}
        made = dict.fromkeys((f"new_{shape.one}", f"{article(shape)}_{shape.one}"), "samples")
        known |= samples if source.document else made
    return known


CHANCES = {
    "uuid": "str(uuid4())",
    "bigint": "chance.randint({least}, {least} + 999)",
    "numeric": "chance.randint({least}, {least} + 999)",
    "boolean": "chance.random() < 0.5",
    "timestamptz": "datetime.now(UTC).isoformat()",
    "date": "datetime.now(UTC).date().isoformat()",
    "jsonb": '{{"number": chance.randint(1, 9)}}',
}


def _chance(column: tables.Column) -> str:
    """A value of any life, as JSON has it."""
    about = " ".join(naming.words(column.field.name)) or "value"
    if column.field.type == "enum":
        one = f"chance.choice([{', '.join(tables.quoted(v) for v in column.field.values)}])"
    elif column.type.sql == "text":
        one = f'f"{about} {{uuid4().hex[:6]}}"' if column.field.unique else f'f"{about} {{chance.randint(1, 9)}}"'
    else:
        least = 10**9 if column.field.unique else (column.field.minimum or 1)
        one = CHANCES[column.type.sql.partition("(")[0]].format(least=least)
    return f"[{one}]" if column.field.many else one


def _render(name: str, **values: object) -> str:
    return templates(HERE).get_template(f"{name}.jinja").render(values)
