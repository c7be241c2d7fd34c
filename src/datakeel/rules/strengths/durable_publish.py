"""`durable-publish`: a broker has a message in several places before it says so."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

ALL = ("'all'", "-1", "'-1'")


@strength("replicate")
def durable_publish(survey: Survey) -> Iterator[Seen]:
    """A message counts as sent when all replicas in step have it, and a retry does not write it twice."""
    for operation, publish in survey.own(Kind.PUBLISH):
        if publish.store == StoreKind.LOG and publish.verb != "task" and confirmed(publish):
            said = f"{publish.dataset or 'the topic'} is written to all replicas in step"
            yield seen(operation, publish.place, said, publish.dataset)


def confirmed(publish: Effect) -> bool:
    """Whether the code asks for both: all acknowledgements, and idempotence."""
    acks, once = publish.option("acks"), publish.option("idempotence")
    return acks is not None and acks.value in ALL and once is not None and once.given and once.value == "True"
