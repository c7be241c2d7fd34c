"""Every library model has an example, and its marked effects are those that the reader sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from datakeel.read.libraries import Table, shipped
from tests.pages import Case, read_system, wrong_effects

TABLES = shipped("python")


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.library)
def test_the_examples_effects_are_seen(table: Table, tmp_path: Path) -> None:
    assert table.example, f"{table.library} has no example"
    for number, example in enumerate(table.example):
        case = Case(f"{table.library} {number}", {"shop/code.py": example.code})
        assert wrong_effects(case, read_system(case.files, tmp_path / str(number))) == []
