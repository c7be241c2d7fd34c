"""`dead-letter-queue`: what cannot be handled is put aside, and the others go on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

NAME = re.compile(r"dlq|dead|poison|parking|quarantin", re.I)
STORES = (StoreKind.LOG, StoreKind.QUEUE, StoreKind.RELATIONAL, StoreKind.DOCUMENT)
PUTS = ("send", "insert", "upsert")
FORWARDS = "x-dead-letter-exchange"


@strength("process")
def dead_letter_queue(survey: Survey) -> Iterator[Seen]:
    """A message that cannot be handled is put aside, where people find it, and those behind it are handled."""
    for operation, made in survey.own(Kind.ALTER):
        option = made.option(FORWARDS)
        if made.verb == "create-queue" and option is not None and option.value not in ("None", "''"):
            said = f"{made.dataset or 'the queue'} hands on what it refuses"
            yield seen(operation, made.place, said, made.dataset)
    for operation, aside in survey.own(Kind.PUBLISH, Kind.WRITE):
        if not NAME.search(aside.dataset) or aside.store not in STORES or aside.verb not in PUTS:
            continue
        if answers(aside) or any(answers(e) for _, e in survey.callers.get(aside.place, ())):
            said = f"what fails goes to {aside.dataset}"
            yield seen(operation, aside.place, said, aside.dataset)


def answers(aside: Effect) -> bool:
    """Whether it answers to a failure: it stands in a handler."""
    return any(s.kind == "try" and s.arm.startswith("handler") for s in aside.scopes)
