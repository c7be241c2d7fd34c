"""The page about decisions is true: its choices, figures, roles and means are those of the code."""

from pathlib import Path

from datakeel.decision import QUESTIONS
from datakeel.design.overrides import ROLES
from datakeel.design.questions import answers
from datakeel.technologies import value
from tests.design.test_decisions import PROTECTED

TEXT = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| ")]


def test_every_question_and_choice_stands_in_its_order() -> None:
    assert [row[0] for row in ROWS if row[0] in QUESTIONS] == list(QUESTIONS)
    for question, choices in (row for row in ROWS if row[0] in QUESTIONS):
        assert choices.split(" · ") == list(answers()[question].CHOICES)


def test_every_figure_has_the_value_of_the_catalogue() -> None:
    figures = [row for row in ROWS if "." in row[0] and len(row) == 3]
    assert len(figures) == 11
    for name, said, _ in figures:
        technology, _, key = name.partition(".")
        assert said == f"{value(technology, key):,.0f}"


def test_every_role_of_an_override_is_named() -> None:
    assert [role for role in ROLES if f"`{role}`" not in TEXT] == []


def test_the_means_of_each_invariant_are_those_that_are_decided() -> None:
    said = {row[0].split(",")[0]: row[1] for row in ROWS if len(row) == 3}
    assert {invariant.kind: said[invariant.kind] for invariant, _ in PROTECTED} == {i.kind: m for i, m in PROTECTED}
