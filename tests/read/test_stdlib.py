"""What is known of the standard library: threads and tasks, queues, locks, contexts, exits, entries, values."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.model.effect import Effect, Kind, When
from datakeel.model.operation import Operation
from datakeel.model.system import System
from tests.pages import read_system


def system(folder: Path, text: str) -> System:
    return read_system({"shop/__init__.py": "", "shop/code.py": dedent(text)}, folder)


def traced(folder: Path, text: str, name: str = "call") -> Operation:
    found = system(folder, text).operation(f"shop.code.{name}")
    assert found is not None
    return found


def http(operation: Operation) -> list[Effect]:
    return [e for e in operation.effects if e.technology == "http"]


SPAWNED = {
    "threading.Thread(target=work, args=(url,)).start()": "thread",
    "threading.Timer(60, work, [url]).start()": "timer",
    "Worker().start()": "thread",
    "multiprocessing.Process(target=work, args=(url,)).start()": "process",
    "ThreadPoolExecutor().submit(work, url)": "submit",
    "asyncio.create_task(later(url))": "task",
    "asyncio.ensure_future(later(url))": "task",
    "asyncio.get_event_loop().create_task(later(url))": "task",
}


@pytest.mark.parametrize("expression", SPAWNED)
def test_what_is_started_runs_beside(expression: str, tmp_path: Path) -> None:
    text = f"""
        import asyncio
        import multiprocessing
        import threading
        from concurrent.futures import ThreadPoolExecutor

        import requests

        def work(url):
            requests.get(url, timeout=5)

        async def later(url):
            requests.get(url, timeout=5)

        class Worker(threading.Thread):
            def run(self):
                requests.get("https://a", timeout=5)

        async def call(url):
            {expression}
        """
    operation = traced(tmp_path, text)
    assert [(e.verb, e.result_used) for e in operation.of(Kind.SPAWN)] == [(SPAWNED[expression], False)]
    assert [e.when for e in http(operation)] == [When.CONCURRENT]


def test_a_handle_that_is_kept_is_told(tmp_path: Path) -> None:
    text = """
        import asyncio

        tasks = set()

        async def later():
            pass

        async def call():
            task = asyncio.create_task(later())
            tasks.add(task)
            await asyncio.create_task(later())
            asyncio.create_task(later()).add_done_callback(print)
            async with asyncio.TaskGroup() as group:
                group.create_task(later())
        """
    spawned = list(traced(tmp_path, text).of(Kind.SPAWN))
    assert [(e.verb, e.result_used) for e in spawned] == [
        ("task", True),
        ("task", True),
        ("task", True),
        ("supervised-task", False),
    ]
    assert [e.awaited for e in spawned] == [False, True, False, False]


QUEUES = {
    "queue.Queue()": ("maxsize", "0"),
    "queue.Queue(100)": ("maxsize", "100"),
    "queue.SimpleQueue()": ("maxsize", "0"),
    "asyncio.Queue(maxsize=10)": ("maxsize", "10"),
    "multiprocessing.Queue()": ("maxsize", "0"),
    "collections.deque(maxlen=5)": ("maxlen", "5"),
    "collections.deque()": ("maxlen", "None"),
}


@pytest.mark.parametrize("expression", QUEUES)
def test_a_queue_says_how_much_it_holds(expression: str, tmp_path: Path) -> None:
    text = f"import asyncio\nimport collections\nimport multiprocessing\nimport queue\n\nwaiting = {expression}\n"
    (resource,) = system(tmp_path, text).resources
    name, value = QUEUES[expression]
    option = resource.option(name)
    assert option is not None
    assert (resource.kind, option.value, resource.per) == ("queue", value, "process")


def test_locks_and_semaphores(tmp_path: Path) -> None:
    text = """
        import asyncio
        import threading

        import requests

        class Store:
            def __init__(self):
                self.lock = threading.RLock()
                self.turns = asyncio.Semaphore(5)

            async def call(self, url):
                with self.lock:
                    requests.get(url)
                async with self.turns:
                    requests.get(url)
                self.lock.acquire()
                requests.get(url)
                self.lock.release()
                requests.get(url)
        """
    first, second, third, fourth = http(traced(tmp_path, text, "Store.call"))
    assert first.locks
    assert first.inside("lock") is not None
    semaphore = second.inside("semaphore")
    assert semaphore is not None
    assert (semaphore.text, second.locks) == ("5", ())
    assert third.locks
    assert fourth.locks == ()


def test_contexts(tmp_path: Path) -> None:
    text = """
        import contextlib
        import threading

        import requests

        lock = threading.Lock()

        def call(url):
            with contextlib.ExitStack() as stack:
                stack.enter_context(lock)
                requests.get(url)
            requests.get(url)
            with contextlib.suppress(ValueError):
                requests.get(url)
                raise ValueError
            with contextlib.closing(requests.Session()) as session:
                session.get(url)
        """
    held, free, suppressed, closed = http(traced(tmp_path, text))
    assert held.locks
    assert free.locks == ()
    scope = suppressed.inside("try")
    assert scope is not None
    assert (scope.arm, scope.text) == ("body", "builtins.ValueError")
    assert closed.inside("try") is None


def test_ways_out(tmp_path: Path) -> None:
    text = """
        import os
        import sys

        import requests

        def call(url):
            if not url:
                sys.exit(2)
            if url == "now":
                os._exit(3)
            requests.get(url)
        """
    operation = traced(tmp_path, text)
    assert [x.text for x in operation.exits] == ["SystemExit", "SystemExit"]
    assert len(http(operation)[0].guards) == 2


def test_ways_in(tmp_path: Path) -> None:
    text = """
        import atexit
        import sched
        import signal
        import time

        def stop(number, frame):
            pass

        def last():
            pass

        def tick():
            pass

        def main():
            signal.signal(signal.SIGTERM, stop)
            atexit.register(last)
            sched.scheduler(time.time, time.sleep).enter(60, 1, tick)

        if __name__ == "__main__":
            main()
        """
    found = {o.symbol: [e.kind for e in o.entries] for o in system(tmp_path, text).operations}
    assert found == {"stop": ["signal"], "last": ["event"], "tick": ["schedule"], "main": ["main"]}


VALUES = {
    "time.time()": "clock",
    "datetime.now()": "clock",
    "random.randint(1, 9)": "random",
    "uuid.uuid4()": "random",
    "secrets.token_hex()": "random",
    "pickle.dumps(order)": "encoding",
    "json.dumps({'id': order})": "encoding",
    "yaml.load(order)": "decoding",
}


@pytest.mark.parametrize("expression", VALUES)
def test_a_value_says_what_it_comes_from(expression: str, tmp_path: Path) -> None:
    text = f"""
        import json
        import pickle
        import random
        import secrets
        import time
        import uuid
        from datetime import datetime

        import requests
        import yaml

        def call(order):
            requests.post("https://a", data={expression})
        """
    (effect,) = http(traced(tmp_path, text))
    kinds = {s.kind for s in effect.payload}
    assert VALUES[expression] in kinds
    assert ("parameter" in kinds) == ("order" in expression)


def test_two_random_values_are_not_one(tmp_path: Path) -> None:
    text = """
        import uuid

        from pymongo import MongoClient

        orders = MongoClient().shop.orders

        def call():
            orders.delete_one({"key": uuid.uuid4()})
            orders.delete_one({"key": uuid.uuid4()})
        """
    operation = traced(tmp_path, text)
    keys = [e.selection.predicates[0].value for e in operation.of(Kind.WRITE) if e.selection is not None]
    assert len(keys) == 2
    assert not keys[0] or keys[0] != keys[1]


def test_what_a_function_remembers_is_made_once(tmp_path: Path) -> None:
    text = """
        import functools

        import requests

        @functools.lru_cache
        def session():
            return requests.Session()

        def call():
            return requests.Session()
        """
    found = {o.symbol: [r.per for r in o.resources] for o in system(tmp_path, text).operations}
    assert found == {"session": ["process"], "call": ["call"]}


def test_logs_are_told_by_the_function_and_its_callers_only(tmp_path: Path) -> None:
    text = """
        import logging

        logger = logging.getLogger(__name__)

        def note():
            logger.error("no")

        def call():
            note()

        def outer():
            call()
        """
    whole = system(tmp_path, text)
    found = {o.symbol: [e.verb for e in o.of(Kind.LOG)] for o in whole.operations}
    assert found == {"note": ["error"], "call": ["error"], "outer": []}


def test_what_async_to_sync_makes_waits_for_its_coroutine(tmp_path: Path) -> None:
    operation = traced(
        tmp_path,
        """
        import requests
        from asgiref.sync import async_to_sync

        async def ask(url):
            return requests.get(url, timeout=5)

        def call(url):
            return async_to_sync(ask)(url)
        """,
    )
    assert [(e.place.line, [c.line for c in e.chain]) for e in http(operation)] == [(6, [9])]


def test_a_coroutine_that_another_file_waits_for_is_told_where_it_is_waited_for(tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/asking.py": dedent("""
            import httpx

            async def ask(client: httpx.AsyncClient, url):
                return await client.get(url)

            def begun(client: httpx.AsyncClient, url):
                return ask(client, url)
            """),
        "shop/code.py": "from shop.asking import begun\n\nasync def call(client, url):\n    await begun(client, url)\n",
    }
    operation = read_system(files, tmp_path).operation("shop.code.call")
    assert operation is not None
    assert [[(c.path, c.line) for c in e.chain] for e in http(operation)] == [[("shop/code.py", 4)]]


# What holds an event loop ---------------------------------------------------------------------------------------------

LOOPS = """
import asyncio

import grpc
import requests
from asgiref.sync import sync_to_async
from shop.wire import stock_pb2_grpc


@sync_to_async
def threaded():
    requests.get("https://rates.example", timeout=1)


async def held():
    requests.get("https://rates.example", timeout=1)


async def stream(channel):
    async for _ in stock_pb2_grpc.StockStub(channel).Watch(1):
        pass


async def read(channel):
    return await stock_pb2_grpc.StockStub(channel).Watch(1).read()


async def later(channel):
    call = stock_pb2_grpc.StockStub(channel).Level(1)
    return await call
"""


def test_a_call_holds_the_thread_unless_a_thread_or_a_coroutine_waits_for_it(tmp_path: Path) -> None:
    operations = system(tmp_path, LOOPS).operations
    held = {o.symbol: [e.blocking for e in o.of(Kind.CALL)] for o in operations}
    assert held == {"threaded": [False], "held": [True], "stream": [False], "read": [False], "later": [False]}


TABLE = """
import os
import requests
from dataclasses import dataclass, replace

@dataclass(frozen=True)
class Paid:
    url: str

@dataclass(frozen=True)
class Sent:
    url: str

def paid(event):
    requests.post(event.url)

def sent(event):
    requests.put(event.url)

BY_CLASS = {Paid: paid, Sent: sent}
BY_NAME = {"paid": paid, "sent": sent}

def call(url):
    BY_CLASS[type(Paid(url))](Paid(url))

def call_copy(url):
    event = replace(Paid("nowhere"), url=url)
    BY_CLASS.get(type(event))(event)

def call_any(name, event):
    BY_NAME[name](event)
"""


@pytest.mark.parametrize("name", ["call", "call_copy"])
def test_a_table_of_handlers_calls_the_one_of_its_key(name: str, tmp_path: Path) -> None:
    (effect,) = http(traced(tmp_path, TABLE, name))
    assert [(o.name, o.value) for o in effect.options if o.name == "method"] == [("method", "'POST'")]


def test_a_table_of_handlers_calls_one_of_a_few(tmp_path: Path) -> None:
    found = http(traced(tmp_path, TABLE, "call_any"))
    assert sorted(o.value for e in found for o in e.options if o.name == "method") == ["'POST'", "'PUT'"]
    assert len({s.arm for e in found for s in e.scopes if s.kind == "branch"}) == 2


SETTINGS = """
import os
from confluent_kafka import Producer
from pydantic_settings import BaseSettings

class Kafka(BaseSettings):
    topic: str = "orders"

class Settings(BaseSettings):
    kafka: Kafka = Kafka()
    debug: bool = False

settings = Settings()
TOPIC = os.environ.get("TOPIC", "orders")
OTHER = os.getenv("TOPIC") or "orders"
producer = Producer({"acks": os.getenv("ACKS", "1")})

def call(body):
    producer.produce(TOPIC, body)
    producer.produce(OTHER, body)
    producer.produce(settings.kafka.topic, body)

def call_where_told(body):
    if os.getenv("SEND", ""):
        producer.produce(TOPIC, body)
    if os.getenv("MODE", "slow") == "fast":
        producer.produce(TOPIC, body)
"""


def test_what_the_environment_may_say_has_the_name_of_its_default(tmp_path: Path) -> None:
    assert [e.dataset for e in traced(tmp_path, SETTINGS).effects] == ["orders"] * 3


def test_what_the_environment_may_say_decides_nothing(tmp_path: Path) -> None:
    assert [e.dataset for e in traced(tmp_path, SETTINGS, "call_where_told").effects] == ["orders"] * 2
