"""The pattern catalogue and the checklist: complete, true to the other catalogues, short, and the references equal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import datakeel
from datakeel.cli import main
from datakeel.cli.catalogue import parts
from datakeel.patterns.catalogue import Pattern, chapters, known, steps
from datakeel.rules.rule import CATEGORIES, rules
from datakeel.rules.strength import strengths
from datakeel.show import checklist, patterns
from datakeel.show.output import Paper
from datakeel.technologies import catalogue as technologies

DOCS = Path(__file__).parents[1] / "docs"
TARGETS = Path(datakeel.__file__).parent / "write" / "targets"
PARTS = Path(datakeel.__file__).parent / "patterns"
TITLES = (
    "Reliability, scalability, maintainability",
    "Data models",
    "Storage engines and indexing",
    "Encoding and evolution",
    "Replication",
    "Partitioning",
    "Transactions",
    "The trouble with distributed systems",
    "Consistency and consensus",
    "Batch processing",
    "Stream processing",
    "Derived data",
)
EACH = [pytest.param(pattern, id=name) for name, pattern in known().items()]
NARROW = Paper(width=80)


@pytest.mark.parametrize("pattern", EACH)
def test_a_pattern_is_said_in_few_words(pattern: Pattern) -> None:
    texts = [text for _, text in pattern.prose]
    assert 60 <= sum(len(text.split()) for text in texts) <= 120
    assert all(text[0].isupper() and text.endswith(".") for text in texts)
    assert max(len(means.split()) for means in [*pattern.technologies.values(), "none"]) <= 12


@pytest.mark.parametrize("pattern", EACH)
def test_what_a_pattern_names_exists(pattern: Pattern) -> None:
    assert pattern.step in CATEGORIES
    assert set(pattern.rules) <= {rule.name for rule in rules()}
    assert set(pattern.strengths) <= {strength.name for strength in strengths()}
    products = {name for name, product in technologies.known().items() if product.kind != "measure"}
    assert set(pattern.technologies) <= products
    assert all((TARGETS / target).is_dir() for target in pattern.written)
    assert not pattern.parts or (PARTS / pattern.parts).is_dir()


def test_every_chapter_stands_in_its_order_and_has_some() -> None:
    assert tuple(chapter.title for chapter in chapters()) == TITLES
    assert min(len(chapter.patterns) for chapter in chapters()) >= 4


def test_every_step_has_questions_patterns_and_red_flags() -> None:
    assert tuple(steps()) == CATEGORIES
    for part in parts():
        assert len(part.step.ask) >= 3
        assert all(question.endswith("?") for question in (part.step.question, *part.step.ask))
        assert part.patterns
        assert {flag.rule for flag in part.flags} == {rule.name for rule in rules() if rule.category == part.name}


def test_every_rule_and_every_strength_leads_to_a_pattern() -> None:
    assert {rule.name for rule in rules()} - {name for p in known().values() for name in p.rules} == set()
    assert {s.name for s in strengths()} - {name for p in known().values() for name in p.strengths} == set()


def test_all_parts_that_fixes_write_belong_to_a_pattern() -> None:
    folders = {path.name for path in PARTS.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert folders - {"chapters"} == {pattern.parts for pattern in known().values() if pattern.parts}


def test_a_red_flag_is_what_the_rule_says_of_itself_and_the_worst_comes_first() -> None:
    for part in parts():
        assert [flag.severity for flag in part.flags] == sorted(flag.severity for flag in part.flags)
        assert all(4 <= len(flag.says.split()) <= 30 and flag.says.endswith(".") for flag in part.flags)
    flags = {flag.rule: flag for part in parts() for flag in part.flags}
    assert flags["remote-call-without-timeout"].says == "A network call can wait for ever."
    assert all(flags[rule.name].cure == rule.page.pattern for rule in rules())


def test_at_a_terminal_every_line_fits() -> None:
    texts = [patterns.render(chapters(), NARROW), checklist.render(parts(), NARROW)]
    texts += [patterns.render_one(name, pattern, NARROW) for name, pattern in known().items()]
    assert [line for text in texts for line in text.splitlines() if len(line) > NARROW.width] == []


def test_a_pattern_is_shown_with_all_that_is_known_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["patterns", "outbox"]) == 0
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    pattern = known()["outbox"]
    assert all(text in shown for _, text in pattern.prose)
    assert "engines PostgreSQL: a table and SKIP LOCKED, or logical decoding Debezium: " in shown
    assert "rules dual-write, publish-after-commit, " in shown
    assert "made by datakeel generate (sagas, events), datakeel fix" in shown


def test_the_catalogue_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["patterns", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["pattern"] for entry in found] == list(known())
    assert main(["patterns", "outbox", "--format", "json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one in found
    assert (one["chapter"], one["title"]) == ("Derived data", "Transactional outbox")
    assert main(["checklist", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [part["step"] for part in listed] == list(CATEGORIES)
    assert "lost-update" in {flag["rule"] for part in listed for flag in part["red_flags"]}


@pytest.mark.parametrize("words", [["patterns"], ["checklist"]], ids=" ".join)
def test_the_reference_is_what_the_command_prints(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "reference.md"
    assert main([*words, "--format", "markdown", "--output", str(file)]) == 0
    kept = DOCS / f"{words[0]}.md"
    assert kept.read_text("utf-8") == file.read_text("utf-8"), f"{kept.name} is old: make references"
