"""`datakeel fix` for a consumer that would handle a message twice: a dedup table, in the transaction of the effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from datakeel.cli import main
from datakeel.reviewer import review
from tests.mend.projects import ALEMBIC, DJANGO_BASE, MIGRATED, laid_out, line_of, migrate, no_changes, run

CELERY = """
    from types import SimpleNamespace

    current_task = SimpleNamespace(request=SimpleNamespace(id=None))


    def shared_task(**options):
        return lambda function: function
    """

CONFLUENT = """
    class Message:
        def __init__(self, offset, value):
            self.number, self.body = offset, value

        def error(self):
            return None

        def topic(self):
            return "sales"

        def partition(self):
            return 0

        def offset(self):
            return self.number

        def value(self):
            return self.body


    class Stopped(Exception):
        pass


    class Consumer:
        def __init__(self, options):
            self.coming, self.committed = [], []

        def subscribe(self, topics):
            pass

        def poll(self, timeout):
            if not self.coming:
                raise Stopped
            return self.coming.pop(0)

        def commit(self, message):
            self.committed.append(message.number)
    """

DJANGO = {
    **DJANGO_BASE,
    "shop/models.py": """
        from django.db import models


        class Account(models.Model):
            balance = models.IntegerField(default=0)
        """,
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": """
        from django.db import migrations, models


        class Migration(migrations.Migration):
            initial = True
            dependencies = []
            operations = [
                migrations.CreateModel(
                    name="Account",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("balance", models.IntegerField(default=0)),
                    ],
                ),
            ]
        """,
    "shop/tasks.py": """
        from celery import shared_task
        from django.db.models import F

        from shop.models import Account


        @shared_task(acks_late=True)
        def credit(account: int, cents: int) -> None:
            Account.objects.filter(pk=account).update(balance=F("balance") + cents)  # task
        """,
    "shop/sales.py": """
        import json

        from confluent_kafka import Consumer
        from django.db.models import F

        from shop.models import Account

        consumer = Consumer({"bootstrap.servers": "kafka:9092", "group.id": "sales", "enable.auto.commit": False})


        def run() -> None:
            consumer.subscribe(["sales"])
            while True:
                message = consumer.poll(1.0)
                if message is None or message.error():
                    continue
                sale = json.loads(message.value())
                Account.objects.filter(pk=sale["account"]).update(balance=F("balance") + sale["cents"])  # kafka
                consumer.commit(message)
        """,
    "shop/orders.py": """
        import json

        from confluent_kafka import Consumer
        from django.db.models import F

        from shop.models import Account

        consumer = Consumer({"bootstrap.servers": "kafka:9092", "group.id": "orders", "enable.auto.commit": False})


        def run() -> None:
            consumer.subscribe(["orders"])
            while True:
                message = consumer.poll(1.0)
                if message is None or message.error():
                    continue
                for line in json.loads(message.value())["lines"]:
                    Account.objects.filter(pk=line["account"]).update(balance=F("balance") + line["cents"])  # lines
                consumer.commit(message)
        """,
    "shop/pikes.py": """
        import json

        import pika
        from django.db import transaction

        from shop.models import Account


        def received(channel, method, properties, body):
            order = json.loads(body)
            with transaction.atomic():
                account = Account.objects.select_for_update().get(pk=order["account"])
                account.balance += order["cents"]
                account.save()  # rabbit
            channel.basic_ack(delivery_tag=method.delivery_tag)


        def main():
            channel = pika.BlockingConnection(pika.ConnectionParameters("rabbit")).channel()
            channel.basic_qos(prefetch_count=10)
            channel.basic_consume("orders", received)
            channel.start_consuming()
        """,
    "../broker/celery.py": CELERY,
    "../broker/confluent_kafka.py": CONFLUENT,
    "../broker/pika.py": "",
}

TASK_TWICE = (
    MIGRATED
    + """
    import threading
    import celery
    from django.db import connections
    from shop import tasks
    from shop.models import Account
    Account.objects.create(pk=1, balance=0)
    celery.current_task.request.id = "task-1"
    def deliver():
        tasks.credit(1, 5)
        connections.close_all()
    both = [threading.Thread(target=deliver) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    celery.current_task.request.id = "task-2"
    tasks.credit(1, 100)
    print(json.dumps(Account.objects.get(pk=1).balance))
    """
)

KAFKA_TWICE = (
    MIGRATED
    + """
    import confluent_kafka
    from shop import sales
    from shop.models import Account
    Account.objects.create(pk=1, balance=0)
    sale = confluent_kafka.Message(7, json.dumps({"account": 1, "cents": 5}))
    sales.consumer.coming = [sale, sale]
    try:
        sales.run()
    except confluent_kafka.Stopped:
        pass
    print(json.dumps([Account.objects.get(pk=1).balance, sales.consumer.committed]))
    """
)

LINES_TWICE = (
    MIGRATED
    + """
    import confluent_kafka
    from shop import orders
    from shop.models import Account
    Account.objects.create(pk=1, balance=0)
    lines = [{"account": 1, "cents": 5}, {"account": 1, "cents": 6}]
    order = confluent_kafka.Message(7, json.dumps({"lines": lines}))
    orders.consumer.coming = [order, order]
    try:
        orders.run()
    except confluent_kafka.Stopped:
        pass
    print(json.dumps(Account.objects.get(pk=1).balance))
    """
)

RABBIT_TWICE = (
    MIGRATED
    + """
    from types import SimpleNamespace
    from shop import pikes
    from shop.models import Account
    Account.objects.create(pk=1, balance=0)
    acked = []
    channel = SimpleNamespace(basic_ack=lambda delivery_tag: acked.append(delivery_tag))
    for tag in (1, 2):
        given = SimpleNamespace(delivery_tag=tag), SimpleNamespace(message_id="m")
        pikes.received(channel, *given, json.dumps({"account": 1, "cents": 5}))
    print(json.dumps([Account.objects.get(pk=1).balance, acked]))
    """
)

CASES = {
    "a task, delivered twice at once": ("shop/tasks.py", "task", TASK_TWICE, 110, 105),
    "a message of Kafka": ("shop/sales.py", "kafka", KAFKA_TWICE, [10, [7, 7]], [5, [7, 7]]),
    "a message of Kafka with several lines": ("shop/orders.py", "lines", LINES_TWICE, 22, 11),
    "a message of RabbitMQ": ("shop/pikes.py", "rabbit", RABBIT_TWICE, [10, [1, 2]], [5, [1, 2]]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_message_that_comes_twice_to_django_has_its_effect_once(
    case: tuple[str, str, str, object, object],
    tmp_path: Path,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, mark, twice, before, after = case
    project = laid_out(DJANGO, tmp_path, monkeypatch)
    assert run(project, twice, database) == before
    number = line_of(project / path, mark)
    assert main(["fix", f"{path}:{number}", "--apply"]) == 0, capsys.readouterr().err
    assert run(project, no_changes, database) == ""
    assert run(project, twice, database) == after
    assert [f.rule for f in review(project).findings if f.place.path == path] == []


def test_a_second_consumer_notes_its_messages_in_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = laid_out(DJANGO, tmp_path, monkeypatch)
    for path, mark in (("shop/tasks.py", "task"), ("shop/sales.py", "kafka")):
        assert main(["fix", f"{path}:{line_of(project / path, mark)}", "--apply"]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.count("migrations/") == 1
    assert "from shop.models import Account, ProcessedMessage\n" in (project / "shop/sales.py").read_text()
    assert (project / "shop/models.py").read_text().count("class ProcessedMessage(") == 1


SQLALCHEMY = {
    "shop/__init__.py": "",
    **ALEMBIC,
    "shop/models.py": """
        from sqlalchemy import BigInteger
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


        class Base(DeclarativeBase):
            pass


        class Account(Base):
            __tablename__ = "accounts"

            id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
            balance: Mapped[int]
        """,
    "shop/sales.py": """
        import json
        import os

        from kafka import KafkaConsumer
        from sqlalchemy import create_engine, update
        from sqlalchemy.orm import Session

        from shop.models import Account

        engine = create_engine(os.environ.get("DATABASE", "postgresql+psycopg://shop@db/shop"))
        consumer = KafkaConsumer("sales", bootstrap_servers="kafka:9092", group_id="sales", enable_auto_commit=False)


        def run() -> None:
            for message in consumer:
                sale = json.loads(message.value)
                with Session(engine) as session:
                    session.execute(  # kafka
                        update(Account)
                        .where(Account.id == sale["account"])
                        .values(balance=Account.balance + sale["cents"])
                    )
                    session.commit()
                consumer.commit()
        """,
    "../broker/kafka.py": """
        class KafkaConsumer(list):
            def __init__(self, *topics, **options):
                pass

            def commit(self):
                pass
        """,
}


def test_a_message_that_comes_twice_to_sqlalchemy_has_its_effect_once(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = laid_out(SQLALCHEMY, tmp_path, monkeypatch)
    twice = """
    import json, sys
    from types import SimpleNamespace
    sys.path[:0] = ["../broker", "."]
    from sqlalchemy.orm import Session
    from shop import models, sales
    with Session(sales.engine) as session:
        session.merge(models.Account(id=1, balance=0))
        session.commit()
    sale = json.dumps({"account": 1, "cents": 5})
    sales.consumer += [SimpleNamespace(topic="sales", partition=0, offset=7, value=sale)] * 2
    sales.run()
    with Session(sales.engine) as session:
        print(json.dumps(session.get(models.Account, 1).balance))
    """
    migrate(project, database)
    assert run(project, twice, database) == 10
    assert main(["fix", f"shop/sales.py:{line_of(project / 'shop/sales.py', 'kafka')}", "--apply"]) == 0
    assert "alembic/versions/" in capsys.readouterr().out
    migrate(project, database)
    assert run(project, twice, database) == 5
    assert review(project).findings == ()


def test_an_effect_whose_result_is_used_gets_no_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
        from celery import shared_task
        from django.db.models import F

        from shop.models import Account


        @shared_task(acks_late=True)
        def credit(account: int, cents: int) -> int:
            changed = Account.objects.filter(pk=account).update(balance=F("balance") + cents)  # task
            return changed
        """
    project = laid_out({**DJANGO, "shop/tasks.py": code}, tmp_path, monkeypatch)
    assert main(["fix", f"shop/tasks.py:{line_of(project / 'shop/tasks.py', 'task')}"]) == 2
    assert "is not plain enough for a patch" in capsys.readouterr().err


def test_what_is_done_again_outside_of_the_database_gets_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
        import json

        import requests
        from confluent_kafka import Consumer

        consumer = Consumer({"bootstrap.servers": "kafka:9092", "group.id": "bills", "enable.auto.commit": False})


        def run() -> None:
            while True:
                message = consumer.poll(1.0)
                if message is None or message.error():
                    continue
                requests.post("https://bank.example/charges", data=message.value(), timeout=10)  # bank
                consumer.commit(message)
        """
    project = laid_out({**DJANGO, "shop/sales.py": code}, tmp_path, monkeypatch)
    assert main(["fix", f"shop/sales.py:{line_of(project / 'shop/sales.py', 'bank')}"]) == 2
    assert "give the call an idempotency key" in capsys.readouterr().err


def test_messages_that_come_by_the_hundred_are_not_noted_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """kafka-python's ``poll`` gives all that is there, by partitions."""
    sales = """
        import json
        import os

        from kafka import KafkaConsumer
        from sqlalchemy import create_engine, update
        from sqlalchemy.orm import Session

        from shop.models import Account

        engine = create_engine(os.environ.get("DATABASE", "postgresql+psycopg://shop@db/shop"))
        consumer = KafkaConsumer("sales", bootstrap_servers="kafka:9092", group_id="sales", enable_auto_commit=False)


        def run() -> None:
            while True:
                records = consumer.poll(timeout_ms=1000)
                for messages in records.values():
                    for message in messages:
                        sale = json.loads(message.value)
                        with Session(engine) as session:
                            session.execute(  # kafka
                                update(Account)
                                .where(Account.id == sale["account"])
                                .values(balance=Account.balance + sale["cents"])
                            )
                            session.commit()
                consumer.commit()
        """
    project = laid_out({**SQLALCHEMY, "shop/sales.py": sales}, tmp_path, monkeypatch)
    assert main(["fix", f"shop/sales.py:{line_of(project / 'shop/sales.py', 'kafka')}"]) == 2
    assert "what tells one message from another is not known here" in capsys.readouterr().err


HELPED = {
    **SQLALCHEMY,
    "shop/sales.py": """
        import json
        import os

        from kafka import KafkaConsumer
        from sqlalchemy import create_engine, update
        from sqlalchemy.orm import Session

        from shop.models import Account

        engine = create_engine(os.environ.get("DATABASE", "postgresql+psycopg://shop@db/shop"))
        consumer = KafkaConsumer("sales", bootstrap_servers="kafka:9092", group_id="sales", enable_auto_commit=False)


        def count(sale: dict) -> None:
            with Session(engine) as session:
                for line in sale["lines"]:
                    session.execute(
                        update(Account)
                        .where(Account.id == line["account"])
                        .values(balance=Account.balance + line["cents"])
                    )
                session.commit()


        def run() -> None:
            for message in consumer:
                count(json.loads(message.value))  # kafka
                consumer.commit()
        """,
}

SALES_TWICE = """
    import json, sys
    from types import SimpleNamespace
    sys.path[:0] = ["../broker", "."]
    from sqlalchemy.orm import Session
    from shop import models, sales
    with Session(sales.engine) as session:
        session.merge(models.Account(id=1, balance=0))
        session.commit()
    lines = [{"account": 1, "cents": 5}, {"account": 1, "cents": 6}]
    whole = json.dumps({"lines": lines})
    torn = json.dumps({"lines": [*lines, {}]})
    given = lambda offset, value: SimpleNamespace(topic="sales", partition=0, offset=offset, value=value)
    sales.consumer.append(given(7, torn))
    try:
        sales.run()
    except KeyError:
        sales.consumer.clear()
    sales.consumer += [given(7, whole), given(7, whole), given(8, whole)]
    sales.run()
    with Session(sales.engine) as session:
        print(json.dumps(session.get(models.Account, 1).balance))
    """


def test_a_function_that_the_consumer_calls_notes_the_message_with_its_effect(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed half way is done when it comes again; what was done is not."""
    project = laid_out(HELPED, tmp_path, monkeypatch)
    migrate(project, database)
    assert run(project, SALES_TWICE, database) == 33
    assert main(["fix", f"shop/sales.py:{line_of(project / 'shop/sales.py', 'kafka')}", "--apply"]) == 0
    migrate(project, database)
    assert run(project, SALES_TWICE, database) == 22
    text = (project / "shop/sales.py").read_text()
    assert "def count(sale: dict, message_id: str) -> None:\n" in text
    assert '.values(consumer="shop.sales.count", message_id=message_id)\n' in text
    assert 'message_id=f"{message.topic}/{message.partition}/{message.offset}"' in text
    assert review(project).findings == ()


APART = {
    "others call it too": (
        "        def run()",
        "        def again(sale: dict) -> None:\n            count(sale)\n\n\n        def run()",
    ),
    "it is called for each line of one message": (
        "                count(json.loads(message.value))",
        "                for part in json.loads(message.value):\n                    count(part)",
    ),
    "it commits each line": ("                session.commit()\n", "                    session.commit()\n"),
    "a failure is caught, and what is there is kept": (
        '                for line in sale["lines"]:\n'
        "                    session.execute(\n"
        "                        update(Account)\n"
        '                        .where(Account.id == line["account"])\n'
        '                        .values(balance=Account.balance + line["cents"])\n'
        "                    )\n",
        "                try:\n"
        '                    change = sale["cents"]\n'
        '                    chosen = update(Account).where(Account.id == sale["account"])\n'
        "                    session.execute(chosen.values(balance=Account.balance + change))\n"
        "                except KeyError:\n"
        "                    print(sale)\n",
    ),
    "the message changes rows in another transaction": (
        "                consumer.commit()\n",
        "                with Session(engine) as session:\n"
        "                    session.add(Account(balance=1))\n"
        "                    session.commit()\n"
        "                consumer.commit()\n",
    ),
}


@pytest.mark.parametrize("case", APART.values(), ids=list(APART))
def test_a_note_that_would_not_stand_and_fall_with_its_effect_is_not_made(
    case: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = case
    assert old in HELPED["shop/sales.py"]
    project = laid_out({**HELPED, "shop/sales.py": HELPED["shop/sales.py"].replace(old, new)}, tmp_path, monkeypatch)
    finding = next(f for f in review(project).findings if (f.rule, f.symbol) == ("non-idempotent-consumer", "run"))
    assert main(["fix", finding.fingerprint]) == 2
    assert "is not plain enough for a patch" in capsys.readouterr().err


PSYCOPG = {
    "migrations/001_shop.sql": "CREATE TABLE accounts (id bigint PRIMARY KEY, balance integer NOT NULL);\n",
    "shop/__init__.py": "",
    "../broker/kafka.py": SQLALCHEMY["../broker/kafka.py"],
    "shop/sales.py": """
        import json
        import os

        import psycopg
        from kafka import KafkaConsumer

        consumer = KafkaConsumer("sales", bootstrap_servers="kafka:9092", group_id="sales", enable_auto_commit=False)


        def run() -> None:
            for message in consumer:
                sale = json.loads(message.value)
                with psycopg.connect(os.environ["SERVER"]) as connection:
                    connection.execute(  # kafka
                        "UPDATE accounts SET balance = balance + %s WHERE id = %s", (sale["cents"], sale["account"])
                    )
                consumer.commit()
        """,
}

CURSOR = """
        def run() -> None:
            for message in consumer:
                sale = json.loads(message.value)
                with psycopg.connect(os.environ["SERVER"]) as connection, connection.cursor() as cursor:
                    cursor.execute(  # kafka
                        "UPDATE accounts SET balance = balance + %s WHERE id = %s", (sale["cents"], sale["account"])
                    )
                consumer.commit()
        """

DRIVERS = {
    "a connection": PSYCOPG["shop/sales.py"],
    "a cursor": PSYCOPG["shop/sales.py"].partition("        def run()")[0] + CURSOR.lstrip("\n"),
}


@pytest.mark.parametrize("sales", DRIVERS.values(), ids=list(DRIVERS))
def test_a_message_that_comes_twice_to_a_driver_has_its_effect_once(
    sales: str,
    tmp_path: Path,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = laid_out({**PSYCOPG, "shop/sales.py": sales}, tmp_path, monkeypatch)
    twice = """
    import json, os, pathlib, sys
    from types import SimpleNamespace
    sys.path[:0] = ["../broker", "."]
    import psycopg
    from shop import sales
    with psycopg.connect(os.environ["SERVER"]) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for path in sorted(pathlib.Path("migrations").iterdir()):
            connection.execute(path.read_text())
        connection.execute("INSERT INTO accounts VALUES (1, 0)")
    sale = json.dumps({"account": 1, "cents": 5})
    sales.consumer += [SimpleNamespace(topic="sales", partition=0, offset=7, value=sale)] * 2
    sales.run()
    with psycopg.connect(os.environ["SERVER"]) as connection:
        print(json.dumps(connection.execute("SELECT balance FROM accounts").fetchone()[0]))
    """
    assert run(project, twice, database) == 10
    assert main(["fix", f"shop/sales.py:{line_of(project / 'shop/sales.py', 'kafka')}", "--apply"]) == 0
    assert "migrations/002_processed_messages.sql" in capsys.readouterr().out
    assert run(project, twice, database) == 5


def test_a_connection_of_asyncpg_is_asked_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sales = """
        import json

        import asyncpg
        from aiokafka import AIOKafkaConsumer


        async def count(pool: asyncpg.Pool, sale: dict) -> None:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    "UPDATE accounts SET balance = balance + $1 WHERE id = $2", sale["cents"], sale["account"]
                )


        async def run(pool: asyncpg.Pool, consumer: AIOKafkaConsumer) -> None:
            async for message in consumer:
                await count(pool, json.loads(message.value))  # kafka
                await consumer.commit()
        """
    project = laid_out({**PSYCOPG, "shop/sales.py": sales}, tmp_path, monkeypatch)
    assert main(["fix", f"shop/sales.py:{line_of(project / 'shop/sales.py', 'kafka')}", "--apply"]) == 0
    text = (project / "shop/sales.py").read_text()
    assert "ON CONFLICT DO NOTHING RETURNING message_id" in text
    assert "        noted = await connection.fetchval(\n" in text
    assert "        if noted is not None:\n            await connection.execute(\n" in text
    assert "non-idempotent-consumer" not in {f.rule for f in review(project).findings}
