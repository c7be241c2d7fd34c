"""Judged findings: what is drawn is decided by the seed alone; the figures are right; the page is what is kept."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from bench.judged import checkout
from bench.judged.__main__ import holds, marked
from bench.judged.checkout import Unfit, document, found
from bench.judged.judgement import (
    Found,
    Judgement,
    Repository,
    Round,
    Said,
    joined,
    judgements,
    lines,
    put,
    repositories,
    rounds,
    undrawn,
)
from bench.judged.packet import packet
from bench.judged.page import page
from bench.judged.sample import draw, shared_out
from bench.judged.score import by, figures, scored, wilson
from datakeel.rules.rule import rules

ROOT = Path(__file__).parents[1]
SHOP = Repository("someone/shop", "Django shop", "c0ffee", 2000, 1)
LIMITS = Round(1, 300, 40, 25)


def one(number: int = 1, repository: str = SHOP.name, rule: str = "lost-update", **other: str) -> Found:
    known = {"path": f"{rule}.py", "symbol": f"f{number}", "fingerprint": f"{repository}{rule}{number}"}
    known |= {"severity": "major", "confidence": "medium", "reviewer": "abc"} | other
    return Found(repository=repository, commit=SHOP.commit, line=number, rule=rule, **known)


def judged(of: Found, verdict: str = "true", worth: str = "yes", **other: str) -> Judgement:
    row = msgspec.structs.asdict(of) | {"verdict": verdict, "worth": worth, "reason": "read"} | other
    return msgspec.convert(row, Judgement)


MANY = [one(n, f"r{r}", f"rule-{n % 7}") for r in range(5) for n in range(60)]


def test_the_same_seed_draws_the_same_whatever_the_order() -> None:
    shuffled = random.Random(1).sample(MANY, len(MANY))
    assert draw(MANY, "abc", LIMITS) == draw(shuffled, "abc", LIMITS)
    assert draw(MANY, "abc", LIMITS) != draw(MANY, "abd", LIMITS)


def test_no_repository_and_no_rule_has_more_than_its_share() -> None:
    drawn = draw(MANY, "abc", Round(1, 90, 20, 15))
    assert len(drawn) == len(set(drawn)) == 90
    assert max(Counter(f.repository for f in drawn).values()) == 20
    assert max(Counter(f.rule for f in drawn).values()) == 15


def test_what_is_fewer_than_its_share_is_drawn_whole() -> None:
    few = [one(n) for n in range(3)]
    assert draw(few, "abc", LIMITS) == few
    assert len(draw(MANY, "abc", Round(1, 1000, 1000, 1000))) == len(MANY)


def test_packets_hold_whole_repositories_and_about_as_much() -> None:
    counts = {"a": 40, "b": 30, "c": 20, "d": 20, "e": 10}
    shares = shared_out([one(n, name) for name, count in counts.items() for n in range(count)], 3)
    assert sorted(name for share in shares for name in share) == sorted(counts)
    assert sorted(sum(counts[name] for name in share) for share in shares) == [40, 40, 40]


@pytest.mark.parametrize(
    ("true", "of", "low", "high"), [(270, 300, 0.8608, 0.9291), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775)]
)
def test_the_interval_is_wilsons(true: int, of: int, low: float, high: float) -> None:
    assert wilson(true, of) == pytest.approx((low, high), abs=5e-5)


def test_figures_count_a_disputed_finding_as_false_and_a_false_one_as_worth_nothing() -> None:
    part = figures([judged(one()), judged(one(2), "disputed"), judged(one(3), "false"), judged(one(4), worth="no")])
    assert (part.findings, part.true, part.worth) == (4, 2, 1)
    assert (part.precision, part.worth_share) == (0.5, 0.25)
    assert figures([]).precision is None


def test_figures_of_each_rule() -> None:
    parts = by([judged(one(rule="a")), judged(one(rule="b"), "false"), judged(one(2, rule="b"))], lambda f: f.rule)
    assert {name: (part.true, part.findings) for name, part in parts.items()} == {"a": (1, 1), "b": (1, 2)}


KEPT = [judged(one(1)), judged(one(2)), judged(one(3), "false"), judged(one(4), "disputed")]


def test_a_later_review_is_compared_with_the_judgements() -> None:
    outcome = scored(KEPT, [one(5), one(6)], [one(1), one(3), one(5), one(7)])
    assert [f.line for f in outcome.speaking] == [1, 3]
    assert [f.line for f in outcome.lost] == [2]
    assert [f.line for f in outcome.mended] == [4]
    assert [f.line for f in outcome.new] == [7]
    assert [f.line for f in outcome.unjudged] == [5]


def test_a_finding_is_the_same_by_fingerprint_or_by_rule_and_line() -> None:
    moved = msgspec.structs.replace(one(1), line=90)
    reprinted = msgspec.structs.replace(one(2), fingerprint="another")
    elsewhere = one(3, "someone/else")
    outcome = scored(KEPT, [], [moved, reprinted, elsewhere])
    assert [f.line for f in outcome.speaking] == [1, 2]
    assert outcome.new == (elsewhere,)


def test_one_finding_of_now_stands_for_one_judgement() -> None:
    twice = [judged(one(1)), judged(msgspec.structs.replace(one(1), line=2), "false")]
    outcome = scored(twice, [], [one(1)])
    assert (outcome.speaking, outcome.mended) == ((twice[0],), (twice[1],))


def test_what_is_silent_is_marked_with_the_first_commit_and_unmarked_when_it_speaks() -> None:
    before = [judged(one(1), silent="old"), judged(one(2), silent="old"), judged(one(3), "false")]
    assert [f.silent for f in marked(before, scored(before, [], [one(1)]), "new")] == ["", "old", "new"]


def test_the_aims_are_of_what_speaks() -> None:
    good = [judged(one(n), worth="yes" if n < 170 else "no", confidence="high") for n in range(200)]
    assert holds(good)
    assert not holds(good[:20])  # true, all of them, but too few to know
    assert not holds([*good, *(judged(one(n), "false", confidence="high") for n in range(200, 215))])
    assert not holds([])


def test_verdicts_are_joined_by_number_and_each_finding_needs_one() -> None:
    said = [Said(2, "false", "no", "is locked"), Said(1, "true", "yes", "is not")]
    first, second = joined([one(1), one(2)], said)
    assert (first.line, first.verdict, first.reason) == (1, "true", "is not")
    assert (second.line, second.verdict, second.reason) == (2, "false", "is locked")
    for wrong in (said[:1], [*said, said[0]], [*said, Said(3, "true", "yes", "")]):
        with pytest.raises(ValueError, match="not judged just once: "):
            joined([one(1), one(2)], wrong)


def test_judgements_are_read_as_they_were_put(tmp_path: Path) -> None:
    put(tmp_path / "judgements.jsonl", KEPT)
    assert lines(tmp_path / "judgements.jsonl", Judgement) == KEPT
    assert lines(tmp_path / "nothing.jsonl", Judgement) == []


CODE = """\
from django.db import models

class Account(models.Model):
    balance = models.DecimalField(max_digits=12, decimal_places=2)

    def withdraw(self, amount):
        account = Account.objects.get(pk=self.pk)
        account.balance -= amount
        account.save()
"""


def test_a_checkout_is_reviewed_and_its_findings_are_reported_to_the_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "_git", lambda folder, *words: SHOP.commit)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "models.py").write_text(CODE)
    told = document(SHOP, tmp_path, tmp_path / "reviews")
    (finding,) = found(SHOP, told.findings, "abc")
    assert (finding.rule, finding.path, finding.line) == ("lost-update", "models.py", 9)
    text = packet([SHOP], tmp_path, {7: (finding, told.findings[0])})
    assert "## 7. lost-update: models.py:9" in text
    assert told.findings[0].message in text
    assert str(tmp_path / "shop") in text
    (tmp_path / "shop" / "models.py").unlink()
    assert document(SHOP, tmp_path, tmp_path / "reviews") == told  # the review that stands there is taken


def test_a_checkout_of_another_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="no checkout of c0ffee"):
        document(SHOP, tmp_path)


def test_the_page_tells_the_figures_and_what_was_not_true() -> None:
    text = page([LIMITS], [SHOP], [*KEPT[:3], judged(one(4), "disputed", reason="a | b", silent="abd")], [one(5)])
    assert "| all that were drawn | 4 | 50.0% | 15.0% to 85.0% | 50.0% |" in text
    assert "| without those that are silent since (1) | 3 | 66.7% | 20.8% to 93.9% | 66.7% |" in text
    assert "## Round 1: 1 repositories" in text
    assert "| 1 | someone/shop | Django shop | `c0ffee` | 2,000 | 5 | 2.5 | 4 | 2 | 2 |" in text
    assert "| `lost-update` | 4 | 2 | 2 | 2 of 4 |" in text
    assert "| `lost-update` | someone/shop lost-update.py:4 | disputed, silent since | a \\| b |" in text
    assert "Nothing has been judged yet." in page([LIMITS], [SHOP], [], [])


def test_the_page_is_made_from_what_is_kept() -> None:
    kept = (ROOT / "docs" / "accuracy.md").read_text("utf-8")
    assert kept == page(rounds(), repositories(), judgements(), undrawn()), "accuracy.md is old: make references"


def test_what_is_kept_is_of_the_repositories_at_their_commits_and_each_finding_once() -> None:
    commits = {repository.name: repository.commit for repository in repositories()}
    kept = [*judgements(), *undrawn()]
    assert len(commits) == len(repositories()) >= 10
    assert {repository.round for repository in repositories()} == {one.number for one in rounds()}
    assert all(commits[f.repository] == f.commit for f in kept)
    assert all(f.reason.strip() for f in judgements())
    assert {f.rule for f in kept} <= {rule.name for rule in rules()}
    assert len({(f.repository, f.rule, f.path, f.line, f.fingerprint) for f in kept}) == len(kept)
