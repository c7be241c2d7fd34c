"""`long-transaction`: sleeping, waiting for a person, or working through all rows, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Transaction
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import begun_here, effects_of, holds_locks, lock_before, locks_of
from datakeel.rules.facts.bounds import whole_table
from datakeel.rules.facts.derivation import OUTBOX
from datakeel.rules.facts.guards import here, now, single_runner
from datakeel.rules.facts.slow import slow, words
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import grows, held_while


@rule(Severity.MAJOR, Record(2, 6))
def long_transaction(operation: Operation, system: System) -> Iterator[Hit]:
    """A transaction stays open while something sleeps, or while all rows of a growing table are worked through."""
    for transaction in begun_here(operation, system):
        waits = effects_of(transaction, operation.of(Kind.WAIT))
        slow_ones = [w for w in waits if sleeps(w) and not after_failure(w)]
        locks = locks_of(operation, transaction) if slow_ones else []
        for wait in slow_ones:
            held = lock_before(operation, locks, wait)
            if held is not None and not passed_by(held):
                yield sleeping(operation, transaction, held, wait)
        found = endless_work(operation, transaction) if not single_runner(operation) else None
        if found is not None:
            yield bulk(operation, transaction, *found)


def sleeps(wait: Effect) -> bool:
    """Whether it waits here and now for time or the world outside, rather than for this process's own tasks."""
    return now(wait) and slow(wait)


def now_and_then(wait: Effect) -> bool:
    """Whether it only sleeps in some turns of a loop that ends: before another attempt at what mostly works, or where
    it was asked to."""
    loop = next((i for i, s in enumerate(wait.scopes) if s.kind == "loop" and not s.unbounded), None)
    return loop is not None and any(s.kind == "branch" for s in wait.scopes[loop + 1 :])


def passed_by(lock: Effect) -> bool:
    """Whether nobody waits for the locked rows: those who want them go past them (SKIP LOCKED), or they are messages of
    an outbox, which none but relays take."""
    return lock.selection is not None and (lock.selection.skip_locked or bool(OUTBOX.search(lock.dataset)))


def after_failure(wait: Effect) -> bool:
    """Whether it waits before another attempt: what failed has let go of its locks."""
    return any(s.kind == "try" and s.arm.startswith("handler") for s in wait.scopes)


def endless_work(operation: Operation, transaction: Transaction) -> tuple[Effect, Effect] | None:
    """A read of a whole table, and a write for each of its rows, before the transaction commits."""
    reads = {e.number: e for e in effects_of(transaction, operation.of(Kind.READ)) if whole_table(e)}
    if not reads:
        return None
    for write in effects_of(transaction, operation.of(Kind.WRITE, Kind.LOCK)):
        read = reads.get(looped_over(write))
        if read is None or chosen(write, read):
            continue
        if holds_locks(write) and not commits_in_loop(operation, write):
            return read, write
    return None


def chosen(write: Effect, read: Effect) -> bool:
    """Whether only those rows are changed of which a test says so: how many these are is not known."""
    if any(read.gave(s) and s.path for g in write.guards for s in g.sources):
        return True
    inner = [s.kind for s in write.scopes]
    tested = "branch" in inner[inner.index("loop") :] if "loop" in inner else False
    return tested and any(s.kind == "read" for g in write.guards for s in g.sources)


def looped_over(write: Effect) -> int:
    """The read whose rows a write goes through one by one: -1 when it is none."""
    if write.inside("loop") is None or write.rows is None:
        return -1
    kind, _, number = write.rows.root.partition(":")
    return int(number) if kind in ("read", "element") and number.isdigit() else -1


def commits_in_loop(operation: Operation, write: Effect) -> bool:
    loops = {s.number for s in write.scopes if s.kind == "loop"}
    return any(s.number in loops for e in operation.of(Kind.COMMIT) for s in e.scopes)


def sleeping(operation: Operation, transaction: Transaction, held: Effect, wait: Effect) -> Hit:
    return Hit(
        place=here(wait),
        message=f"rows of {held.dataset or 'the database'} stay locked during {words(wait)}: "
        "everybody who needs them waits too",
        story=held_while(transaction.place or operation.place, held, wait, words(wait)),
        rests_on=(held, wait),
        doubts=2 * int(now_and_then(wait)),
        apart=not wait.chain or wait.store == StoreKind.PROCESS,
        datasets=(held.dataset,) if held.dataset else (),
        fix=Fix(
            title="commit before waiting, and begin a new transaction after it", text="…  # commit, wait, begin again"
        ),
    )


def bulk(operation: Operation, transaction: Transaction, read: Effect, write: Effect) -> Hit:
    begin = transaction.place or operation.place
    return Hit(
        place=begin,
        message=f"one transaction changes every row of {read.dataset}: the more rows, the longer all of "
        "them stay locked, and one failure undoes all of it",
        story=grows(begin, read, write),
        rests_on=(read, write),
        datasets=tuple(dict.fromkeys(d for d in (read.dataset, write.dataset) if d)),
        fix=Fix(
            title=f"work through {read.dataset} in chunks, with a commit after each",
            text=chunks(read),
        ),
    )


def chunks(read: Effect) -> str:
    if read.technology == "django":
        return (
            "for batch in batched(queryset.values_list('pk', flat=True).iterator(), 500):\n    "
            "with transaction.atomic():\n        …"
        )
    if read.technology == "sqlalchemy":
        return "while rows := session.scalars(statement.limit(500)).all():\n    …\n    session.commit()"
    return f"-- SELECT … FROM {read.dataset} WHERE id > :last ORDER BY id LIMIT 500; change them; COMMIT; and again"
