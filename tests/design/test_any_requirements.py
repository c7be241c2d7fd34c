"""Whatever a system.yaml may say, there is a design with all its records, or a Mistake."""

from hypothesis import HealthCheck, example, given, settings
from msgspec.structs import replace

from datakeel.decision import QUESTIONS
from datakeel.design.designer import design
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements
from datakeel.write.records import overview, record
from tests.requirements.strategies import REQUIREMENTS


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(REQUIREMENTS)
@example(Requirements(name="order"))  # the least that can be said has a design
def test_there_is_a_design_or_a_mistake(requirements: Requirements) -> None:
    try:
        found = design(replace(requirements, language="python", overrides={}))
    except Mistake as mistake:
        assert str(mistake).endswith(".")
        return
    assert tuple(decision.question for decision in found.decisions) == QUESTIONS
    for number, decision in enumerate(found.decisions, 1):
        assert record(decision, number).startswith(f"---\nstatus: accepted\n---\n\n# {number}. {decision.title}\n")
    assert overview(found).count("\n1. [") == 1
