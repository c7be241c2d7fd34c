"""`immutable-events`: what has happened is appended, and never changed."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind
from datakeel.rules.facts.event_store import event_log
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("derive", unless=("mutable-event-log",), rank=1)
def immutable_events(survey: Survey) -> Iterator[Seen]:
    """Events are appended, and nothing in the code changes or deletes one: every view can be built from them again."""
    changed = {w.dataset for o in survey.system.operations for w in o.of(Kind.WRITE) if w.verb != "insert"}
    for operation, write in survey.own(Kind.WRITE):
        if write.verb == "insert" and write.dataset not in changed and event_log(survey.system.dataset_of(write)):
            said = f"{write.dataset} is only ever appended to"
            yield seen(operation, write.place, said, write.dataset)
