"""`prefetch-limit`: a broker hands out no more than is being worked on."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind, StoreKind
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

PULLED = ("sqs",)  # who asks for a batch gets a batch: nothing is handed out by itself


@strength("process", unless=("unbounded-buffer", "ack-before-processing"))
def prefetch_limit(survey: Survey) -> Iterator[Seen]:
    """The broker hands out a few messages before it waits for their acknowledgement."""
    for operation, consume in survey.own(Kind.CONSUME):
        limit = consume.option("prefetch")
        automatic = consume.option("auto-ack")
        if (
            consume.store != StoreKind.QUEUE
            or consume.technology in PULLED
            or limit is None
            or (automatic is not None and automatic.value == "True")
        ):
            continue
        if limit.given and limit.value.isdigit() and int(limit.value) > 0:
            yield seen(operation, consume.place, f"at most {limit.value} are handed out", consume.dataset)
