"""Jobs over windows, of events and of measurements."""

from pathlib import Path

import pytest

from datakeel.generator import generated
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements, read
from datakeel.write import disk
from datakeel.write.project import Project
from tests.write.clean import assert_laid_out_and_clean

HEAD = "datakeel: 1\nname: bank\nworkload: {writes: 20/s}\ndomain:\n"
CARDS = """  aggregates:
    Card:
      events:
        CardUsed:
          fields: {merchant: text, amount: money, rate: decimal optional, kind: "enum(chip, web)", at: timestamp}
        CardLost: {after: used}
"""
READINGS = """  series:
    reading: {key: {sensor: integer}, values: {place: text optional, heat: decimal optional, floor: integer}}
"""
JOBS = """  streams:
    use by kind:
      {source: Card, key: [kind, merchant], time: at, window: 10 min, hop: 5 min, measures: [mean rate, max rate]}
    cards in use: {source: Card, key: id, gap: 1h, lateness: 1d, idle: 1 min, kept: 90d, measures: min amount}
    everything: {source: Card, window: 1d}
"""
MEASURED = """  streams:
    heat by place: {source: reading, key: place, window: 90s, lateness: 5s, measures: [mean heat, max heat, sum floor]}
    busy sensors: {source: reading, key: [sensor, floor], gap: 1 min, kept: 30d}
"""


def requirements(*parts: str) -> Requirements:
    return read(HEAD + "".join(parts), "system.yaml")


def written(*parts: str) -> Project:
    return generated(requirements(*parts))[1]


@pytest.mark.parametrize("parts", [(CARDS, JOBS), (READINGS, MEASURED)], ids=["events", "measurements"])
def test_the_code_is_laid_out_and_clean(parts: tuple[str, ...], tmp_path: Path) -> None:
    disk.put(written(*parts), tmp_path / "project")
    assert_laid_out_and_clean(tmp_path / "project")


def test_the_same_requirements_give_the_same_bytes() -> None:
    assert written(READINGS, MEASURED) == written(READINGS, MEASURED)


def test_only_events_that_have_the_fields_count() -> None:
    job = written(CARDS, JOBS).text("src/bank/processing/use_by_kind.py")
    assert "case CardUsed() as event:" in job
    assert "CardLost" not in job


def test_measurements_that_no_job_follows_are_written_once() -> None:
    alone = "".join(f.text for f in written(READINGS).files)
    assert "_arrivals" not in alone
    followed = written(READINGS, MEASURED)
    arrivals = followed.text("migrations/0002_reading_arrivals.sql")
    assert "REFERENCING NEW TABLE AS arrived" in arrivals
    assert "src/bank/processing/patience.py" in {f.path for f in followed.files}


def test_fields_that_stand_in_no_one_event_are_refused() -> None:
    parted = """  aggregates:
    Trip:
      events:
        TripBegun: {fields: {driver: text}}
        TripEnded: {after: begun, fields: {fare: money}}
  streams:
    fares: {source: Trip, key: driver, window: 1h, measures: sum fare}
"""
    with pytest.raises(Mistake, match="no event has all of driver, fare"):
        requirements(parted)


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ("{source: Card, key: merchant}", "needs either a window"),
        ("{source: Card, key: merchant, window: 1h, gap: 1h}", "needs either a window"),
        ("{source: Card, gap: 1h}", "expected a key"),
        ("{source: Card, key: merchant, gap: 1h, hop: 1 min}", "a session has none"),
        ("{source: Card, window: 1h, hop: 7 min}", "expected a part of the window"),
        ("{source: Card, key: merchnt, window: 1h}", 'did you mean "merchant"'),
        ("{source: Card, window: 1h, measures: sum merchant}", "expected a number"),
        ("{source: Card, window: 1h, time: amount}", "expected a timestamp"),
        ("{source: Card, key: [at], window: 1h}", "cannot be counted by"),
        ("{source: Card, window: 1h, events: CardFound}", 'unknown event "CardFound"'),
        ("{source: Cards, window: 1h}", 'did you mean "Card"'),
    ],
)
def test_a_job_that_cannot_be_is_refused(job: str, told: str) -> None:
    with pytest.raises(Mistake) as caught:
        requirements(CARDS, f"  streams:\n    odd: {job}\n")
    assert told in str(caught.value)
