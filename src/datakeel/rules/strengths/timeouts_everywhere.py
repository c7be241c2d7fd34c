"""`timeouts-everywhere`: no call of another system can wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind
from datakeel.rules.facts.limits import NETWORK, limited, near, unlimited
from datakeel.rules.facts.survey import Survey
from datakeel.rules.facts.words import thing
from datakeel.rules.strength import Seen, seen, strength


@strength("distribute", unless=("remote-call-without-timeout",), fewest=3, everywhere=True)
def timeouts_everywhere(survey: Survey) -> Iterator[Seen]:
    """Every call of another system has a limit of its own: one that hangs holds nobody for ever."""
    for operation, call in survey.own(Kind.CALL, Kind.PUBLISH, Kind.READ, Kind.WRITE):
        if call.store not in NETWORK or near(call):
            continue
        option = call.option("timeout")
        if limited(call):
            yield seen(operation, call.place, f"{thing(call)} stands under a limit")
        elif option is not None and option.given and option.value and not unlimited(option):
            yield seen(operation, call.place, f"{thing(call)} has a limit of {option.value}")
        elif option is not None and (not option.value or unlimited(option)):
            yield seen(operation, call.place, "", holds=False)
