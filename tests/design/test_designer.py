"""What whole designs come to."""

import pytest

from datakeel.decision import QUESTIONS
from datakeel.design.designer import design
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements
from tests.design.systems import CALENDAR, CHECKOUT, ORDERS, READINGS

PARTS = [
    (
        ORDERS,
        "event-store log search-view analytics-view message-schemas http-api dashboard cluster-configuration",
    ),
    (READINGS, "time-series http-api dashboard cluster-configuration"),
    (CHECKOUT, "tables saga outbox http-api dashboard"),
    (CALENDAR, "tables http-api"),
]


@pytest.mark.parametrize("requirements,parts", PARTS, ids=lambda p: p.name if isinstance(p, Requirements) else None)
def test_the_parts_that_a_request_asks_for(requirements: Requirements, parts: str) -> None:
    assert design(requirements).parts() == frozenset(parts.split())


def test_every_question_is_answered_in_its_order() -> None:
    assert tuple(d.question for d in design(ORDERS).decisions) == QUESTIONS


def test_a_language_that_is_not_written_is_answered_with_what_is() -> None:
    with pytest.raises(Mistake, match="Java is not written"):
        design(Requirements(name="orders", language="Java", domain=ORDERS.domain))
