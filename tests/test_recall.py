"""A second review gives what the first gave: recalled where it may be, judged anew where it must be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import datakeel
from datakeel import reviewer
from datakeel.cache import Cache
from datakeel.config import Config
from datakeel.finding import Review
from datakeel.read.facts import Facts
from datakeel.read.kept import Kept
from datakeel.recall import Judged
from datakeel.reviewer import Progress, judgement
from datakeel.rules.memory import Verdicts

BOOKING = """from django.db import models


class Account(models.Model):
    number = models.CharField(max_length=20, unique=True)
    balance = models.IntegerField()


def book(number, amount):
    account = Account.objects.get(number=number)
    account.balance = account.balance + amount
    account.save()
"""

Again = Callable[[str], tuple[Review, int]]


@pytest.fixture
def again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Again:
    """Writes a text, reviews it in one project and with one cache, and tells how often it was judged anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = tmp_path / "shop"
    project.mkdir()
    judged: list[int] = []

    def counted(
        read: Facts, config: Config, tell: Progress, kept: Kept | None, cache: Cache, verdicts: Verdicts
    ) -> tuple[Judged, Verdicts]:
        judged.append(1)
        return judgement(read, config, tell, kept, cache, verdicts)

    monkeypatch.setattr(reviewer, "judgement", counted)

    def run(text: str) -> tuple[Review, int]:
        judged.clear()
        (project / "pyproject.toml").touch()
        (project / "models.py").write_text(text)
        return datakeel.review([project]), len(judged)

    return run


def lines(review: Review) -> list[tuple[str, int, list[int]]]:
    return [(f.rule, f.place.line, [s.place.line for s in f.story]) for f in review.findings]


def test_nothing_changed_nothing_is_judged(again: Again) -> None:
    first, judged = again(BOOKING)
    second, judged_again = again(BOOKING)
    assert [f.rule for f in first.findings] == ["lost-update"]
    assert (judged, judged_again) == (1, 0)
    assert second.findings == first.findings
    assert second.summary.text == first.summary.text


def test_a_template_is_looked_at_for_the_names_in_its_tags(again: Again, tmp_path: Path) -> None:
    page = tmp_path / "shop" / "templates" / "account.html"
    page.parent.mkdir()
    page.write_text("<p>Dear {{ account.owner }},</p>")
    again(BOOKING)
    page.write_text("<p>Hello {{ account.owner }}</p>")
    _, for_prose = again(BOOKING)
    page.write_text("<p>Hello {{ account.holder }}</p>")
    _, for_name = again(BOOKING)
    assert (for_prose, for_name) == (0, 1)


def test_what_a_function_imports_is_judged_anew(again: Again) -> None:
    imports = BOOKING + "\n\ndef ready():\n    import shop.signals\n"
    again(imports)
    _, judged = again(imports.replace("signals", "receivers"))
    assert judged == 1


def test_what_was_judged_anew_is_recalled_the_next_time(again: Again) -> None:
    again(BOOKING)
    edited = BOOKING.replace("account.balance + amount", "account.balance - amount")
    _, judged = again(edited)
    second, judged_again = again(edited)
    assert (judged, judged_again) == (1, 0)
    assert [f.rule for f in second.findings] == ["lost-update"]


def test_where_a_function_ends_elsewhere_in_its_line_all_is_judged_anew(again: Again) -> None:
    """What was found may stand at the whole function: its end would be told wrongly."""
    again(BOOKING + "\n\ndef limit():\n    pass\n")
    _, judged = again(BOOKING + '\n\ndef limit():\n    """Nothing yet."""\n')
    assert judged == 1


def test_a_comment_moves_what_was_found(again: Again) -> None:
    first, _ = again(BOOKING)
    moved = BOOKING.replace("def book", "# How money is booked:\n# in cents.\n\ndef book")
    second, judged = again(moved)
    assert judged == 0
    shifted = [(rule, line + 3, [s + 3 for s in story]) for rule, line, story in lines(first)]
    assert lines(second) == shifted
    assert [f.fingerprint for f in second.findings] == [f.fingerprint for f in first.findings]


def test_a_suppression_is_a_comment_and_works(again: Again) -> None:
    again(BOOKING)
    marked = BOOKING.replace("save()", "save()  # datakeel: ignore[lost-update] one clerk books")
    second, judged = again(marked)
    assert (judged, len(second.findings), len(second.suppressed)) == (0, 0, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("account.save()", "account.save(update_fields=['number'])"),
        ("account.balance + amount", "amount"),
        ("    account.save()", "    if amount:\n        account.save()"),
        ("    balance =", "    limit ="),
        ("Account.objects.get(number=number)", "Account.objects.get(\n        number=number)"),
        ("account.balance = account.balance", "account.balance  = account.balance"),
    ],
)
def test_any_other_change_is_judged_as_if_for_the_first_time(again: Again, old: str, new: str) -> None:
    again(BOOKING)
    second, judged = again(BOOKING.replace(old, new))
    assert judged == 1
    again("")
    cold, _ = again(BOOKING.replace(old, new))
    assert (second.findings, second.summary.text) == (cold.findings, cold.summary.text)


def test_a_function_that_moves_below_another_is_judged_anew(again: Again) -> None:
    other = "\n\ndef number(account):\n    return account.number\n"
    again(BOOKING + other)
    head, _, tail = BOOKING.partition("\n\ndef book")
    _, judged = again(head + other + "\n\ndef book" + tail)
    assert judged == 1
