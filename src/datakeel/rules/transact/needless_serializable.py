"""`needless-serializable`: SERIALIZABLE where a weaker level gives the same answer."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Transaction
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import begun_here, effects_of, one_writer
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def needless_serializable(operation: Operation, system: System) -> Iterator[Hit]:
    """A transaction runs as SERIALIZABLE although it only reads, or is a single statement."""
    for transaction in begun_here(operation, system):
        if "serializable" not in transaction.isolation or transaction.read_only:
            continue
        work = [e for e in effects_of(transaction, operation.effects) if e.store == StoreKind.RELATIONAL]
        work = [e for e in work if e.kind not in (Kind.COMMIT, Kind.ROLLBACK)]
        if not work or not operation.complete or any(e.kind == Kind.CALL for e in work):
            continue
        if one_writer(transaction, operation, work):
            continue
        if not any(e.kind in (Kind.WRITE, Kind.ALTER, Kind.LOCK) for e in work):
            yield hit(
                operation,
                transaction,
                work[0],
                "it only reads",
                "REPEATABLE READ, READ ONLY: one snapshot, and nothing to retry",
            )
        elif len(work) == 1 and work[0].inside("loop") is None:
            yield hit(
                operation,
                transaction,
                work[0],
                "it is one statement",
                "the default level: one statement is atomic by itself",
            )


def hit(operation: Operation, transaction: Transaction, first: Effect, why: str, instead: str) -> Hit:
    place = transaction.place or operation.place
    return Hit(
        place=place,
        message="this transaction is aborted and has to be retried when others write "
        f"{first.dataset or 'the same rows'}, for "
        f"nothing: {why}",
        story=(
            Step(place, "the transaction begins as SERIALIZABLE"),
            Step(first.place, why),
            Step(place, "the database tracks what it reads, and may refuse its commit, or another's, with 40001"),
        ),
        rests_on=(first,),
        datasets=(first.dataset,) if first.dataset else (),
        fix=Fix(title="use a weaker level", text=f"-- {instead}"),
    )
