"""How are records and messages encoded, so that old and new code read each other's?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Figure
from datakeel.design.amounts import DAY, several, size
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate
from datakeel.design.overrides import asked_for
from datakeel.requirements import Requirements
from datakeel.technologies import known, value

QUESTION = "encoding"


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    return asked_for(requirements, "encoding") or _needed(_messages(requirements))


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    kinds = _messages(requirements)
    asked = asked_for(requirements, "encoding")
    word = choose(requirements, estimate, chosen)
    return answer(
        QUESTION,
        word,
        CHOICES,
        lambda other: _cost(other, kinds, estimate),
        because=[_because(word, kinds), *_of_sagas(requirements, word)],
        figures=[_payload(estimate)],
        parts=["message-schemas"] if word != "rows-and-json" else [],
        judgement=judged(asked, word, _needed(kinds), CHOICES, known()[asked].price if asked else ""),
    )


def _needed(kinds: int) -> str:
    return "avro" if kinds else "rows-and-json"


def _messages(requirements: Requirements) -> int:
    """How many kinds of message are kept: events. A note of a changed row says which, and no more; what a saga asks of
    a service is a request."""
    return sum(len(a.events) for a in requirements.domain.aggregates)


def _because(chosen: str, kinds: int) -> str:
    if chosen == "rows-and-json":
        return (
            "0 kinds of message are kept: what must stay compatible are migrations and the HTTP API, "
            "and each is tested."
        )
    those = several(kinds, "kind of message is", "kinds of message are")
    kept = f"{those} kept, or read by other processes, long after the code that wrote them."
    if chosen == "avro":
        return (
            f"{kept} Each carries its schema's number; a test refuses a schema that the one before cannot "
            "read, or the other way round."
        )
    return f"{kept} Each field has a number that is never given again; a test refuses a change of one."


def _of_sagas(requirements: Requirements, chosen: str) -> list[str]:
    if not requirements.domain.sagas or chosen != "rows-and-json":
        return []
    return [
        "What a saga asks of a service is a request over HTTP, refused with 422 where it does not fit. How sagas go is "
        "told in 4 kinds of small message, each with a version; a reader leaves aside what it does not know, which a "
        "test shows."
    ]


def _payload(estimate: Estimate) -> Figure:
    day = sum(load.writes * load.record for load in estimate.loads) * DAY
    return Figure(
        "bytes of records a day", f"{size(day)}/day", "writes/s × 86,400 s × bytes of a record, over all constructs"
    )


def _cost(word: str, kinds: int, estimate: Estimate) -> str:
    if word == "rows-and-json":
        day = sum(load.writes * load.record for load in estimate.loads) * DAY
        more = size(day * (value("avro", "json_factor") - 1))
        return f"names in every record, {more}/day more, and nobody notices an incompatible change before a reader does"
    kept = "for 0 kinds of message that leave the tables" if not kinds else "for the same messages"
    return f"{known()[word].price}, {kept}"


CHOICES = {
    "rows-and-json": Choice(
        title="Columns in the database, JSON over HTTP",
        consistency="Reader and writer are one release, or two that follow each other.",
        failure="A request of the wrong shape is refused with 422 before anything is written.",
        scaling="Bytes grow with rows alone.",
        operation="A column is added before it is used, and dropped a release after its last use.",
    ),
    "avro": Choice(
        title="Avro, each message with its schema's number",
        consistency="Full compatibility: a new reader takes old messages, an old reader takes new ones.",
        failure="A message that its reader cannot resolve becomes a dead letter; those of other keys go on.",
        scaling="10 to 30 bytes of values without names; one schema is read once and kept.",
        operation="A schema is changed by adding fields with defaults; the registry, or the test, refuses all else.",
    ),
    "protobuf": Choice(
        title="Protocol Buffers, fields by number",
        consistency="Full compatibility as long as a number keeps its meaning.",
        failure="An unknown field is kept and passed on; one that is missing has its zero.",
        scaling="One or two bytes a field beside its value.",
        operation="A field that goes leaves its number reserved; generated code is built with the project.",
    ),
}
