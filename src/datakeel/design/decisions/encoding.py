"""How are records and messages encoded, so that old and new code read each other's?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Figure, Option
from datakeel.design import needs
from datakeel.design.amounts import DAY, size
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements

OPTIONS = ("rows-and-json", "avro", "protobuf")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    messages = bool(requirements.domain.aggregates or needs.followed(requirements) or requirements.domain.sagas)
    needed = "avro" if messages else "rows-and-json"
    asked = needs.asked_for(requirements, "encoding")
    chosen = asked if asked in OPTIONS else needed
    day = sum(load.writes * load.record for load in estimate.loads) * DAY
    return Decision(
        question="encoding",
        chosen=chosen,
        title=TITLES[chosen],
        because=BECAUSE[chosen],
        figures=(Figure("payload a day", f"{size(day)}/day", "writes × bytes of a record"),),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen),
        parts=("message-schemas",) if chosen != "rows-and-json" else (),
        judgement=""
        if asked is None
        else (
            "Asked for, and right."
            if chosen == needed
            else "Asked for, and honoured; avro would need no compiler in the build."
        ),
        product=chosen if chosen != "rows-and-json" else "",
    )


TITLES = {
    "rows-and-json": "Columns in the database, JSON over HTTP",
    "avro": "Avro for events and messages, each with its schema's number",
    "protobuf": "Protocol Buffers for events and messages",
}
BECAUSE = {
    "rows-and-json": (
        "Nothing is kept or sent outside the tables, so migrations alone are what must stay compatible.",
    ),
    "avro": (
        "Events are kept for years and read by code that does not exist yet: each has its writer's "
        "schema by number, and a test holds every new schema against the one before.",
    ),
    "protobuf": ("Field numbers never change, and code for several languages is made from one file.",),
}
COSTS = {
    "rows-and-json": (
        "field names in every record, 1.5 to 3 times the bytes, and nothing checks a change before a reader meets it"
    ),
    "avro": "schemas and their numbers to keep, where no message leaves the tables",
    "protobuf": "a compiler in the build and numbers reserved by hand, for the same bytes",
}
