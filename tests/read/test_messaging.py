"""Producers, consumers, tasks, locks and cloud clients: options as they travel, defaults, keys, entries, resources."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Entry, Operation, Resource, same_rows
from datakeel.model.system import System
from tests.pages import read_system


def whole(folder: Path, code: str, **files: str) -> System:
    """The system of one file, and of others beside it (``settings=…`` is ``shop/settings.py``)."""
    return read_system(
        {"shop/__init__.py": "", "shop/code.py": code, **{f"shop/{n}.py": t for n, t in files.items()}}, folder
    )


def operation(system: System, name: str) -> Operation:
    found = system.operation(f"shop.code.{name}")
    assert found is not None
    return found


def only(system: System, name: str, kind: Kind) -> Effect:
    (found,) = operation(system, name).of(kind)
    return found


def options(thing: Effect | Resource | Entry, *names: str) -> dict[str, str]:
    return {n: o.value for n in names if (o := thing.option(n)) is not None}


# Options on their way ---------------------------------------------------------------------------------------------------

WAYS = {
    "keywords": """
        def run():
            consumer = KafkaConsumer("orders", enable_auto_commit=False)
            for message in consumer:
                print(message)
        """,
    "a dictionary at the module": """
        CONFIG = {"group_id": "billing", "enable_auto_commit": False}
        def run():
            for message in KafkaConsumer("orders", **CONFIG):
                print(message)
        """,
    "two dictionaries merged": """
        BASE = {"enable_auto_commit": True}
        def run():
            config = {**BASE, "enable_auto_commit": False}
            for message in KafkaConsumer("orders", **config):
                print(message)
        """,
    "a dictionary that is changed": """
        def run():
            config = dict(group_id="billing")
            config["enable_auto_commit"] = False
            config.update(client_id="a")
            for message in KafkaConsumer("orders", **config):
                print(message)
        """,
    "a function that gives the configuration": """
        def config(group):
            return {"group_id": group, "enable_auto_commit": False}
        def run():
            for message in KafkaConsumer("orders", **config("billing")):
                print(message)
        """,
    "a function that makes the client": """
        def make(topic, **given):
            return KafkaConsumer(topic, **given)
        def run():
            for message in make("orders", enable_auto_commit=False):
                print(message)
        """,
    "a function that remembers the client": """
        from functools import lru_cache
        @lru_cache
        def consumer():
            return KafkaConsumer("orders", enable_auto_commit=False)
        def run():
            for message in consumer():
                print(message)
        """,
    "a global that is filled once": """
        _consumer = None
        def consumer():
            global _consumer
            if _consumer is None:
                _consumer = KafkaConsumer("orders", enable_auto_commit=False)
            return _consumer
        def run():
            for message in consumer():
                print(message)
        """,
    "an object of the module": """
        consumer = KafkaConsumer("orders", enable_auto_commit=False)
        def run():
            for message in consumer:
                print(message)
        """,
    "an attribute set in init": """
        class Run:
            def __init__(self):
                self.config = {"enable_auto_commit": False, "group_id": "billing"}
                self.consumer = KafkaConsumer("orders", **self.config)
            def __call__(self):
                for message in self.consumer:
                    print(message)
        def run():
            Run()()
        """,
    "an attribute of a class": """
        class Run:
            CONFIG = {"enable_auto_commit": False}
            def go(self):
                for message in KafkaConsumer("orders", **self.CONFIG):
                    print(message)
        def run():
            Run().go()
        """,
    "a settings module": """
        from shop import settings
        def run():
            for message in KafkaConsumer(settings.TOPIC, **settings.KAFKA):
                print(message)
        """,
    "a class of settings": """
        from shop.settings import Config
        def run():
            for message in KafkaConsumer(Config.TOPIC, enable_auto_commit=Config.AUTO_COMMIT):
                print(message)
        """,
    "an object of settings": """
        from shop.settings import config
        def run():
            for message in KafkaConsumer(config.TOPIC, enable_auto_commit=config.AUTO_COMMIT):
                print(message)
        """,
}
SETTINGS = """
TOPIC = "orders"
KAFKA = dict(enable_auto_commit=False)
class Config:
    TOPIC = "orders"
    AUTO_COMMIT = False
config = Config()
"""


@pytest.mark.parametrize("way", WAYS)
def test_an_option_is_found_however_it_travels(way: str, tmp_path: Path) -> None:
    system = whole(tmp_path, "from kafka import KafkaConsumer\n" + textwrap.dedent(WAYS[way]), settings=SETTINGS)
    consume = only(system, "run", Kind.CONSUME)
    assert (consume.dataset, options(consume, "auto-commit")) == ("orders", {"auto-commit": "False"})
    assert consume.option("enable_auto_commit") == consume.option("auto-commit")


def test_an_option_that_comes_from_outside_is_not_known(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
import os
from kafka import KafkaConsumer
def run(config):
    for message in KafkaConsumer("orders", **config):
        print(message)
def other():
    for message in KafkaConsumer("orders", enable_auto_commit=os.environ["AUTO"]):
        print(message)
""",
    )
    assert options(only(system, "run", Kind.CONSUME), "auto-commit") == {"auto-commit": ""}
    assert options(only(system, "other", Kind.CONSUME), "auto-commit") == {"auto-commit": ""}
