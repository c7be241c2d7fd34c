"""What a sentence becomes is written as a file that says the same, reasons and all."""

from __future__ import annotations

import pytest

from datakeel.design.intake import intake
from datakeel.requirements import read, text


@pytest.mark.parametrize(
    "request_",
    [
        "Build an order tracking system that keeps a search index and analytics dashboard in sync",
        "I need to ingest millions of sensor readings per second with range queries by time",
        "Coordinate a payment and inventory reservation across two services",
        "a meeting-room calendar for 40 users, no double booking",
        "a double-entry ledger with 500 transfers per second",
        "a chat with per conversation order and offline clients",
    ],
)
def test_the_file_says_what_was_understood(request_: str) -> None:
    understood = intake(request_)
    assert read(text(understood), "system.yaml") == understood
