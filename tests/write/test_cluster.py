"""The files of the products that a design leads to in production."""

import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from msgspec.structs import replace
from ruamel.yaml import YAML

from datakeel.decision import Design
from datakeel.design.decisions.derived_data import CAPTURED
from datakeel.design.designer import design
from datakeel.design.intake import intake
from datakeel.mistake import Mistake
from datakeel.requirements import read
from datakeel.write.disk import put
from datakeel.write.project import Project
from datakeel.write.writer import write

ORDERS = design(intake("Build an order tracking system that keeps a search index and analytics dashboard in sync"))


@pytest.fixture(scope="module")
def orders() -> Project:
    return write(ORDERS)


def test_a_topic_for_each_aggregate_with_as_many_partitions_as_was_decided(orders: Project) -> None:
    (topic,) = YAML(typ="safe").load_all(orders.text("deploy/kafka/topics.yaml"))
    assert topic["spec"]["topicName"] == "order-tracking.order"
    assert topic["spec"]["partitions"] == ORDERS.size("log.partitions")
    assert topic["spec"]["replicas"] > topic["spec"]["config"]["min.insync.replicas"] > 1


def test_the_connector_captures_the_event_store_by_its_columns(orders: Project) -> None:
    config = json.loads(orders.text("deploy/debezium/connector.json"))["config"]
    events = next(f.text for f in orders.files if f.path.endswith("_events.sql"))
    for field in ("id", "key", "payload"):
        assert f"    {config[f'transforms.outbox.table.field.event.{field}']} " in events
    assert config["transforms.outbox.route.topic.replacement"] == "order-tracking.${routedByValue}"
    assert config["table.include.list"] == "public.events"


def test_every_version_of_a_schema_is_registered_under_its_subject(orders: Project, tmp_path: Path) -> None:
    put(orders, tmp_path / "made")
    placed = tmp_path / "made/src/order_tracking/schemas/OrderPlaced.1.avsc"
    for version in (10, 9, 2):
        placed.with_name(f"OrderPlaced.{version}.avsc").write_text(
            placed.read_text().replace("customer", f"c{version}")
        )
    told: list[tuple[str, Any]] = []

    class Registry(BaseHTTPRequestHandler):
        def answer(self) -> None:
            told.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200)
            self.end_headers()

        do_PUT = do_POST = answer

    with HTTPServer(("127.0.0.1", 0), Registry) as registry:
        thread = Thread(target=registry.serve_forever)
        thread.start()
        try:
            command = [sys.executable, "deploy/schema-registry/register.py"]
            known = os.environ | {"REGISTRY": f"http://127.0.0.1:{registry.server_port}"}
            subprocess.run(command, cwd=tmp_path / "made", env=known, check=True, timeout=60)
        finally:
            registry.shutdown()
            thread.join()
    subject = "order-tracking.order-order_tracking.OrderPlaced"
    mine = [body for path, body in told if subject in path]
    assert mine[0] == {"compatibility": "FULL_TRANSITIVE"}
    assert [re.findall("customer|c2|c9|c10", body["schema"])[0] for body in mine[1:]] == ["customer", "c2", "c9", "c10"]
    events = {f.path.split("/")[-1].split(".")[0] for f in orders.files if f.path.endswith(".avsc")}
    assert {path.rpartition(".")[2] for path, _ in told if path.startswith("/config/")} == events


def test_the_index_has_the_columns_of_the_view(orders: Project) -> None:
    properties = json.loads(orders.text("deploy/elasticsearch/order-search.json"))["mappings"]["properties"]
    assert properties["customer"]["type"] == "text"
    assert properties["order_id"] == {"type": "keyword"}
    assert {"items", "address", "tracking_code"} <= set(properties)


def test_the_topic_is_named_as_the_connector_routes(orders: Project) -> None:
    """The router puts the column `aggregate` into the topic's name."""
    (topic,) = YAML(typ="safe").load_all(orders.text("deploy/kafka/topics.yaml"))
    source = "\n".join(f.text for f in orders.files if "/storage/" in f.path)
    aggregate = topic["spec"]["topicName"].rpartition(".")[2]
    assert f'"{aggregate}"' in source


def test_rows_are_captured_where_documents_are_to_leave_by_kafka() -> None:
    of = design(intake("A catalogue of products stored as JSON documents of varying shape, with search, on Kafka"))
    made = write(of)
    (topic,) = YAML(typ="safe").load_all(made.text("deploy/kafka/topics.yaml"))
    assert topic["spec"]["config"]["cleanup.policy"] == "compact"
    config = json.loads(made.text("deploy/debezium/rows.json"))["config"]
    schema, table = config["table.include.list"].split(".")
    assert topic["spec"]["topicName"] == f"{config['topic.prefix']}.{schema}.{table}"
    assert any(f"CREATE TABLE {table} (" in f.text for f in made.files if f.path.startswith("migrations/"))
    assert f"`{table}`" in made.text("deploy/production.md")


def test_a_job_that_figures_lead_to_flink_or_spark_is_written_to_a_scale_on_one_machine() -> None:
    """And refused where somebody named the product."""
    text = """
datakeel: 1
name: robots
workload: {writes: WRITES/s}
domain:
  series: {reading: {key: {robot: text}, values: {speed: decimal}, workload: {retention: 30d}}}
"""
    job = "streams: {fastest: {source: reading, key: [robot], window: 1 min, measures: [max speed]}}"
    report = "batches: {report: {source: reading, every: 1 min, by: robot, measures: [max speed]}}"
    for writes, jobs, product in (("3k", job, "Flink"), ("1M", report, "Spark")):
        asked = read(text.replace("WRITES", writes) + f"  {jobs}\n", "system.yaml")
        of = design(asked)
        assert any(f"in production: {product}" in warning for warning in of.warnings)
        assert not of.products() & {"flink", "spark"}
        question = "stream" if product == "Flink" else "batch"
        with pytest.raises(Mistake, match=f"{product.lower()}.* in production"):
            write(design(replace(asked, overrides={question: product.lower()})))


def test_a_product_whose_files_nobody_writes_is_refused() -> None:
    first, *rest = ORDERS.decisions
    odd: Design = replace(ORDERS, decisions=(replace(first, products=("flink",)), *rest))
    with pytest.raises(Mistake, match="lead to flink in production"):
        write(odd)


@pytest.mark.parametrize("engine", CAPTURED)
def test_the_changes_of_a_system_that_stays_are_read_from_its_log(engine: str) -> None:
    made = design(read(FOLLOWED.format(engine=engine), "system.yaml"))
    config = json.loads(write(made).text("deploy/debezium/old-shop.json"))["config"]
    assert config["topic.prefix"] == "clinic.old_shop"
    assert "${env:OLD_SHOP_CAPTURE_USER}" in config.values()
    assert [v for k, v in config.items() if k in ("table.include.list", "collection.include.list")] == [".*[.]invoices"]
    assert "{" not in "".join(str(v) for v in config.values()).replace("${env:", "")
    assert "deploy/debezium/old-shop.json" in write(made).text("deploy/production.md")
    assert not [f for f in write(made).files if f.path in ("deploy/debezium/rows.json", "deploy/kafka/topics.yaml")]
    assert any("existing.old shop: the files in deploy/ read" in warning for warning in made.warnings)


def test_the_log_of_a_product_that_debezium_does_not_read_is_not_promised() -> None:
    made = design(read(FOLLOWED.format(engine="dbase"), "system.yaml"))
    assert made.decision("derived-data").chosen == "none"
    assert any("Debezium does not read the log of dbase, and nothing here does" in w for w in made.warnings)
    assert not [f for f in write(made).files if "debezium" in f.path]


FOLLOWED = """
datakeel: 1
name: clinic
existing: {{old shop: {{engine: {engine}, role: source, holds: [invoices]}}}}
domain: {{tables: {{Patient: {{fields: {{name: text}}}}}}}}
"""
