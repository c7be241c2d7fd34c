"""Requirements → a design: one decision for each question, in their order."""

from __future__ import annotations

from msgspec.structs import replace

from datakeel.decision import Design
from datakeel.design import conflicts
from datakeel.design.archives import archives
from datakeel.design.estimate import estimate
from datakeel.design.flips import flips
from datakeel.design.questions import decide
from datakeel.requirements import Requirements


def design(requirements: Requirements) -> Design:
    """The design that meets the requirements, each decision with the figures at which it would change.

    Raises Mistake where nothing meets them, or where they ask for what is not written.
    """
    conflicts.refuse(requirements)
    decisions = decide(requirements)
    engine = next(d.chosen for d in decisions if d.question == "storage-engine")
    changes = flips(requirements, decisions)
    return Design(
        requirements=requirements,
        decisions=tuple(replace(decision, flips=changes[decision.question]) for decision in decisions),
        warnings=tuple(conflicts.warnings(requirements, decisions)),
        archives=archives(requirements, estimate(requirements), engine),
    )
