"""Every page of a rule: each case with all rules on; each page with the cases that the house asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from datakeel.rules.rule import Rule, rules
from tests.pages import Case, cases, expected, findings, said

PAGES = {rule.name: cases(rule.page.text) for rule in rules()}
CASES = [pytest.param(name, case, id=f"{name}: {case.title}") for name, found in PAGES.items() for case in found]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_case_says_what_its_lines_say(name: str, case: Case, tmp_path: Path) -> None:
    found = findings(case.files, tmp_path)
    assert said([f for f in found if f.confidence.word != "low"]) == expected(case)
    low = said([f for f in found if f.confidence.word == "low"])
    assert [s for s in low if s in case.marked("low")] == case.marked("low")
    if any(c.marked("low") for c in PAGES[name]):  # a page of what is said at low confidence marks all of that
        assert [s for s in low if s[2] == name] == [s for s in case.marked("low") if s[2] == name]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_three_wrong_and_three_silent_cases(name: str) -> None:
    wrong = [c for c in PAGES[name] if c.title.startswith("Wrong: ")]
    silent = [c for c in PAGES[name] if c.title.startswith("Silent when ")]
    assert len(wrong) >= 3, f"{name} has {len(wrong)} cases that must be found"
    assert len(silent) >= 3, f"{name} has {len(silent)} cases that must not"
    assert all(any(rule == name for *_, rule in (*expected(c), *c.marked("low"))) for c in wrong)
    assert not any(rule == name for c in silent for *_, rule in (*expected(c), *c.marked("low")))


@pytest.mark.parametrize("rule", [rule for rule in rules() if rule.record is not None], ids=lambda rule: rule.name)
def test_a_rule_whose_findings_were_mostly_not_true_says_so_on_its_page(rule: Rule) -> None:
    assert rule.record is not None
    assert str(rule.record) in " ".join(rule.page.text.split())
    assert rule.record.true < 0.8 * rule.record.judged
