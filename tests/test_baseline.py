"""An old code base reports only what is new: which findings a baseline answers for, and how its file changes."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

import datakeel
from datakeel import baseline
from datakeel.baseline import Baseline
from datakeel.cli import main
from datakeel.finding import Confidence, Entry, Finding, Review, Standing
from datakeel.mistake import Mistake
from datakeel.show.sarif import suppressions
from tests.show.sample import LOST_UPDATE

PAY = """\
import requests


def pay(order):
    requests.post("https://bank.example", json=order)
"""
REFUND = """\


def refund(order):
    requests.post("https://bank.example", json=order)
"""
DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "pay.py").write_text(PAY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".git" / "cache"))
    return tmp_path


FILE = Path("known.jsonl")


def reviewed(*words: str) -> int:
    return main(["review", ".", "-j", "1", "--baseline", str(FILE), *words])


def symbols(review: Review) -> list[str]:
    return [finding.symbol for finding in review.findings]


def compared(*paths: str) -> Review:
    return datakeel.review(paths or ("."), known=baseline.read(FILE))


def test_what_is_known_is_not_reported_and_what_is_new_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reviewed("--set-baseline") == 0
    assert "The baseline known.jsonl holds 1 finding, 1 of them new, of which 1 is known" in flat(capsys)
    assert reviewed() == 0
    assert "The baseline known.jsonl holds 1 finding, of which 1 is known and not shown." in flat(capsys)
    with Path("shop/pay.py").open("a") as file:
        file.write(REFUND)
    assert reviewed() == 1
    assert "remote-call-without-timeout in refund" in flat(capsys)
    assert symbols(compared()) == ["refund"]


def flat(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_moved_and_formatted_code_is_known_and_a_changed_function_is_not(project: Path) -> None:
    reviewed("--set-baseline")
    source = Path("shop/pay.py")
    source.write_text("# so it is\n\n" + PAY.replace('("https', "(\n        'https").replace('example"', "example'"))
    assert symbols(compared()) == []
    source.rename("shop/payments.py")
    assert symbols(compared()) == []
    Path("shop/payments.py").write_text(PAY.replace("    requests", "    print(order)\n    requests"))
    review = compared()
    assert symbols(review) == ["pay"]
    assert review.baseline is not None
    assert (review.baseline.size, review.baseline.reopened, review.baseline.gone) == (1, 1, 1)


def test_an_empty_repository_has_an_empty_baseline(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("shop/pay.py").unlink()
    for words in (("--set-baseline",), ("--update-baseline",), (), ("--format", "html"), ("--format", "sarif")):
        assert reviewed(*words) == 0
        assert FILE.read_text() == '{"datakeel": "baseline", "version": 1}\n'
    assert "the baseline known.jsonl holds 0 findings" in capsys.readouterr().out.lower()


def test_a_baseline_shrinks_and_grows_only_when_asked(project: Path) -> None:
    reviewed("--set-baseline")
    before = FILE.read_text()
    Path("shop/pay.py").write_text(PAY.replace("json=order", "json=order, timeout=5") + REFUND)
    assert reviewed() == 1
    assert FILE.read_text() == before
    assert reviewed("--update-baseline") == 1
    assert baseline.read(FILE).entries == ()
    assert reviewed("--set-baseline") == 0
    assert [entry.symbol for entry in baseline.read(FILE).entries] == ["refund"]


def test_what_was_not_looked_at_is_not_gone(project: Path) -> None:
    Path("billing").mkdir()
    Path("billing/bill.py").write_text(PAY.replace("def pay", "def bill"))
    reviewed("--set-baseline")
    held = FILE.read_text()
    for words in (["review", "shop"], ["review", ".", "--select", "transact"]):
        for change in ("--update-baseline", "--set-baseline"):
            main([*words, "-j", "1", "--baseline", str(FILE), change])
            assert FILE.read_text() == held
    Path("billing/bill.py").unlink()
    assert main(["review", "shop", "-j", "1", "--baseline", str(FILE), "--update-baseline"]) == 0
    assert len(baseline.read(FILE).entries) == 2
    assert reviewed("--update-baseline") == 0
    assert [entry.path for entry in baseline.read(FILE).entries] == ["shop/pay.py"]


def test_what_a_comment_answers_for_needs_no_entry(project: Path) -> None:
    reviewed("--set-baseline")
    comment = "    # datakeel: ignore[remote-call-without-timeout] by hand\n    requests"
    Path("shop/pay.py").write_text(PAY.replace("    requests", comment))
    review = compared()
    assert review.baseline is not None
    assert (len(review.suppressed), len(review.baselined), review.baseline.gone) == (1, 0, 1)


# Of the parts ---------------------------------------------------------------------------------------------------------


def entry(name: str, function: str = "d") -> Entry:
    return Entry("a.py", name, "lost-update", f"identity of {name}", function)


def parted(known: tuple[Entry, ...], *found: Entry, change: str = "") -> baseline.Outcome:
    entries = {n: e for n, e in enumerate(found)}
    findings = [replace(LOST_UPDATE, message=str(n)) for n in entries]
    return baseline.apply(findings, Baseline("b", known, change), lambda f: entries[int(f.message)], lambda e: True)


def test_an_entry_answers_for_one_finding() -> None:
    outcome = parted((entry("a"), entry("a")), entry("a"), entry("a"), entry("a"))
    assert (len(outcome.kept), len(outcome.known)) == (1, 2)
    fewer = parted((entry("a"), entry("a")), entry("a"), change="update").standing
    assert fewer is not None
    assert (fewer.size, fewer.gone, fewer.entries) == (1, 1, (entry("a"),))


def test_a_reopened_finding_is_not_known_again_until_it_is_asked_for() -> None:
    outcome = parted((entry("a", "old"),), entry("a", "new"), change="update")
    assert len(outcome.kept) == 1
    assert outcome.standing is not None
    assert (outcome.standing.reopened, outcome.standing.entries) == (1, ())


def test_doubtful_findings_are_not_taken_in_unless_they_are_shown() -> None:
    low = replace(LOST_UPDATE, confidence=Confidence.LOW)

    def taken(least: Confidence) -> tuple[Finding, ...]:
        return baseline.apply([low], Baseline("b", (), "set"), lambda f: entry("a"), lambda e: True, least).known

    assert (taken(Confidence.MEDIUM), taken(Confidence.LOW)) == ((), (low,))


def test_two_thousand_findings_are_parted_in_no_time() -> None:
    known = tuple(entry(str(n)) for n in range(2000))
    outcome = parted(known, *known[1:], entry("new"))
    assert (len(outcome.kept), len(outcome.known)) == (1, 1999)
    assert isinstance(outcome.standing, Standing)
    assert outcome.standing.gone == 1


def test_the_file_is_sorted_has_a_line_each_and_comes_back_as_it_was(tmp_path: Path) -> None:
    odd = Entry("\udcff<b>.py", "größe\n", "dual-write", "f", "")
    text = baseline.text([entry("b"), odd, entry("a")])
    assert len(text.splitlines()) == 4
    assert text == baseline.text([odd, entry("a"), entry("b")])
    (tmp_path / "b").write_text(text)
    assert baseline.read(tmp_path / "b").entries == (entry("a"), entry("b"), odd)


def test_lines_that_a_merge_left_twice_or_out_of_order_are_read(tmp_path: Path) -> None:
    lines = baseline.text([entry("a"), entry("b")]).splitlines()
    (tmp_path / "b").write_text("\n".join([lines[0], lines[2], lines[1], lines[2]]))
    assert baseline.read(tmp_path / "b").entries == (entry("a"), entry("b"), entry("b"))


HEAD = '{"datakeel": "baseline", "version": 1}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty, no baseline of datakeel: restore it from version control, or delete it"),
        ("[]\n", "is no baseline of datakeel"),
        ('{"version": "2.1.0"}\n', "is no baseline of datakeel"),
        ("\0\1", "is no baseline of datakeel"),
        (
            '{"datakeel": "baseline", "version": 2}\n',
            "of version 2, and this datakeel reads 1: install a newer datakeel",
        ),
        (HEAD + "{", ":2: not an entry of a baseline: restore it"),
        (HEAD + '{"path": "a", "symbol": "", "rule": 1, "identity": "x"}', ":2: not an entry"),
        (HEAD + '{"path": "a", "symbol": "", "rule": "r", "identity": "x", "more": 1}', ":2: not an entry"),
        (HEAD + "<<<<<<< HEAD\n=======\n>>>>>>> main\n", ":2: a merge conflict; keep the entries of both sides"),
    ],
)
def test_what_is_no_baseline_is_refused_with_the_remedy(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "b").write_text(text)
    with pytest.raises(Mistake, match=re.escape(said)):
        baseline.read(tmp_path / "b")


def test_bytes_and_folders_are_refused_too(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"\xff\xfe")
    with pytest.raises(Mistake, match="is no baseline of datakeel"):
        baseline.read(tmp_path / "b")
    with pytest.raises(Mistake, match="cannot read"):
        baseline.read(tmp_path)


def test_a_broken_baseline_is_told_before_anything_is_read_and_left_as_it_is(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    FILE.write_text("{}")
    for change in ((), ("--update-baseline",), ("--set-baseline",)):
        assert reviewed(*change) == 2
        assert "known.jsonl is no baseline of datakeel" in capsys.readouterr().err
    assert FILE.read_text() == "{}"


def test_sarif_says_who_answers_for_a_finding() -> None:
    known = replace(LOST_UPDATE, fingerprint="f")
    assert suppressions(known, {"f"})[0]["kind"] == "external"
    assert suppressions(replace(known, suppressed="one writer"), ())[0]["kind"] == "inSource"
    assert suppressions(known, {"g"}) == []


def test_the_commands_of_the_page_work_one_after_another(project: Path) -> None:
    shown = re.findall(r"^```sh\n(.*?)^```", (DOCS / "baseline.md").read_text("utf-8"), re.M | re.S)
    commands = [line.partition("  #")[0].strip() for block in shown for line in block.splitlines()]
    assert len(commands) >= 3
    for command in commands:
        words = shlex.split(command)
        done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, timeout=600, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
