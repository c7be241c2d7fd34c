"""`graceful-shutdown`: who is asked to stop finishes what he has begun."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.operation import Resource
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

AT_ONCE = ("signal.SIG_IGN", "signal.SIG_DFL", "signal.default_int_handler", "None")


@strength("operate")
def graceful_shutdown(survey: Survey) -> Iterator[Seen]:
    """A process hears that it is asked to stop (SIGTERM), and is not cut off in the middle of its work."""
    for operation, resource in survey.resources:
        if resource.kind == "signal-handler" and asked_to_stop(resource):
            yield seen(operation, resource.place, "SIGTERM is heard")


def asked_to_stop(resource: Resource) -> bool:
    number, handler = resource.option("signalnum"), resource.option("handler")
    if number is None or not any(name.endswith(".SIGTERM") for name in number.value.split(" | ")):
        return False
    return handler is not None and handler.value not in AT_ONCE
