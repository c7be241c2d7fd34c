"""`graceful-shutdown`: who is asked to stop finishes what he has begun."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.rules.facts.stopping import asked_to_stop
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("operate", unless=("no-graceful-shutdown",))
def graceful_shutdown(survey: Survey) -> Iterator[Seen]:
    """A process hears that it is asked to stop (SIGTERM), and is not cut off in the middle of its work."""
    for operation, resource in survey.resources:
        if asked_to_stop(resource):
            yield seen(operation, resource.place, "SIGTERM is heard")
