"""What is computed over much data at once, and by what?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Option
from datakeel.design import needs
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements
from datakeel.technologies import value

OPTIONS = ("none", "jobs-in-the-database", "dataflow")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    batches = requirements.domain.batches
    scan = estimate.bytes / value("postgresql", "scanned_bytes")
    tight = any(scan > batch.every / 2 for batch in batches)
    asked = needs.asked_for(requirements, "batch")
    jobs = bool(batches or estimate.series)
    chosen = "dataflow" if batches and (tight or asked == "spark") else "jobs-in-the-database" if jobs else "none"
    return Decision(
        question="batch",
        chosen=chosen,
        title=TITLES[chosen],
        because=(TITLES[chosen] + ".",),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen),
        parts=("batch-job",) if batches else (),
        product="spark" if chosen == "dataflow" else "",
    )


TITLES = {
    "none": "Nothing is computed in batches",
    "jobs-in-the-database": "Jobs in the database, in chunks that can be started again",
    "dataflow": "Spark over files that the database exports",
}
COSTS = {
    "none": "the jobs that are asked for would not run",
    "jobs-in-the-database": "a scan takes longer than half of the period",
    "dataflow": "a cluster to run for what one scan does",
}
