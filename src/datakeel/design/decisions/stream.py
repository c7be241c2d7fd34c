"""What is computed over events as they come, and by what?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Option
from datakeel.design import needs
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements
from datakeel.technologies import value

OPTIONS = ("none", "consumers-on-postgresql", "flink")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    streams = requirements.domain.streams
    asked = needs.asked_for(requirements, "stream")
    beyond = estimate.peak_events > value("postgresql", "relayed_events")
    if streams and (beyond or asked == "flink"):
        chosen = "flink"
    else:
        chosen = "consumers-on-postgresql" if streams or needs.followed(requirements) else "none"
    return Decision(
        question="stream",
        chosen=chosen,
        title=TITLES[chosen],
        because=(TITLES[chosen] + ".",),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen),
        parts=("stream-job",) if streams else (),
        product="flink" if chosen == "flink" else "",
    )


TITLES = {
    "none": "Nothing is computed over streams",
    "consumers-on-postgresql": "Consumers with their offset and state in PostgreSQL",
    "flink": "Flink over Kafka, with event time and checkpoints",
}
COSTS = {
    "none": "views and windows would stand still",
    "consumers-on-postgresql": "one transaction for each batch of events, up to what one server commits",
    "flink": "a cluster with checkpoints to run, for what one process handles",
}
