"""What tells other systems of changes, as it is written."""

from pathlib import Path

import pytest

from datakeel import reviewer
from datakeel.design.designer import design as decided
from datakeel.requirements import read
from datakeel.write.disk import put
from datakeel.write.project import Project
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean

ROWS = """
  tables:
    Patient: {fields: {name: text unique, stay: period, fee: money}}
"""
DOCUMENTS = """
  documents:
    Questionnaire: {fields: {title: text}}
"""
EVENTS = """
  aggregates:
    Order:
      events:
        OrderPlaced: {fields: {number: text unique, tags: text many, at: timestamp}}
        OrderShipped: {after: placed}
"""
ONE = "billing: {engine: mysql, role: sink}"
TWO = f"{ONE}, ware house: {{engine: oracle, role: sink, takes: [Patient]}}"


def of(existing: str, *constructs: str) -> Project:
    text = f"datakeel: 1\nname: clinic\nexisting: {{{existing}}}\ndomain:{''.join(constructs)}"
    return write(decided(read(text, "system.yaml")))


@pytest.mark.parametrize(
    ("existing", "constructs"),
    [(ONE, (ROWS,)), (ONE, (DOCUMENTS,)), (ONE, (EVENTS,)), (TWO, (ROWS, DOCUMENTS, EVENTS))],
    ids=("rows", "documents", "events", "all to two"),
)
def test_the_code_is_laid_out_and_clean_and_its_review_finds_nothing(
    existing: str, constructs: tuple[str, ...], tmp_path: Path
) -> None:
    put(of(existing, *constructs), tmp_path / "made")
    assert_laid_out_and_clean(tmp_path / "made")
    assert [f"{f.place} {f.rule}" for f in reviewer.review(tmp_path / "made").findings] == []


def test_each_receiver_is_told_what_it_takes() -> None:
    made = of(TWO, ROWS, DOCUMENTS, EVENTS)
    (text,) = [f.text for f in made.files if f.path.endswith("deliveries.sql")]
    assert "ON patients\n    FOR EACH ROW EXECUTE FUNCTION tell_change('billing', 'ware_house');" in text
    assert "ON questionnaires\n    FOR EACH ROW EXECUTE FUNCTION tell_change('billing');" in text
    assert "WHEN (NEW.aggregate = 'order') EXECUTE FUNCTION tell_event('billing');" in text


def test_the_address_of_a_receiver_is_asked_for_where_it_is_deployed_and_its_stand_in_is_not() -> None:
    made = of(ONE, ROWS)
    compose, manifest = made.text("deploy/compose.yaml"), made.text("deploy/kubernetes/billing-feed.yaml")
    assert "BILLING_FEED_URL: ${BILLING_FEED_URL:?}" in compose
    assert "- name: BILLING_FEED_URL" in manifest
    assert "stand-in" not in compose + manifest
    assert not [f for f in made.files if f.path.startswith("deploy") and "stand-in" in f.path]


def test_the_records_say_how_it_is_fed_and_that_nothing_is_copied_to_a_peer() -> None:
    made = of(f"{ONE}, crm: sybase", ROWS)
    (text,) = [f.text for f in made.files if f.path.endswith("derived-data.md")]
    assert "billing stays (mysql) and is told each change of Patient" in text
    assert "crm stays (sybase) beside this system: nothing is copied to it or from it." in text
