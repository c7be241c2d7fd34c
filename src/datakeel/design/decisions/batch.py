"""What is computed over much data at once, and by what?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel.decision import Decision, Figure
from datakeel.design.amounts import DAY, period, share, size
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate
from datakeel.design.overrides import asked_for
from datakeel.requirements import Batch, Requirements
from datakeel.technologies import known, value

QUESTION = "batch"
MOST = 0.5  # of its period that a run may take: one that fails at its end is run again before the next is due


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    spark = asked_for(requirements, "batch") == "spark" and requirements.domain.batches
    return "dataflow" if spark else _needed(requirements, estimate)


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    asked, batches = asked_for(requirements, "batch"), requirements.domain.batches
    word = choose(requirements, estimate, chosen)
    cluster = word == "dataflow" and not scaled(requirements, word)
    return answer(
        QUESTION,
        word,
        CHOICES,
        lambda other: _cost(other, requirements, estimate),
        because=_because(requirements, estimate, word),
        figures=[_figure(batch, requirements, estimate) for batch in batches],
        parts=(["batch-job"] if batches else []) + (["cluster-configuration"] if cluster else []),
        products=["spark"] if cluster else [],
        judgement=judged(
            asked, word, _needed(requirements, estimate), CHOICES, known()["spark"].price if asked == "spark" else ""
        ),
    )


def scaled(requirements: Requirements, word: str) -> bool:
    """Whether the jobs are written to a scale: figures lead to Spark, and nobody spoke of more than one machine."""
    return word == "dataflow" and requirements.profile == "embedded" and asked_for(requirements, "batch") != "spark"


def _needed(requirements: Requirements, estimate: Estimate) -> str:
    batches = requirements.domain.batches
    if any(run(batch, requirements, estimate) > batch.every * MOST for batch in batches):
        return "dataflow"
    return "jobs-in-the-database" if batches or estimate.series else "none"


def run(batch: Batch, requirements: Requirements, estimate: Estimate) -> float:
    """Seconds that one run reads, by one query. Retention takes rows away, and reads nothing else."""
    if batch.kind == "retention":
        return 0.0
    return read(batch, requirements, estimate) / value("postgresql", "scanned_bytes")


def read(batch: Batch, requirements: Requirements, estimate: Estimate) -> float:
    """Bytes that one run reads: what a period brings, or all of a table whose rows have no time."""
    load = estimate.load(batch.source)
    if load is None:
        return estimate.bytes
    table = next((t for t in requirements.domain.tables if t.name == batch.source), None)
    dated = table is None or any(f.type == "timestamp" and not f.optional for f in table.fields)
    return min(load.bytes, load.bytes_a_day * batch.every / DAY) if dated else load.bytes


def _figure(batch: Batch, requirements: Requirements, estimate: Estimate) -> Figure:
    return Figure(
        f"{batch.name}: one run",
        period(run(batch, requirements, estimate)),
        f"{size(read(batch, requirements, estimate))} / {size(value('postgresql', 'scanned_bytes'))}/s that one query "
        f"reads; due every {period(batch.every)}",
    )


def _because(requirements: Requirements, estimate: Estimate, chosen: str) -> Iterator[str]:
    if chosen == "none":
        yield "0 jobs are asked for."
    if scaled(requirements, chosen):
        yield (
            "This project's embedded profile runs them in PostgreSQL: it shows the system to a scale. Files for Spark "
            "are not written by this version."
        )
    for batch in requirements.domain.batches:
        part = run(batch, requirements, estimate) / batch.every
        yield (
            f"{batch.name} reads for {period(run(batch, requirements, estimate))}, {share(part)} of the "
            f"{period(batch.every)} between two runs; up to {share(MOST)} is enough to run it twice."
        )
        yield f"{batch.name}: {WHAT[batch.kind]}"
    for series in requirements.domain.series:
        kept = (
            f", rollups of {', '.join(period(r) for r in series.rollups)} are brought up to date"
            if series.rollups
            else ""
        )
        yield f"{series.name}: partitions are made ahead and dropped after the retention{kept}."


WHAT = {
    "aggregate": "a period at a time, built beside what is read, and put in its place as a whole.",
    "export": "a period at a time, into a file that counts when it is whole.",
    "archive": "rows leave after their file is on the disk and each line was read again; what changed meanwhile stays.",
    "retention": "rows leave in bounded transactions, the oldest period first.",
}


def _cost(word: str, requirements: Requirements, estimate: Estimate) -> str:
    longest = max((run(batch, requirements, estimate) for batch in requirements.domain.batches), default=0.0)
    return {
        "none": "nobody makes what is asked for",
        "jobs-in-the-database": (
            f"one query that reads for {period(longest)}, beside everything else that the database does"
        )
        if longest
        else "a scheduler and a table of its runs, for 0 jobs",
        "dataflow": f"{known()['spark'].price}, for "
        + (f"what one query reads in {period(longest)}" if longest else "0 jobs that read much"),
    }[word]


CHOICES = {
    "none": Choice(
        title="Nothing is computed in batches",
        consistency="There is no output that could be old.",
        failure="There is no job that could fail.",
        scaling="A job in the database, when one is asked for.",
        operation="Nothing to run.",
    ),
    "jobs-in-the-database": Choice(
        title="Jobs in the database, in chunks that can be started again",
        consistency=(
            "A run counts its input again when it publishes: rows that came or went meanwhile make it begin anew. Its "
            "output replaces the last one in one transaction."
        ),
        failure=(
            "A run dies: the next one goes on at the last chunk that was committed; its output is not seen "
            "before it is whole."
        ),
        scaling="Chunks on a follower, then several workers over ranges of keys.",
        operation=(
            "A row for each run, with its progress and the rows read, written and rejected; alert when an output is "
            "overdue."
        ),
    ),
    "dataflow": Choice(
        title="Spark over files that the database exports",
        consistency="A run reads one export; its output appears by one rename.",
        failure="A task dies: it runs again elsewhere from its input, and its first output is thrown away.",
        scaling="By machines, as long as keys spread.",
        operation="Watch skew and spills; keep input files until the output is checked.",
    ),
}
