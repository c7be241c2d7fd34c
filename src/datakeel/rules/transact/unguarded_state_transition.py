"""`unguarded-state-transition`: a status is read, tested and set in two steps."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Assignment, Cardinality, Effect, Guard, Kind, Predicate, Rows, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.clocks import ORDERS
from datakeel.rules.facts.cures import conditional_update, locked
from datakeel.rules.facts.decisions import same_key, tested_columns
from datakeel.rules.facts.guards import here, now, rows_of, single_runner, stopped
from datakeel.rules.facts.stakes import HOLDINGS, last_word, race, valuable
from datakeel.rules.facts.twice import NEAR, done_twice, refused, repeats
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import both_pass, way

WRITES = ("save", "update", "set", "replace")


@rule(Severity.CRITICAL, race=True)
def unguarded_state_transition(operation: Operation, system: System) -> Iterator[Hit]:
    """A status is read, tested and set in two steps, and a second run passes the same test in between."""
    told: set[Rows | None] = set()
    for write in operation.of(Kind.WRITE):
        if write.verb not in WRITES or write.store not in (StoreKind.RELATIONAL, StoreKind.DOCUMENT) or not now(write):
            continue
        if write.chain or write.rows in told:
            continue  # one row that is tested and set is one cause, however many columns it has
        inner = picked_by(operation, write)
        if inner is not None:
            told.add(write.rows)
            yield picked_twice(inner, write)
            continue
        found = transition(operation, write) if write.guards else None
        if found is None:
            unseen = hidden(operation, write, system)
            if unseen is not None:
                told.add(write.rows)
                yield unseen
            continue
        guard, source, assignment = found
        if claimed(operation, write, assignment.column):
            continue
        consequence = done_twice(operation, write, guard, system)
        rival = None if consequence is not None else other_transition(operation, write, guard, assignment, system)
        if consequence is None and rival is None:
            continue
        read = operation.effect(source.number) if source.kind == "read" else None
        answer = stopped(operation, read, write, system)
        if answer != Answer.YES:
            told.add(write.rows)
            yield hit(operation, read, write, guard, assignment, consequence, rival, answer, system)


def hidden(operation: Operation, write: Effect, system: System) -> Hit | None:
    """A transition without a test in the code: of a position, or of a row that a query found by its state."""
    if (stretch := taken(operation, write)) is not None:
        free = stopped(operation, stretch.before, write, system) != Answer.YES
        return both_take(write, stretch, system) if free else None
    if (pick := picked(operation, write, system)) is not None:
        free = stopped(operation, pick.read, write, system) != Answer.YES
        return both_pick(write, pick, system) if free else None
    return None


def picked_by(operation: Operation, write: Effect) -> Effect | None:
    """The subquery that picks the one row which an update then takes out of its state, where it locks nothing and the
    update itself does not ask for the state once more: of two at once, the second waits, and takes the same row."""
    if write.verb != "update" or not write.result_used or not write.text:
        return None
    moved = {a.column for a in write.assigned if a.how == "constant"} - {p.column for p in write.predicates}
    for read in operation.of(Kind.READ):
        chosen = read.selection
        if read.place != write.place or read.text != write.text or read.dataset != write.dataset or chosen is None:
            continue
        state = any(p.operator == "=" and p.column in moved and p.value.startswith("const:") for p in chosen.predicates)
        if state and chosen.limit == 1 and not chosen.lock and not write.locks:
            return read
    return None


def picked_twice(read: Effect, write: Effect) -> Hit:
    what = write.dataset
    return Hit(
        place=here(write),
        message=f"two runs at once take the same row of {what}: the subquery that picks it locks nothing",
        story=(
            Step(read.place, f"A's subquery picks the next row of {what}, and A's update locks and changes it"),
            Step(read.place, "B's subquery picks the same row, as it was, and B's update waits for A's commit"),
            Step(write.place, "A commits; B's update asks for the key alone, and takes the row as well"),
            Step(write.place, "both were given the row, and both work on it"),
        ),
        rests_on=(read, write),
        likely=True,
        datasets=(what,),
        fix=Fix(title="lock the row where it is picked", text="… ORDER BY … LIMIT 1 FOR UPDATE SKIP LOCKED)"),
    )


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


class Stretch(Struct, frozen=True):
    """What lies between a position that the read `before` gave, in `column`, and the one that takes its place: the read
    `between` gives it, and for each of its rows there is the effect `consequence`."""

    before: Effect
    column: str
    between: Effect
    consequence: Effect


def taken(operation: Operation, write: Effect) -> Stretch | None:
    """A position is moved on to now, and then what lies behind the old one is worked on."""
    moved = [a.column for a in write.assigned if any(s.kind == "clock" for s in a.sources)]
    if not moved or write.rows is None or not write.rows.root.startswith("read:"):
        return None
    before = operation.effect(int(write.rows.root.partition(":")[2]))
    for between in operation.of(Kind.READ) if before is not None else ():
        if between.number < write.number or between.selection is None:
            continue
        asked = {s for p in between.selection.predicates if p.operator in ORDERS for s in p.sources}
        column = next((s.path[-1] for s in asked if rows_of(s) == write.rows and s.path[-1] in moved), None)
        consequence = next(each(operation, between), None) if column is not None else None
        if before is not None and column is not None and consequence is not None:
            return Stretch(before, column, between, consequence)
    return None


def each(operation: Operation, between: Effect) -> Iterator[Effect]:
    """What is done for each of the rows that a read gave, and does harm when it is done twice."""
    outside = {s.number for s in between.scopes}
    for effect in operation.effects:
        inside = any(s.kind == "loop" and s.number not in outside for s in effect.scopes)
        if effect.number > between.number and inside and len(effect.chain) <= NEAR and repeats(effect):
            yield effect


def both_take(write: Effect, stretch: Stretch, system: System) -> Hit:
    column = f"{write.dataset}.{stretch.column}"
    done = stretch.consequence
    what = f"{done.kind.value} {done.dataset or done.verb}".strip()
    return Hit(
        place=write.place,
        message=f"two runs at once both take the same stretch of {stretch.between.dataset}: {column} is read and moved "
        f"on in two steps, and {what} happens twice",
        story=(
            Step(stretch.before.place, f"A reads {column}"),
            Step(stretch.before.place, f"B reads {column}: the same value"),
            Step(write.place, f"A moves {column} on, and so does B"),
            Step(here(stretch.between), f"both ask for the rows of {stretch.between.dataset} behind the old one"),
            *way(done),
            Step(done.place, "A does this, and B does it again"),
        ),
        rests_on=(stretch.before, write, stretch.between, done),
        datasets=(write.dataset,) if write.dataset else (),
        fix=conditional_update(write, stretch.column, "", "", system),
    )


class Pick(Struct, frozen=True):
    """A row that the read took for its state, as `asked` says, and that a write takes out of it; and what two runs do
    with it: the effect `consequence`, or each gives it to somebody, in the column `owner`."""

    read: Effect
    asked: Predicate
    consequence: Effect | None
    owner: str


def picked(operation: Operation, write: Effect, system: System) -> Pick | None:
    """One row is asked for by its state, and only then put into another one."""
    states = {a.column: a.text for a in write.assigned if a.how == "constant"}
    if any(p.column in states for p in write.predicates):
        return None  # the write asks again
    for read in found_by(operation, write):
        asked = next((p for p in read.predicates if p.operator == "=" and left(p, states)), None)
        if asked is None or not one_row(read):
            continue
        consequence = next((e for e in operation.effects if follows(operation, e, read, write, system)), None)
        owner = next((a.column for a in write.assigned if a.how == "value" and given_by_run(a)), "")
        if consequence is not None or owner:
            return Pick(read, asked, consequence, owner)
    return None


def found_by(operation: Operation, write: Effect) -> Iterator[Effect]:
    """The reads that gave the row that is written: as it is, or its key."""
    numbers = {s.number for p in write.predicates for s in p.sources if s.kind == "read" and s.path[-1:] == (p.column,)}
    if write.rows is not None and write.rows.root.startswith("read:") and not write.rows.path:
        numbers.add(int(write.rows.root.partition(":")[2]))
    for number in sorted(numbers):
        read = operation.effect(number)
        if read is not None and read.kind == Kind.READ and read.dataset == write.dataset:
            yield read


def one_row(read: Effect) -> bool:
    return read.selection is not None and (read.selection.limit == 1 or read.selection.cardinality == Cardinality.ONE)


def left(asked: Predicate, states: dict[str, str]) -> bool:
    """Whether a row is no more what was asked for when it has these states."""
    return asked.value.startswith("const:") and states.get(asked.column, asked.value) != asked.value


def given_by_run(assignment: Assignment) -> bool:
    return bool(assignment.sources) and all(s.kind == "parameter" for s in assignment.sources)


def follows(operation: Operation, effect: Effect, read: Effect, write: Effect, system: System) -> bool:
    """Whether an effect does harm when it is done twice, and is done where the row was found. A row that a key refuses
    the second time is none."""
    if effect.number <= read.number or effect.number == write.number or len(effect.chain) > NEAR or not repeats(effect):
        return False
    return not refused(effect, system) and operation.meet_here(write, effect)


def both_pick(write: Effect, pick: Pick, system: System) -> Hit:
    column = f"{write.dataset}.{pick.asked.column}"
    old = pick.asked.value.removeprefix("const:")
    if pick.consequence is not None:
        what = f"{pick.consequence.kind.value} {pick.consequence.dataset or pick.consequence.verb}".strip()
        harm, last = f"{what} happens twice", Step(pick.consequence.place, "A does this, and B does it again")
        steps = (*way(pick.consequence), last)
    else:
        harm = f"the first one's {pick.owner} is overwritten"
        steps = (Step(write.place, f"B sets {pick.owner} to its own: A was told that the row is A's"),)
    new = next(a.text.removeprefix("const:") for a in write.assigned if a.column == pick.asked.column)
    return Hit(
        place=write.place,
        message=f"two runs at once both take the same row of {write.dataset}: it is found by {pick.asked.column} = "
        f"{old}, and that is changed only then; {harm}",
        story=(
            Step(pick.read.place, f"A asks for a row with {column} = {old}"),
            Step(pick.read.place, "B asks, and gets the same row"),
            Step(write.place, f"A sets {column}, and so does B: nothing asks again what it was"),
            *steps,
        ),
        rests_on=tuple(e for e in (pick.read, write, pick.consequence) if e is not None),
        severity=None if last_word(write.dataset) in HOLDINGS else Severity.MAJOR,
        likely=True,
        datasets=(write.dataset,),
        fix=conditional_update(write, pick.asked.column, old, new, system),
    )


def other_transition(
    operation: Operation, write: Effect, guard: Guard, assignment: Assignment, system: System
) -> tuple[Operation, Effect] | None:
    """Another function that takes the same rows to another state, where the test asks for one."""
    if guard.test not in ("==", "!=", "in"):
        return None
    if assignment.how != "constant" or not assignment.text.startswith(("const:'", 'const:"')):
        return None
    further = {source.path[-1] for _, source in tested_columns(operation, write)} - {assignment.column}
    for them, effect in system.writers(write.dataset):
        if them.name == operation.name or effect.verb not in WRITES or single_runner(them):
            continue
        moved_too = bool(further & {a.column for a in effect.assigned})  # who holds it is tested as well, and changed
        for theirs in effect.assigned:
            moved = theirs.column == assignment.column and theirs.how == "constant" and theirs.text != assignment.text
            if moved and (moved_too or not still_holds(guard, theirs.text)):
                return them, effect
    return None


def still_holds(guard: Guard, state: str) -> bool:
    """Whether a test for one state, or for any but one, has the same outcome after a move to another."""
    if guard.test not in ("==", "!=") or not guard.text:
        return False
    return (state == f"const:{guard.text}") == ((guard.test == "==") == guard.polarity)


def at_stake(write: Effect, consequence: Effect) -> Severity | None:
    """A row more that holds no value is seen and taken away again, and so is a second mail about what holds none; an
    order that is sent twice, or a charge, is not taken back."""
    if last_word(write.dataset) in HOLDINGS or valuable(write.dataset, *(a.column for a in write.assigned)):
        return None
    if consequence.kind == Kind.WRITE:
        return race(consequence)
    return None if valuable(consequence.dataset, consequence.text, consequence.technology) else Severity.MAJOR


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
    severity = Severity.MAJOR if consequence is None else at_stake(write, consequence)
    holds = last_word(write.dataset) in HOLDINGS or valuable(guard.text, assignment.text)  # or: it is paid by then
    slight = severity is not None and not holds
    return Hit(
        place=write.place,
        message=message,
        story=both_pass(place, guard.place or place, write, column, consequence, rival),
        rests_on=tuple(e for e in (read, write, consequence) if e is not None),
        severity=severity,
        likely=severity is not None,
        doubts=int(answer == Answer.UNKNOWN) + 2 * int(slight),
        datasets=(write.dataset,) if write.dataset else (),
        fix=conditional_update(write, assignment.column, old, new, system, locked(operation, read, write)),
    )
