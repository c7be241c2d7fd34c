"""Which isolation does each operation need, and what protects it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel.decision import Decision, Figure, Level, Means, Protection
from datakeel.design import needs
from datakeel.design.amounts import count
from datakeel.design.choice import Choice, answer
from datakeel.design.estimate import Estimate
from datakeel.requirements import Aggregate, Invariant, Requirements, Table

QUESTION = "isolation"
LEVELS: tuple[Level, ...] = ("read committed", "repeatable read", "serializable")


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    strongest = max((LEVELS.index(p.level) for p in _protections(requirements, estimate)), default=0)
    return list(CHOICES)[strongest]


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    protections = tuple(_protections(requirements, estimate))
    return answer(
        QUESTION,
        choose(requirements, estimate, chosen),
        CHOICES,
        COSTS.__getitem__,
        because=_because(protections),
        figures=_figures(protections),
        protections=protections,
    )


def _protections(requirements: Requirements, estimate: Estimate) -> Iterator[Protection]:
    domain = requirements.domain
    for aggregate in domain.aggregates:
        yield from _of_aggregate(aggregate)
    for table in needs.tables(requirements):
        yield from _of_table(table)
    for document in domain.documents:
        yield _plain(
            document.name, "replace a document", "conditional-update", "UPDATE … WHERE version = the one that was read"
        )
    for series in domain.series:
        yield _plain(
            series.name,
            "write measurements",
            "upsert",
            f"({series.key.name}, time) is the key: the same measurement again is the same row",
        )
    for graph in domain.graphs:
        yield _plain(graph.name, "add an edge", "upsert", "(from, to) is the key: the same edge again is the same row")
    for one in domain.replicated:
        yield _plain(
            one.name,
            "merge a change",
            "upsert",
            "merging is commutative and idempotent: order and repetition do not matter",
        )
    for saga in domain.sagas:
        yield _plain(
            saga.name,
            "run a step",
            "idempotency-key",
            "the step's key and its effect commit together: the same step again is answered, not done",
        )
        yield _plain(
            saga.name,
            "move the state",
            "conditional-update",
            "UPDATE … WHERE state = the expected one: of two orchestrators one moves it",
        )
    for name in needs.followed(requirements, estimate):
        yield _plain(
            name,
            "handle an event",
            "idempotency-key",
            "the event's id, the effect and the offset commit together: the same event again is skipped",
        )
    for name in needs.noted(requirements, estimate):
        yield _plain(
            name,
            "bring its copies up to date",
            "row-lock",
            "the copy's position is locked to the commit: who comes second reads rows that are newer, never older",
        )
    for batch in domain.batches:
        if batch.kind != "retention":
            yield Protection(  # chunks are kept apart by the row of the run, at read committed
                construct=batch.name,
                operation=f"{batch.kind} {batch.source}",
                level="repeatable read",
                means="snapshot",
                why="what was taken is counted again and put in its place in one snapshot; what came meanwhile is seen",
            )


def _plain(construct: str, operation: str, means: Means, why: str) -> Protection:
    return Protection(construct=construct, operation=operation, level="read committed", means=means, why=why)


def _of_aggregate(aggregate: Aggregate) -> Iterator[Protection]:
    yield _plain(
        aggregate.name,
        "append an event",
        "expected-version",
        "(stream, version) is unique: of two commands that read the same version one is refused, and decides anew",
    )
    for invariant in aggregate.invariants:
        means: Means = "constraint" if invariant.kind == "unique" else "expected-version"
        why = (
            "a table of claims with a unique key, in the transaction of the event"
            if invariant.kind == "unique"
            else "the aggregate decides on what it has read, and appends to that version only"
        )
        yield _for(aggregate.name, invariant, "read committed", means, why)


def _of_table(table: Table) -> Iterator[Protection]:
    said = {i.fields for i in table.invariants if i.kind == "unique"}
    for field in table.fields:
        if field.unique and (field.name,) not in said:
            yield _for(table.name, Invariant(kind="unique", fields=(field.name,)), *WAYS["unique"])
    for invariant in table.invariants:
        if invariant.kind == "at-most" and not parent(table, invariant):
            yield _for(table.name, invariant, "serializable", "serializable-retry", ALONE)
        else:
            yield _for(table.name, invariant, *WAYS[invariant.kind])


WAYS: dict[str, tuple[Level, Means, str]] = {
    "unique": ("read committed", "constraint", "a unique constraint refuses the second"),
    "non-negative": (
        "read committed",
        "conditional-update",
        "UPDATE … SET n = n - x WHERE n >= x: no row changed means refused; a check constraint stands behind it",
    ),
    "at-most": (
        "read committed",
        "row-lock",
        "the parent's row is locked (FOR UPDATE) before the rows are counted, until the commit",
    ),
    "no-overlap": (
        "read committed",
        "exclusion",
        "an exclusion constraint refuses the second; where btree_gist is not to be had, the resource's "
        "row is locked before "
        "overlaps are looked for",
    ),
    "transitions": (
        "read committed",
        "conditional-update",
        "UPDATE … WHERE state = the expected one: no row changed means that somebody was first",
    ),
}
ALONE = (
    "rows are counted, and no row is there to be locked: the count and the insert are serializable, and run "
    "again on 40001"
)


def _for(construct: str, invariant: Invariant, level: Level, means: Means, why: str) -> Protection:
    return Protection(
        construct=construct,
        operation=f"keep {', '.join(invariant.fields)} {invariant.kind}"
        if invariant.fields
        else f"keep {invariant.kind}",
        level=level,
        means=means,
        why=why,
        invariant=invariant.kind,
        fields=invariant.fields,
    )


def parent(table: Table, invariant: Invariant) -> str | None:
    """The table whose row can be locked for an invariant: one that its fields refer to."""
    return next((f.references for f in table.fields if f.name in invariant.fields and f.references), None)


def _because(protections: tuple[Protection, ...]) -> list[str]:
    if not protections:
        return ["No invariant spans two statements: each request is one transaction at read committed."]
    return [f"{p.construct}, {p.operation}: {p.level}, {p.means}; {p.why}." for p in protections]


def _figures(protections: tuple[Protection, ...]) -> Iterator[Figure]:
    for level in LEVELS:
        those = sum(p.level == level for p in protections)
        yield Figure(f"operations at {level}", count(those, "operations" if those != 1 else "operation"))


COSTS = {
    "read-committed": (
        "a report whose queries see different moments, or two transactions that each count and then both insert"
    ),
    "snapshot-for-reports": (
        "a snapshot held for each report, which keeps vacuum from cleaning meanwhile: no report reads twice here"
    ),
    "serializable-where-needed": (
        "every transaction may be aborted (40001) and run again, for invariants that one statement keeps here"
    ),
}
CHOICES = {
    "read-committed": Choice(
        title="Read committed everywhere; constraints, versions and conditional updates keep the invariants",
        consistency="Each statement sees what is committed; each invariant holds at every commit.",
        failure="The second of two writers is refused at once (409), or waits for the row and then is refused.",
        scaling="Writers of different rows never wait for each other.",
        operation="Watch refused commands and lock waits; deadlocks are retried, at most five times.",
    ),
    "snapshot-for-reports": Choice(
        title="Read committed for writes, one snapshot for each report",
        consistency="Each invariant holds at every commit; each report shows one moment.",
        failure="A report is stopped: it starts again, with a new snapshot and an output of its own.",
        scaling="Reports may move to a follower; writers do not notice them.",
        operation="Watch the age of the oldest snapshot: vacuum waits for it.",
    ),
    "serializable-where-needed": Choice(
        title="Serializable, with retry, where no row can be locked; read committed elsewhere",
        consistency="The named operations behave as if one ran after the other; each invariant holds at every commit.",
        failure="One of two that meet is aborted (40001) and runs again, at most five times, then answers 503.",
        scaling="Aborts grow with the square of the writers that meet: give them a row to lock when they do.",
        operation=(
            "Watch the share of serialization failures: over 5 % of the named operations, introduce a row to lock."
        ),
    ),
}
