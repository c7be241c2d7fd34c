"""`unguarded-state-transition`: a status is read, tested and set in two steps."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Assignment, Effect, Guard, Kind, Rows, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.cures import conditional_update
from datakeel.rules.facts.decisions import same_key, tested_columns
from datakeel.rules.facts.guards import now, single_runner, stopped
from datakeel.rules.facts.twice import done_twice
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import both_pass

WRITES = ("save", "update", "set", "replace")


@rule(Severity.CRITICAL)
def unguarded_state_transition(operation: Operation, system: System) -> Iterator[Hit]:
    """A status is read, tested and set in two steps, and a second run passes the same test in between."""
    told: set[Rows | None] = set()
    for write in operation.of(Kind.WRITE):
        if write.verb not in WRITES or write.store not in (StoreKind.RELATIONAL, StoreKind.DOCUMENT) or not now(write):
            continue
        if write.chain or not write.guards or write.rows in told:
            continue  # one row that is tested and set is one cause, however many columns it has
        found = transition(operation, write)
        if found is None:
            continue
        guard, source, assignment = found
        if claimed(operation, write, assignment.column):
            continue
        consequence = done_twice(operation, write, guard)
        rival = None if consequence is not None else other_transition(operation, write, guard, assignment, system)
        if consequence is None and rival is None:
            continue
        read = operation.effect(source.number) if source.kind == "read" else None
        answer = stopped(operation, read, write, system)
        if answer != Answer.YES:
            told.add(write.rows)
            yield hit(operation, read, write, guard, assignment, consequence, rival, answer, system)


def transition(operation: Operation, write: Effect) -> tuple[Guard, Source, Assignment] | None:
    """A test of the column that the write sets, of the same row; to a state, or to the moment when it was reached."""
    for guard, source in tested_columns(operation, write):
        for assignment in write.assigned:
            if assignment.column == source.path[-1] and state(assignment):
                return guard, source, assignment
    return None


def claimed(operation: Operation, write: Effect, column: str) -> bool:
    """Whether a conditional update of this column of the row came first, and what it gave was looked at: one of two
    runs comes so far."""
    gave = {s.number for g in write.guards for s in g.sources if s.kind == "result" and s.number < write.number}
    claims = [e for n in sorted(gave) if (e := operation.effect(n)) is not None and e.kind == Kind.WRITE]
    return any(
        same_key(claim, write)
        and claim.selection is not None
        and any(p.column == column for p in claim.selection.predicates)
        for claim in claims
    )


def state(assignment: Assignment) -> bool:
    return assignment.how == "constant" or any(s.kind == "clock" for s in assignment.sources)


def other_transition(
    operation: Operation, write: Effect, guard: Guard, assignment: Assignment, system: System
) -> tuple[Operation, Effect] | None:
    """Another function that takes the same rows to another state, where the test asks for one."""
    if guard.test not in ("==", "!=", "in"):
        return None
    if assignment.how != "constant" or not assignment.text.startswith(("const:'", 'const:"')):
        return None
    for them, effect in system.writers(write.dataset):
        if them.name == operation.name or effect.verb not in WRITES or single_runner(them):
            continue
        for theirs in effect.assigned:
            if theirs.column == assignment.column and theirs.how == "constant" and theirs.text != assignment.text:
                return them, effect
    return None


def hit(
    operation: Operation,
    read: Effect | None,
    write: Effect,
    guard: Guard,
    assignment: Assignment,
    consequence: Effect | None,
    rival: tuple[Operation, Effect] | None,
    answer: Answer,
    system: System,
) -> Hit:
    column = f"{write.dataset}.{assignment.column}" if write.dataset else assignment.column
    place = read.place if read is not None else guard.place or operation.place
    if consequence is not None:
        what = f"{consequence.kind.value} {consequence.dataset or consequence.verb}".strip()
        message = f"two runs at once both pass the test of {column} and both go on: {what} happens twice"
    else:
        assert rival is not None
        message = (
            f"{column} is set after a test that no longer holds: {rival[0].symbol} moves it to another state in between"
        )
    old = guard.text if guard.test == "==" and guard.polarity else ""
    new = assignment.text.removeprefix("const:") if assignment.how == "constant" else ""
    return Hit(
        place=write.place,
        message=message,
        story=both_pass(place, guard.place or place, write, column, consequence, rival),
        rests_on=tuple(e for e in (read, write, consequence) if e is not None),
        severity=Severity.MAJOR if consequence is None else None,
        doubts=int(answer == Answer.UNKNOWN),
        datasets=(write.dataset,) if write.dataset else (),
        fix=conditional_update(write, assignment.column, old, new, system),
    )
