"""`publish-before-commit`: an event or job leaves inside the transaction whose rows it speaks of."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import early


@rule(Severity.CRITICAL)
def publish_before_commit(operation: Operation) -> Iterator[Hit]:
    """An event or job leaves while the transaction that wrote its rows is still open."""
    for publish in operation.of(Kind.PUBLISH):
        if publish.transaction is None or publish.transaction <= 0 or publish.store == StoreKind.RELATIONAL:
            continue
        transaction = operation.transaction_of(publish)
        if transaction is None:
            continue
        write = written_before(operation, publish)
        if write is None or not innermost(operation, publish, write):
            continue
        begin = transaction.place or operation.place
        yield hit(publish, write, begin)


def written_before(operation: Operation, publish: Effect) -> Effect | None:
    """A write of the same transaction that may be rolled back, or not be visible yet, when the message arrives."""
    for write in operation.of(Kind.WRITE):
        if operation.same_transaction(write, publish) and not operation.exclusive(write, publish):
            return write
    return None


def innermost(operation: Operation, publish: Effect, write: Effect) -> bool:
    """Whether the transaction, the write and the message meet in this function and in no callee alone."""
    return operation.meet_here(publish, write)


def hit(publish: Effect, write: Effect, begin: Place) -> Hit:
    what = f"the message to {publish.dataset}" if publish.dataset else "the message"
    return Hit(
        place=publish.chain[0] if publish.chain else publish.place,
        message=f"{what} leaves before the transaction that writes {write.dataset or 'its rows'} commits",
        story=early(begin, publish, what),
        rests_on=(publish, write),
        datasets=tuple(d for d in (write.dataset, publish.dataset) if d),
        fix=Fix(
            title="send it after the commit, or write it to an outbox in the same transaction",
            text="transaction.on_commit(lambda: …)",
        ),
    )
