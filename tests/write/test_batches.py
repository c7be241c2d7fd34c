"""Batch jobs as they are written; the examples run what is written."""

from pathlib import Path

import pytest

from datakeel.design.designer import design as designed
from datakeel.mistake import Mistake
from datakeel.requirements import read
from datakeel.write.project import Project
from datakeel.write.targets.batches.shape import jobs
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.designs import design

HEAD = "datakeel: 1\nname: billing\ndomain:\n"
TABLES = """
  tables:
    customer: {fields: {name: text unique}}
    payment:
      fields:
        customer: reference customer
        method: "enum(card, transfer)"
        channel: text optional
        the amount that was paid in the end: money
        fee: decimal
        paid at: timestamp
    visit: {fields: {page: text, seen at: timestamp}}
"""
AGGREGATES = """
  aggregates:
    Order:
      events:
        OrderPlaced: {fields: {buyer: text, total: money, coupon: text optional}}
        OrderShipped: {after: placed, fields: {carrier: text}}
"""
SERIES = """
  series:
    usage: {key: {account: text}, values: {meter: text, quantity: decimal}, workload: {retention: 1y}}
"""
OF_TABLES = """
  batches:
    revenue of a day:
      {source: payment, every: 1d, by: [customer, channel], measures: [mean fee, count], where: {method: card}}
    customers: {source: customer, every: 7d, kind: export}
    old payments with all that belongs to them: {source: payment, every: 1 month, kind: archive, older_than: 2y}
    old visits: {source: visit, every: 1d, kind: retention, older_than: 30d}
"""
OF_OTHERS = """
  batches:
    sales: {source: Order, every: 1 month, by: [buyer, state], measures: [sum total, max total]}
    carriers: {source: Order, every: 1h, by: carrier, where: {state: shipped}}
    invoices: {source: usage, every: 3 months, by: [account, meter], measures: sum quantity, lateness: 1h}
"""


def written(text: str) -> Project:
    parts = [part for part, word in PARTS.items() if word in text]
    return write(design(read(HEAD + text, "system.yaml"), "http-api", "batch-job", *parts))


PARTS = {"tables": "tables:", "event-store": "aggregates:", "message-schemas": "aggregates:", "time-series": "series:"}


@pytest.mark.parametrize("text", [TABLES + OF_TABLES, AGGREGATES + SERIES + OF_OTHERS], ids=["tables", "others"])
def test_the_code_is_laid_out_and_clean(text: str, tmp_path: Path) -> None:
    for file in written(text).files:
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    assert_laid_out_and_clean(tmp_path)


def test_what_is_written_follows_the_jobs() -> None:
    project = written(TABLES + OF_TABLES)
    paths = {file.path for file in project.files}
    assert "src/billing/processing/batch_jobs/revenue_of_a_day.py" in paths
    assert "claimName: billing-batch-files" in project.text("deploy/kubernetes/batches.yaml")
    assert "kind: PersistentVolumeClaim" in project.text("deploy/kubernetes/batches.yaml")
    alone = written(TABLES + "\n  batches: {revenue: {source: payment, every: 1d}}\n")
    assert not [file.path for file in alone.files if "batch_files" in file.path or "histories" in file.path]
    assert "batch_files" not in alone.text("src/billing/processing/batch.py")


def test_where_one_server_is_full_too_early_a_job_is_written_that_nobody_asked_for() -> None:
    text = "datakeel: 1\nname: billing\nworkload: {writes: 1.3k/s}\ndomain:\n" + TABLES
    decided = designed(read(text, "system.yaml"))
    assert decided.decision("storage-engine").chosen == "archived-postgresql"
    assert [(job.source, job.kind) for job in decided.archives] == [("payment", "archive"), ("visit", "archive")]
    project = write(decided)
    assert "src/billing/processing/batch_jobs/archive_of_payment.py" in {file.path for file in project.files}
    assert "batches" not in project.text("system.yaml")  # it says what is asked for


def test_an_index_is_made_once_for_each_way_of_reading() -> None:
    made = jobs(read(HEAD + TABLES + OF_TABLES, "system.yaml"))
    assert [index.columns for job in made for index in job.indexes] == ["paid_at, id", "seen_at, id"]
    there = TABLES.replace("paid at: timestamp\n", "paid at: timestamp\n      access: [{range: paid at}]\n")
    made = jobs(read(HEAD + there + OF_TABLES, "system.yaml"))
    assert [index.columns for job in made for index in job.indexes] == ["seen_at, id"]


@pytest.mark.parametrize(
    "text,told",
    [
        (AGGREGATES + "\n  batches: {a: {source: Order, every: 1d, kind: archive, older_than: 1y}}", "make it a table"),
        (AGGREGATES + "\n  batches: {a: {source: Order, every: 1d, kind: export}}", "exports rows only"),
        (
            SERIES + "\n  batches: {a: {source: usage, every: 1d, kind: archive, older_than: 1y}}",
            "dropped by the partition",
        ),
        (TABLES + "\n  batches: {a: {source: payment, every: 1d, measures: sum method}}", "no number"),
    ],
)
def test_what_is_not_written_is_refused(text: str, told: str) -> None:
    with pytest.raises(Mistake, match=told):
        written(text)


@pytest.mark.parametrize(
    "job,told",
    [
        ("{source: payment, every: 1d, kind: archive}", "archive needs older_than: 2y"),
        ("{source: payment, every: 1d, older_than: 2y}", "aggregate has no older_than"),
        ("{source: payment, every: 1d, kind: export, by: customer}", "belong to a job of kind aggregate"),
        ("{source: payment, every: 1d, by: custmer}", 'did you mean "customer"'),
        ("{source: payment, every: 1d, time: channel}", "expected a timestamp that every row has"),
        ("{source: customer, every: 1d, kind: archive, older_than: 2y}", "whose rows therefore cannot leave"),
        ("{source: payment, every: 1d, kind: archive, older_than: 2y, where: {method: card}}", "expected no where"),
    ],
)
def test_a_job_that_cannot_be_is_told(job: str, told: str) -> None:
    with pytest.raises(Mistake, match=told):
        read(f"{HEAD}{TABLES}\n  batches: {{a: {job}}}\n", "system.yaml")


@pytest.mark.parametrize("every,kept,least", [("3 months", "90d", "185d"), ("1h", "90 min", "2h")])
def test_a_job_over_more_than_is_kept_is_told(every: str, kept: str, least: str) -> None:
    series = f"\n  series:\n    usage: {{key: account, values: {{quantity: decimal}}, workload: {{retention: {kept}}}}}"
    job = f"\n  batches: {{sums: {{source: usage, every: {every}, measures: sum quantity}}}}\n"
    with pytest.raises(Mistake, match=f"kept for {kept}: keep it for {least}"):
        read(HEAD + series + job, "system.yaml")
