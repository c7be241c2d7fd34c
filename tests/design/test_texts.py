"""What decisions say: whole sentences, no blank left open, no figure without its unit."""

import re
from collections.abc import Iterator

import pytest

from datakeel.decision import Decision
from datakeel.design.designer import design
from datakeel.design.questions import answers
from datakeel.requirements import Requirements
from datakeel.technologies import known
from datakeel.write.records import overview, record, sensitivity
from tests.design.systems import put
from tests.design.test_decisions import FLAT
from tests.design.test_outcomes import OUTCOMES

SYSTEMS = [*(r for _, r, _ in OUTCOMES), *(put(r, "profile", "cluster") for _, r, _ in FLAT[::5])]
BLANK = re.compile(r"\{|\}|None|\bnan\b|\binf\b|<|TODO|\.\.(?!\.)|,,|  |\( ?\)|: \.|\[\]|e\+\d")
UNIT = re.compile(r"^[\d.,]+ \S|^under 0\.01 %$|^[\d.,]+ \w+$|^\d")
LONELY = re.compile(r"^[\d.,]+$")


def texts(decision: Decision) -> Iterator[str]:
    yield decision.title
    yield from decision.because
    for figure in decision.figures:
        yield from (figure.name, figure.value, figure.derivation)
    for option in decision.rejected:
        yield option.cost
    yield from (decision.consistency, decision.failure, decision.scaling, decision.operation, decision.judgement)
    for flip in decision.flips:
        yield flip.at
    for protection in decision.protections:
        yield from (protection.operation, protection.why)


@pytest.mark.parametrize("requirements", SYSTEMS, ids=[str(n) for n in range(len(SYSTEMS))])
def test_no_text_has_a_blank_or_a_figure_without_a_unit(requirements: Requirements) -> None:
    for decision in design(requirements).decisions:
        for text in texts(decision):
            assert not BLANK.search(text), text
        for figure in decision.figures:
            assert figure.value and not LONELY.match(figure.value), figure
            assert UNIT.match(figure.value), figure
        assert all(flip.at and not LONELY.match(flip.at) for flip in decision.flips)
        for sentence in (
            *decision.because,
            decision.consistency,
            decision.failure,
            decision.scaling,
            decision.operation,
        ):
            assert sentence[0].isupper() or sentence[0].isdigit() or sentence.split(":")[0].split(",")[0], sentence
            assert sentence.endswith("."), sentence


@pytest.mark.parametrize("requirements", [o[1] for o in OUTCOMES], ids=[o[0] for o in OUTCOMES])
def test_every_decision_says_why_and_what_else_there_was(requirements: Requirements) -> None:
    for decision in design(requirements).decisions:
        assert decision.because
        options = set(answers()[decision.question].CHOICES) - {decision.chosen}
        assert {option.name for option in decision.rejected} == options
        assert decision.consistency and decision.failure and decision.scaling and decision.operation


def test_the_same_requirements_give_the_same_records() -> None:
    one, other = design(OUTCOMES[3][1]), design(OUTCOMES[3][1])
    assert [record(d, 1) for d in one.decisions] == [record(d, 1) for d in other.decisions]


def test_a_record_has_the_parts_of_a_madr() -> None:
    text = record(design(OUTCOMES[3][1]).decision("derived-data"), 11)
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == [
        "# 11. A partitioned log in PostgreSQL, filled from the store by a relay, and views made from it",
        "## Context and Problem Statement",
        "## Considered Options",
        "## Decision Outcome",
        "### Consequences",
        "## Pros and Cons of the Options",
        "## More Information",
    ]


def test_the_overview_names_every_record() -> None:
    found = design(OUTCOMES[3][1])
    for number, decision in enumerate(found.decisions, 1):
        assert f"{number}. [{decision.title}]({number:04}-{decision.question}.md)" in overview(found)


def test_the_sensitivity_table_has_a_row_for_each_change() -> None:
    found = design(OUTCOMES[0][1])
    rows = [line for line in sensitivity(found).splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(d.flips) for d in found.decisions)
    assert "| `availability.regions` | 2 regions | replication | one-node | single-leader-asynchronous |" in rows


def test_every_figure_of_the_catalogue_has_a_unit_a_source_and_a_meaning() -> None:
    for name, technology in known().items():
        for key, quantity in technology.figures.items():
            assert quantity.value > 0 and quantity.unit and len(quantity.source) > 20 and quantity.about, (name, key)


def test_every_technology_says_what_it_is_for_or_what_serves_instead() -> None:
    for name, technology in known().items():
        if technology.kind != "measure":
            assert technology.roles, name
            assert (technology.price and technology.why) if technology.written else technology.instead, name
