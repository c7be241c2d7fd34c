"""Time series as they are written."""

from pathlib import Path

import pytest

from datakeel import generator
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements, read
from datakeel.write.project import Project
from datakeel.write.targets.series.write import shape
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.designs import design

READINGS = """
datakeel: 1
name: sensor readings
workload: {writes: 200k/s, retention: 30d}
domain:
  series:
    reading:
      key: sensor
      values: {temperature: decimal, humidity: decimal optional, note: text optional, state: "enum(ok, weak)"}
      rollups: [1h, 1 min]
      kept: 2y
      lateness: 5 min
"""
KEYWORDS = """
datakeel: 1
name: class
domain:
  series:
    select:
      key: {user: integer}
      values: {order: integer, "from": date, "is it really there at last": boolean, from where: text}
    meter reading at home:
      key: {the meter that was read: uuid}
      values: {energy that was used since: money, in between: timestamp}
      rollups: [1d, 7d]
"""


def requirements(text: str) -> Requirements:
    return read(text, "system.yaml")


def written(text: str) -> Project:
    rollups = ("rollups",) if "rollups" in text else ()
    return write(design(requirements(text), "http-api", "time-series", *rollups))


@pytest.mark.parametrize(
    "text", [READINGS, KEYWORDS, READINGS.replace("rollups: [1h, 1 min]", "")], ids=["a", "b", "c"]
)
def test_the_code_is_laid_out_and_clean(text: str, tmp_path: Path) -> None:
    for file in written(text).files:
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    assert_laid_out_and_clean(tmp_path)


@pytest.mark.parametrize(
    ("retention", "partition"), [("7y", 30), ("1y", 30), ("90d", 7), ("30d", 1), ("7d", 0.25), ("1d", 1 / 24)]
)
def test_a_partition_leaves_a_dozen_of_them_in_what_is_kept(retention: str, partition: float) -> None:
    whole = requirements(READINGS.replace("30d", retention).replace("kept: 2y", "kept: 7y"))
    assert shape(whole.domain.series[0], whole, rollups=True).period == partition * 86_400


def test_longer_rollups_are_made_from_the_shorter() -> None:
    whole = requirements(READINGS)
    minute, hour = shape(whole.domain.series[0], whole, rollups=True).rollups
    assert (minute.table, hour.table) == ("readings_1min", "readings_1h")
    assert "FROM readings\nWHERE time >=" in minute.make
    assert "FROM readings_1min\nWHERE bucket >=" in hour.make


def test_the_table_has_one_index_and_is_partitioned_by_time() -> None:
    (sql,) = [f.text for f in written(READINGS).files if f.path.endswith("_readings.sql")]
    assert "PRIMARY KEY (sensor, time, sequence)\n) PARTITION BY RANGE (time);" in sql
    assert "CREATE INDEX" not in sql


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("note: text", "note: json", 'expected another type of "note" than json'),
        ("note: text", "time: text", 'expected another name than "time", which it has itself'),
        ("note: text", "note: text many", "a series measures single values"),
        ("rollups: [1h, 1 min]", "rollups: [1h, 90 min]", "expected each rollup to be a multiple of the one before it"),
        ("key: sensor", "key: {sensor: date}", "expected a key of type text, uuid or integer, not date"),
    ],
)
def test_what_a_series_cannot_hold_is_told(old: str, new: str, told: str) -> None:
    with pytest.raises(Mistake, match=told):
        written(READINGS.replace(old, new))


def chosen(text: str, engine: str) -> Project:
    return generator.generated(requirements(f"{text}overrides: {{engine: {engine}}}\n"))[1]


def test_cassandra_gets_a_schema_when_it_is_chosen() -> None:
    cql = chosen(READINGS, "cassandra").text("deploy/cassandra/schema.cql")
    assert "PRIMARY KEY ((sensor, bucket), time, sequence)" in cql
    assert "AND default_time_to_live = 2592000\n" in cql
    assert "'class': 'TimeWindowCompactionStrategy'" in cql
    assert "'compaction_window_unit': 'DAYS',\n    'compaction_window_size': '1'" in cql
    assert "'region_1': 3\n" in cql
    assert "R + W = 2 + 1 = 3, which is not more than N = 3" in cql


def test_a_partition_of_cassandra_is_as_long_as_was_decided() -> None:
    project = chosen(READINGS, "cassandra")
    cql = project.text("deploy/cassandra/schema.cql")
    assert "One partition holds 1 day of one sensor: bucket = floor(seconds of the time / 86400)" in cql
    assert "for each key and bucket of 1 day" in project.text("docs/decisions/0005-partitioning.md")


@pytest.mark.parametrize(
    ("writes", "said", "written"),
    [("8k/s", "6 hours", "hours=6"), ("500/s", "1 day", "days=1"), ("9/s", "7 days", "days=7")],
)
def test_a_native_partition_is_as_long_as_was_decided(writes: str, said: str, written: str) -> None:
    project = generator.generated(requirements(READINGS.replace("200k/s", writes).replace("30d", "90d")))[1]
    assert f"reading: a partition for each {said} has" in project.text("docs/decisions/0005-partitioning.md")
    assert f"period=timedelta({written})" in project.text("src/sensor_readings/storage/partitions.py")


def test_timescaledb_gets_a_schema_when_it_is_chosen() -> None:
    project = chosen(READINGS.replace("200k/s", "500/s"), "timescaledb")
    sql = project.text("deploy/timescaledb/schema.sql")
    assert "create_hypertable('readings', by_range('time', INTERVAL '86400 seconds'))" in sql
    assert "add_retention_policy('readings', INTERVAL '2592000 seconds')" in sql


def test_nothing_of_an_engine_is_written_that_nobody_chose() -> None:
    assert not [f.path for f in written(READINGS).files if "cassandra" in f.path or "timescale" in f.path]


def test_the_same_requirements_give_the_same_bytes() -> None:
    assert written(READINGS) == written(READINGS)
