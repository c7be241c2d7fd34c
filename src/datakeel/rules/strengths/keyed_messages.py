"""`keyed-messages`: all messages of one thing go to one partition, in their order."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.derivation import OUTBOX
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

OF_NOTHING = ("random", "clock", "span", "zone", "loop")


@strength("partition", unless=("hot-partition",))
def keyed_messages(survey: Survey) -> Iterator[Seen]:
    """Messages carry the key of what they are about, and so keep its order while the topic is spread."""
    for operation, publish in survey.own(Kind.PUBLISH):
        if publish.store != StoreKind.LOG or publish.verb == "task" or publish.key == "":
            continue
        said = f"{publish.dataset or 'the topic'} is spread by a key"
        yield seen(operation, publish.place, said, publish.dataset, holds=by_entity(operation, publish))


def by_entity(operation: Operation, publish: Effect) -> bool:
    """Whether the key comes from what the message is about, and not from a constant, a clock, a draw, or the number
    under which the message itself waited."""
    if publish.key is None or publish.key.startswith("const:"):
        return False
    sources = publish.key_sources
    return bool(sources) and not any(s.kind in OF_NOTHING or of_message(operation, s) for s in sources)


def of_message(operation: Operation, source: Source) -> bool:
    read = operation.effect(source.number) if source.kind == "read" and source.path else None
    return read is not None and source.path[-1] in ("id", "pk", "uuid") and bool(OUTBOX.search(read.dataset))
