"""What happens when a part fails half way?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Option
from datakeel.design import needs
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements

OPTIONS = ("transactions-and-time-outs", "idempotent-consumers", "compensated-steps")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    sagas, followed = requirements.domain.sagas, needs.followed(requirements)
    chosen = "compensated-steps" if sagas else "idempotent-consumers" if followed else "transactions-and-time-outs"
    parts = ["http-api"]
    if sagas or needs.follows_rows(requirements):
        parts.append("outbox")
    if sagas or followed or estimate.series:
        parts.append("dashboard")
    return Decision(
        question="failure-handling",
        chosen=chosen,
        title=TITLES[chosen],
        because=(TITLES[chosen] + ".",),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen),
        parts=tuple(parts),
    )


TITLES = {
    "transactions-and-time-outs": (
        "One transaction for each request, time-outs, and a key for each request that may be repeated"
    ),
    "idempotent-consumers": "Each event at least once, its effect once; dead letters for what cannot be handled",
    "compensated-steps": (
        "Steps with keys, time-outs, retries and compensations; dead letters for what cannot be undone"
    ),
}
COSTS = {
    "transactions-and-time-outs": "work that spans two systems would stop half way",
    "idempotent-consumers": "offsets, dedup and dead letters, where nothing is consumed",
    "compensated-steps": "a compensation for each step, where one transaction does",
}
