"""Producers, consumers, tasks, locks and cloud clients: options as they travel, defaults, keys, entries, resources."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Entry, Operation, Resource
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


# Options on their way -----------------------------------------------------------------------------------------------

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


# Tasks ---------------------------------------------------------------------------------------------------------------


def task(system: System, name: str) -> Entry:
    (found,) = (e for e in operation(system, name).entries if e.kind == "task")
    return found


def test_a_task_is_acknowledged_before_it_runs_and_never_comes_again(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
from celery import shared_task

@shared_task
def bill(order):
    pass

@shared_task(name="mail.receipt", acks_late=True, max_retries=5)
def receipt(order):
    pass
""",
    )
    bill, receipt = task(system, "bill"), task(system, "receipt")
    assert (bill.name, bill.redelivered, bill.retried) == ("shop.code.bill", False, "")
    assert options(bill, "late-ack", "retries") == {"late-ack": "False", "retries": "3"}
    assert (receipt.name, receipt.redelivered) == ("mail.receipt", True)
    assert options(receipt, "late-ack", "retries") == {"late-ack": "True", "retries": "5"}


@pytest.mark.parametrize(
    "setting",
    [
        "app.conf.task_acks_late = True",
        "app.conf.update(task_acks_late=True)",
        "app.conf.update({'task_acks_late': True})",
        "CELERY_TASK_ACKS_LATE = True",
    ],
)
def test_the_application_sets_what_its_tasks_do_not(setting: str, tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        f"""
from celery import Celery, shared_task
app = Celery("shop")
{setting}

@app.task
def bill(order):
    pass

@shared_task
def receipt(order):
    pass

@shared_task(acks_late=False)
def report(order):
    pass
""",
    )
    assert [task(system, n).redelivered for n in ("bill", "receipt", "report")] == [True, True, False]


def test_a_task_that_asks_to_be_run_again_is_retried(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
import requests
from celery import shared_task

@shared_task(bind=True, max_retries=7)
def by_hand(self, order):
    try:
        requests.post("https://bank.example", timeout=3)
    except OSError as problem:
        self.retry(exc=problem, countdown=2 ** self.request.retries)
        requests.get("https://never.example", timeout=3)

@shared_task(autoretry_for=(OSError,), retry_backoff=True)
def by_itself(order):
    requests.post("https://bank.example", timeout=3)

@shared_task
def once(order):
    requests.post("https://bank.example", timeout=3)
""",
    )
    assert [task(system, n).retried for n in ("by_hand", "by_itself", "once")] == ["failure", "failure", ""]
    (by_hand,), (by_itself,) = operation(system, "by_hand").retries, operation(system, "by_itself").retries
    assert (by_hand.kind, by_hand.attempts, by_hand.wait) == ("framework", "7", "growing")
    assert (by_itself.kind, by_itself.attempts, by_itself.wait) == ("framework", "3", "jittered")
    assert [only(system, n, Kind.CALL).inside("retry") is not None for n in ("by_hand", "by_itself", "once")] == [
        True,
        True,
        False,
    ]


def test_a_task_has_what_the_class_says_that_it_is_based_on(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
import requests
from celery import Celery, Task
app = Celery("shop")

class Retried(app.Task):
    autoretry_for = (OSError,)
    retry_backoff = True
    max_retries = 5

class Late(Task):
    acks_late = True

@app.task(base=Retried)
def based(order):
    requests.post("https://bank.example", timeout=3)

@app.task(base=Retried, max_retries=2)
def fewer(order):
    requests.post("https://bank.example", timeout=3)

@app.task(base=Late)
def late(order):
    requests.post("https://bank.example", timeout=3)
""",
    )
    assert [task(system, n).retried for n in ("based", "fewer", "late")] == ["failure", "failure", ""]
    assert [task(system, n).redelivered for n in ("based", "fewer", "late")] == [False, False, True]
    (based,), (fewer,) = operation(system, "based").retries, operation(system, "fewer").retries
    assert (based.attempts, based.wait) == ("5", "jittered")
    assert (fewer.attempts, fewer.wait) == ("2", "jittered")


def test_what_a_schedule_names_is_started_by_it(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
from celery import Celery, shared_task
app = Celery("shop")
app.conf.beat_schedule = {"nightly": {"task": "shop.code.report", "schedule": 3600}}
CELERY_BEAT_SCHEDULE = {"hourly": {"task": "mail.digest", "schedule": 60}}

@app.task
def report():
    pass

@shared_task(name="mail.digest")
def digest():
    pass

@shared_task
def other():
    pass
""",
    )
    kinds = {n: sorted(e.kind for e in operation(system, n).entries) for n in ("report", "digest", "other")}
    assert kinds == {"report": ["schedule", "task"], "digest": ["schedule", "task"], "other": ["task"]}


def test_a_class_is_a_task_too(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
from celery import Celery, Task
app = Celery("shop")

class Report(Task):
    name = "reports.daily"
    acks_late = True

    def run(self, day):
        return self.build(day)

    def build(self, day):
        pass

def ask(day):
    Report().delay(day)
    app.tasks["reports.daily"].delay(day)
""",
    )
    entry = task(system, "Report.run")
    assert (entry.name, entry.redelivered) == ("reports.daily", True)
    assert [e.kind for e in operation(system, "Report.build").entries] == ["task"]
    assert [e.dataset for e in operation(system, "ask").of(Kind.PUBLISH)] == ["reports.daily", "reports.daily"]


def test_a_delayed_task_says_by_how_much(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
from celery import shared_task

@shared_task
def bill(order):
    pass

def later(order):
    bill.apply_async((order,), countdown=90)

def signed(order):
    bill.s(order).apply_async(countdown=90)
""",
    )
    for name in ("later", "signed"):
        publish = only(system, name, Kind.PUBLISH)
        delay = publish.option("delay")
        assert delay is not None
        assert (publish.dataset, delay.seconds()) == ("shop.code.bill", 90)
        assert any(s.name == "order" for s in publish.payload)


def test_a_job_runs_what_was_put_into_the_queue(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
from redis import Redis
from rq import Queue, Retry

class Mailer:
    def send(self, order):
        pass

def receipt(order):
    pass

def checkout(order):
    queue = Queue("mail", connection=Redis())
    queue.enqueue(receipt, order)
    queue.enqueue(Mailer().send, order, retry=Retry(max=3))
    queue.enqueue("shop.code.receipt", order)
""",
    )
    assert [e.dataset for e in operation(system, "checkout").of(Kind.PUBLISH)] == [
        "shop.code.receipt",
        "shop.code.Mailer.send",
        "shop.code.receipt",
    ]
    assert (task(system, "receipt").retried, task(system, "Mailer.send").retried) == ("", "failure")


# Cloud ----------------------------------------------------------------------------------------------------------------


def test_a_client_has_the_timeouts_of_its_configuration(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
import boto3
from botocore.config import Config

plain = boto3.client("sqs")
CONFIG = Config(read_timeout=5, retries={"max_attempts": 1, "mode": "standard"})
tuned = boto3.Session().client("sqs", config=CONFIG)
other = boto3.client("ec2", config=CONFIG)
""",
    )
    found = sorted(
        (r.place.line, tuple(options(r, "timeout", "connect-timeout", "retries", "backoff").values()))
        for r in system.resources
    )
    assert found == [
        (5, ("60", "60", "4", "'legacy'")),
        (7, ("5", "60", "1", "'standard'")),
        (8, ("5", "60", "1", "'standard'")),
    ]


def test_what_an_update_computes_from_the_stored_value_is_atomic(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
import boto3

table = boto3.resource("dynamodb").Table("accounts")

def change(number, amount, seen):
    table.update_item(
        Key={"id": number},
        UpdateExpression="SET balance = balance - :amount, #s = :paid, owner = :owner REMOVE hold ADD uses :one",
        ConditionExpression="#v = :seen AND attribute_exists(id)",
        ExpressionAttributeNames={"#s": "status", "#v": "version"},
        ExpressionAttributeValues={":amount": amount, ":paid": "paid", ":owner": number, ":one": 1, ":seen": seen},
    )
""",
    )
    write = only(system, "change", Kind.WRITE)
    assert [(a.column, a.how, a.text) for a in write.assigned] == [
        ("balance", "atomic", ""),
        ("status", "constant", "const:'paid'"),
        ("owner", "value", ""),
        ("hold", "constant", "const:None"),
        ("uses", "atomic", ""),
    ]
    assert write.selection is not None
    assert [(p.column, p.operator, p.value) for p in write.selection.predicates] == [
        ("id", "=", "parameter:number"),
        ("version", "=", "parameter:seen"),
        ("id", "not-null", ""),
    ]
    assert write.selection.complete
    assert (write.store, write.dataset) == (StoreKind.DOCUMENT, "accounts")


def test_values_that_tell_their_type_are_the_values_in_them(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
import boto3

client = boto3.client("dynamodb")

def put(number, total):
    client.put_item(
        TableName="orders",
        Item={"id": {"S": number}, "total": {"N": total}},
        ConditionExpression="attribute_not_exists(id)",
    )
""",
    )
    write = only(system, "put", Kind.WRITE)
    assert [(a.column, [s.name for s in a.sources]) for a in write.assigned] == [
        ("id", ["number"]),
        ("total", ["total"]),
    ]
    assert options(write, "condition") == {"condition": "'attribute_not_exists(id)'"}


def test_an_asynchronous_client_does_not_hold_its_thread(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
import aioboto3
import boto3
import redis
import redis.asyncio

session = aioboto3.Session()

async def waits():
    async with session.client("s3") as s3:
        await s3.put_object(Bucket="a", Key="b", Body="c")
    async with session.resource("dynamodb") as database:
        table = await database.Table("accounts")
        await table.put_item(Item={})
    await redis.asyncio.Redis().set("a", 1)

def holds():
    boto3.client("s3").put_object(Bucket="a", Key="b", Body="c")
    boto3.resource("dynamodb").Table("accounts").put_item(Item={})
    redis.Redis().set("a", 1)
""",
    )
    assert [e.blocking for e in operation(system, "waits").of(Kind.WRITE)] == [False] * 3
    assert [e.blocking for e in operation(system, "holds").of(Kind.WRITE)] == [True] * 3


def test_a_function_that_lambda_runs_may_run_twice(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
def lambda_handler(event, context):
    return handler(event)

def handler(order):
    pass
""",
    )
    (entry,) = operation(system, "lambda_handler").entries
    assert (entry.kind, entry.redelivered, entry.retried) == ("event", True, "failure")
    assert operation(system, "handler").entries == (entry,)


def test_a_job_that_is_a_row_of_the_callers_database_is_in_its_transaction(tmp_path: Path) -> None:
    code = """
from django.db import models, transaction
from procrastinate.contrib.django import app

class Order(models.Model):
    state = models.CharField(max_length=10)

@app.task
def bill(order): pass

def place():
    with transaction.atomic():
        order = Order.objects.create(state="new")
        bill.configure(queue="late").defer(order=order.pk)
"""
    system = read_system({"shop/__init__.py": "", "shop/code.py": code}, tmp_path)
    place = next(o for o in system.operations if o.symbol == "place")
    first, job = place.of(Kind.WRITE)
    assert job.dataset == "procrastinate_jobs"
    assert place.same_transaction(first, job)
    assert not list(place.of(Kind.PUBLISH))
