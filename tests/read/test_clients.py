"""Clients of remote services and stores: how long they wait, what holds the thread, and which entry they touch."""

from __future__ import annotations

from pathlib import Path

import pytest

from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.judge import judge
from tests.pages import read_system


def used(code: str, folder: Path) -> Operation:
    system = read_system({"shop/__init__.py": "", "shop/code.py": code}, folder)
    return next(o for o in system.operations if o.symbol == "use")


def limit(effect: Effect) -> str | None:
    option = effect.option("timeout")
    return option.value if option is not None else None


@pytest.mark.parametrize(
    ("made", "call", "seconds"),
    [
        ("OpenAI()", "chat.completions.create(messages=x)", "600"),
        ("OpenAI(timeout=20)", "responses.create(input=x)", "20"),
        ("OpenAI(timeout=None)", "embeddings.create(input=x)", "None"),
        ("OpenAI()", "chat.completions.create(messages=x, timeout=5)", "5"),
        ("Anthropic()", "messages.create(messages=x)", "600"),
        ("Anthropic(timeout=None)", "beta.messages.create(messages=x)", "None"),
        ("AsyncAnthropic()", "messages.create(messages=x)", "600"),
    ],
)
def test_how_long_a_language_model_is_waited_for(made: str, call: str, seconds: str, tmp_path: Path) -> None:
    imports = "from anthropic import Anthropic, AsyncAnthropic\nfrom openai import OpenAI\n"
    (asked,) = used(f"{imports}\nclient = {made}\n\ndef use(x):\n    client.{call}\n", tmp_path).of(Kind.CALL)
    assert limit(asked) == seconds
    assert asked.blocking == (not made.startswith("Async"))


def test_a_client_that_waits_in_its_thread_stands_in_the_way_of_a_loop(tmp_path: Path) -> None:
    code = """
from fastapi import FastAPI
from openai import AsyncOpenAI, OpenAI

app = FastAPI()
held = OpenAI()
free = AsyncOpenAI()

@app.get("/held")
async def one(q: str):
    return held.responses.create(input=q)

@app.get("/free")
async def two(q: str):
    return await free.responses.create(input=q)
"""
    found = judge(read_system({"shop/__init__.py": "", "shop/code.py": code}, tmp_path))
    assert [(f.rule, f.place.line) for f in found if f.confidence.word != "low"] == [("blocking-call-in-async", 11)]


STORES = {
    "google.cloud.storage": """
from google.cloud import storage
one = storage.Client().bucket("invoices").blob("a")
def use(x):
    one.download_as_bytes()
    one.upload_from_string(x)
""",
    "google.cloud.firestore": """
from google.cloud import firestore
one = firestore.Client().collection("invoices").document("a")
def use(x):
    one.get()
    one.set(x)
""",
}


@pytest.mark.parametrize("store", STORES)
def test_an_entry_is_known_by_its_key(store: str, tmp_path: Path) -> None:
    read, write = used(STORES[store], tmp_path).of(Kind.READ, Kind.WRITE)
    assert (read.dataset, read.key) == (write.dataset, write.key) == ("invoices", "a")
    assert read.rows == write.rows


@pytest.mark.parametrize(
    ("update", "rules"),
    [('one.update({"left": snapshot.get("left") - 1})', ["lost-update"]), ("one.update({'left': Increment(-1)})", [])],
)
def test_an_update_of_a_document_from_what_was_read(update: str, rules: list[str], tmp_path: Path) -> None:
    code = f"""
from google.cloud.firestore import Client, Increment

def use(number):
    one = Client().collection("stock").document(number)
    snapshot = one.get()
    {update}
"""
    found = judge(read_system({"shop/__init__.py": "", "shop/code.py": code}, tmp_path))
    assert [f.rule for f in found if f.confidence.word != "low" and f.rule == "lost-update"] == rules


def test_a_decorated_function_is_a_transaction_where_it_is_told(tmp_path: Path) -> None:
    use = used(
        """
from google.cloud import firestore

@firestore.transactional
def use(transaction: firestore.Transaction, one: firestore.DocumentReference):
    level = one.get(transaction=transaction).get("level")
    transaction.update(one, {"level": level - 1})
""",
        tmp_path,
    )
    read, write = use.of(Kind.READ, Kind.WRITE)
    assert use.same_transaction(read, write)
    transaction = use.transaction_of(write)
    assert transaction is not None
    assert transaction.isolation == "serializable"


@pytest.mark.parametrize(
    ("made", "call", "work", "rules"),
    [
        ("pulsar.Client('x').subscribe('orders', 'bills')", "receive()", "ack; bill", ["ack-before-processing"]),
        ("pulsar.Client('x').subscribe('orders', 'bills')", "receive()", "bill; ack", []),
        (
            "ServiceBusClient('x').get_queue_receiver('orders')",
            "receive_messages()[0]",
            "ack; bill",
            ["ack-before-processing"],
        ),
        ("ServiceBusClient('x').get_queue_receiver('orders')", "receive_messages()[0]", "bill; ack", []),
    ],
)
def test_a_message_is_acknowledged_after_its_work(
    made: str, call: str, work: str, rules: list[str], tmp_path: Path
) -> None:
    acks = {"pulsar": "consumer.acknowledge(message)", "ServiceBusClient": "consumer.complete_message(message)"}
    ack = acks["pulsar" if made.startswith("pulsar") else "ServiceBusClient"]
    bill = "Bill.objects.filter(pk=1).update(state='paid')"
    steps = "\n        ".join({"ack": ack, "bill": bill}[w] for w in work.split("; "))
    code = f"""
import pulsar
from azure.servicebus import ServiceBusClient
from django.db import models

class Bill(models.Model):
    state = models.CharField(max_length=9)

consumer = {made}

def use():
    while True:
        message = consumer.{call}
        {steps}
"""
    found = judge(read_system({"shop/__init__.py": "", "shop/code.py": code}, tmp_path))
    assert [f.rule for f in found if f.rule == "ack-before-processing"] == rules


@pytest.mark.parametrize(
    ("decorator", "statement"),
    [
        ("", "client.on_message = stored"),
        ("", "client.message_callback_add('levels/#', stored)"),
        ("@client.topic_callback('levels/#')", ""),
    ],
)
def test_a_callback_gets_the_messages(decorator: str, statement: str, tmp_path: Path) -> None:
    code = f"""
import paho.mqtt.client as mqtt

client = mqtt.Client()

{decorator}
def stored(client, userdata, message):
    client.publish("seen", message.topic, qos=1)

{statement}
"""
    system = read_system({"shop/__init__.py": "", "shop/code.py": code}, tmp_path)
    stored = next(o for o in system.operations if o.symbol == "stored")
    (entry,) = stored.entries
    assert (entry.kind, entry.redelivered, entry.concurrent) == ("consumer", False, False)
    consumed, sent = stored.of(Kind.CONSUME, Kind.PUBLISH)
    assert (consumed.verb, sent.dataset) == ("broadcast", "seen")
