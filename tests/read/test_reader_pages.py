"""The reader's pages: code, and the effects that it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import Case, cases, read_system, wrong_effects

PAGES = sorted(Path(__file__).parent.glob("pages/*.md"))
CASES = [
    pytest.param(case, id=f"{page.stem}: {case.title}")
    for page in PAGES
    for case in cases(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", CASES)
def test_the_effects_are_as_marked(case: Case, tmp_path: Path) -> None:
    assert wrong_effects(case, read_system(case.files, tmp_path)) == []
