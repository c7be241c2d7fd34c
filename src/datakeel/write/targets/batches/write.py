"""Batch jobs: restartable runs over tables, series and aggregates, their outputs as tables and files, and archives."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from datakeel import naming
from datakeel.decision import Design
from datakeel.write.code import made
from datakeel.write.contribution import Command, Contribution, Folder, Migration, Panel, Process, Trouble
from datakeel.write.project import File, templates
from datakeel.write.targets.batches import samples
from datakeel.write.targets.batches.shape import Job, jobs
from datakeel.write.targets.series.write import delta
from datakeel.write.targets.tables.write import article

ORDER = 50
PARTS = frozenset({"batch-job"})

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
CHUNK = 5_000  # rows: some ten milliseconds of reading, and little to do again after a fall


def contribution(design: Design) -> Contribution:
    found = jobs(design.requirements, design.archives)
    if not found:
        return Contribution()
    files = any(job.files for job in found)
    return Contribution(
        files=tuple(_files(design, found)),
        migrations=tuple(_migrations(found, files=files)),
        processes=(PROCESS,),
        folders=(FILES,) if files else (),
        commands=(Command("batch", "processing.backfill", "runs a batch job for one period"),),
        routers=("api.batches", *(f"api.{job.table}" for job in found if job.kind == "aggregate")),
        troubles=tuple(_troubles(naming.snake(design.requirements.name), found)),
        panels=(Panel("Batch jobs", "/batches", "The last run of each job, its rows, and whether it is overdue."),),
        diagram=tuple(_diagram(found)),
    )


PROCESS = Process("batches", "processing.batches", "runs batch jobs when they are due")
FILES = Folder("batch_files", "batches", "the files of batch jobs, archives among them", lasting=True)
OVERDUE = Trouble(
    symptom="A batch job is overdue",
    look="`batch_overdue_seconds`, `batch_failures_total`; `GET /batches`: a run that has no end stands at "
    "`rows_read`; the log of `batches` says why it was broken off.",
    do="Put right what the log names: the run goes on at its last chunk by itself. Rows that come and go while a "
    "period is read make it begin anew, five times at most: then raise the job's `lateness`.",
)
DAMAGED = Trouble(
    symptom="An archive's file is damaged or gone, and its run does not go on",
    look="`batch_files`: its name and digest (`sha256sum`). No row leaves a table before its line is read again from "
    "the file.",
    do="Bring the file back from a copy, or run the period again by hand: rows that are still in the table are written "
    "to a new file. To bring rows back: `INSERT INTO t SELECT (jsonb_populate_record(null::t, line::jsonb)).*` over "
    "the lines, naming the columns that are not generated.",
)


def _troubles(package: str, found: tuple[Job, ...]) -> Iterator[Trouble]:
    names = [job.name for job in found]
    others = f" (the other jobs: {', '.join(f'`{name}`' for name in names[1:])})" if names[1:] else ""
    yield OVERDUE
    yield Trouble(
        symptom="An output is wrong, or rows came too late for it",
        look="`GET /batches/{job}/rejects`: rows that could not be taken, and why; `rows_read`, `rows_rejected` and "
        "`rows_passed` of the run.",
        do="Mend the rows, or the job and deploy it; then run it again for a day of each period that is wrong: "
        f"`python -m {package} batch {shlex.quote(names[0])} 2026-01-31`{others}. What stands there now is read until "
        "the new output takes its place.",
    )
    if any(job.kind == "archive" for job in found):
        yield DAMAGED


def _diagram(found: tuple[Job, ...]) -> Iterator[str]:
    for job in found:
        yield f"{job.read.relation}[({job.read.relation})] --> batches[batch jobs]"
        if job.kind == "aggregate":
            yield f"batches -->|{job.title}| {job.table}[({job.table})]"
        elif job.files:
            yield f"batches -->|{job.title}| batch_files[[files]]"


def _migrations(found: tuple[Job, ...], *, files: bool) -> Iterator[Migration]:
    parts = templates(HERE / "parts")
    yield Migration("batch_runs", parts.get_template("runs.sql.jinja").render(files=files))
    for job in found:
        text = parts.get_template("job.sql.jinja").render(job=job)
        if text.strip():
            yield Migration(f"batch_{job.table}", text)


def _files(design: Design, found: tuple[Job, ...]) -> Iterator[File]:
    package = naming.snake(design.requirements.name)
    values = _values(package, found)
    source = f"src/{package}"
    names = ["processing/periods", "processing/batch", "processing/batches", "processing/backfill"]
    names += ["storage/batch_runs", "api/batches"]
    names += ["storage/batch_files"] if values["files"] else []
    names += ["storage/histories"] if any(job.folded for job in found) else []
    for name in names:
        yield made(TEMPLATES, f"src/[package]/{name}.py", f"{source}/{name}.py", values)
    for job in found:
        spoken = {**values, "job": job}
        path = f"{source}/processing/batch_jobs/{job.module}.py"
        yield made(TEMPLATES, "job.py", path, spoken, _names(package, job))
        if job.kind == "aggregate":
            path = f"{source}/api/{job.table}.py"
            yield made(TEMPLATES, "src/[package]/api/output.py", path, spoken, _names(package, job))
    yield from _tests(package, found, values)


def _tests(package: str, found: tuple[Job, ...], values: dict[str, object]) -> Iterator[File]:
    made_of = [samples.of(job) for job in found]
    spoken = {
        **values,
        "samples": made_of,
        "publishing": any(job.kind in ("aggregate", "export") for job in found),
        "settling": any(s.timed and s.kind != "retention" for s in made_of),
        "archived": [job for job in found if job.kind == "archive"],
    }
    for path in ("batch_samples", "unit/test_periods", "concurrency/test_batches", "contract/test_batches_api"):
        own = _names_of_tests(package, found)
        yield made(TEMPLATES, f"tests/{path}.py", f"tests/{path}.py", spoken, own)
    path = "tests/faults/test_batches.py"
    yield made(TEMPLATES, path, path, spoken, _names_of_tests(package, found))


def _names_of_tests(package: str, found: tuple[Job, ...]) -> dict[str, str]:
    own = {
        **dict.fromkeys(
            ("Busy", "Job", "again", "alone", "catch_up", "due", "go_on", "run_period"), f"{package}.processing.batch"
        ),
        **dict.fromkeys(("JOBS", "look_after"), f"{package}.processing.batches"),
        **dict.fromkeys(("backfill", "batch"), f"{package}.processing"),
        **dict.fromkeys(("batch_files", "batch_runs"), f"{package}.storage"),
        **dict.fromkeys((job.module for job in found), f"{package}.processing.batch_jobs"),
        **dict.fromkeys(("SAMPLES", "beside", "file_lines", "period", "times"), "batch_samples"),
        "run": f"{package}.platform.database",
        "Stopping": f"{package}.platform.stopping",
        "LocalPostgres": f"{package}.platform.local_postgres",
        "Settings": f"{package}.settings",
    }
    for job in found:
        if job.read.table is not None:
            shapes = (job.read.table, *job.read.table.parents)
            own |= {f"{article(shape)}_{shape.one}": "samples" for shape in shapes}
        if job.read.series is not None:
            own |= dict.fromkeys(("TABLES", "create_ahead"), f"{package}.storage.partitions")
        if job.read.folded is not None:
            domain = f"{package}.domain.{job.read.folded.module}"
            own |= dict.fromkeys((*(m.name for m in job.read.folded.moments), "EVENTS", "fold"), domain)
            own |= dict.fromkeys(("Event", "encode"), f"{package}.messages")
    return own


def _values(package: str, found: tuple[Job, ...]) -> dict[str, object]:
    steps, months = any(not job.months for job in found), any(job.months for job in found)
    return {
        "package": package,
        "jobs": found,
        "modules": sorted(job.module for job in found),
        "files": any(job.files for job in found),
        "exports": any(job.kind == "export" for job in found),
        "archives": any(job.kind == "archive" for job in found),
        "series": any(job.read.series for job in found),
        "folded": any(job.folded for job in found),
        "leaving": any(job.older_than for job in found),
        "steps": steps,
        "months": months,
        "every": "Every" if steps and months else "Steps" if steps else "Months",
        "delta": delta,
        "chunk": f"{CHUNK:_}",
    }


def _names(package: str, job: Job) -> dict[str, str]:
    """What a job's module may use of the project, by its module."""
    own = {
        **dict.fromkeys(("Job", "next_period", "oldest_period"), f"{package}.processing.batch"),
        **dict.fromkeys(("Steps", "Months"), f"{package}.processing.periods"),
        **dict.fromkeys(("Chunk", "NOTHING", "Run"), f"{package}.storage.batch_runs"),
        **dict.fromkeys(("batch_files", "batch_runs", "histories"), f"{package}.storage"),
        **dict.fromkeys(("Limit", "Pool"), f"{package}.platform.http"),
    }
    if job.read.folded is not None:
        own |= dict.fromkeys(("EVENTS", "fold"), f"{package}.domain.{job.read.folded.module}")
        own["Event"] = f"{package}.messages"
    return own
