"""`latency-histogram`: how long things take is measured as a distribution."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.rules.facts.measures import of_time
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("operate", unless=("average-latency-only",))
def latency_histogram(survey: Survey) -> Iterator[Seen]:
    """How long things take is measured as a distribution, so that the slow ones are seen and not averaged away."""
    if not any(r.kind == "observation" for _, r in survey.resources):
        return
    for operation, histogram in survey.resources:
        name = of_time(histogram) if histogram.kind == "histogram" else ""
        if name:
            yield seen(operation, histogram.place, f"{name} is a histogram")
