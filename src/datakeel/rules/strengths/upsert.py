"""`upsert`: a row is inserted or brought up to date in one statement, by a unique key."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.duplicates import minted, refused_twice
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("transact", unless=("check-then-insert",))
def upsert(survey: Survey) -> Iterator[Seen]:
    """A row is inserted, or brought up to date where it is there, in one statement by its unique key."""
    for operation, write in survey.own(Kind.WRITE):
        once = write.store == StoreKind.RELATIONAL and write.conflict and write.verb in ("upsert", "insert")
        if once and refused_twice(write, asked(write), survey.system) == Answer.YES:
            yield seen(operation, write.place, f"{write.dataset} keeps one row for each key", write.dataset)


def asked(write: Effect) -> list[str]:
    """The columns that say which row it is."""
    predicates = write.predicates
    return [p.column for p in predicates] or [a.column for a in write.assigned if a.how == "value" and not minted(a)]
