"""Every page of a strength: each case with all strengths and all rules on; and what no strength may be."""

from __future__ import annotations

from pathlib import Path

import pytest

import datakeel
from datakeel import generator
from datakeel.config import Config
from datakeel.finding import Review
from datakeel.rules.judge import judge
from datakeel.rules.praise import SHOWN, praise
from datakeel.rules.rule import CATEGORIES, rules
from datakeel.rules.strength import strengths
from datakeel.write import disk
from tests.pages import Case, cases, expected, praised, read_system, said

PAGES = {pattern.name: cases(pattern.page.text) for pattern in strengths()}
CASES = [pytest.param(case, id=f"{name}: {case.title}") for name, found in PAGES.items() for case in found]


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_praised_where_its_lines_say(case: Case, tmp_path: Path) -> None:
    system = read_system(case.files, tmp_path)
    findings = tuple(f for f in judge(system) if f.confidence.word != "low")
    assert said(findings) == expected(case)
    assert praised(praise(system, findings)) == case.marked("strength")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_cases_of_both_kinds(name: str) -> None:
    found = [c for c in PAGES[name] if c.title.startswith("Found: ")]
    silent = [c for c in PAGES[name] if c.title.startswith("Silent when ")]
    assert found and len(silent) >= 2 and len(found) + len(silent) == len(PAGES[name])
    assert all(any(n == name for *_, n in c.marked("strength")) for c in found)
    assert not any(n == name for c in silent for *_, n in c.marked("strength"))


def test_at_least_thirty_patterns_are_known() -> None:
    assert len(strengths()) >= 30


def test_the_documentation_lists_each_with_its_words() -> None:
    rows = {f"| `{p.name}` | {p.page.pattern} | {p.says} |" for p in strengths()}
    page = (Path(__file__).parents[1] / "docs/strengths.md").read_text("utf-8").splitlines()
    assert {line for line in page if line.startswith("| `")} == rows


def test_what_contradicts_a_strength_is_a_rule() -> None:
    known = {rule.name for rule in rules()}
    assert not {name for pattern in strengths() for name in pattern.unless} - known
    assert {pattern.category for pattern in strengths()} <= set(CATEGORIES)
    assert not {pattern.name for pattern in strengths()} & known


SHOP = """
from django.db import models, transaction
from django.db.models import F


class Account(models.Model):
    balance = models.IntegerField()


def withdraw(number, amount):
    Account.objects.filter(pk=number).update(balance=F("balance") - amount)
"""
LOST = """

def deposit(number, amount):
    account = Account.objects.get(pk=number)
    account.balance += amount
    account.save()
"""


def reviewed(folder: Path, text: str) -> Review:
    (folder / "shop").mkdir(exist_ok=True)
    (folder / "shop/accounts.py").write_text(text, encoding="utf-8")
    return datakeel.review(folder)


def test_a_review_praises_and_a_second_one_does_the_same(tmp_path: Path) -> None:
    first = reviewed(tmp_path, SHOP)
    assert [(s.name, s.places) for s in first.strengths] == [("atomic-update", 1)]
    moved = reviewed(tmp_path, "# the shop\n" + SHOP)
    assert [(s.name, s.evidence[0].place.line) for s in moved.strengths] == [("atomic-update", 12)]


def test_no_strength_contradicts_an_issue_of_the_same_report(tmp_path: Path) -> None:
    review = reviewed(tmp_path, SHOP + LOST)
    assert [f.rule for f in review.findings] == ["lost-update"]
    assert review.strengths == ()


def test_a_toy_gets_neither_praise_nor_an_issue(tmp_path: Path) -> None:
    review = reviewed(tmp_path, "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n")
    assert (review.findings, review.strengths) == ((), ())


def test_a_strength_whose_opposite_was_not_looked_for_is_not_claimed(tmp_path: Path) -> None:
    reviewed(tmp_path, SHOP)
    config = Config(ignore=("lost-update",))
    assert datakeel.review(tmp_path, config=config).strengths == ()


def test_few_of_many_places_are_named_and_the_others_counted(tmp_path: Path) -> None:
    more = "".join(
        f'\n\ndef take_{n}(number):\n    Account.objects.filter(pk=number).update(balance=F("balance") - {n})\n'
        for n in range(8)
    )
    strength = reviewed(tmp_path, SHOP + more).strengths[0]
    assert (strength.places, len(strength.evidence)) == (9, SHOWN)


def test_an_example_system_is_praised_by_name(tmp_path: Path) -> None:
    """What `generate` writes for a saga is recognised by review as what it is."""
    request = "Coordinate a payment and inventory reservation across two services"
    _, project = generator.generated(generator.understood(request))
    disk.put(project, tmp_path)
    review = datakeel.review(tmp_path)
    assert review.findings == ()
    names = {s.name for s in review.strengths}
    assert {"outbox", "inbox", "idempotency-key", "fencing-token", "saga-compensation"} <= names
    assert {"conditional-transition", "graceful-shutdown", "health-checks", "latency-histogram"} <= names
