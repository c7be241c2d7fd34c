"""`cache-update-race`: a cache entry is set beside a write, or dropped before the commit, and an old value stays."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Source, StoreKind, When
from datakeel.model.operation import Operation, same_rows
from datakeel.model.system import System
from datakeel.rules.facts.derivation import committed_before, copied, joined, named_by, record_writes, together
from datakeel.rules.facts.guards import locks_nothing
from datakeel.rules.rule import Hit, Record, rule

SETS = ("set", "add")
CHANGED = ("update", "save", "upsert", "delete", "merge", "replace")
DROPS = ("delete", "expire", "clear")
FILLS = (*SETS, "setex", "psetex", "setnx")
DONE = {"set": "set beside the write", "early": "dropped before the commit"}


@rule(Severity.MAJOR, Record(3, 8), race=True, sure=False)
def cache_update_race(operation: Operation, system: System) -> Iterator[Hit]:
    """A cache entry is set beside a write, or dropped before the commit, and an old value stays."""
    changes = [e for e in operation.of(Kind.WRITE) if e.store == StoreKind.CACHE and e.verb in (*SETS, *DROPS)]
    if not changes:
        return
    spoken: set[str] = set()
    for record in record_writes(operation):
        for change in changes:
            if str(change.place) in spoken or not tied(operation, record, change) or belongs_deeper(operation, change):
                continue
            fault = fault_of(operation, record, change, changes)
            if fault and (change.verb in SETS or holds_rows(record, change, system)):
                spoken.add(str(change.place))
                calls = bool(record.chain and change.chain)  # two, which may be about different things
                open_still = fault == "set" or change.number < record.number or joined(operation, change, system)
                before = fault == "early" or not committed_before(operation, record, change)
                yield hit(record, change, fault, 2 * int(calls or not open_still), before=before)


def tied(operation: Operation, record: Effect, change: Effect) -> bool:
    """Whether the entry is made from the row, and both meet in this function.

    A row that is new had no entry yet.
    """
    if record.rows is not None and record.rows.root.startswith("new:"):
        return False
    if record.verb not in CHANGED or operation.exclusive(record, change) or not operation.meet_here(record, change):
        return False
    if change.verb in SETS:  # what is put in says how the row is now: of a row that goes, it says nothing
        return record.verb != "delete" and (copied(operation, record, change) or read_back(operation, record, change))
    return named_by(operation, record, change)


def read_back(operation: Operation, record: Effect, change: Effect) -> bool:
    """Whether an entry holds what was read of the row, once more, when it was written."""
    if not named_by(operation, record, change):
        return False
    reads = (operation.effect(s.number) for s in change.payload if s.kind == "read" and s.path)
    return any(
        e is not None
        and e.dataset == record.dataset
        and e.number > record.number
        and same_rows(record, e) == Answer.YES
        for e in reads
    )


def belongs_deeper(operation: Operation, change: Effect) -> bool:
    """Whether a function that is called drops the entry beside a write of its own: it is told there, and the entry is
    about that."""
    return change.verb in DROPS and any(
        record.verb in CHANGED and not operation.meet_here(record, change) and named_by(operation, record, change)
        for record in record_writes(operation)
        if record.chain and change.chain and record.chain[0] == change.chain[0]
    )


def holds_rows(record: Effect, change: Effect, system: System) -> bool:
    """Whether an entry may hold what is written. Where all that is known to be put there is the number of a job, a mark
    or a time, it is a lock or a note; what is counted up is a count; what is read of other tables alone is theirs."""
    if counted(change, system):
        return False
    fillers = list(filled(change, system, 0)) or list(filled(change, system, 1))  # itself, or by a helper for any entry
    if fillers and all(made(o, s) for o, e in fillers for s in e.payload):
        return False
    return not fillers or not all(of_others(o, s, record) for o, e in fillers for s in e.payload)


def filled(change: Effect, system: System, calls: int) -> Iterator[tuple[Operation, Effect]]:
    """Who puts something under an entry's key, and where, so many calls away."""
    for operation in system.operations if change.key else ():
        for e in operation.of(Kind.WRITE):
            if len(e.chain) == calls and e.store == StoreKind.CACHE and e.verb in FILLS and e.key == change.key:
                yield operation, e


def of_others(operation: Operation, source: Source, record: Effect) -> bool:
    """Whether a value comes from a table that is not the written one."""
    read = operation.effect(source.number) if source.kind == "read" else None
    return read is not None and bool(read.dataset) and bool(record.dataset) and read.dataset != record.dataset


def counted(change: Effect, system: System) -> bool:
    return bool(change.key) and any(
        e.verb in ("increment", "decrement") and e.store == StoreKind.CACHE and e.key == change.key
        for operation in system.operations
        for e in operation.of(Kind.WRITE)
        if not e.chain
    )


def made(operation: Operation, source: Source) -> bool:
    """Whether the program itself made a value: the number of a job that it started, a time, a mark."""
    if source.kind != "result":
        return source.kind in ("clock", "random")
    begun = operation.effect(source.number)
    return begun is not None and begun.kind in (Kind.PUBLISH, Kind.SPAWN)


def fault_of(operation: Operation, record: Effect, change: Effect, changes: list[Effect]) -> str:
    if change.verb in SETS:
        return "" if one_at_a_time(operation, record, change) else "set"
    if committed_before(operation, record, change) or change.when in (When.AFTER_COMMIT, When.AFTER_COMPLETION):
        return ""
    if any(c is not change and c.verb in DROPS and committed_before(operation, record, c) for c in changes):
        return ""
    if any(made_next(c, change) for c in changes):
        return ""  # it only makes room for what is set next: that decides
    if change.number < record.number:
        return "early"
    return "early" if together(operation, record, change) else ""


def one_at_a_time(operation: Operation, record: Effect, change: Effect) -> bool:
    """Whether a lock is held from the write to the entry: who writes last sets it last."""
    held = (operation.effect(n) for n in {*record.locks} & {*change.locks})
    return any(e is not None and not locks_nothing(e) for e in held)


def made_next(later: Effect, change: Effect) -> bool:
    same = change.rows is not None and later.rows == change.rows and later.dataset == change.dataset
    return same and later.verb in SETS and later.number > change.number


def hit(record: Effect, change: Effect, fault: str, doubts: int, *, before: bool) -> Hit:
    """`before` the commit the entry is touched: the record is that of entries that are set after it."""
    key = change.key or "the entry"
    what = record.dataset or "the row"
    return Hit(
        place=change.chain[0] if change.chain else change.place,
        message=f"the cache can keep an old value of {what}: its entry is {DONE[fault]}",
        story=set_story(record, change, what) if fault == "set" else drop_story(record, change, what),
        rests_on=(record, change),
        apart=before,
        doubts=doubts,
        datasets=tuple(d for d in (record.dataset, change.dataset) if d),
        fix=Fix(
            title=f"delete {readable(key)} after the commit",
            text="cache.delete(key)  # after the commit; readers fill it again",
        ),
    )


def set_story(record: Effect, change: Effect, what: str) -> tuple[Step, ...]:
    return (
        Step(record.place, f"A writes {what}"),
        Step(record.place, f"B writes {what} later: the database keeps B's value"),
        Step(change.place, "B sets the cache entry"),
        Step(change.place, "A sets the cache entry last: the cache keeps A's old value until it expires"),
    )


def drop_story(record: Effect, change: Effect, what: str) -> tuple[Step, ...]:
    return (
        Step(change.place, "A drops the cache entry"),
        Step(change.place, f"B misses it, reads {what} as it was, and fills the cache with that"),
        Step(record.place, "A commits its new value: the cache keeps the old one"),
    )


def readable(key: str) -> str:
    return repr(key.replace("\ufffc", "…")) if not key.startswith(("const:", "parameter:", "read:")) else "the entry"
