"""Decisions at a terminal: wide, narrow, and in a pipe."""

from datakeel.design.designer import design
from datakeel.show.decisions import render, render_impact
from datakeel.show.output import Paper
from tests.design.systems import CALENDAR, ORDERS, READINGS, put


def test_a_decision_says_why_with_its_figures_and_what_else_there_was() -> None:
    text = render(design(CALENDAR), Paper(width=100))
    assert "storage-engine: One PostgreSQL keeps everything\n" in text
    assert "One PostgreSQL is enough. Nothing else is needed to keep this data.\n" in text
    assert "\n  not       partitioned-postgresql: a partition for each span of time" in text
    assert "  availability.regions  2 regions" in text
    assert "\x1b" not in text


def test_every_line_fits_the_page() -> None:
    for width in (40, 60, 100, 110):
        for requirements in (CALENDAR, ORDERS, READINGS):
            text = render(design(requirements), Paper(width=width))
            assert [line for line in text.splitlines() if len(line) > width] == []


def test_a_narrow_page_leaves_derivations_out() -> None:
    wide, narrow = (render(design(CALENDAR), Paper(width=width)) for width in (100, 60))
    assert "writes/s over 5 years" in wide
    assert "writes/s over 5 years" not in narrow
    assert "availability.regions at 2 regions: replication becomes\n" in narrow


def test_a_screen_gets_colour_and_a_warning_stands_at_the_end() -> None:
    text = render(design(READINGS), Paper(width=100, colour=True, person=True))
    assert "\x1b[1m" in text
    last = render(design(READINGS), Paper(width=100)).rstrip().splitlines()
    assert any(
        line.startswith("note: workload.writes: 3 million writes/s at peak are 33.3 times") for line in last[-8:]
    )


def test_the_impact_of_a_change_names_the_decision_its_reason_and_its_files() -> None:
    before, after = design(CALENDAR), design(put(CALENDAR, "availability.loss", 0.0))
    text = render_impact(before, after, ("~ docs/decisions.md",), Paper(width=100))
    assert text.startswith("replication: one-node → single-leader-synchronous\n")
    assert "At most 0 seconds of commits may be lost; an asynchronous follower may lack 5 seconds." in text
    assert text.endswith("~ docs/decisions.md\n")


def test_a_change_without_effect_says_so() -> None:
    text = render_impact(design(CALENDAR), design(put(CALENDAR, "workload.users", 41)), (), Paper())
    assert text == "no decision changes\nno file changes\n"


def test_parts_that_come_and_go_are_named() -> None:
    searched = put(ORDERS, "overrides", {"search": "elasticsearch"})
    text = render_impact(design(ORDERS), design(searched), (), Paper(width=100))
    assert "read-models: views-on-postgresql → search-engine\n" in text
    assert "  comes     cluster-configuration\n" in text
    back = render_impact(design(searched), design(ORDERS), (), Paper(width=100))
    assert "  goes      cluster-configuration\n" in back
