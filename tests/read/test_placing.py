"""Where data goes and who reads it: what picks a node or partition, who follows whom, what expires, what refuses."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.model.certainty import Answer
from datakeel.model.dataset import Partitioning
from datakeel.model.effect import Effect, Kind
from datakeel.model.system import System
from datakeel.read.sql.ddl import read_changes
from tests.pages import read_system


def system(folder: Path, text: str, **more: str) -> System:
    files = {"shop/__init__.py": "", "shop/code.py": dedent(text)}
    return read_system(files | {f"shop/{name}.py": dedent(code) for name, code in more.items()}, folder)


def effects(found: System, *kinds: Kind, name: str = "call") -> list[Effect]:
    operation = found.operation(f"shop.code.{name}")
    assert operation is not None
    return list(operation.of(*kinds))


ROUTES = {
    "zlib.crc32(key.encode()) % len(NODES)": ["remainder"],
    "hash(key) % 2": ["hash"],
    "hash(str(key)) % len(NODES)": ["hash builtins.str", "remainder"],
    "TURNS.count % len(NODES)": [],  # of a counter: they are taken in turn
    "0": [],
}


@pytest.mark.parametrize(("index", "ways"), ROUTES.items())
def test_what_picked_a_node_is_told(tmp_path: Path, index: str, ways: list[str]) -> None:
    found = system(
        tmp_path,
        f"""
        import zlib
        import redis
        from shop import TURNS

        NODES = [redis.Redis(host="a"), redis.Redis(host="b")]

        def call(key, value):
            NODES[{index}].set(key, value)
        """,
    )
    (write,) = effects(found, Kind.WRITE)
    assert [o.value for o in write.options if o.word == "route"] == ways


@pytest.mark.parametrize(
    ("hashed", "path"),
    [("str(key)", ("builtins.str",)), ("key", ()), ("(1, str(key))", ("builtins.str",)), ("int(key)", None)],
)
def test_a_process_has_its_own_hash_of_texts(tmp_path: Path, hashed: str, path: tuple[str, ...] | None) -> None:
    found = system(
        tmp_path,
        f"""
        import redis

        client = redis.Redis()

        def call(key, value):
            client.set(f"entry:{{hash({hashed})}}", value)
        """,
    )
    (write,) = effects(found, Kind.WRITE)
    assert [s.path for s in write.key_sources if s.kind == "hash"] == ([] if path is None else [path])


ROUTERS = {
    'return "replica"': Answer.YES,
    'return random.choice(["replica_1", "replica_2"])': Answer.YES,
    "return settings.REPLICA_NAME": Answer.YES,
    'return "replica" if model._meta.app_label == "reports" else "default"': Answer.UNKNOWN,
    'return "archive"': Answer.UNKNOWN,
}


@pytest.mark.parametrize(("says", "answer"), ROUTERS.items())
def test_a_router_says_who_is_read(tmp_path: Path, says: str, answer: Answer) -> None:
    head = "import random\nfrom django.conf import settings\n"
    router = f"{head}\nclass Router:\n    def db_for_read(self, model, **hints):\n        {says}\n"
    assert read_by_default(tmp_path, router) == answer


def test_a_router_of_writes_alone_says_nothing_of_reads(tmp_path: Path) -> None:
    router = 'class Router:\n    def db_for_write(self, model, **hints):\n        return "default"\n'
    assert read_by_default(tmp_path, router) == Answer.NO


def read_by_default(folder: Path, router: str) -> Answer:
    found = system(
        folder,
        """
        from django.db import models

        class Order(models.Model):
            status = models.CharField(max_length=20)

        def call(number):
            return Order.objects.get(pk=number)
        """,
        settings='INSTALLED_APPS = ["shop"]\nDATABASE_ROUTERS = ["shop.routers.Router"]\n',
        routers=router,
    )
    (read,) = effects(found, Kind.READ)
    assert read.selection is not None
    return read.selection.replica


POOLS = {"replica_pool": Answer.YES, "read_pool": Answer.YES, "ReadOnlyPool": Answer.YES, "pool": Answer.NO}


@pytest.mark.parametrize(("pool", "answer"), POOLS.items())
def test_a_follower_is_known_by_what_its_connections_come_from(tmp_path: Path, pool: str, answer: Answer) -> None:
    found = system(
        tmp_path,
        f"""
        from psycopg_pool import ConnectionPool

        {pool} = ConnectionPool("postgresql://db/shop")

        def status(connection, number):
            return connection.execute("SELECT status FROM orders WHERE number = %s", (number,)).fetchone()

        def call(number):
            with {pool}.connection() as connection:
                return status(connection, number)
        """,
    )
    (read,) = effects(found, Kind.READ)
    assert read.selection is not None
    assert read.selection.replica == answer


def test_rows_of_a_table_expire_where_it_says_so() -> None:
    made = "CREATE TABLE readings (sensor text, at timestamp, PRIMARY KEY ((sensor), at))"
    (kept,) = read_changes(made, "cql")
    (expiring,) = read_changes(f"{made} WITH default_time_to_live = 600 AND comment = 'x'", "cql")
    assert kept.schema is not None
    assert expiring.schema is not None
    assert (kept.schema.expires, expiring.schema.expires) == (False, True)
    assert expiring.schema.partitioning == Partitioning("key", ("sensor",))


CLASSES = {
    "@dataclass\nclass Order:\n    number: int": True,
    "class Order(BaseModel):\n    number: int": False,
    'class Order(BaseModel):\n    model_config = ConfigDict(extra="forbid")\n    number: int': True,
    'class Order(BaseModel):\n    number: int\n    class Config:\n        extra = "forbid"': True,
    'class Order(BaseModel, extra="forbid"):\n    number: int': True,
    "class Order:\n    def __init__(self, number, **rest):\n        self.number = number": False,
    "class Order:\n    def __init__(self, number):\n        self.number = number": True,
}


@pytest.mark.parametrize(("text", "refuses"), CLASSES.items())
def test_a_class_refuses_what_it_does_not_name(tmp_path: Path, text: str, *, refuses: bool) -> None:
    code = "import json\nfrom dataclasses import dataclass\nfrom pydantic import BaseModel, ConfigDict\n\n"
    found = system(tmp_path, f"{code}{text}\n\ndef call(body):\n    return Order(**json.loads(body))\n")
    assert [e.text for e in effects(found, Kind.CALL) if e.verb == "parse"] == (["Order"] if refuses else [])
