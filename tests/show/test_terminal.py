"""The report at a terminal."""

from pathlib import Path

from msgspec.structs import replace

from datakeel.finding import Confidence, Review, Severity, Standing, Summary
from datakeel.model.place import Place
from datakeel.show.output import Paper
from datakeel.show.sources import Sources
from datakeel.show.terminal import render
from tests.show.sample import LOST_UPDATE, TIMEOUT, review, write_files

LOST_UPDATE_FRAME = """\
critical lost-update in Account.withdraw
  Of two withdrawals at once, one is lost: balance is read, changed in memory and written back.
   ╭─ shop/accounts.py:9:13
   │ 1. A reads balance
 6 │    account = Account.objects.get(pk=self.pk)
   │ 2. B reads the same balance
   │ 3. B writes its result
 9 │        account.save()
   │        ^^^^^^^^^^^^^^
   │ 4. A writes: B's withdrawal is gone
   ╰─
  from      POST /withdraw and task settle
  why       The second writer overwrites the first, and nobody is told: the balance is wrong from
            then on.
  pattern   Atomic update in the database
  fix       Let the database subtract
              Account.objects.filter(pk=self.pk, balance__gte=amount).update(balance=F("balance") - amount)
  also      answers write-skew
"""


def shown(folder: Path, given: Review | None = None, paper: Paper | None = None) -> str:
    return render(given or review(), Sources(folder, folder), paper or Paper())


def test_the_story_stands_beside_the_code(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert shown(tmp_path).startswith(LOST_UPDATE_FRAME)


def test_a_step_in_another_file_names_it_and_a_finding_without_story_shows_its_line(tmp_path: Path) -> None:
    write_files(tmp_path)
    text = shown(tmp_path)
    assert "   ├─ shop/accounts.py:6\n   │ 2. Elsewhere, the consumer" in text
    assert '   ╭─ shop/orders.py:7:2\n 7 │    requests.post(URL, json={"größe": order.id})\n   │    ^^^^' in text


def test_the_end_counts_by_rule_and_severity_and_says_what_was_not_seen(tmp_path: Path) -> None:
    text = shown(tmp_path)
    assert "publish-before-commit               ·      1      ·\n" in text
    assert "3 findings (1 critical, 1 major, 1 minor) in 2 files, 16 lines" in text
    assert "4 findings of lower confidence are hidden" in text
    assert "1 finding is suppressed" in text
    assert "  · shop/legacy.py:3: Python 2, read in part\n" in text


def test_a_review_without_findings_says_so(tmp_path: Path) -> None:
    empty = Review(summary=Summary(files=1, lines=3))
    assert shown(tmp_path, empty) == "No findings in 1 file, 3 lines.\n"


def test_time_and_colour_are_for_people_only(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert "1.2 s" not in shown(tmp_path)
    assert "\x1b[" not in shown(tmp_path)
    person = shown(tmp_path, paper=Paper(colour=True, person=True))
    assert "in 1.2 s" in person
    assert "\x1b[1;31mcritical\x1b[0m" in person


def test_files_that_vanished_leave_the_story(tmp_path: Path) -> None:
    text = shown(tmp_path)
    assert "   │ 4. A writes: B's withdrawal is gone" in text
    assert " 9 │    (the line cannot be read)" in text


def test_text_is_laid_out_for_the_width(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "shop/orders.py").write_text("\n" * 6 + "\trequests.post(" + "a" * 300 + ")\n")
    lines = shown(tmp_path, paper=Paper(width=60)).split("\n")
    code = [line for line in lines if "objects.filter" not in line]
    assert max(map(len, code)) <= 60
    assert any(line.endswith("…") for line in lines)


def test_without_drawing_characters_all_is_ascii(tmp_path: Path) -> None:
    write_files(tmp_path)
    text = shown(tmp_path, paper=Paper(drawn=False))
    assert text.replace("größe", "").isascii()


def test_what_the_code_holds_cannot_steer_the_terminal(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "shop/orders.py").write_text("\n" * 6 + "post('\x1b]0;owned\x07\u202e')\n")
    evil = replace(TIMEOUT, message="a\x1b[2J", symbol="f\x9b", why="x\x07y")
    text = shown(tmp_path, Review(findings=(evil,)))
    assert not set("\x1b\x07\x9b\u202e") & set(text)


def test_a_place_beyond_the_file_or_without_columns_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    write_files(tmp_path)
    far = replace(TIMEOUT, place=Place("shop/orders.py", 700))
    whole = replace(LOST_UPDATE, place=Place("shop/accounts.py", 5, 4, 9, 26), severity=Severity.SUGGESTION)
    text = shown(tmp_path, Review(findings=(far, whole)))
    assert "700 │    (the line cannot be read)" in text
    assert "def withdraw(self, amount):" in text
    assert "^^^^" in text


def test_what_is_of_low_confidence_stands_in_a_section_of_its_own(tmp_path: Path) -> None:
    low = replace(TIMEOUT, confidence=Confidence.LOW, rule="hot-key")
    text = shown(tmp_path, replace(review(), doubtful=(low,)))
    assert text.index("publish-before-commit in pay") < text.index("── Low confidence ──") < text.index("minor hot-key")
    assert "Low confidence: 1 finding (1 minor)." in text
    assert "3 findings (1 critical, 1 major, 1 minor)" in text


def test_the_size_of_the_baseline_is_said(tmp_path: Path) -> None:
    text = shown(tmp_path, replace(review(), baseline=Standing(file="b.jsonl", size=1200, matched=1200)))
    assert "The baseline b.jsonl holds 1,200 findings, of which 1,200 are known and not shown." in text
