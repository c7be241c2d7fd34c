"""`expected-version`: an event is appended only behind the one that the decision saw."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind
from datakeel.rules.facts.event_store import event_log, stream_key
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("derive", unless=("append-without-expected-version",), rank=1)
def expected_version(survey: Survey) -> Iterator[Seen]:
    """An event takes a place in its stream that only one can have: a decision on an old state is refused."""
    for operation, write in survey.own(Kind.WRITE):
        dataset = survey.system.dataset_of(write) if write.verb == "insert" else None
        key = stream_key(dataset) if dataset is not None and event_log(dataset) else None
        given = {a.column for a in write.assigned if a.how != "default"}
        if key is not None and (set(key.columns) <= given or "*" in given):
            said = f"({', '.join(key.columns)}) of {write.dataset} is unique"
            yield seen(operation, write.place, said, write.dataset)
