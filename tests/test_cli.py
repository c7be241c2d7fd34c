"""The command line: words in, words and status out."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from datakeel import __version__
from datakeel.baseline import Baseline
from datakeel.cli import main
from datakeel.config import Config
from datakeel.finding import Confidence, Pillar, Review, Severity
from datakeel.model.operation import Operation
from datakeel.rules import rule as catalogue
from datakeel.show.explain import with_patterns
from tests.show.sample import TIMEOUT, review, write_files

Progress = Callable[[str, int, int], None]


class Fake:
    """Stands in for the reviewer: gives back what it was made with, and keeps what it was asked."""

    def __init__(self, result: Review | BaseException) -> None:
        self.result = result
        self.config = Config()
        self.confidence = Confidence.MEDIUM

    def __call__(
        self,
        paths: Sequence[Path | str],
        *,
        config: Config | None = None,
        confidence: Confidence,
        progress: Progress | None = None,
        known: Baseline | None = None,
    ) -> Review:
        self.known = known
        self.paths, self.config, self.confidence = paths, config or Config(), confidence
        if progress is not None:
            progress("reading shop/orders.py", 1, 2)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository to stand in, and two rules with a page each."""
    text = "# lost-update\n\nA second writer is overwritten.\n\nPattern: Atomic update\nPillar: reliability\n"
    page = catalogue.Page("lost-update", "A second writer is overwritten.", "Atomic update", Pillar.RELIABILITY, text)
    rules = tuple(
        catalogue.Rule(
            name=name, category=category, severity=severity, judge=lambda _: [], nouns=(Operation,), wants_system=False
        )
        for name, category, severity in (
            ("lost-update", "transact", Severity.CRITICAL),
            ("dual-write", "derive", Severity.MAJOR),
        )
    )
    monkeypatch.setattr(catalogue, "rules", lambda: rules)
    monkeypatch.setattr(catalogue, "page", lambda category, name: page)
    (tmp_path / ".git").mkdir()
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, result: Review | BaseException | None = None) -> int:
    return main(words, Fake(review() if result is None else result))


def wrong(capsys: pytest.CaptureFixture[str], *words: str, result: Review | BaseException | None = None) -> str:
    """What is said on standard error: one line, with status 2, and nothing on standard output."""
    assert run(*words, result=result) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err.strip()


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"datakeel {__version__}\n"


def test_a_review_is_printed_and_its_findings_are_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("review", "shop") == 1
    out = capsys.readouterr()
    assert out.out.startswith("critical lost-update in Account.withdraw\n")
    assert out.err == ""
    assert run("review", "shop", result=Review()) == 0


def test_the_status_follows_fail_on() -> None:
    minor = Review(findings=(TIMEOUT,))
    assert run("review", "--fail-on", "minor", result=minor) == 1
    assert run("review", "--fail-on", "major", result=minor) == 0
    assert run("review", "--fail-on", "never") == 0


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("json", '{\n  "schema_version": "1.0"'),
        ("markdown", "## Summary\n"),
        ("sarif", '{\n  "$schema"'),
        ("html", "<!DOCTYPE html>\n"),
    ],
)
def test_the_forms(capsys: pytest.CaptureFixture[str], form: str, beginning: str) -> None:
    assert run("review", ".", "--format", form) == 1
    assert capsys.readouterr().out.startswith(beginning)


def test_a_map_is_drawn_and_fails_nothing(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    assert run("map", ".") == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")
    assert run("map", ".", "--format", "html", "-o", "map.html") == 0
    assert (shop / "map.html").read_text("utf-8").startswith("<!DOCTYPE html>\n")
    assert "unknown format" in wrong(capsys, "map", "--format", "sarif")


def test_low_confidence_fails_no_build_in_any_form(capsys: pytest.CaptureFixture[str]) -> None:
    doubtful = Review(doubtful=(replace(TIMEOUT, confidence=Confidence.LOW),))
    for form in ("terminal", "markdown", "json", "sarif", "html"):
        assert run("review", "--confidence", "low", "--format", form, result=doubtful) == 0
        assert "remote-call-without-timeout" in capsys.readouterr().out


def test_paths_of_the_report_are_those_of_the_working_directory(
    capsys: pytest.CaptureFixture[str], shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop / "shop")
    run("review", "--format", "json", result=review(shop))
    assert json.loads(capsys.readouterr().out)["findings"][0]["path"] == "accounts.py"


def test_a_report_goes_to_a_file(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    assert run("review", "-f", "markdown", "-o", "report.md") == 1
    assert capsys.readouterr().out == ""
    assert (shop / "report.md").read_text("utf-8").startswith("## Summary\n")
    assert "cannot write no/report.md: there is no folder no" in wrong(capsys, "review", "-o", "no/report.md")


@pytest.mark.parametrize("form", ["terminal", "markdown", "json", "sarif", "html"])
@pytest.mark.parametrize("to", [[], ["-o", "report"]])
def test_half_characters_in_the_code_are_no_fault(form: str, to: list[str]) -> None:
    odd = replace(TIMEOUT, message="topic \ud800", place=replace(TIMEOUT.place, path="shop/\udcff.py"))
    assert run("review", "--format", form, *to, result=Review(findings=(odd,))) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk_behind_standard_output_is_told() -> None:
    code = "import sys\nfrom datakeel.cli import main\nsys.exit(main(['rules', '--format', 'json']))\n"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "datakeel: cannot write: No space left on device\n")


def test_what_is_typed_stands_above_the_configuration(shop: Path) -> None:
    (shop / "datakeel.toml").write_text('select = ["derive"]\nignore = ["dual-write"]\n')
    fake = Fake(Review())
    main(["review", "--select", "transact,derive", "--ignore", "lost-update", "-j", "3", "--no-cache"], fake)
    config = fake.config
    assert (config.select, config.ignore) == (("transact", "derive"), ("dual-write", "lost-update"))
    assert (config.jobs, config.cache, config.source) == (3, False, "datakeel.toml")
    main(["review"], fake)
    assert (fake.config.select, fake.config.cache) == (("derive",), True)


@pytest.mark.parametrize("word", ["low", "medium", "high"])
def test_the_reviewer_is_told_how_sure_is_sure_enough(word: str) -> None:
    fake = Fake(review())
    main(["review", "--confidence", word], fake)
    assert fake.confidence.word == word


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("revew .", 'unknown command "revew"; did you mean "review"?'),
        (
            "zzz",
            'unknown command "zzz" (datakeel --help lists them)',
        ),
        ("shop", '"shop" is no command; to review it: datakeel review shop'),
        (
            "",
            "which command? review, map, fix, prove, explain, rules, patterns, checklist, design, generate, do, update,"
            " drift, impact (datakeel --help says more)",
        ),
        ("review --formt json", 'unknown option "--formt"; did you mean "--format"?'),
        ("review --format jsn", 'unknown format "jsn"; did you mean "json"?'),
        ("review --fail-on grave", 'unknown severity "grave"; known are critical, major, minor, never, suggestion'),
        ("review --confidence hgh", 'unknown confidence "hgh"; did you mean "high"?'),
        ("review --select lost-updat", 'unknown rule "lost-updat"; did you mean "lost-update"?'),
        ("review --ignore lost_update", 'unknown rule "lost_update"; did you mean "lost-update"?'),
        ("review --baseline b.jsonl", "there is no baseline b.jsonl; --set-baseline writes a first one"),
        (
            "review --baseline b.jsonl --update-baseline",
            "there is no baseline b.jsonl; --set-baseline writes a first one",
        ),
        ("review --set-baseline", "--set-baseline of which baseline? name it: --baseline FILE --set-baseline"),
        ("review --update-baseline", "--update-baseline of which baseline? name it: --baseline FILE --update-baseline"),
        (
            "review --baseline b --update-baseline --set-baseline",
            "--update-baseline drops what is gone, --set-baseline writes all that is found: give one of them",
        ),
        ("review --baseline no/b --set-baseline", "cannot write no/b: there is no folder no"),
        ("review nowhere", "there is no nowhere"),
        ("review shp", 'there is no shp; did you mean "shop"?'),
        ("review ./shp/orders.py", 'there is no shp/orders.py; did you mean "shop/orders.py"?'),
        ("review shop/odrers.py", 'there is no shop/odrers.py; did you mean "shop/orders.py"?'),
        ("review --config nowhere.toml", "cannot read nowhere.toml: No such file or directory"),
        ("explain lost-updte", 'unknown rule "lost-updte"; did you mean "lost-update"? (datakeel rules lists them)'),
        ("patterns outbx", 'unknown pattern "outbx"; did you mean "outbox"? (datakeel patterns lists them)'),
        (
            "patterns lost-update",
            '"lost-update" is a rule or strength; its patterns: atomic-update, row-lock, version-check',
        ),
        ("checklist --format sarif", 'unknown format "sarif"; known are json, markdown, terminal'),
        ("rules --format sarif", 'unknown format "sarif"; known are json, terminal'),
        ("explain", "missing argument 'RULE'"),
    ],
)
def test_a_mistyped_word_is_answered_in_one_line(capsys: pytest.CaptureFixture[str], words: str, said: str) -> None:
    assert wrong(capsys, *words.split()) == f"datakeel: {said}"


@pytest.mark.parametrize("words", ["review --jobs x", "review --jobs -1", "review --output", "explain a b", "--nope"])
def test_other_wrong_words_are_answered_in_one_line_too(capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert wrong(capsys, *words.split()).startswith("datakeel: ")


def test_a_wrong_configuration_is_told(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    (shop / "datakeel.toml").write_text('\nselekt = ["derive"]\n')
    assert wrong(capsys, "review") == 'datakeel: datakeel.toml:2: unknown key "selekt"; did you mean "select"?'


def test_a_fault_of_ours_is_owned_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    said = wrong(capsys, "review", result=KeyError("x"))
    assert said == (
        "datakeel: this is a fault of datakeel, not of your code: KeyError: 'x'"
        " while reading shop/orders.py; --debug shows the details"
    )
    fault = ValueError("a\nb")
    fault.add_note("judging shop/a.py")
    assert "ValueError: a b while judging shop/a.py;" in wrong(capsys, "review", result=fault)


def test_a_fault_of_ours_shows_its_traceback_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("review", "--debug", result=KeyError("x")) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    assert main(["--debug", "review"], Fake(KeyError("x"))) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interruption_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("review", result=KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "datakeel: interrupted\n"


def test_a_rule_is_explained_by_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "lost-update") == 0
    assert capsys.readouterr().out.startswith("# lost-update\n\nA second writer is overwritten.\n")


def test_a_page_names_the_patterns_that_its_rule_or_strength_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "lost-update") == 0
    assert capsys.readouterr().out.endswith(
        "## Patterns\n\n- Atomic update: `datakeel patterns atomic-update`\n"
        "- Row lock from the read to the commit: `datakeel patterns row-lock`\n"
        "- Optimistic version check: `datakeel patterns version-check`\n"
    )
    assert run("explain", "outbox") == 0
    assert "- Transactional outbox: `datakeel patterns outbox`" in capsys.readouterr().out


def test_a_page_without_a_pattern_stands_as_it_is() -> None:
    assert with_patterns("# a-rule\n", {}) == "# a-rule\n"


def test_the_rules_are_listed_by_category(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rules") == 0
    rules, _, strengths = re.sub(" +", " ", capsys.readouterr().out).partition("\nstrengths\n")
    assert rules == "transact\n lost-update critical Atomic update\n\nderive\n dual-write major Atomic update\n"
    assert " outbox reliability Transactional outbox\n" in strengths
    assert run("rules", "--format", "json") == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert first == {
        "rule": "lost-update",
        "category": "transact",
        "severity": "critical",
        "pillar": "reliability",
        "pattern": "Atomic update",
        "why": "A second writer is overwritten.",
    }


def test_the_strengths_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rules", "--strengths", "--format", "json") == 0
    names = {entry["strength"]: entry["pattern"] for entry in json.loads(capsys.readouterr().out)}
    assert names["outbox"] == "Transactional outbox"
    assert run("explain", "outbox") == 0
    assert capsys.readouterr().out.startswith("# outbox\n")


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["review", "--help"], ["-h"]):
        assert main(words) == 0
        assert "Usage: datakeel" in capsys.readouterr().out


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=False)


def test_a_reader_that_leaves_early_is_no_fault() -> None:
    code = (
        "import os, sys\n"
        "from datakeel.show.output import write\n"
        "r, w = os.pipe(); os.close(r); os.dup2(w, 1)\n"
        "write('x' * 100_000, sys.stdout)\n"
        "sys.exit(1)\n"
    )
    done = python(code)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["--version"], ["rich", "ruff", "sqlglot", "datakeel.config", "datakeel.rules.rule", "datakeel.reviewer"]),
        (["review", "--format", "json"], ["rich", "ruff", "datakeel.show.sarif", "datakeel.show.markdown"]),
        (["review"], ["rich.markdown", "ruff", "datakeel.show.sarif", "datakeel.show.markdown", "datakeel.show.json"]),
    ],
)
def test_only_what_is_needed_is_loaded(words: list[str], unwanted: list[str]) -> None:
    code = (
        "import sys\n"
        "from datakeel.cli import main\n"
        "from datakeel.finding import Review\n"
        f"main({words!r}, lambda *given, **options: Review())\n"
        f"print([name for name in {unwanted!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = python(code)
    assert done.stderr.strip().endswith("[]"), done.stderr


def test_a_suggestion_counts_unless_more_is_asked_for() -> None:
    suggestion = Review(findings=(replace(TIMEOUT, severity=Severity.SUGGESTION),))
    assert run("review", result=suggestion) == 1
    assert run("review", "--fail-on", "minor", result=suggestion) == 0


@pytest.mark.parametrize("path", ["x" * 300, "shop/orders.py/deeper"])
def test_a_path_that_cannot_be_is_told(capsys: pytest.CaptureFixture[str], path: str) -> None:
    assert re.match("datakeel: (there is no|cannot read) ", wrong(capsys, "review", path))


def test_an_interruption_while_the_program_is_loaded_is_one_line() -> None:
    done = python(
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'datakeel.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from datakeel.__main__ import main\n"
        "sys.exit(main())\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "datakeel: interrupted\n")


@pytest.mark.parametrize(
    ("words", "redirected", "said"),
    [
        ("rules", ">&-", "cannot write: standard output is closed"),
        ("rules", ">/dev/full", "cannot write: No space left on device"),
        ("--help", ">/dev/full", "cannot write: No space left on device"),
        (
            'design "track orders, 50k a day" -o /dev/null --force',
            ">/dev/full",
            "cannot write: No space left on device",
        ),
        ("revew", "2>&-", ""),
        ("revew", "2>/dev/full", ""),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_where_nothing_can_be_written(words: str, redirected: str, said: str, unbuffered: str) -> None:
    command = f'"$0" -m datakeel {words} {redirected}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"datakeel: {said}\n" if said else "")


@pytest.mark.parametrize("words", ["--help", "rules"])
def test_a_reader_who_leaves_is_no_fault(words: str) -> None:
    command = f'{{ "$0" -m datakeel {words}; echo $? >&2; }} | true'
    done = subprocess.run(["/bin/sh", "-c", command, sys.executable], capture_output=True, text=True, check=False)
    assert done.stderr == "0\n"


def test_a_folder_for_a_report_is_refused_before_the_review(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert wrong(capsys, "review", "--output", str(tmp_path)).endswith("it is a folder")


def test_a_category_is_explained_by_its_rules(capsys: pytest.CaptureFixture[str]) -> None:
    said = wrong(capsys, "explain", "transact")
    assert said.startswith('datakeel: "transact" is a category; its rules: ')
    assert "lost-update" in said
