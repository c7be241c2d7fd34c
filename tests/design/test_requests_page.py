"""The page about requests is true: each row comes to what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from datakeel.design.intake import intake
from datakeel.design.intake.domains import known
from datakeel.requirements import text

PAGE = (Path(__file__).parents[2] / "docs" / "requests.md").read_text("utf-8")
ROWS = [tuple(row) for row in re.findall(r"^\| (?!the request|---)(.+?) \| (`.+`) \|$", PAGE, re.M)]
BLOCKS = re.findall(r"^```yaml\n# request: (.+?)\n(.+?)^```$", PAGE, re.M | re.S)


@pytest.mark.parametrize(("request_", "parts"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_comes_to_what_it_says(request_: str, parts: str) -> None:
    written = re.sub(r"  # .*", "", text(intake(request_)))
    missing = [part for part in re.findall(r"`(.+?)`", parts) if part not in written]
    assert not missing, written


@pytest.mark.parametrize(("request_", "block"), BLOCKS)
def test_the_file_shown_is_the_file_made(request_: str, block: str) -> None:
    written = text(intake(request_)).splitlines()
    assert [line for line in block.splitlines() if line not in written] == []


def test_there_is_a_row_for_every_domain() -> None:
    called = {reason for request_, _ in ROWS for reason in intake(request_).reasons.values()}
    assert [d.name for d in known() if not any(d.about in reason for reason in called)] == []
