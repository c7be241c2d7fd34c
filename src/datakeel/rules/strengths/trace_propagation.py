"""`trace-propagation`: a request can be followed from process to process."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.rules.facts.measures import TRACES
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("operate")
def trace_propagation(survey: Survey) -> Iterator[Seen]:
    """A request can be followed from process to process: what is sent carries the trace that it belongs to."""
    for operation, resource in survey.resources:
        if resource.kind in TRACES:
            yield seen(operation, resource.place, TRACES[resource.kind])
