"""`schema-checked-messages`: messages are written by a schema, or say which version of one."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.schemas import VERSION
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

SERIALIZERS = ("value.serializer", "value_serializer")
REGISTRY = ("Avro", "Protobuf", "JSONSerializer", "JsonSchema")


@strength("encode", unless=("no-schema-evolution",))
def schema_checked_messages(survey: Survey) -> Iterator[Seen]:
    """Messages are written by a schema, or say which version of it: a reader can tell an old one from a new one."""
    for operation, publish in survey.own(Kind.PUBLISH):
        if publish.store != StoreKind.LOG:
            continue
        column = versioned(publish)
        if column:
            said = f"messages of {publish.dataset or 'the topic'} carry {column}"
            yield seen(operation, publish.place, said, publish.dataset)


def versioned(publish: Effect) -> str:
    """The key of a message that says which shape it has."""
    return next((a.column for a in publish.assigned if VERSION.search(a.column)), "")
