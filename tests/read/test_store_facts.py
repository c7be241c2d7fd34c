"""What the reader knows of stores for their rules: lists in pages, groups, streams, options of tables, who fills a
key."""

from __future__ import annotations

from pathlib import Path

from datakeel.model.effect import Effect
from datakeel.model.system import System
from tests.pages import read_system

MODELS = """
import uuid
from django.db import models

class Order(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    state = models.CharField(max_length=10, default="new")
    shown = models.BooleanField(default=True)
    closed = models.DateTimeField(null=True, default=None)
    made = models.DateTimeField(default=timezone.now)
"""
TABLE = """
CREATE TABLE readings (sensor uuid, at timestamp, value double, PRIMARY KEY ((sensor), at))
    WITH CLUSTERING ORDER BY (at DESC)
    AND compaction = {'class': 'org.apache.cassandra.db.compaction.TimeWindowCompactionStrategy', 'unit': 'DAYS'}
    AND default_time_to_live = 60;
ALTER TABLE readings WITH default_time_to_live = 3600;
"""


def system_of(folder: Path, code: str, **files: str) -> System:
    named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}
    return read_system({"shop/code.py": code, **named}, folder)


def first(system: System, symbol: str) -> Effect:
    return next(o for o in system.operations if o.symbol == symbol).effects[0]


def test_the_entries_of_a_list_are_gone_through(tmp_path: Path) -> None:
    system = system_of(
        tmp_path,
        """
import boto3
s3 = boto3.client("s3")

def looped(bucket):
    for item in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        print(item)

def handed_on(bucket):
    return s3.list_objects_v2(Bucket=bucket).get("Contents", [])

def counted(bucket):
    return s3.list_objects_v2(Bucket=bucket)["KeyCount"]

def whole(bucket):
    return s3.list_objects_v2(Bucket=bucket)
""",
    )
    through = {s: first(system, s).option("gone-through") for s in ("looped", "handed_on", "counted", "whole")}
    assert {s for s, option in through.items() if option is not None} == {"looped", "handed_on"}
    token = first(system, "looped").option("page-token")
    assert token is not None
    assert (token.name, token.value, token.given) == ("ContinuationToken", "None", False)


def test_groups_and_streams_are_known(tmp_path: Path) -> None:
    system = system_of(
        tmp_path,
        """
from django.db.models import Count
from shop.models import Order

def grouped():
    return list(Order.objects.values("state").annotate(number=Count("pk")))

def annotated():
    return list(Order.objects.annotate(number=Count("pk")))

def streamed():
    for order in Order.objects.iterator():
        print(order)
""",
        shop__models_dot_py=MODELS,
    )
    chosen = {s: first(system, s).selection for s in ("grouped", "annotated")}
    assert {s: c.grouped for s, c in chosen.items() if c is not None} == {"grouped": True, "annotated": False}
    assert first(system, "streamed").option("stream") is not None
    assert first(system, "grouped").option("stream") is None


def test_a_key_that_the_code_fills_names_the_function(tmp_path: Path) -> None:
    dataset = system_of(tmp_path, "", shop__models_dot_py=MODELS).dataset("shop_order")
    assert dataset is not None
    assert {c.name: c.filled_by for c in dataset.schema.columns if c.filled_by} == {"id": "uuid4", "made": "now"}


def test_a_column_that_the_code_fills_with_a_constant_says_which(tmp_path: Path) -> None:
    code = """
from sqlalchemy import Boolean, Column, DateTime, Integer
from sqlalchemy.orm import declarative_base
Base = declarative_base()

class Line(Base):
    __tablename__ = "lines"
    id = Column(Integer, primary_key=True)
    number = Column(Integer, default=1)
    made = Column(DateTime, default=now)
    told = Column(Boolean, server_default="false")
"""
    system = system_of(tmp_path, code, shop__models_dot_py=MODELS)
    filled = {d.name: {c.name: c.initial for c in d.schema.columns if c.initial} for d in system.datasets}
    assert filled["shop_order"] == {"state": "const:'new'", "shown": "const:True", "closed": "const:None"}
    assert filled["lines"] == {"number": "const:1"}


def test_what_a_package_takes_out_of_a_module_of_the_same_name_is_what_it_means(tmp_path: Path) -> None:
    files = {
        "shop/code.py": "from shop.jobs import close\n\n\ndef end():\n    close()\n",
        "shop/jobs/__init__.py": "from shop.jobs.close import close\n",
        "shop/jobs/close.py": "import requests\n\n\ndef close():\n    requests.get('https://shop.example')\n",
    }
    system = read_system(files, tmp_path)
    assert first(system, "end").callee == "shop.jobs.close.close"


def test_cassandra_tables_and_statements_say_what_they_keep(tmp_path: Path) -> None:
    code = """
from cassandra.cluster import Cluster
session = Cluster(["cassandra"]).connect("plant")

def read(at):
    session.execute("SELECT * FROM readings WHERE at > %s ALLOW FILTERING", (at,))

def write(sensor, at):
    session.execute("INSERT INTO readings (sensor, at) VALUES (%s, %s) USING TTL 60", (sensor, at))
"""
    system = system_of(tmp_path, code, schema_dot_cql=TABLE)
    dataset = system.dataset("readings")
    assert dataset is not None
    assert dataset.schema.option("compaction") == "TimeWindowCompactionStrategy"
    assert dataset.schema.option("default_time_to_live") == "3600"
    assert first(system, "read").option("allow-filtering") is not None
    lives = first(system, "write").option("expiry")
    assert lives is not None
    assert lives.seconds() == 60
