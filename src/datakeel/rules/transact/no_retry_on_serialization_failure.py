"""`no-retry-on-serialization-failure`: the database may refuse a transaction, and nobody runs it again."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Cardinality, Effect, Kind
from datakeel.model.operation import Operation, Transaction
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import around, begun_here, effects_of, one_writer
from datakeel.rules.facts.guards import single_runner, strong
from datakeel.rules.facts.retries import whole_again
from datakeel.rules.facts.running import ONCE
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import refused

RETRIED_BY = ("task", "consumer", "event")
NEW = ("insert", "copy")


@rule(Severity.MAJOR, sure=False)
def no_retry_on_serialization_failure(operation: Operation, system: System) -> Iterator[Hit]:
    """A transaction that the database may refuse (40001, 40P01) is not run again."""
    if single_runner(operation) or framework_retries(operation) or around(operation) == Answer.YES:
        return  # a part of the callers' transaction is run again with the whole of it, or not at all
    for transaction in begun_here(operation, system):
        work = list(effects_of(transaction, operation.effects))
        writes = [e for e in work if e.kind == Kind.WRITE and refusable(e, transaction)]
        if not writes or swept(operation, writes) or transaction.retried or whole_again(operation, work):
            continue
        if one_writer(transaction, operation, work):
            continue
        if strong(transaction):
            if transaction.kind == "session" and transaction.connection.startswith("parameter:"):
                continue  # a session that was handed in: whoever made it commits it, and runs it again or not
            yield hit(
                operation,
                transaction,
                writes[0],
                f"{transaction.isolation.replace('-', ' ').upper()} is chosen",
                "40001",
            )
        elif background(operation):
            locked = next((e for e in work if set_by_set(e, transaction, work)), None)
            if locked is not None and contended(operation, locked, system):
                yield hit(operation, transaction, locked, "sets of rows are locked one after the other", "40P01")


def refusable(write: Effect, transaction: Transaction) -> bool:
    """Whether the database may refuse a write because of another one: a snapshot has nothing against a new row, which
    no other transaction can have changed; only SERIALIZABLE also asks what was read."""
    return write.verb not in NEW or "serializable" in transaction.isolation or not strong(transaction)


def swept(operation: Operation, writes: list[Effect]) -> bool:
    """Whether a schedule starts it over and over, and it takes up just the rows that have not got yet what it writes:
    what was refused is done by the next run."""
    scheduled = any(e.kind == "schedule" for e in operation.entries)
    return scheduled and all(takes_up(operation, w) for w in writes)


def takes_up(operation: Operation, write: Effect) -> bool:
    """Whether a row was found by the very column that is then set."""
    kind, _, number = write.rows.root.partition(":") if write.rows is not None else ("", "", "")
    read = operation.effect(int(number)) if kind in ("read", "element") else None
    chosen = [e.selection for e in (write, read) if e is not None and e.selection is not None]
    own = {a.column for a in write.assigned}
    return any(p.column in own for selection in chosen for p in selection.predicates)


def set_by_set(effect: Effect, transaction: Transaction, work: list[Effect]) -> bool:
    """Whether a loop locks one set of rows after the other, in no fixed order, with no lock on all of them before."""
    if effect.kind != Kind.WRITE or effect.verb != "update" or effect.selection is None:
        return False
    if effect.selection.cardinality != Cardinality.MANY or not in_loop_of(effect, transaction):
        return False
    if effect.selection.complete and all(p.operator in ("=", "is-null", "not-null") for p in effect.predicates):
        return False  # the rows of one parent: who works on another one needs none of them
    return not any(e.dataset == effect.dataset and e.number < effect.number and locks_rows(e) for e in work)


def locks_rows(effect: Effect) -> bool:
    return effect.kind == Kind.READ and effect.selection is not None and bool(effect.selection.lock)


def in_loop_of(effect: Effect, transaction: Transaction) -> bool:
    return any(s.kind == "loop" and s.text != "sorted" and s.number > transaction.number for s in effect.scopes)


def contended(operation: Operation, locked: Effect, system: System) -> bool:
    """Whether another function changes sets of the same rows."""
    return any(
        them.name != operation.name and write.place != locked.place and not single_runner(them)
        for them, write in system.writers(locked.dataset)
        if write.selection is not None and write.selection.cardinality == Cardinality.MANY
    )


def framework_retries(operation: Operation) -> bool:
    return bool(operation.entries) and all(e.retried for e in operation.entries)


def background(operation: Operation) -> bool:
    """Whether it is work that nobody sees fail: a task that is not redelivered, whoever else starts it by hand."""
    left_alone = [e for e in operation.entries if e.kind not in ONCE]
    return bool(left_alone) and all(e.kind in RETRIED_BY and not e.redelivered for e in left_alone)


def hit(operation: Operation, transaction: Transaction, write: Effect, why: str, code: str) -> Hit:
    place = transaction.place or operation.place
    return Hit(
        place=place,
        message=f"the change of {write.dataset or 'these rows'} is dropped when the database refuses "
        f"the transaction ({code}): {why}, "
        "and nothing runs it again",
        story=refused(place, write, why, code),
        rests_on=(write,),
        doubts=int(not operation.contexts),
        datasets=(write.dataset,) if write.dataset else (),
        fix=Fix(
            title="run the whole transaction again, a bounded number of times",
            text="for attempt in range(5):\n    try:\n        …  # the whole transaction, from its "
            "first read\n        break\n"
            f"    except OperationalError:  # {code}\n        time.sleep(random.uniform(0, 0.1 * 2**attempt))",
        ),
    )
