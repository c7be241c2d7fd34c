"""`circuit-breaker`: a service that does not answer is not asked for a while."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind
from datakeel.rules.facts.limits import NETWORK
from datakeel.rules.facts.survey import Survey
from datakeel.rules.facts.words import thing
from datakeel.rules.strength import Seen, seen, strength


@strength("distribute", unless=("no-circuit-breaker",))
def circuit_breaker(survey: Survey) -> Iterator[Seen]:
    """A service that does not answer is not asked for a while, and its callers are told at once."""
    for operation, call in survey.all(Kind.CALL):
        if call.store in NETWORK and call.inside("breaker") is not None and not call.chain:
            yield seen(operation, call.place, f"a breaker stands before {thing(call)}")
