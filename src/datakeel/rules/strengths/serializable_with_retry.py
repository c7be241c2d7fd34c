"""`serializable-with-retry`: a serializable transaction is run again when the database refuses it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind
from datakeel.rules.facts.atomicity import effects_of
from datakeel.rules.facts.guards import strong
from datakeel.rules.facts.retries import whole_again
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("transact", unless=("no-retry-on-serialization-failure", "needless-serializable"), rank=1)
def serializable_with_retry(survey: Survey) -> Iterator[Seen]:
    """A transaction that decides over many rows is serializable, and the whole of it is run again when refused."""
    for operation in survey.operations:
        for transaction in operation.transactions:
            if transaction.call is not None or "serializable" not in transaction.isolation or not strong(transaction):
                continue
            work = list(effects_of(transaction, operation.effects))
            wrote = any(e.kind == Kind.WRITE for e in work)
            if wrote and (transaction.retried or whole_again(operation, work)):
                said = "the transaction is serializable, and run again after a refusal"
                yield seen(operation, transaction.place or operation.place, said, *(e.dataset for e in work))
