"""`clock-dependent-ordering`: times of day from several machines decide what is newer, what comes next, who wins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Assignment, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.clocks import (
    NUMBERS,
    RECORDS,
    VERSION,
    Contest,
    Pointer,
    Position,
    contests,
    is_time,
    minters,
    pointers,
    positions,
    reading,
)
from datakeel.rules.facts.cures import model_name
from datakeel.rules.facts.derivation import OUTBOX
from datakeel.rules.facts.event_store import event_log, version_column
from datakeel.rules.facts.guards import here, single_runner
from datakeel.rules.facts.tables import snake
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule

# one other side sends, whose clock is the only one: its copy follows it
STORE_CLOCK = re.compile(r"now\(|current_timestamp|sysdate|getdate", re.I)
MIRROR = re.compile(r"hook|mirror|crawl|import|replica|cache|feed|backfill|restore", re.I)


@rule(Severity.CRITICAL, sure=False)
def clock_dependent_ordering(operation: Operation, system: System) -> Iterator[Hit]:
    """Times of the day that different machines took decide which change is the newer one."""
    if single_runner(operation):
        return
    for contest in contests(operation):
        doubts = several(operation, contest, system)
        if doubts is not None:
            yield newest_wins(operation, contest, system, doubts)
    for pointer in pointers(operation):
        if not by_store(pointer, system):
            yield turned_back(pointer, system)
    for position in positions(operation):
        yield passed_over(position, system)
    for write in operation.own():
        version = numbered(write, system) if write.kind == Kind.WRITE else None
        if version is not None:
            yield numbered_by_clock(write, version, system)
    for read in operation.own():
        if read.kind == Kind.READ and read.selection is not None and read.selection.order:
            yield from replayed(operation, read, system)


# The newest wins ------------------------------------------------------------------------------------------------------


def several(operation: Operation, contest: Contest, system: System) -> int | None:
    """How doubtful it is that the two times are of different clocks; None: nothing says so."""
    given, table = contest.given, contest.write.dataset
    if reading(given) or both_ways(operation, contest):
        return 0
    if any(s.kind in ("clock", "span") for s in given):
        return None
    if minters(system, table, contest.column):
        return 0
    from_store = [operation.effect(s.number) for s in given if s.kind in ("read", "result")]
    if any(e is None or e.kind != Kind.CONSUME for e in from_store):
        return None  # the copy of what one other side says
    names = " ".join((operation.symbol, *(e.name for e in operation.entries)))
    told = any(e.kind in ("request", "consumer") for e in operation.entries)
    return 1 if told and not MIRROR.search(names) else None


def both_ways(operation: Operation, contest: Contest) -> bool:
    """Whether the same function writes the other way round too: each side has writers of its own."""
    mine = contest.write.rows
    sides = {f"read:{s.number}" for s in contest.given if s.kind == "read"}
    return any(
        w.rows is not None and mine is not None and w.rows.root in sides and a.column == contest.column
        and any(s.kind == "read" and f"read:{s.number}" == mine.root for s in a.sources)
        for w in operation.of(Kind.WRITE) for a in w.assigned
    )  # fmt: skip


def newest_wins(operation: Operation, contest: Contest, system: System, doubts: int) -> Hit:
    write, column = contest.write, contest.column
    what = ", ".join(contest.values[:3])
    theirs = next(iter(minters(system, write.dataset, column)), write)
    return Hit(
        place=contest.at,
        message=f"the later change of {write.dataset} is dropped when the clock of its writer is behind: "
        f"{column} decides which one is newer",
        story=(
            Step(theirs.place, f"A changes {what}, and takes the time for {column} from its own clock, a second ahead"),
            Step(contest.at, f"B changes {what} half a second after A; its clock shows an earlier time than A's"),
            Step(contest.at, f"the two times of {column} are compared: B's looks older"),
            Step(write.place, f"B's {what} is not written, though it was the last, and nothing tells anybody"),
        ),
        rests_on=(write,),
        doubts=doubts,
        datasets=(write.dataset,) if write.dataset else (),
        fix=versioned(write, contest.values, system),
    )


def versioned(write: Effect, values: tuple[str, ...], system: System) -> Fix:
    """Compare a version that the store counts."""
    model, column = model_name(write, system), values[0] if values else "…"
    texts = {
        "django": f"{model}.objects.filter(pk=pk, version=version_read).update({column}=…, "
        'version=F("version") + 1)\n# no row changed: somebody was faster; read again, and merge or ask',
        "mongodb": f'{write.dataset}.update_one({{"_id": key, "version": version_read}}, '
        f'{{"$set": {{"{column}": …}}, "$inc": {{"version": 1}}}})',
    }
    sql = (
        f"UPDATE {write.dataset or '…'} SET {column} = …, version = version + 1 "
        "WHERE … AND version = :version_read  -- no row changed: read again, and merge or ask"
    )
    return Fix(
        title="compare a version that the store counts, not times of different clocks",
        text=texts.get(write.technology, sql),
    )


def by_store(pointer: Pointer, system: System) -> bool:
    """Whether the store's own clock fills in the time."""
    dataset = system.dataset_of(pointer.old)
    column = dataset.column(pointer.time) if dataset is not None else None
    default = (column.default or "") if column is not None else ""
    return bool(STORE_CLOCK.search(default)) and not minters(system, pointer.old.dataset, pointer.time)


def turned_back(pointer: Pointer, system: System) -> Hit:
    write, old, time = pointer.write, pointer.old, pointer.time
    column = f"{write.dataset or 'the row'}.{pointer.column}"
    made = minters(system, old.dataset, time)
    dataset = system.dataset_of(old)
    key = next(iter(dataset.schema.primary_key()), "id") if dataset is not None else "id"
    return Hit(
        place=pointer.at,
        message=f"{column} stays at an older row of {old.dataset} when the newer one comes from a machine whose clock "
        f"is behind: {time} decides which is the newer",
        story=(
            Step(
                made[0].place if made else old.place, f"A's row of {old.dataset} has the time of a clock that is ahead"
            ),
            Step(old.place, f"B's row is the later one; {column} still leads to A's"),
            Step(pointer.at, f"the two {time} are compared: B's looks older"),
            Step(write.place, f"{column} is not set to B's, and nothing tells anybody"),
        ),
        rests_on=(write, old),
        doubts=0 if made else 1,
        datasets=tuple(d for d in (write.dataset, old.dataset) if d),
        fix=Fix(
            title="decide by what follows from what: a number that the store gives, or the row's own predecessor",
            text=f"{old.dataset}.{key}  -- in the place of {old.dataset}.{time}: compare what the store has counted",
        ),
    )


# A time as the position in what others write --------------------------------------------------------------------------


def passed_over(position: Position, system: System) -> Hit:
    read, column = position.read, position.column
    theirs = next(iter(minters(system, read.dataset, column)), read)
    kept = "its own time" if position.clock else f"the latest {column} that it saw"
    return Hit(
        place=here(read),
        message=f"a row of {read.dataset} that is committed late, or by a machine whose clock is behind, is never "
        f"read: {column} is the position from which the next run goes on",
        story=(
            Step(theirs.place, f"A takes the time for {column}, and has not committed yet"),
            Step(here(read), f"the reader asks for a later {column} than last time: A's row is not visible"),
            Step(here(position.kept), f"the reader remembers {kept} as its position"),
            Step(theirs.place, f"A commits: its {column} lies before the position"),
            Step(here(read), "the next run asks for later ones only: A's row is passed over for ever"),
        ),
        rests_on=(read, position.kept),
        datasets=(read.dataset,),
        fix=overlapping(read, column, system),
    )


def overlapping(read: Effect, column: str, system: System) -> Fix:
    model = model_name(read, system)
    text = (
        f"{model}.objects.filter({column}__gt=position - timedelta(minutes=5))  # and skip what is known by its key"
        if read.technology == "django"
        else f"SELECT … FROM {read.dataset} WHERE {column} > :position - interval '5 minutes'  "
        "-- and skip what is known by its key"
    )
    return Fix(
        title="follow the database's own log, or a table of changes numbered by it; or go back by more than the "
        "longest transaction and the largest difference of clocks, and skip what is known",
        text=text,
    )


# A time as a number ---------------------------------------------------------------------------------------------------


def numbered(write: Effect, system: System) -> Assignment | None:
    """The version or sequence number that a write takes from the clock."""
    if write.store not in RECORDS:
        return None
    for assignment in write.assigned:
        if VERSION.match(snake(assignment.column)) and reading(assignment.sources):
            dataset = system.dataset_of(write)
            column = dataset.column(assignment.column) if dataset is not None else None
            if (
                column.type and NUMBERS.search(column.type)
                if column is not None
                else write.store != StoreKind.RELATIONAL
            ):
                return assignment
    return None


def numbered_by_clock(write: Effect, version: Assignment, system: System) -> Hit:
    column, place = version.column, here(write)
    return Hit(
        place=place,
        message=f"two changes of {write.dataset} get their {column} in the wrong order, or the same one: it is taken "
        "from the clock of whichever machine writes",
        story=(
            Step(place, f"A writes {write.dataset}, with a {column} from its own clock, a second ahead"),
            Step(place, f"B writes after A, on another machine: its {column} is smaller"),
            Step(place, f"whoever goes by {column} takes A's for the newer one: B's change is lost on them"),
        ),
        rests_on=(write,),
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(
            title=f"let the store count {column}",
            text=f'{model_name(write, system)}.objects.filter(pk=pk).update({column}=F("{column}") + 1, …)'
            if write.technology == "django"
            else f"UPDATE {write.dataset or '…'} SET {column} = {column} + 1, … WHERE …",
        ),
    )


# A time as the order of a log -----------------------------------------------------------------------------------------


def replayed(operation: Operation, read: Effect, system: System) -> Iterator[Hit]:
    """Events or outgoing messages are taken in the order of their times, which different machines took."""
    assert read.selection is not None
    column, dataset = read.selection.order[0], system.dataset_of(read)
    if not is_time(column) or dataset is None or len(read.selection.order) > 1 or not ascending(read, column):
        return
    number = version_column(dataset) if event_log(dataset) else None
    sent = relayed(operation, read) if OUTBOX.search(read.dataset) else None
    if (number is None or read.selection.limit == 1) and sent is None:
        return
    made = minters(system, read.dataset, column)
    if not made:
        return
    key = number or next(iter(dataset.schema.primary_key()), "id")
    then = f"{thing(sent)} leaves in this order" if sent is not None else "they are applied in this order"
    yield Hit(
        place=here(read),
        message=f"events of {read.dataset} come in the wrong order when two machines wrote them: {column} orders them",
        story=(
            Step(made[0].place, f"A writes an event, with a {column} from its own clock, a second ahead"),
            Step(made[0].place, "B, on another machine, writes the event that follows from it: its time is earlier"),
            Step(here(read), f"the events are read by {column}: B's before A's"),
            Step(here(sent) if sent is not None else here(read), then),
        ),
        rests_on=(read, made[0]),
        datasets=(read.dataset,),
        fix=Fix(
            title=f"order by {key}, which the store gives in the order of writing",
            text=f'.order_by("{key}")' if read.technology == "django" else f"ORDER BY {key}",
        ),
    )


def ascending(read: Effect, column: str) -> bool:
    """Whether rows surely come with the oldest first: the latest first is a list for people."""
    if read.technology == "django":
        return not column.startswith("-")
    return bool(read.text) and not re.search(rf"\b{re.escape(column)}\W+desc\b", read.text, re.I)


def relayed(operation: Operation, read: Effect) -> Effect | None:
    """The message that is sent for each of the rows."""
    return next(
        (
            p for p in operation.of(Kind.PUBLISH)
            if p.number > read.number and any(read.gave(s) for s in p.payload)
        ),
        None,
    )  # fmt: skip
