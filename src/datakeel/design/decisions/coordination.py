"""Who decides, where two could?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Option
from datakeel.design import needs
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements

OPTIONS = ("the-database", "saga-orchestrator", "consensus-service")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    asked = needs.asked_for(requirements, "coordination")
    chosen = (
        "consensus-service" if asked == "etcd" else "saga-orchestrator" if requirements.domain.sagas else "the-database"
    )
    return Decision(
        question="coordination",
        chosen=chosen,
        title=TITLES[chosen],
        because=(TITLES[chosen] + ".",),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen),
        parts=("saga",) if requirements.domain.sagas else (),
        product="etcd" if chosen == "consensus-service" else "",
    )


TITLES = {
    "the-database": "The database decides: constraints, row locks, advisory locks",
    "saga-orchestrator": "An orchestrator drives each saga, its state in its own database",
    "consensus-service": "etcd elects the leader, writes carry its token",
}
COSTS = {
    "the-database": "no transaction spans two services' databases",
    "saga-orchestrator": "a state machine for work that one transaction does",
    "consensus-service": "3 nodes of etcd for what one database decides already",
}
