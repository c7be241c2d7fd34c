"""`change-capture`: a copy follows the database's own log."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind
from datakeel.rules.facts.capture import connector, fault_of
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("derive", unless=("cdc-without-snapshot",), rank=1)
def change_capture(survey: Survey) -> Iterator[Seen]:
    """Copies follow the database's own log of changes, from a snapshot on, with deletes and a heartbeat."""
    for operation, call in survey.own(Kind.CALL):
        settings = connector(call)
        if settings and fault_of(settings) is None:
            tables = settings.get("table.include.list", "") or settings.get("collection.include.list", "")
            yield seen(operation, call.place, f"a connector follows {tables or 'the database'}")
