"""`inbox`: a consumer notes what it has handled, and skips what it knows."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.rules.facts.inbox import INBOX, REQUESTS, called, notes
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("process", unless=("non-idempotent-consumer",), rank=1)
def inbox(survey: Survey) -> Iterator[Seen]:
    """Each message is noted under its own unique key beside its effect, and one that is known is skipped."""
    for operation in survey.operations:
        for note, work in notes(operation, survey.system, of=INBOX):
            if not REQUESTS.search(called(note)):
                said = f"{note.dataset} takes each message once, beside the change of {work.dataset or work.technology}"
                yield seen(operation, note.place, said, note.dataset, work.dataset)
