"""`row-by-row-write`: many rows go to the store in one statement, and one round trip, each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Predicate, Scope, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.cures import model_name, variable
from datakeel.rules.facts.decisions import own_text
from datakeel.rules.facts.elements import caught_each_turn, chosen_in_turn, made_of, of_arguments, of_rows, turn, within
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.running import ONCE
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.facts.turns import in_process
from datakeel.rules.rule import Hit, Record, rule

STORES = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN, StoreKind.SEARCH)
VERBS = ("insert", "save", "update", "delete")
OTHERS = (Kind.CALL, Kind.PUBLISH, Kind.WAIT, Kind.LOCK, Kind.SPAWN, Kind.CONSUME)
JOBS = ("task", "consumer", "event")
PLAIN = re.compile(r"^(big|small)?(int|serial)|^(varchar|char|text|character|uuid|string)", re.I)


@rule(Severity.MAJOR, Record(2, 13))
def row_by_row_write(operation: Operation, system: System) -> Iterator[Hit]:
    """Many rows are written one by one, each with a round trip of its own."""
    told: set[int] = set()
    for write in sorted(operation.of(Kind.WRITE), key=lambda w: w.verb == "delete"):
        loop = turn(write) if own(write) and write.verb in VERBS and write.store in STORES else None
        if loop is None or loop.number in told or not stands_here(loop, operation) or of_tests(operation.place.path):
            continue
        read = of_rows(operation, write, loop)
        if (
            (read is None and (write.chain or not of_arguments(write)))
            or counted(write)
            or in_process(write, system)
            or not sent_alone(operation, write, loop)
        ):
            continue
        if not caught_each_turn(write, loop) and not busy(operation, write, loop):
            told.add(loop.number)
            yield hit(operation, write, loop, read, system)


def own(write: Effect) -> bool:
    """Whether it stands in the function's own text, or in what a class has made of its `save`."""
    return not write.chain or write.callee.endswith(".save")


def stands_here(loop: Scope, operation: Operation) -> bool:
    return loop.place is not None and own_text(loop.place, operation)


def sent_alone(operation: Operation, write: Effect, loop: Scope) -> bool:
    """Whether it is a statement of its own: a unit of work sends all of its objects together, unless each turn ends
    it."""
    if write.technology != "sqlalchemy" or (write.rows is not None and write.rows.root.endswith(f":{write.number}")):
        return True
    return any(within(e, loop) for e in operation.of(Kind.COMMIT))


def counted(write: Effect) -> bool:
    """Whether each row is changed by an amount of its own, in the store: that is hard to say for many at once."""
    return any(a.how == "atomic" for a in write.assigned)


def busy(operation: Operation, write: Effect, loop: Scope) -> bool:
    """Whether the write is not what the loop is about: each turn also calls, sends, waits or writes something else, or
    needs what the store answers."""
    for other in operation.effects:
        if other.number == write.number or other.verb == "hand-over" or not within(other, loop):
            continue  # what is handed to code that is not in view takes no time that is known
        if other.kind in OTHERS or (other.kind == Kind.WRITE and other.dataset != write.dataset):
            return True
        locks = other.selection is not None and bool(other.selection.lock)
        if locks or any(s.number == write.number for s in made_of(other)):
            return True
    return False


def asked_of_others(operation: Operation, write: Effect, system: System) -> bool:
    """Whether what a turn writes came of code out of view, which was given a column's value: a part of what has no
    parts. What that takes, and whether it goes over the network, nobody knows."""
    for source in write.computed_from:
        read = operation.effect(source.number) if source.kind == "read" and len(source.path) > 1 else None
        dataset = system.dataset_of(read) if read is not None else None
        column = dataset.schema.column(source.path[0]) if dataset is not None else None
        if column is not None and not column.references and PLAIN.match(column.type):
            return True
    return False


def by_hand(operation: Operation) -> bool:
    """Whether somebody runs it now and then, or has picked the rows one by one in an administrator's form."""
    once = bool(operation.entries) and all(e.kind in ONCE for e in operation.entries)
    return once or operation.role == Role.SCRIPT or "/admin" in f"/{operation.place.path}"


def few(operation: Operation, write: Effect, read: Effect | None, loop: Scope) -> int:
    """How much speaks for it that there are only a few rows: they are those of an object at hand, or as many as a form,
    a message or a caller holds, unless a job is given them, or each is committed; they are those of one owner, or in
    one state."""
    asked = read.predicates if read is not None else ()
    equal = [p for p in asked if p.operator == "="]
    if any(of_object(p) for p in asked) and not alike(write):
        return 2
    if read is None or any(p.operator == "in" for p in asked):
        committed = any(within(e, loop) for e in operation.of(Kind.COMMIT))
        return 1 if committed or any(e.kind in JOBS for e in operation.entries) else 2
    return min(len(equal), 1) + any(p.value.startswith("const:") for p in equal)


def alike(write: Effect) -> bool:
    """Whether all rows get the same constants: one plain statement says it shorter, however few they are."""
    return bool(write.assigned) and all(a.how == "constant" for a in write.assigned)


def of_object(predicate: Predicate) -> bool:
    """Whether it asks for what hangs on an object that is held or was read (``self.lines``, ``owner=user.id``)."""
    return predicate.operator == "=" and any(
        s.kind in ("parameter", "read") and (s.path or s.name == "self") for s in predicate.sources
    )


def sorted_out(operation: Operation, write: Effect, loop: Scope) -> bool:
    """Whether some of the rows are written and others deleted: one statement for all would not do."""
    others = (e for e in operation.of(Kind.WRITE) if e.dataset == write.dataset and within(e, loop))
    return any((e.verb == "delete") != (write.verb == "delete") and operation.exclusive(write, e) for e in others)


def hit(operation: Operation, write: Effect, loop: Scope, read: Effect | None, system: System) -> Hit:
    looks = any(e.kind == Kind.READ and within(e, loop) for e in operation.effects)
    number = few(operation, write, read, loop)
    doubts = (
        int(read is None)  # how many there are is not in view
        + number
        + looks
        + chosen_in_turn(operation, write, loop)
        + sorted_out(operation, write, loop)
        + 2 * (by_hand(operation) or asked_of_others(operation, write, system))
    )
    start = read.place if read is not None else loop.place or write.place
    rows = f"rows of {read.dataset}" if read is not None and read.dataset else "elements"
    return Hit(
        place=here(write),
        message=f"{write.dataset or 'a table'} is written row by row: a thousand {rows} are a thousand round trips",
        story=(
            Step(start, f"the {rows} are gone through"),
            Step(here(write), f"each turn sends one statement to {write.technology or 'the store'}, and waits for it"),
            Step(
                here(write),
                "at a millisecond each, ten thousand rows take ten seconds, with locks and the connection held",
            ),
        ),
        rests_on=(write,) if read is None else (read, write),
        doubts=doubts,
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(title="collect the rows, and write them together, some hundreds at a time", text=cure(write, system)),
    )


def cure(write: Effect, system: System) -> str:
    model, row = model_name(write, system), variable(write, system)
    columns = ", ".join(f'"{a.column}"' for a in write.assigned if a.column != "*") or '"…"'
    if write.technology == "django":
        if write.verb == "insert":
            return f"{model}.objects.bulk_create([{model}(…) for …], batch_size=500)"
        signals = f"# unlike {row}.save(), it sends no signals"
        return f"{model}.objects.bulk_update(rows, [{columns}], batch_size=500)\n{signals}"
    if write.technology == "sqlalchemy":
        return f"session.execute({write.verb if write.verb != 'save' else 'update'}({model}), [{{…}} for …])"
    if write.store == StoreKind.DOCUMENT:
        return f"{write.dataset}.bulk_write([…])"
    if write.store == StoreKind.SEARCH:
        return "helpers.bulk(client, actions)"
    return f"cursor.executemany({write.text.strip()[:60]!r}, rows)  # or COPY"
