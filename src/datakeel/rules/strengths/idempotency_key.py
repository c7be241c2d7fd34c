"""`idempotency-key`: what may be sent twice carries a key, by which the other side does it once."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.inbox import REQUESTS, notes
from datakeel.rules.facts.survey import Survey
from datakeel.rules.facts.words import thing
from datakeel.rules.strength import Seen, seen, strength

CHANGES = ("POST", "PATCH")


@strength("distribute", unless=("retry-without-idempotency",), rank=1)
def idempotency_key(survey: Survey) -> Iterator[Seen]:
    """A request that changes something carries a key of its own, so that a repetition of it does nothing more."""
    for operation, call in survey.own(Kind.CALL):
        if call.store == StoreKind.REMOTE and call.idempotent == Answer.YES and keyed(call):
            yield seen(operation, call.place, f"{thing(call)} carries an idempotency key")
    for operation in survey.operations:
        for note, work in notes(operation, survey.system, of=REQUESTS):
            said = f"{note.dataset} takes each request's key once"
            yield seen(operation, note.place, said, note.dataset, work.dataset)


def keyed(call: Effect) -> bool:
    """Whether it is the key that makes a call safe to repeat."""
    option, method = call.option("idempotency_key"), call.option("method")
    if option is not None and option.given and option.value != "None":
        return True
    return method is not None and method.value.strip("'").upper() in CHANGES
