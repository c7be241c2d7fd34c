"""`latency-histogram`: how long things take is measured as a distribution."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

TIME = re.compile(r"second|latency|duration|time|millis|_ms|elapsed|lag|delay", re.I)


@strength("operate")
def latency_histogram(survey: Survey) -> Iterator[Seen]:
    """How long things take is measured as a distribution, so that the slow ones are seen and not averaged away."""
    if not any(r.kind == "observation" for _, r in survey.resources):
        return
    for operation, histogram in survey.resources:
        name = histogram.option("name")
        if histogram.kind == "histogram" and name is not None and TIME.search(name.value):
            yield seen(operation, histogram.place, f"{name.value.strip(chr(39))} is a histogram")
