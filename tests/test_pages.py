"""Every page of a rule: each case with all rules on; each page with the cases that the house asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from datakeel.rules.rule import rules
from tests.pages import Case, cases, expected, findings, said

PAGES = {rule.name: cases(rule.page.text) for rule in rules()}
CASES = [pytest.param(case, id=f"{name}: {case.title}") for name, found in PAGES.items() for case in found]


@pytest.mark.parametrize("case", CASES)
def test_a_case_says_what_its_lines_say(case: Case, tmp_path: Path) -> None:
    assert said(findings(case.files, tmp_path)) == expected(case)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_three_wrong_and_three_silent_cases(name: str) -> None:
    wrong = [c for c in PAGES[name] if c.title.startswith("Wrong: ")]
    silent = [c for c in PAGES[name] if c.title.startswith("Silent when ")]
    assert len(wrong) >= 3, f"{name} has {len(wrong)} cases that must be found"
    assert len(silent) >= 3, f"{name} has {len(silent)} cases that must not"
    assert all(any(rule == name for *_, rule in expected(c)) for c in wrong)
    assert not any(rule == name for c in silent for *_, rule in expected(c))
