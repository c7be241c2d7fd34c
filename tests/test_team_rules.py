"""A team's own rules: found by their files, run only where the user says so, tried on their pages, and never the end of
a review."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import datakeel
from datakeel.cli import main
from datakeel.config import load
from datakeel.finding import Review
from datakeel.mistake import Mistake

DOCS = Path(__file__).parents[1] / "docs" / "own-rules.md"
CODE = """
from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers="kafka:9092", acks="all")


def paid(order):
    producer.send("shop.paid", order)
"""
HEADER = "# {name}\n\nIt goes wrong.\n\nPattern: Another\nPillar: reliability\n\n"
RULE = """
from datakeel.finding import Severity
from datakeel.model.operation import Operation
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def {name}(operation: Operation):
    {body}
"""
SPEAKS = 'yield Hit(place=operation.place, message=f"{operation.symbol} is there")'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose configuration names the rule of the documentation."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "orders.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "datakeel.toml").write_text('rules = ["our_rules"]\n', encoding="utf-8")
    folder = tmp_path / "our_rules" / "process"
    folder.mkdir(parents=True)
    text = DOCS.read_text(encoding="utf-8")
    for name, fence in (("publish_without_key.py", "```"), ("publish_without_key.md", "````")):
        found = re.search(rf"^{fence}\w+ our_rules/process/{name}\n(.*?)^{fence}$", text, re.M | re.S)
        assert found is not None
        (folder / name).write_text(found.group(1), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATAKEEL_TEAM_RULES", raising=False)
    return tmp_path


def write(project: Path, name: str, body: str, page: str = "") -> Path:
    file = project / "our_rules" / "process" / f"{name}.py"
    file.write_text(RULE.format(name=name, body=body), encoding="utf-8")
    title = name.replace("_", "-")
    file.with_suffix(".md").write_text(HEADER.format(name=title) + page, encoding="utf-8")
    return file


def reviewed(project: Path, *, team_rules: bool) -> Review:
    return datakeel.review([project], team_rules=team_rules)


def named(review: Review) -> list[tuple[str, str, int]]:
    return [(f.rule, f.place.path, f.place.line) for f in review.findings]


def test_a_rule_of_the_team_speaks_where_it_is_let_run(project: Path) -> None:
    assert ("publish-without-key", "shop/orders.py", 8) in named(reviewed(project, team_rules=True))


def test_a_review_runs_no_code_of_what_it_reviews(project: Path) -> None:
    write(project, "leaves_a_mark", SPEAKS)
    file = project / "our_rules" / "process" / "leaves_a_mark.py"
    file.write_text(f"open({str(project / 'mark')!r}, 'w')\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    review = reviewed(project, team_rules=False)
    assert not (project / "mark").exists()
    assert not any(rule in ("publish-without-key", "leaves-a-mark") for rule, *_ in named(review))
    assert any(
        "2 rules of the team were not run" in r.text and "--team-rules" in r.text for r in review.summary.remarks
    )
    assert main(["explain", "leaves-a-mark"]) == 0
    assert not (project / "mark").exists()
    reviewed(project, team_rules=True)
    assert (project / "mark").exists()


def test_the_second_review_knows_whether_they_ran(project: Path) -> None:
    assert named(reviewed(project, team_rules=False)) != named(reviewed(project, team_rules=True))
    write(project, "publish_without_key", "return iter(())")
    assert named(reviewed(project, team_rules=True)) == named(reviewed(project, team_rules=False))


def test_configuration_and_suppressions_know_it_by_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = CODE.replace("order)\n", "order)  # datakeel: ignore[publish-without-key] one partition\n")
    code = code.replace("def paid(order):", "def paid(order):\n    pass\n\n\ndef again(order):")
    (project / "shop" / "orders.py").write_text(code, encoding="utf-8")
    assert "publish-without-key" not in {r for r, *_ in named(reviewed(project, team_rules=True))}
    assert not any("unknown rule" in r.text for r in reviewed(project, team_rules=False).summary.remarks)
    assert main(["review", "--team-rules", "--select", "publish-without-kee"]) == 2
    assert 'did you mean "publish-without-key"?' in capsys.readouterr().err


def test_a_rule_that_fails_takes_nothing_down_and_is_said(project: Path) -> None:
    file = write(project, "breaks", "yield Hit(place=operation.place, message='x')\n    raise KeyError('orders')")
    review = reviewed(project, team_rules=True)
    assert ("publish-without-key", "shop/orders.py", 8) in named(review)
    assert not any(rule == "breaks" for rule, *_ in named(review))
    (said,) = [r for r in review.summary.remarks if "breaks" in r.text]
    line = 1 + file.read_text(encoding="utf-8").splitlines().index("    raise KeyError('orders')")
    assert (said.path, said.line) == ("our_rules/process/breaks.py", line)
    assert "KeyError: 'orders'" in said.text


def test_what_is_no_hit_is_said(project: Path) -> None:
    write(project, "yields_text", "yield 'wrong'")
    said = [r.text for r in reviewed(project, team_rules=True).summary.remarks if "yields-text" in r.text]
    assert len(said) == 1
    assert "a rule yields Hit, not str" in said[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("def broken(:\n", r"our_rules/process/broken.py:1: the rule cannot be loaded: SyntaxError"),
        ("import no_such_thing\n", r"broken.py:1: the rule cannot be loaded: ModuleNotFoundError"),
        ("x = 1\n", r"broken.py: a rule's function bears its file's name: def broken"),
        ("def broken(operation): ...\n", r"broken.py: mark the function as a rule: @rule"),
        (RULE.format(name="broken", body="return ()").replace(": Operation", ": int"), "a rule judges an Operation"),
    ],
)
def test_what_cannot_be_loaded_is_told_with_its_file(project: Path, text: str, wanted: str) -> None:
    write(project, "broken", "return ()").write_text(text, encoding="utf-8")
    reviewed(project, team_rules=False)
    with pytest.raises(Mistake, match=wanted):
        reviewed(project, team_rules=True)


def test_a_page_without_its_header_is_told(project: Path) -> None:
    write(project, "broken", "return ()").with_suffix(".md").write_text("# broken\n", encoding="utf-8")
    with pytest.raises(Mistake, match=r"broken.md: a page begins with"):
        reviewed(project, team_rules=True)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("our_rules/process/alone.py", r"alone.py has no page: write our_rules/process/alone.md beside it"),
        ("our_rules/process/alone.md", r"alone.md has no rule: write our_rules/process/alone.py beside it"),
        ("our_rules/alone.py", r"alone.py: a rule stands in a folder named as its category: derive, "),
        ("our_rules/proces/alone.py", r'unknown category "proces"; did you mean "process"\?'),
    ],
)
def test_a_file_that_is_out_of_place_is_told(project: Path, path: str, wanted: str) -> None:
    file = project / path
    file.parent.mkdir(exist_ok=True)
    file.write_text("", encoding="utf-8")
    with pytest.raises(Mistake, match=wanted):
        reviewed(project, team_rules=False)


def test_a_name_that_is_taken_and_a_folder_that_is_not_there_are_told(project: Path) -> None:
    write(project, "lost_update", SPEAKS)
    (project / "datakeel.toml").write_text('rules = ["our_rules", "theirs"]\n', encoding="utf-8")
    with pytest.raises(Mistake) as caught:
        load([project], {"lost-update": "transact", "slow": "process"})
    first, second = str(caught.value).splitlines()
    assert first.endswith("lost-update is datakeel's rule already; give it another name")
    assert second == "datakeel.toml:1: there is no folder theirs with rules"


def test_its_page_is_tried(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--test", "our_rules"]) == 1
    told = capsys.readouterr().out
    assert "1 cases begin with '## Wrong: …'; a page has at least 3" in told
    assert "unmarked" not in told
    wrong = "## Wrong: {0}\n\n```python\ndef {0}(): ...  # finding: all-there\n```\n\n"
    silent = "## Silent when {0}\n\n```python\nx = 1\n```\n\n"
    (project / "our_rules" / "process" / "publish_without_key.py").unlink()
    (project / "our_rules" / "process" / "publish_without_key.md").unlink()
    page = "".join([wrong.format(n) for n in "abc"] + [silent.format(n) for n in "def"])
    write(project, "all_there", SPEAKS, page)
    assert main(["rules", "--test", "our_rules"]) == 0
    assert capsys.readouterr().out == "all-there; 6 cases: all lines are as marked\n"
    write(project, "all_there", SPEAKS, page.replace("def b(): ...  # finding: all-there", "def b(): ..."))
    assert main(["rules", "--test", "our_rules"]) == 1
    assert "Wrong: b: shop/code.py:1: all-there speaks here, unmarked" in capsys.readouterr().out
