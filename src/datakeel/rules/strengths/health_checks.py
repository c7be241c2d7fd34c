"""`health-checks`: a process says whether it can work."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.rules.facts.health import PATH, needs
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("operate")
def health_checks(survey: Survey) -> Iterator[Seen]:
    """A process says whether it can work: what it needs is asked, not only whether it runs."""
    for operation, entry in survey.entries:
        if entry.kind == "request" and PATH.search(entry.name) and (asked := needs(operation)):
            yield seen(operation, entry.place, f"{entry.name} asks {asked}")
