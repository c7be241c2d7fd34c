"""Times of the day that stand for an order: which columns hold them, who sets them, and what is decided by them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from datakeel.model.effect import Assignment, Effect, Guard, Kind, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.decisions import own_text, tested_columns
from datakeel.rules.facts.guards import here, rows_of
from datakeel.rules.facts.tables import snake

ORDERS = ("<", "<=", ">", ">=")
RECORDS = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN)
REWRITES = ("update", "save", "upsert", "replace", "merge", "get-or-create", "form", "delete")
_TIME = (
    r"(^|_)(at|on|ts|time|timestamp|stamp|date|datetime|mtime|modified|updated|changed|edited)$|^last_(write|change)"
)
TIME = re.compile(_TIME)
# what will be, or until when something holds: compared with the time of day by right
_PLAN = (
    r"next|expir|due|until|deadline|schedul|retry|run_at|availab|visib|lock|lease|heart|beat|seen|ping|alive|login"
    r"|start|begin|end(s|ed)?(_|$)|finish|valid|timeout|remind|birth|renew|claim|poll|check|attempt|fetch|access|activ"
)
PLAN = re.compile(_PLAN)
VERSION = re.compile(r"^((row|schema|doc|object)_?)?(version|revision|seq|sequence(_?(number|no|id))?|lsn|generation)$")
NUMBERS = re.compile(r"int|serial|numeric|decimal|float|double|real|timestamp|datetime", re.I)
_UPSERT = r"(?:where\s+|\bif\s*\(|\bwhen\s+)\(?(?:values\s*\(\s*)?(?:(\w+)\.)?\"?(\w+)\"?\s*\)?\s*(<=?|>=?)"
UPSERT = re.compile(_UPSERT + r"\s*(?:values\s*\(\s*)?(?:(\w+)\.)?\"?(\w+)\"?", re.I)


class Contest(Struct, frozen=True):
    """A write that happens only if a time is later than the one that the row holds, in column `column`, and puts the
    later time there: the newest wins. `given` is what the time was computed from; `at` where the two are compared."""

    write: Effect
    column: str
    given: tuple[Source, ...]
    at: Place
    values: tuple[str, ...]  # the columns that are overwritten


def is_time(name: str, sources: Iterable[Source] = ()) -> bool:
    """Whether a column holds the time at which something was changed, by its name or by what is put there.

    >>> is_time("updated_at"), is_time("lastModified"), is_time("expires_at"), is_time("name")
    (True, True, False, False)
    """
    words = snake(name)
    return not PLAN.search(words) and bool(TIME.search(words) or (reading(sources) and VERSION.match(words)))


def reading(sources: Iterable[Source]) -> bool:
    """Whether a value is a reading of the process's own clock, and nothing else: no plan (``now + a week``)."""
    found = tuple(s for s in sources if s.kind != "zone")
    return bool(found) and all(s.kind == "clock" and s.name == "wall" for s in found)


# The newest wins ------------------------------------------------------------------------------------------------------


def contests(operation: Operation) -> Iterator[Contest]:
    """The writes of this function that are decided by which of two times is later."""
    seen: set[tuple[Place, str]] = set()
    for write in operation.of(Kind.WRITE):
        if write.store in RECORDS and write.verb in REWRITES:
            for found in (*compared(operation, write), *conditional(write), *merged(write)):
                if (found.at, found.column) not in seen:
                    seen.add((found.at, found.column))
                    yield found


def compared(operation: Operation, write: Effect) -> Iterator[Contest]:
    """The program compares the two times before it writes."""
    if not any(by_order(g) for g in write.guards):
        return
    for guard, stored in tested_columns(operation, write):
        if not by_order(guard) or guard.place is None or not own_text(guard.place, operation):
            continue
        column, assigned = stored.path[-1], together(operation, write, guard)
        kept = {s for a in assigned if a.column == column for s in a.sources}
        others = tuple(s for s in guard.sources if s != stored and (guard.test in ORDERS or s in kept))
        if is_time(column, others) and others and not any(measures(s, stored) for s in guard.sources):
            yield from taken(assigned, write, column, others, guard.place)


def measures(source: Source, stored: Source) -> bool:
    """Whether what is compared is no time any more: how long ago it was, or what was computed from that and from
    another column of the row (the tokens of a bucket, refilled since then)."""
    same = source.path and rows_of(source) == rows_of(stored)
    return source.kind == "span" or bool(same and not is_time(source.path[-1]))


def by_order(guard: Guard) -> bool:
    """Whether a condition asks which of two values is the greater one, alone or among others."""
    return guard.test in ORDERS or (guard.test in ("and", "or") and guard.text in ORDERS)


def together(operation: Operation, write: Effect, guard: Guard) -> tuple[Assignment, ...]:
    """What is set in the written row under one condition, by however many statements."""
    return tuple(
        a for w in operation.of(Kind.WRITE) if w.rows is not None and w.rows == write.rows and guard in w.guards
        for a in w.assigned
    )  # fmt: skip


def conditional(write: Effect) -> Iterator[Contest]:
    """The store compares: ``UPDATE … WHERE updated_at < :updated_at``."""
    for predicate in write.predicates:
        if predicate.operator in ("<", "<=") and is_time(predicate.column, predicate.sources) and predicate.value:
            yield from taken(write.assigned, write, predicate.column, predicate.sources, here(write))


def merged(write: Effect) -> Iterator[Contest]:
    """An upsert compares: ``ON CONFLICT … DO UPDATE … WHERE t.updated_at < excluded.updated_at``."""
    found = UPSERT.search(write.text) if write.verb == "upsert" and write.conflict == "update" else None
    if found is None or found[2].lower() != found[5].lower():
        return
    column = found[2].lower()
    given = tuple(s for a in write.assigned if a.column == column for s in a.sources)
    if given and is_time(column, given):
        named = tuple(a for a in write.assigned if re.search(rf"\b{re.escape(a.column)}\b\W{{0,2}}\s*=", write.text))
        yield from taken(named, write, column, given, here(write))


def taken(
    assigned: tuple[Assignment, ...], write: Effect, column: str, given: tuple[Source, ...], at: Place
) -> Iterator[Contest]:
    """The contest, where the later time is kept in the row, with values that come from outside with it."""
    kept = any(a.column == column and set(a.sources) & set(given) for a in assigned)
    own = frozenset(s for s in given if s.kind == "clock")
    values = [
        a.column for a in assigned
        if a.column != column and a.how == "value" and set(a.sources) - own and not PLAN.search(snake(a.column))
    ]  # fmt: skip
    if kept and values:
        yield Contest(write, column, given, at, tuple(dict.fromkeys(values)))


def minters(system: System, table: str, column: str) -> list[Effect]:
    """The writes that set a column by the clock of whoever writes."""
    return [
        w for _, w in system.writers(table) for a in w.assigned
        if a.column == column and (reading(a.sources) or (a.how == "default" and w.verb != "insert"))
    ]  # fmt: skip


class Pointer(Struct, frozen=True):
    """A write that lets a row point (by `column`) to the later one of two others: `old` read the one that it pointed
    to, whose time in `time` was compared `at` a place with the other's."""

    write: Effect
    column: str
    old: Effect
    time: str
    at: Place


def pointers(operation: Operation) -> Iterator[Pointer]:
    """The writes of this function that make a row point to whichever of two rows has the later time."""
    for write in operation.of(Kind.WRITE):
        if write.store not in RECORDS or not any(by_order(g) for g in write.guards):
            continue
        for guard in write.guards:
            if by_order(guard) and guard.place is not None and own_text(guard.place, operation):
                yield from turned(operation, write, guard, guard.place)


def turned(operation: Operation, write: Effect, guard: Guard, at: Place) -> Iterator[Pointer]:
    times = [s for s in guard.sources if s.path and is_time(s.path[-1])]
    for old in times:
        read = operation.effect(old.number) if old.kind == "read" else None
        others = [s for s in times if s.path[-1] == old.path[-1] and origin(s) != origin(old)]
        for assignment in write.assigned if read is not None and others else ():
            new = any(origin(s) == origin(o) for s in assignment.sources for o in others)
            if new and read is not None and pointed(read, write, assignment.column):
                yield Pointer(write, assignment.column, read, old.path[-1], at)


def origin(source: Source) -> tuple[str, int, str]:
    return source.kind, source.number, source.name


def pointed(read: Effect, write: Effect, column: str) -> bool:
    """Whether a row was found by the column of another row that is written now."""
    found = read.predicates
    return any(s.path[-1:] == (column,) and rows_of(s) == write.rows for p in found for s in p.sources)


# Time as a position ---------------------------------------------------------------------------------------------------


class Position(Struct, frozen=True):
    """Rows are read from a remembered time on: `read` asks for those whose `column` is later than what `kept` (the
    write that remembers it) has put there. `clock`: what is remembered is a reading of the reader's own clock."""

    read: Effect
    column: str
    kept: Effect
    clock: bool


def positions(operation: Operation) -> Iterator[Position]:
    """The reads of this function that go on from a time which the function itself remembers in a store."""
    for read in operation.of(Kind.READ):
        if read.selection is None or read.store not in RECORDS or not read.dataset:
            continue
        for predicate in read.selection.predicates:
            if predicate.operator not in (">", ">=") or not is_time(predicate.column):
                continue
            start = next((s for s in predicate.sources if s.kind == "read"), None)
            if start is None or not predicate.value or any(s.kind == "span" for s in first_only(predicate.sources)):
                continue
            memory = operation.effect(start.number)
            if memory is not None and memory.kind == Kind.READ and memory.dataset != read.dataset:
                yield from remembered(operation, read, predicate.column, memory, start)


def first_only(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Without what a first run begins with (``state.seen or now() - week``): a span then says nothing of later runs."""
    return () if any(s.kind == "clock" for s in sources) else sources


def remembered(operation: Operation, read: Effect, column: str, memory: Effect, start: Source) -> Iterator[Position]:
    for write in operation.of(Kind.WRITE):
        if write.number < memory.number or write.store != memory.store or write.verb == "delete":
            continue
        for sources in put(write, memory, start):
            rows = any(read.gave(s) and s.path[-1:] == (column,) for s in sources)
            if rows and not any(s.kind == "span" for s in sources):
                yield Position(read, column, write, clock=False)
                return
            if reading(sources):
                yield Position(read, column, write, clock=True)
                return


def put(write: Effect, memory: Effect, start: Source) -> Iterator[tuple[Source, ...]]:
    """What a write puts where the position was read."""
    if memory.key and write.key == memory.key:
        yield write.payload
    elif memory.dataset and write.dataset == memory.dataset:
        yield from (a.sources for a in write.assigned if start.path[-1:] == (a.column,))
