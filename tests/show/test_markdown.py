"""The report as Markdown."""

import re
from pathlib import Path

from msgspec.structs import replace

from datakeel.finding import Confidence, Fix, Review, Severity, Summary
from datakeel.model.system import Remark
from datakeel.show.markdown import render
from datakeel.show.sources import Sources
from tests.show.sample import LOST_UPDATE, PUBLISH, TIMEOUT, review

PARTS = ["Summary", "Strengths", "Issues Found", "Recommendations"]


def shown(given: Review) -> str:
    return render(given, Sources("/repo", "/repo"))


def parts(text: str) -> dict[str, str]:
    pieces = re.split(r"^## (.+)\n", text, flags=re.M)
    assert pieces[0] == ""
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_there_are_exactly_four_parts_also_when_there_is_nothing_to_say() -> None:
    assert list(parts(shown(review()))) == PARTS
    assert list(parts(shown(Review()))) == PARTS


def test_the_summary_is_one_paragraph_and_says_what_was_not_analysed() -> None:
    text = parts(shown(review()))["Summary"].strip()
    assert "\n" not in text
    assert text.startswith("A shop in Django with PostgreSQL and Kafka; one node would serve it.")
    assert text.endswith("Not analysed, or to be looked at: shop/legacy.py:3: Python 2, read in part.")


def test_a_summary_without_words_of_the_reviewer_still_assesses() -> None:
    assert "Data can be lost" in shown(Review(findings=(LOST_UPDATE,)))
    assert "No path to lost" in shown(Review(findings=(TIMEOUT,)))
    assert "Nothing that loses" in shown(Review())


def test_many_remarks_are_counted() -> None:
    remarks = tuple(Remark(f"file{n}.py", 0, "broken") for n in range(50))
    text = parts(shown(Review(summary=Summary(remarks=remarks))))["Summary"]
    assert text.strip().endswith("file9.py: broken; 40 more.")


def test_every_issue_has_its_four_points_severity_and_place() -> None:
    issues = parts(shown(review()))["Issues Found"]
    for point in ("What", "Why it matters", "Pattern to apply", "Suggested fix"):
        assert issues.count(f"- **{point}**: ") == 3
    assert "- **Why it matters**: Scalability. Every worker ends up waiting." in issues
    assert "Severity **critical**, confidence high, at `shop/accounts.py:9` in `Account.withdraw`." in issues
    assert "  4. A writes: B's withdrawal is gone (`shop/accounts.py:9`)\n" in issues


def test_code_in_a_fix_cannot_end_its_fence_or_open_a_part() -> None:
    fixed = replace(TIMEOUT, fix=Fix(title="Do", text="a = '''\n```\n## Summary\n'''"))
    text = shown(Review(findings=(fixed,)))
    assert "  ````python\n" in text
    assert list(parts(text)) == PARTS


def test_names_are_not_taken_for_tags() -> None:
    text = shown(Review(findings=(replace(PUBLISH, message="<lambda> sends, `<module>` commits"),)))
    assert "&lt;lambda> sends, `<module>` commits" in text


def test_recommendations_join_what_one_pattern_cures_the_worst_first() -> None:
    same = replace(LOST_UPDATE, rule="write-skew", severity=Severity.MAJOR)
    text = parts(shown(Review(findings=(LOST_UPDATE, same, PUBLISH))))["Recommendations"]
    first, second = text.strip().split("\n")
    assert first.startswith(
        "1. **critical**: Atomic update in the database (2 findings of lost-update and write-skew): "
    )
    assert second == "2. **major**: Transactional outbox (publish-before-commit): `shop/orders.py:6`."


def test_paths_are_those_of_the_working_directory(tmp_path: Path) -> None:
    text = render(review(), Sources(tmp_path, tmp_path / "shop"))
    assert "at `accounts.py:9`" in text


def test_a_strength_says_what_is_done_what_for_and_where() -> None:
    text = parts(shown(review()))["Strengths"]
    assert "- **Unique key as guard** (`constraint-behind-invariant`): A payment cannot be made twice" in text
    assert "Reliability: A constraint holds in every run." in text
    assert "  - `shop/accounts.py:6`: the unique key\n" in text
    assert "  - and 2 more places; not in 1 where it could be" in text


def test_what_is_of_low_confidence_stands_behind_the_issues_and_is_recommended_nothing() -> None:
    low = replace(TIMEOUT, confidence=Confidence.LOW, rule="hot-key", pattern="Spread the key")
    issues = parts(shown(replace(review(), doubtful=(low,))))
    before, _, behind = issues["Issues Found"].partition("### Low confidence\n")
    assert "### 4. hot-key" in behind
    assert "hot-key" not in before + issues["Recommendations"] + issues["Summary"]
    assert parts(shown(Review(doubtful=(low,))))["Issues Found"].strip().startswith("None.\n\n### Low confidence")
