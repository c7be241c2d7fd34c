"""`lost-update`: a row is read, changed in memory and written back, and nothing stops a second writer in between."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Assignment, Cardinality, Effect, Kind, Rows, Source, StoreKind
from datakeel.model.operation import Operation, conditional
from datakeel.model.system import System
from datakeel.rules.facts.clocks import ORDERS, is_time, reading
from datakeel.rules.facts.cures import atomic_update, is_number, only_unchanged, save_only
from datakeel.rules.facts.decisions import same_key
from datakeel.rules.facts.guards import here, locks_nothing, now, rows_of, single_runner, stopped
from datakeel.rules.facts.running import one_off, only_jobs
from datakeel.rules.facts.slow import slow_between
from datakeel.rules.facts.stakes import is_place, race
from datakeel.rules.facts.ticks import by_timer
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import interleaved, overtaken

VERSION = re.compile(r"(^|_)(version|revision|sequence|seq|position|offset|number|generation)$")
PAID = re.compile(r"expir|until|paid|renew|due")
WHOLE = ("replace", "save")
ATTENDED = ("request", "command", "main")
WRITES = ("save", "update", "upsert", "set", "replace")


@rule(Severity.CRITICAL, race=True, sure=False)
def lost_update(operation: Operation, system: System) -> Iterator[Hit]:
    """A row is read, changed in memory and written back, and nothing stops a second writer in between."""
    told: set[Rows | None] = {None}
    for write in operation.of(Kind.WRITE):
        if write.verb not in WRITES or write.store not in (StoreKind.RELATIONAL, StoreKind.DOCUMENT) or not now(write):
            continue
        if write.rows in told and write.rows is not None:
            continue  # one row that is computed and written is one cause, however many columns it has
        if (compared := newer(operation, write)) is not None:
            answer = stopped(operation, compared[0], write, system)
            if answer != Answer.YES:
                told |= {write.rows}
                yield older(*compared, write, answer)
                continue
        computed = next(iter(stale(operation, write)), None)
        if computed is not None and held_here(operation, computed[1], write, system):
            found = list(own_value(operation, write, *computed, system))
        else:
            found = list(whole_row(operation, write, system)) if computed is None and write.whole_row else []
        told |= {write.rows} if found else set()
        yield from found


def newer(operation: Operation, write: Effect) -> tuple[Effect, str] | None:
    """The read by whose column it was decided that what is given is newer, and the column, where the write puts the
    given value into it and asks for nothing but the row."""
    if write.verb != "update" or write.chain or any(p.operator != "=" for p in write.predicates):
        return None
    given = {a.column: set(a.sources) for a in write.assigned if a.how == "value"}
    asked = {p.column for p in write.predicates}
    for guard in write.guards:
        if guard.test not in ORDERS and guard.test != "or":
            continue
        for source in guard.sources:
            read = operation.effect(source.number) if source.kind == "read" and source.path else None
            column = source.path[-1] if source.path else ""
            others = {s for s in guard.sources if s.kind == "parameter"}
            if read is None or column in asked or not VERSION.search(column) or not others & given.get(column, set()):
                continue
            if read.kind == Kind.READ and same_key(read, write) and operation.meet_here(read, write):
                return read, column
    return None


def older(read: Effect, column: str, write: Effect, answer: Answer) -> Hit:
    what = f"{write.dataset}.{column}"
    return Hit(
        place=here(write),
        message=f"of two runs at once, the older one overwrites the newer: {what} is compared first and set later",
        story=(
            Step(read.place, f"A reads {what}, which is below what it was given"),
            Step(read.place, "B reads the same, with a newer one, and writes it"),
            Step(write.place, "A writes what it was given: it is older than what stands there by now"),
        ),
        rests_on=(read, write),
        likely=True,
        doubts=int(answer == Answer.UNKNOWN),
        datasets=(write.dataset,),
        severity=race(write, column),
        fix=Fix(
            title="let the statement compare",
            text=f"UPDATE {write.dataset} SET {column} = … WHERE … AND {column} < …  -- or a newer one is there",
        ),
    )


def own_value(
    operation: Operation, write: Effect, assignment: Assignment, source: Source, system: System
) -> Iterator[Hit]:
    """The new value was computed from the old one."""
    read = operation.effect(source.number) if source.kind == "read" else None
    answer = stopped(operation, read, write, system)
    if answer == Answer.YES or not is_column(write, assignment.column, system):
        return
    if kept_once(write, assignment.column, system) or begun_anew(operation, write, assignment.column):
        return
    name = assignment.column if assignment.column != "*" else "the whole document"
    column = f"{write.dataset}.{name}" if write.dataset and name == assignment.column else name
    place = assignment.place or write.place
    yield Hit(
        place=place if read is None else here(write),
        message=f"of two runs at once, one update of {column} is lost: it is read, computed in the application and "
        "written back",
        story=interleaved(read.place if read is not None else place, write.place, column),
        rests_on=tuple(e for e in (read, write) if e is not None),
        likely=not counted(write, assignment.column, system),
        doubts=int(answer == Answer.UNKNOWN)
        + int(only_jobs(operation) and slow_between(operation, read, write) is None)
        + 2 * int(slight(operation, read, write, assignment, system))
        + 2 * int(seldom(operation, write, assignment.column, source, system)),
        datasets=(write.dataset,) if write.dataset else (),
        severity=race(write, assignment.column),
        fix=only_unchanged(write)
        if assignment.column == "*"
        else atomic_update(operation, read, write, assignment.column, system),
    )


def kept_once(write: Effect, column: str, system: System) -> bool:
    """Whether a history keeps each value of the column once for each row: its primary key is that of the row and the
    column. The second of two runs that come to the same value inserts nothing there, and nothing here."""
    dataset = system.dataset_of(write)
    key = frozenset(dataset.schema.primary_key()) if dataset is not None else frozenset()
    return bool(key) and any(
        other.name != dataset.name and other.name.startswith(dataset.name) and key_of(other) == key | {column}
        for other in system.datasets
        if dataset is not None
    )


def begun_anew(operation: Operation, write: Effect, column: str) -> bool:
    """Whether the run itself has set the column of these rows to what does not come from any of them, row by row: what
    it adds up from there on is its own."""
    standing = {(s.number, s.arm) for s in write.scopes}
    return any(
        e.rows == write.rows
        and e.number < write.number
        and all((s.number, s.arm) in standing for s in e.scopes if conditional(s) and s.kind != "loop")
        and any(a.column == column and not a.sources for a in e.assigned)
        for e in operation.of(Kind.WRITE)
        if write.rows is not None
    )


def key_of(dataset: Dataset) -> frozenset[str]:
    return frozenset(dataset.schema.primary_key())


def seldom(operation: Operation, write: Effect, column: str, source: Source, system: System) -> bool:
    """Whether two runs hardly ever meet in the value: an object's own `save` puts right what it is about to write,
    from itself or from its row as that stands, or a timer alone starts who writes the column."""
    itself = write.rows is not None and write.rows == Rows("parameter:self")
    own = itself if source.kind == "read" else source.kind == "parameter" and source.name == "self"
    if own and operation.symbol.endswith((".save", ".clean")):
        return True
    if since_its_own_time(write, column):
        return True
    if one_off(operation, system):
        return True
    if not by_timer(operation, (), system):
        return False
    writers = (o for o, e in system.writers(write.dataset) if e.verb != "insert" and column in written(e))
    return race(write, column) is not None or all(o is operation or by_timer(o, (), system) for o in writers)


def since_its_own_time(write: Effect, column: str) -> bool:
    """Whether what is added is the time that has passed since a moment that the same row keeps: two runs that read the
    same row come to the same."""
    given = next((a.sources for a in write.assigned if a.column == column), ())
    row = write.rows.root if write.rows is not None and not write.rows.path else ""
    kept = any(row == f"{s.kind}:{s.name or s.number}" and any(map(is_time, s.path)) for s in given)
    return kept and any(s.kind == "clock" for s in given)


def counted(write: Effect, column: str, system: System) -> bool:
    """Whether it is known that a column holds a number."""
    dataset = system.dataset_of(write)
    found = dataset.column(column) if dataset is not None else None
    return found is not None and bool(found.type) and is_number(write, column, system)


def slight(operation: Operation, read: Effect | None, write: Effect, assignment: Assignment, system: System) -> bool:
    """Whether little is lost with an update, or seldom: of a text, which is rewritten more than added to, a switch, a
    moment, which is put right more than put off, but for the end of what is paid for, a place in a list, which the next
    move puts right, or what the row refers to, which is chosen and not counted; of one
    entry of a list or a document that a column holds, where two change others at the same moment (nothing slow stands
    between), and nothing else is written with it, or the entry is given a value that does not come from it."""
    column = assignment.column
    if write.store == StoreKind.RELATIONAL and not write.dataset:
        return True  # of what table it is, and whether the column is a list, is not known
    dataset = system.dataset_of(write)
    found = dataset.column(column) if dataset is not None else None
    kind = found.type.lower() if found is not None else ""
    if kind.startswith(("bool", "varchar", "text", "char")) and not kind.endswith("[]"):
        return True
    if kind.startswith(("date", "time")) and not PAID.search(column):
        return True
    if is_place(column) or (found is not None and found.references):
        return True
    whole = write.store == StoreKind.RELATIONAL and not is_number(write, column, system)
    if not whole or race(write, column) is None or slow_between(operation, read, write) is not None:
        return False
    given = any(s.kind == "entry" for s in assignment.sources)
    return given or not write.whole_row or other_writer(operation, write, system, narrow=False) is None


def written(effect: Effect) -> set[str]:
    return {a.column for a in effect.assigned}


def is_column(write: Effect, name: str, system: System) -> bool:
    """Whether it is a value of the row: a collection that a mapper keeps (`order.lines`) is rows of another table."""
    dataset = system.dataset_of(write)
    return name == "*" or dataset is None or not dataset.columns_complete or dataset.column(name) is not None


def stale(operation: Operation, write: Effect) -> Iterator[tuple[Assignment, Source]]:
    """The columns whose new value was computed from the old one, each with the read value: first those into which
    something else goes too. A key that the row is found by is only written along."""
    keys = {p.column for p in write.predicates}
    for assignment in sorted(write.assigned, key=lambda a: len(a.sources) < 2):
        source = stale_source(operation, write, assignment) if assignment.column not in keys else None
        if source is not None:
            yield assignment, source


def stale_source(operation: Operation, write: Effect, assignment: Assignment) -> Source | None:
    """The read value of the same column of the same rows that the new value was computed from."""
    if assignment.how != "value":
        return None
    if is_time(assignment.column) and any(s.kind == "clock" for s in assignment.sources):
        return None  # a moment is kept, or taken anew: the one is not made of the other
    if zoned(assignment):
        return None
    for source in assignment.sources:
        if assignment.column == "*" and written_back(operation, write, source):
            return source
        if source.path and source.path[-1] == assignment.column and write.rows and rows_of(source) == write.rows:
            return source
        if source.kind == "read" and source.path[-1:] == (assignment.column,):
            read = operation.effect(source.number)
            own = len(source.path) < 2  # and no part of what another column led to
            if read is not None and (
                (own and read.rows is not None and read.rows == write.rows)
                or ((own or write.store == StoreKind.DOCUMENT) and same_key(read, write))
                or put_back(read, write)
            ):
                return source
    return None


def zoned(assignment: Assignment) -> bool:
    """Whether a moment is only told with its time zone: it is the same one, however often that is done."""
    rest = [s for s in assignment.sources if s.kind != "zone"]
    return len(rest) < len(assignment.sources) and all(s.path[-1:] == (assignment.column,) for s in rest)


def put_back(read: Effect, write: Effect) -> bool:
    """Whether a whole item takes the place of the one that was read: it has all values by which that was found, or all
    that was read (``{**item, …}``)."""
    if write.verb != "replace" or read.dataset != write.dataset or read.selection is None:
        return False
    if any(read.gave(s) and s.path in ((), ("Item",)) for s in write.payload):
        condition = write.option("condition")
        unknown = condition is not None and condition.value != "None"  # what it asks was not understood
        return not unknown and read.selection.cardinality == Cardinality.ONE
    given = {a.column: set(a.sources) for a in write.assigned}
    asked = [p for p in read.selection.predicates if p.operator == "="]
    return bool(asked) and all(p.sources and given.get(p.column) == set(p.sources) for p in asked)


def written_back(operation: Operation, write: Effect, source: Source) -> bool:
    """Whether a whole document is what was read of it, put back in its own place."""
    read = operation.effect(source.number) if source.kind == "read" and not source.path[1:] else None
    if read is None or write.store != StoreKind.DOCUMENT or write.verb not in WHOLE or read.dataset != write.dataset:
        return False
    if read.selection is None or read.selection.cardinality not in (Cardinality.ONE, Cardinality.AT_MOST):
        return False
    if write.selection is None:  # its key is in it
        return True
    own = f"read:{read.number}."
    return same_key(read, write) or any(p.value.startswith(own) for p in write.selection.predicates)


def held_here(operation: Operation, source: Source, write: Effect, system: System) -> bool:
    """Whether this is the innermost function that computes and writes (a row from outside counts as the one's that
    computes: a model's own `save` may do the writing)."""
    if source.kind != "read":
        return write.own and not told_by_callee(write, system)
    read = operation.effect(source.number)
    if read is None or not operation.meet_here(read, write):
        return False
    return not (write.chain and told_by_callee(write, system))


def told_by_callee(write: Effect, system: System) -> bool:
    """Whether the function that is called computes the value by itself, from the row that it is given."""
    callee = system.operation(write.callee)
    if callee is None:
        return False
    same = (e for e in callee.of(Kind.WRITE) if e.place == write.place and e.verb == write.verb)
    return any(True for e in same for _ in stale(callee, e))


# A full row, after something slow -------------------------------------------------------------------------------------


def whole_row(operation: Operation, write: Effect, system: System) -> Iterator[Hit]:
    """Every column is written as it was read: what others wrote meanwhile is undone. It was long ago (of ten such
    findings in public code four were true: the other often comes before it, or holds the row), or the row was asked
    whether there is anything to change."""
    if not write.own or write.rows is None or write.rows.path:
        return
    kind, _, number = write.rows.root.partition(":")
    read = operation.effect(int(number)) if kind == "read" else None
    if kind not in ("read", "parameter"):
        return
    slow = slow_between(operation, read, write) if not write.chain else None
    compared = slow is None and read is not None and renewed(write)
    other = other_writer(operation, write, system, narrow=compared) if slow is not None or compared else None
    answer = stopped(operation, read, write, system) if other is not None else Answer.YES
    if other is None or answer == Answer.YES:
        return
    them, theirs, columns = other
    named = f"{write.dataset}.{columns[0]}"
    begun = read.place if read is not None else operation.place
    yield Hit(
        place=here(write),
        message=f"what {them.symbol} writes to {named} is undone: this saves every column of {write.dataset} as it was "
        + ("read before a slow call" if slow is not None else "when it was compared with the new one"),
        story=overtaken(begun, slow, theirs, write, named),
        rests_on=tuple(e for e in (read, write, theirs) if e is not None),
        likely=True,
        doubts=2 * int(slow is not None or hardly_at_once(operation, them, theirs)) + int(answer == Answer.UNKNOWN),
        datasets=(write.dataset,),
        severity=Severity.MAJOR,
        fix=save_only(operation, write, tuple(a.column for a in write.assigned), system),
    )


def hardly_at_once(operation: Operation, them: Operation, theirs: Effect) -> bool:
    """Whether a row that is read, compared and saved in a moment is hardly ever written by another in that moment: a
    job does the one, and puts in order again what it has missed, or people do both. (Of eight such findings in public
    code one was worth a change.) Where the other locks the row, it is known to happen."""
    both = them.entries and all(e.kind in ATTENDED for e in them.entries) and not serialises(them, theirs)
    return only_jobs(operation) or bool(both)


def renewed(write: Effect) -> bool:
    """Whether the row's old value is compared with a new one, which then takes its place."""
    own = {a.column for a in write.assigned}
    for guard in write.guards:
        old = {s for s in guard.sources if rows_of(s) == write.rows}
        if guard.test in ("==", "!=") and old and len(old) < len(guard.sources):
            return any(s.path[-1] in own for s in old)
    return False


def other_writer(
    operation: Operation, write: Effect, system: System, *, narrow: bool
) -> tuple[Operation, Effect, tuple[str, ...]] | None:
    """Another function that changes columns of these rows which this save only carries along; `narrow`: and that leaves
    the others alone, or locks the row first: its lock is of use only where everybody takes it."""
    own = {a.column for e in operation.of(Kind.WRITE) if e is write or e.rows == write.rows for a in e.assigned}
    for them, effect in sorted(system.writers(write.dataset), key=lambda found: not found[0].entries):
        if them.name == operation.name or effect.verb not in WRITES or single_runner(them):
            continue
        if just_made(effect) or (narrow and effect.whole_row and not serialises(them, effect)):
            continue
        told = {a.column for a in effect.assigned if not filled(a)}
        columns = tuple(sorted(told - own - found_by(effect) - {"*"}))
        columns = tuple(c for c in columns if is_column(write, c, system))  # a child's table has its own
        columns = tuple(c for c in columns if not renewed_column(write, c, system))
        if columns:
            return them, effect, columns
    return None


def renewed_column(write: Effect, name: str, system: System) -> bool:
    """Whether the mapper itself sets a column whenever it saves the row."""
    dataset = system.dataset_of(write)
    column = dataset.column(name) if dataset is not None else None
    return column is not None and column.renewed


def just_made(write: Effect) -> bool:
    """Whether a row is changed that the same run has made: nobody has read it yet."""
    return write.rows is not None and write.rows.root.startswith("new:")


def serialises(operation: Operation, write: Effect) -> bool:
    """Whether a function locks the row that it writes."""
    locks = (operation.effect(n) for n in write.locks)
    return any(e is not None and e.dataset == write.dataset and not locks_nothing(e) for e in locks)


def found_by(write: Effect) -> set[str]:
    """The columns by which an upsert finds the row: a row that is found keeps them."""
    asked = write.predicates if write.verb == "upsert" else ()
    return {p.column for p in asked if p.operator == "="}


def filled(assignment: Assignment) -> bool:
    """Whether a column only says when the row was written: each save sets it."""
    return reading(assignment.sources)
