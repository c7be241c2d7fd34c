"""`on-commit-publish`: a message leaves when what it tells of is committed."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind, StoreKind, When
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.survey import Survey
from datakeel.rules.facts.words import thing
from datakeel.rules.strength import Seen, seen, strength


@strength("derive", unless=("publish-before-commit", "publish-after-commit"))
def on_commit_publish(survey: Survey) -> Iterator[Seen]:
    """Messages and jobs leave when their transaction has committed: none tells of a row that is not there."""
    for operation, publish in survey.own(Kind.PUBLISH, Kind.CALL):
        if publish.when == When.AFTER_COMMIT and publish.store in (StoreKind.LOG, StoreKind.QUEUE, StoreKind.MAIL):
            yield seen(operation, here(publish), f"{thing(publish)} waits for the commit", publish.dataset)
