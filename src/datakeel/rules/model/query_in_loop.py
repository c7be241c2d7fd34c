"""`query-in-loop`: one query gives rows, and one more is sent for each of them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Cardinality, Effect, Kind, Predicate, Scope, Source
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.running import one_off
from datakeel.rules.facts.turns import (
    ASKED,
    asked_by,
    in_process,
    leaves_after,
    loops_over_rows,
    many,
    once_a_turn,
    tested,
    waits_elsewhere,
)
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import and_so_in, further, way

JOBS = ("task", "schedule", "command", "main", "consumer")  # nobody waits for their answer
NIGHTLY = ("schedule", "command", "main")
SEARCHED = ("like", "between")
Asked = tuple[Effect, Effect, str]


@rule(Severity.MAJOR, sure=False)
def query_in_loop(operation: Operation, system: System) -> Iterator[Hit]:
    """A query, or a relation that loads itself, runs once for each row of an earlier query."""
    own: list[Hit] = []
    for scope, queries in loops(operation, system).items():
        others = inherited(operation, scope, system)
        if not others or others[0] is operation:
            own.append(hit(operation, scope, queries, system, others[1:]))
    if own:
        yield together(sorted(own, key=lambda h: (h.doubts, h.place)))


def together(hits: list[Hit]) -> Hit:
    """What one function asks in several loops is one finding, of the loop that is told most surely."""
    first, *others = hits
    places = further(first.place, (h.place for h in others))
    more = and_so_in(places, "loop", " of this function")
    steps = (Step(p, "rows are gone through here too, with a query for each") for p in places[:4])
    return replace(first, message=first.message + more, story=(*first.story, *steps))


def loops(operation: Operation, system: System) -> dict[Scope, list[Asked]]:
    """The loops over rows in which another query is sent for each, with these queries."""
    found: dict[Scope, list[Asked]] = {}
    for asked in operation.of(Kind.READ):
        loop = per_row(operation, asked, system)
        if loop is not None:
            found.setdefault(loop[0], []).append((asked, *loop[1:]))
    return {scope: queries for scope, queries in found.items() if not waits_elsewhere(operation, scope)}


def inherited(operation: Operation, scope: Scope, system: System) -> list[Operation]:
    """Where a framework's own list goes through the rows: all such lists of the file with this fault, in their order.
    What they lack stands in one place, or is forgotten in one way."""
    if not lists(operation, scope):
        return []
    near = (o for o in system.operations if o.place.path == operation.place.path and o.symbol.endswith(".list"))
    return sorted((o for o in near if any(lists(o, s) for s in loops(o, system))), key=lambda o: o.place)


def lists(operation: Operation, scope: Scope) -> bool:
    """Whether a loop is none of the code's own, but that of a class that is told which rows it is about."""
    return operation.symbol.endswith(".list") and scope.place == operation.place


def per_row(operation: Operation, asked: Effect, system: System) -> tuple[Scope, Effect, str] | None:
    """The loop whose rows a query is sent for one by one, the query that gave them, and the column it goes by."""
    selection = asked.selection
    if asked.store not in ASKED or selection is None or not asked.dataset or selection.lock:
        return None
    for loop, rows in loops_over_rows(operation, asked):
        assert loop.over is not None
        column = asked_by(asked, loop.over)
        if not column or not many(rows) or not operation.meet_here(rows, asked) or bounded(rows, system):
            continue
        if leaves_after(operation, asked, loop):
            continue
        if in_process(asked, system) or not once_a_turn(asked, loop) or again(asked, rows):
            continue
        if not at_hand(operation, asked, rows, column):
            return loop, rows, column
    return None


def bounded(rows: Effect, system: System) -> bool:
    dataset = system.dataset_of(rows)
    return dataset is not None and dataset.bounded


def again(asked: Effect, rows: Effect) -> bool:
    """Whether it reads the very row that it has once more: to see what became of it."""
    if asked.rows is not None and asked.rows == rows.rows:
        return True
    return (
        asked.dataset == rows.dataset
        and asked.verb != "relation"
        and asked.selection is not None
        and any(
            p.operator == "=" and any(s.number == rows.number and s.path[-1:] == (p.column,) for s in p.sources)
            for p in asked.selection.predicates
        )
    )


def at_hand(operation: Operation, asked: Effect, rows: Effect, column: str) -> bool:
    """Whether SQLAlchemy's session holds the row: it was read before, or is one and the same for all."""
    if asked.technology != "sqlalchemy" or asked.selection is None or asked.selection.cardinality != Cardinality.ONE:
        return False
    if asked.verb != "relation" and asked.selection.complete is False:
        return False
    if rows.selection is not None and column in rows.selection.equality_columns():
        return True
    return any(
        r.dataset == asked.dataset and r.number < asked.number and r is not asked and loose(r, asked)
        for r in operation.of(Kind.READ)
    )


def loose(earlier: Effect, asked: Effect) -> bool:
    """Whether an earlier read stands outside of a loop that a later one stands in."""
    loops = {s.number for s in earlier.scopes if s.kind == "loop"}
    return len(loops) < len({s.number for s in asked.scopes if s.kind == "loop"})


def hit(operation: Operation, loop: Scope, queries: list[Asked], system: System, others: list[Operation]) -> Hit:
    once = one_off(operation, system)
    asked, rows, column = min(queries, key=lambda q: (tested(q[0], loop), q[0].number))
    assert loop.place is not None
    names = list(dict.fromkeys(q.dataset for q, _, _ in queries))
    shown = tuple(
        s for q, _, by in queries[:3] for s in (*way(q), Step(q.place, f"{what(q)}, by {by}: one query a row"))
    )
    more = f" (and so in {len(others)} more list{'s' if len(others) > 1 else ''} of this file)" if others else ""
    return Hit(
        place=loop.place,
        message=f"for each row of {rows.dataset or 'a query'} another query is sent to {' and '.join(names[:3])}: "
        f"a thousand rows are a thousand round trips{more}",
        story=(
            *way(rows),
            Step(rows.place, f"one query gives the rows of {rows.dataset or 'a table'}"),
            Step(loop.place, "they are gone through one by one"),
            *shown,
            *(Step(o.place, f"so it is in {o.symbol}") for o in others[:9]),
            Step(loop.place, "N rows cost N + 1 queries: it is quick with test data, and stands still in production"),
        ),
        rests_on=(asked, rows),
        likely=bool(asked.chain),  # what else a helper does, or remembers, may spare the query
        doubts=2
        if once or of_one(operation, rows, system)
        else doubts(operation, asked, rows, loop, system) + 2 * int(of_one_owner(asked, rows, column)),
        datasets=tuple(d for d in dict.fromkeys((rows.dataset, *names)) if d),
        severity=None if waited_for(operation) else Severity.MINOR,
        fix=fix(asked, rows),
    )


def doubts(operation: Operation, asked: Effect, rows: Effect, loop: Scope, system: System) -> int:
    """A query that only some turns come to, and rows of one page. Where each turn writes as well, it is work on one row
    after the other. Where nobody waits, only a relation that loads itself is an oversight; in a job of the night that
    is no harm either (of 9 such in public code none was worth a change)."""
    page = rows.selection is not None and rows.selection.limit == 0
    writes = any(loop in w.scopes and w.store in ASKED for w in operation.of(Kind.WRITE))
    handed = handed_in(operation, rows)
    far = tested(asked, loop) and len(asked.chain) > 1  # which of the conditions on the way hold is hardly known
    guarded = int(tested(asked, loop) or page) + int(far) + int(remembered(asked)) + handed
    guarded += int(handed and brought_along(rows, asked, system))
    guarded += 2 * int(asked.verb == "relation" and of_unknown_query(rows))
    if writes or not waited_for(operation):
        oversight = asked.verb == "relation" and not asked.chain and not writes
        nightly = operation.role == Role.SCRIPT or any(e.kind in NIGHTLY for e in operation.entries)
        guarded += 1 if oversight and not nightly else 2
    return guarded


def of_unknown_query(rows: Effect) -> bool:
    """Whether nobody knows how a query was made: of what, or what it picks, and so what it may join."""
    unknown = rows.selection is not None and rows.selection.complete is False and rows.selection.limit is None
    return not rows.dataset or (unknown and not rows.predicates)


def remembered(asked: Effect) -> bool:
    """Whether SQLAlchemy's session remembers what is loaded: of rows that refer to one and the same, only the first
    asks for it."""
    one = asked.selection is not None and asked.selection.cardinality == Cardinality.ONE
    return asked.technology == "sqlalchemy" and asked.verb == "relation" and one


def of_one_owner(asked: Effect, rows: Effect, column: str) -> bool:
    """Whether a helper asks for the very row by which all of them were found: they may hold it already, as those of a
    related manager do."""
    found = rows.selection.equality_columns() if rows.selection is not None else frozenset()
    return asked.verb == "relation" and bool(asked.chain) and column in found


def of_one(operation: Operation, rows: Effect, system: System) -> bool:
    """Whether the rows are those of one row that is at hand: few hang on one, as a rule, and whoever hands it in may
    have read them along. What a list of a framework's class answers with is as many as there are. (Of 15 such that are
    handed in 4 were worth a change in public code.)"""
    if any(p.operator in SEARCHED for p in rows.predicates):
        return False  # a search, or a report about a stretch of time, goes through as many as there are
    found = [p for p in rows.predicates if p.operator == "="]
    owners = {o for p in found for s in behind(operation, p.sources) if (o := owner(s))}
    if not any(e.kind == "request" for e in operation.entries):
        return bool(owners)
    made_by = operation.name.rpartition(".")[0]
    if "self" in owners and any(d.model == made_by for d in system.datasets):
        return True
    listed = operation.symbol.endswith(".list") or rows.inside("loop") is not None
    return not listed and any(asks_for_one(operation, rows, p, system) for p in found)


def asks_for_one(operation: Operation, rows: Effect, predicate: Predicate, system: System) -> bool:
    """Whether a request's rows are those of one row that it reads by its key, or that whoever asks has named."""
    dataset = system.dataset_of(rows)
    column = dataset.column(predicate.column) if dataset is not None else None
    refers = column is not None and bool(column.references)
    if not refers and not predicate.column.endswith("_id"):
        return False
    return any(at_hand_alone(operation, s) for s in behind(operation, predicate.sources))


def at_hand_alone(operation: Operation, source: Source) -> bool:
    """Whether a key is that of one row: read by its key or the first of its kind, just made, handed in or asked for."""
    read = operation.effect(source.number) if source.kind == "read" else None
    if read is not None and read.selection is not None and read.inside("loop") is None:
        return read.selection.cardinality == Cardinality.ONE or read.selection.limit == 1
    asked = source.kind == "parameter" and ("request" in (source.name, *source.path[:1]) or source.name == "self")
    return asked or source.kind == "new" or bool(owner(source))


def owner(source: Source) -> str:
    """The name of the row that is handed in and that a key is one of; empty where it is none."""
    key = source.path[-1:] in (("id",), ("pk",)) or (source.path and source.path[-1].endswith(("_id", "_pk")))
    if source.kind != "parameter" or not key:
        return ""
    return source.name if len(source.path) == 1 else ".".join((source.name, *source.path))


def handed_in(operation: Operation, rows: Effect) -> int:
    """Rows of an object that somebody hands in, or of one that hangs on it: who read it may have read them along, and
    what hangs on them too. It is less likely of a method's own object."""
    selection = rows.selection
    if rows.technology == "peewee" or selection is None or len(selection.predicates) != 1:
        return 0
    owners = (s for s in behind(operation, selection.predicates[0].sources) if s.kind == "parameter" and s.path)
    names = {s.name for s in owners if s.path[-1] in ("id", "pk") or s.path[-1].endswith(("_id", "_pk"))}
    if not names or not selection.complete or selection.order or selection.limit is not None:
        return 0
    return 1 if names == {"self"} else 2


def brought_along(rows: Effect, asked: Effect, system: System) -> bool:
    """Whether somewhere one plan reads both: the rows, and what is asked for each of them. An object that comes from
    there has them at hand."""
    if rows.technology != "django":
        return False
    plans = (e for _, e in system.readers(asked.dataset) if e.selection is not None and not e.selection.predicates)
    return any(
        other.dataset == rows.dataset and not other.selection.predicates
        for plan in plans
        if plan.selection is not None and not plan.selection.complete and plan.place != asked.place
        for other in system.effects_at(plan.place)
        if other.kind == Kind.READ and other.selection is not None and other.selection.complete is False
    )


def behind(operation: Operation, sources: tuple[Source, ...], deep: int = 3) -> Iterator[Source]:
    """The sources of a key; of one of a row that was only loaded because an object leads to it, that object's."""
    for source in sources:
        read = operation.effect(source.number) if source.kind == "read" and deep else None
        if read is None or read.verb != "relation" or read.selection is None:
            yield source
            continue
        for predicate in read.selection.predicates:
            yield from behind(operation, predicate.sources, deep - 1)


def waited_for(operation: Operation) -> bool:
    """Whether somebody may wait for it: a job of the night may take its time."""
    jobs = operation.role == Role.SCRIPT or (operation.entries and all(e.kind in JOBS for e in operation.entries))
    return not jobs


def what(asked: Effect) -> str:
    if asked.verb == "relation":
        return f"the related row of {asked.dataset} is loaded"
    aggregate = asked.selection.aggregate if asked.selection is not None else ""
    return f"{aggregate} of {asked.dataset} is asked for" if aggregate else f"{asked.dataset} is read"


def fix(asked: Effect, rows: Effect) -> Fix:
    title = f"read {asked.dataset} for all rows at once"
    one = asked.selection is not None and asked.selection.cardinality == Cardinality.ONE
    if asked.verb == "relation" and asked.technology == "django":
        return Fix(title=title, text='….select_related("…")  # where the rows are read')
    if asked.technology == "django":
        many = '….prefetch_related("…")  # or .annotate(Count(…)), Exists(…)'
        return Fix(title=title, text="found = Model.objects.in_bulk(ids)" if one else many)
    if asked.verb == "relation":
        option = "joinedload" if one else "selectinload"
        return Fix(title=title, text=f"….options({option}(…))  # where the rows are read")
    if asked.technology == "sqlalchemy":
        return Fix(title=title, text="found = {row.id: row for row in session.scalars(select(…).where(….in_(ids)))}")
    return Fix(title=title, text=f"SELECT … FROM {asked.dataset} WHERE … = ANY(…)  -- once, with all keys; or a join")
