"""How does what is derived keep up with what it is derived from?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Option
from datakeel.design import needs
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements
from datakeel.technologies import value

OPTIONS = ("none", "log-on-postgresql", "change-capture-and-kafka")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    followed = needs.followed(requirements)
    asked = needs.asked_for(requirements, "log", "cdc", "derived-data")
    beyond = estimate.peak_events > value("postgresql", "relayed_events")
    heavy = asked in ("kafka", "debezium") or (followed and beyond)
    chosen = "change-capture-and-kafka" if heavy else "log-on-postgresql" if followed else "none"
    parts = (("log",) if followed else ()) + (("cluster-configuration",) if followed or heavy else ())
    return Decision(
        question="derived-data",
        chosen=chosen,
        title=TITLES[chosen],
        because=(TITLES[chosen] + ".",),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen),
        parts=parts,
        product="kafka" if heavy else "",
    )


TITLES = {
    "none": "Nothing is derived",
    "log-on-postgresql": "A partitioned log in PostgreSQL, filled from the store by a relay",
    "change-capture-and-kafka": "Debezium reads the store's changes, Kafka carries them",
}
COSTS = {
    "none": (
        "views would be written by hand beside the data, and differ from it after the first failure between the two"
    ),
    "log-on-postgresql": "one server relays all events",
    "change-capture-and-kafka": "Kafka, Kafka Connect and a registry to run: 5 more processes",
}
