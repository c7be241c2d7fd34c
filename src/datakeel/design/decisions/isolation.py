"""Which isolation does each operation need, and what protects it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel.decision import Decision, Level, Means, Option, Protection
from datakeel.design import needs
from datakeel.design.estimate import Estimate
from datakeel.requirements import Invariant, Requirements, Table

OPTIONS = ("read-committed", "snapshot-for-reports", "serializable-where-needed")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    protections = tuple(_protections(requirements))
    levels = {p.level for p in protections}
    chosen = (
        "serializable-where-needed"
        if "serializable" in levels
        else "snapshot-for-reports"
        if "repeatable read" in levels
        else "read-committed"
    )
    return Decision(
        question="isolation",
        chosen=chosen,
        title=TITLES[chosen],
        because=tuple(f"{p.construct}, {p.operation}: {p.level} with {p.means}; {p.why}" for p in protections)
        or ("No invariant spans two rows.",),
        rejected=(Option("serializable-everywhere", "aborts and retries of transactions that no invariant needs"),),
        protections=protections,
    )


TITLES = {
    "read-committed": "Read committed everywhere, with constraints and conditional updates",
    "snapshot-for-reports": "Read committed for writes, one snapshot for each report",
    "serializable-where-needed": (
        "Serializable with retry where an invariant has no row to lock, read committed elsewhere"
    ),
}


def _protections(requirements: Requirements) -> Iterator[Protection]:
    domain = requirements.domain
    for aggregate in domain.aggregates:
        yield Protection(
            construct=aggregate.name,
            operation="append an event",
            level="read committed",
            means="expected-version",
            why="unique (stream, version): of two that read the same state one is refused",
        )
    for table, invariant in needs.invariants(requirements):
        yield _protection(table, invariant)
    for saga in domain.sagas:
        yield Protection(
            construct=saga.name,
            operation="run a step",
            level="read committed",
            means="idempotency-key",
            why="the step's key and its effect commit together: the same step twice is once",
        )
    for batch in domain.batches:
        if batch.kind != "retention":
            yield Protection(
                construct=batch.name,
                operation=batch.kind,
                level="repeatable read",
                means="snapshot",
                why="all of its queries see one moment",
            )


WAYS: dict[str, tuple[Level, Means, str]] = {
    "unique": ("read committed", "constraint", "a unique constraint refuses the second"),
    "non-negative": (
        "read committed",
        "conditional-update",
        "UPDATE … WHERE value >= amount, and a check constraint behind it",
    ),
    "at-most": ("read committed", "row-lock", "the parent's row is locked before the rows are counted"),
    "no-overlap": ("read committed", "exclusion", "overlapping periods are refused by the database"),
    "transitions": ("read committed", "conditional-update", "UPDATE … WHERE state = the expected one"),
}


def _protection(table: Table, invariant: Invariant) -> Protection:
    level, means, why = WAYS[invariant.kind]
    if invariant.kind == "at-most" and not _parent(table, invariant):
        level, means, why = "serializable", "serializable-retry", "there is no row to lock"
    return Protection(
        construct=table.name,
        operation=invariant.kind,
        level=level,
        means=means,
        why=why,
        invariant=invariant.kind,
        fields=invariant.fields,
    )


def _parent(table: Table, invariant: Invariant) -> str | None:
    """The table whose row can be locked for an invariant: one that its fields refer to."""
    return next((f.references for f in table.fields if f.name in invariant.fields and f.references), None)
