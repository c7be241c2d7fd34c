"""Constructs of different kinds in one system: their writers do not stand in each other's way."""

from pathlib import Path

import pytest

from datakeel.design.designer import design
from datakeel.design.intake import intake
from datakeel.write import disk
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean

REQUESTS = (
    "e-commerce checkout: orders are placed and shipped; reserve stock, charge the card via Stripe; undo on failure",
    "orders with search; coordinate payment and inventory reservation across two services",
    "orders with an analytics dashboard, and sensor readings 100 per second",
    "a chat for 2,000 daily users with search, and a social graph: users follow users",
)


@pytest.mark.parametrize("request_", REQUESTS)
def test_they_make_one_clean_project(request_: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    disk.put(write(design(intake(request_))), folder)
    assert_laid_out_and_clean(folder)
