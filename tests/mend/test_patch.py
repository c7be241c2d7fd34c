"""`datakeel fix`: a patch over several files applies, the project runs with it, and the fault that it cures is gone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.cli import main
from datakeel.finding import Confidence
from datakeel.reviewer import review
from tests.mend.projects import DJANGO_BASE, laid_out, run

DJANGO = {
    **DJANGO_BASE,
    "shop/settings.py": DJANGO_BASE["shop/settings.py"].replace(
        '"django.db.backends.postgresql", "NAME": "shop"', '"django.db.backends.sqlite3", "NAME": "shop.sqlite3"'
    ),
    "shop/models.py": """
        from django.db import models


        class Order(models.Model):
            status = models.CharField(max_length=10)
        """,
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": """
        from django.db import migrations, models


        class Migration(migrations.Migration):
            initial = True
            dependencies = []
            operations = [
                migrations.CreateModel(
                    name="Order",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("status", models.CharField(max_length=10)),
                    ],
                ),
            ]
        """,
    "shop/services.py": """
        import json

        from confluent_kafka import Producer
        from django.db import transaction

        from shop.models import Order

        producer = Producer({"bootstrap.servers": "kafka:9092", "acks": "all"})


        def place(total: int) -> Order:
            with transaction.atomic():
                order = Order.objects.create(status="new")
                producer.produce(  # inside
                    "orders.placed",
                    key=str(order.pk),
                    value=json.dumps({"order": order.pk, "total": total}),
                )
                if total < 0:
                    raise ValueError("a total is not negative")
            return order


        def settle(pk: int) -> None:
            Order.objects.filter(pk=pk).update(status="settled")
            producer.produce("orders.settled", key=str(pk).encode(), value=json.dumps({"order": pk}).encode())  # behind


        def close(pk: int) -> None:
            with transaction.atomic():
                Order.objects.filter(pk=pk).update(status="closed")
            producer.produce("orders.closed", key=str(pk), value=json.dumps({"order": pk}))  # after
        """,
}

BROKER = """
    sent = []


    class Producer:
        def __init__(self, options):
            self.up = True

        def produce(self, topic, value=None, key=None, on_delivery=None):
            if not self.up:
                raise BufferError("the broker cannot be reached")
            sent.append((topic, key, value))

        def flush(self, timeout=None):
            return 0
    """

SQLALCHEMY = {
    "src/shop/__init__.py": "",
    "src/shop/models.py": """
        from sqlalchemy import String
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


        class Base(DeclarativeBase):
            pass


        class Order(Base):
            __tablename__ = "orders"

            id: Mapped[int] = mapped_column(primary_key=True)
            status: Mapped[str] = mapped_column(String(10))
        """,
    "alembic/versions/1a2b_orders.py": """
        import sqlalchemy as sa
        from alembic import op

        revision = "1a2b"
        down_revision = None


        def upgrade() -> None:
            op.create_table(
                "orders",
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("status", sa.String(10), nullable=False),
            )
        """,
    "src/shop/services.py": """
        from kafka import KafkaProducer
        from sqlalchemy.orm import Session

        from shop.models import Order

        producer = KafkaProducer(bootstrap_servers="kafka:9092", acks="all")


        def place(session: Session, total: int) -> Order:
            order = Order(status="new")
            session.add(order)
            session.flush()
            session.commit()
            producer.send("orders.placed", key=str(order.id), value={"order": order.id, "total": total})  # after
            return order
        """,
}

KAFKA = """
    sent = []


    class Answer:
        def get(self, timeout=None):
            return None


    class KafkaProducer:
        def __init__(self, **options):
            self.up = True

        def send(self, topic, value=None, key=None):
            if not self.up:
                raise TimeoutError("the broker cannot be reached")
            sent.append((topic, key, value))
            return Answer()
    """


def name_of(project: Path, rule: str, symbol: str) -> str:
    found = review(project, confidence=Confidence.LOW)
    return next(f.fingerprint for f in (*found.findings, *found.doubtful) if (f.rule, f.symbol) == (rule, symbol))


START = """
    import json, os, sys
    sys.path.insert(0, "../broker")
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    import django
    django.setup()
    from django.core.management import call_command
    call_command("migrate", verbosity=0)
    import confluent_kafka
    from shop import services
    from shop.models import Order
    """


def patched(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The patch as it is shown, after `git` has applied it."""
    capsys.readouterr()
    assert main(["fix", name]) == 0
    shown = capsys.readouterr().out
    done = subprocess.run(
        [shutil.which("git") or "git", "apply", "-"],
        cwd=project,
        input=shown,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return shown


def test_a_message_of_django_goes_through_an_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = laid_out(DJANGO, tmp_path, monkeypatch)
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker/confluent_kafka.py").write_text(dedent(BROKER))
    lost = (
        START
        + """
    try:
        services.place(-1)
    except ValueError:
        pass
    print(json.dumps([Order.objects.count(), confluent_kafka.sent]))
    """
    )
    assert run(project, lost) == [0, [["orders.placed", "1", '{"order": 1, "total": -1}']]]  # it tells of no row
    shown = patched(project, name_of(project, "publish-before-commit", "place"), capsys)
    assert "+++ b/shop/migrations/0002_outboxmessage.py" in shown
    assert run(project, lost) == [0, []]
    assert run(project, START + """
    from io import StringIO
    told = StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=told)
        changes = ""
    except SystemExit:
        changes = told.getvalue()
    print(json.dumps(changes))
    """) == ""  # fmt: skip
    assert run(project, START + """
    services.place(3)
    services.producer.up = False
    from shop.outbox import relay
    try:
        relay()
    except BufferError:
        services.producer.up = True
    call_command("relay_outbox", "--once")
    print(json.dumps([Order.objects.count(), confluent_kafka.sent, relay()]))
    """) == [1, [["orders.placed", "1", '{"order": 1, "total": 3}']], 0]  # fmt: skip
    assert {f.rule for f in review(project).findings if f.symbol in ("place", "relay", "send", "Command.handle")} <= {
        "no-schema-evolution"
    }


@pytest.mark.parametrize(
    ("rule", "symbol", "expected"),
    [
        (
            "publish-after-commit",
            "settle",
            """
            def settle(pk: int) -> None:
                with transaction.atomic():
                    Order.objects.filter(pk=pk).update(status="settled")
                    OutboxMessage.objects.create(topic="orders.settled", key=str(pk), payload={"order": pk})  # behind
            """,
        ),
        (
            "publish-after-commit",
            "close",
            """
            def close(pk: int) -> None:
                with transaction.atomic():
                    Order.objects.filter(pk=pk).update(status="closed")
                    OutboxMessage.objects.create(topic="orders.closed", key=str(pk), payload={"order": pk})
            """,
        ),
    ],
)
def test_the_write_goes_into_the_transaction_of_the_rows(
    rule: str,
    symbol: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = laid_out(DJANGO, tmp_path, monkeypatch)
    assert main(["fix", name_of(project, rule, symbol), "--apply"]) == 0
    wrote = capsys.readouterr().out.splitlines()
    assert "wrote shop/outbox.py" in wrote
    assert "wrote shop/management/commands/relay_outbox.py" in wrote
    text = (project / "shop/services.py").read_text()
    assert dedent(expected).strip() in text
    assert "from shop.models import Order, OutboxMessage\n" in text
    compile((project / "shop/outbox.py").read_text(), "outbox.py", "exec")


def test_a_message_of_sqlalchemy_goes_through_an_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = laid_out(SQLALCHEMY, tmp_path, monkeypatch)
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker/kafka.py").write_text(dedent(KAFKA))
    start = """
    import json, sys
    sys.path[:0] = ["../broker", "src"]
    import kafka
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session
    from shop import services
    from shop.models import Base, Order
    engine = create_engine("sqlite:///shop.sqlite3")
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    services.producer.up = False
    try:
        with Session(engine) as session:
            services.place(session, 3)
    except TimeoutError:
        pass
    services.producer.up = True
    """
    assert run(project, start + "\n    print(json.dumps(kafka.sent))") == []  # the row is there, and nobody was told
    shown = patched(project, name_of(project, "publish-after-commit", "place"), capsys)
    assert 'down_revision = "1a2b"' in shown
    assert run(project, start + """
    from shop.outbox import relay
    with Session(engine) as session:
        numbers = [relay(session), relay(session)]
    print(json.dumps([kafka.sent, numbers]))
    """) == [[["orders.placed", "1", {"order": 1, "total": 3}]], [1, 0]]  # fmt: skip
    assert not [
        f for f in review(project).findings if f.rule in ("publish-after-commit", "dual-write", "outbox-relay-defect")
    ]


def test_a_new_row_has_its_key_before_the_message_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {path: text.replace("            session.flush()\n", "") for path, text in SQLALCHEMY.items()}
    project = laid_out(files, tmp_path, monkeypatch)
    assert main(["fix", name_of(project, "publish-after-commit", "place"), "--apply"]) == 0
    body = (project / "src/shop/services.py").read_text().partition("def place")[2]
    steps = [line.strip().partition("(")[0] for line in body.splitlines()[1:] if line.strip()]
    assert steps == ["order = Order", "session.add", "session.flush", "session.add", "session.commit", "return order"]


COUPONS = {
    **DJANGO,
    "shop/models.py": """
        from django.db import models


        class Order(models.Model):
            status = models.CharField(max_length=10)

            def __str__(self):
                return self.status
        """,
    "shop/services.py": """
        from shop.models import Order


        def mark(status: str) -> None:
            if not Order.objects.filter(status=status).exists():
                Order.objects.create(
                    status=status,
                )
        """,
}


def test_an_insert_of_django_gets_a_key_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = laid_out(COUPONS, tmp_path, monkeypatch)
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker/confluent_kafka.py").write_text(dedent(BROKER))
    both = (
        START
        + """
    from django.db.models import QuerySet
    QuerySet.exists = lambda query: False  # what the second of two runs at once sees
    services.mark("paid")
    services.mark("paid")
    print(json.dumps(Order.objects.count()))
    """
    )
    assert run(project, both) == 2
    Path("shop.sqlite3").unlink()
    shown = patched(project, name_of(project, "check-then-insert", "mark"), capsys)
    assert "+++ b/shop/migrations/0002_shop_order_status_key.py" in shown
    assert run(project, both) == 1
    assert run(project, START + """
    from io import StringIO
    told = StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=told)
        changes = ""
    except SystemExit:
        changes = told.getvalue()
    print(json.dumps(changes))
    """) == ""  # fmt: skip
    assert review(project).findings == ()


def test_what_is_found_or_made_gets_a_key_behind_it_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
        from shop.models import Order


        def mark(status: str) -> Order:
            order, created = Order.objects.get_or_create(status=status)
            return order
        """
    project = laid_out({**COUPONS, "shop/services.py": code}, tmp_path, monkeypatch)
    before = (project / "shop/services.py").read_text(encoding="utf-8")
    shown = patched(project, name_of(project, "check-then-insert", "mark"), capsys)
    assert "+++ b/shop/migrations/0002_shop_order_status_key.py" in shown
    assert (project / "shop/services.py").read_text(encoding="utf-8") == before
    assert review(project).findings == ()


def test_the_refusal_of_a_key_that_is_there_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
        from shop.models import Order


        def mark(status: str) -> int:
            order = Order.objects.filter(status=status).first()
            if order is None:
                order = Order.objects.create(
                    status=status,
                )
            return order.id
        """
    models = COUPONS["shop/models.py"].replace("status = models.CharField(", "status = models.CharField(unique=True, ")
    migration = COUPONS["shop/migrations/0001_initial.py"].replace(
        '("status", models.CharField(', '("status", models.CharField(unique=True, '
    )
    files = {"shop/models.py": models, "shop/migrations/0001_initial.py": migration, "shop/services.py": code}
    project = laid_out({**COUPONS, **files}, tmp_path, monkeypatch)
    both = (
        START
        + """
    from django.db.models import QuerySet
    QuerySet.first = lambda query: None  # what the second of two runs at once sees
    print(json.dumps(services.mark("paid") == services.mark("paid")))
    """
    )
    shown = patched(project, name_of(project, "check-then-insert", "mark"), capsys)
    assert shown.count("+++ ") == 1, shown
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker/confluent_kafka.py").write_text(dedent(BROKER))
    assert run(project, both) is True
    assert review(project).findings == ()


TAGS = {
    **SQLALCHEMY,
    "src/shop/services.py": """
        from sqlalchemy import select
        from sqlalchemy.orm import Session

        from shop.models import Order


        def mark(session: Session, status: str) -> None:
            if session.scalars(select(Order).where(Order.status == status)).first() is None:
                session.add(Order(status=status))
            session.commit()
        """,
}


def test_an_insert_of_sqlalchemy_gets_a_key_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = laid_out(TAGS, tmp_path, monkeypatch)
    both = """
    import json, sys
    sys.path.insert(0, "src")
    from sqlalchemy import ScalarResult, create_engine, func, select
    from sqlalchemy.orm import Session
    from shop import services
    from shop.models import Base, Order
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    ScalarResult.first = lambda found: found.close()  # what the second of two runs at once sees
    with Session(engine) as session:
        services.mark(session, "paid")
        services.mark(session, "paid")
        print(json.dumps(session.scalar(select(func.count()).select_from(Order))))
    """
    assert run(project, both) == 2
    shown = patched(project, name_of(project, "check-then-insert", "mark"), capsys)
    assert '+        "orders_status_key",\n+        "orders",\n+        ["status"],\n' in shown
    assert run(project, both) == 1
    assert review(project).findings == ()


@pytest.mark.parametrize("look", ["filter(status=status, **more).first()", "get_or_create(status=status, **more)[0]"])
def test_what_is_looked_for_by_what_is_handed_in_too_gets_no_key(
    look: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key on the rest would refuse rows that differ in what was handed in."""
    code = f"""
        from shop.models import Order


        def mark(status: str, **more) -> Order:
            order = Order.objects.{look}
            if not order:
                order = Order.objects.create(status=status, **more)
            return order
        """
    project = laid_out({**COUPONS, "shop/services.py": code}, tmp_path, monkeypatch)
    assert main(["fix", name_of(project, "check-then-insert", "mark")]) == 2
    assert "by what the row is looked for" in capsys.readouterr().err


def test_a_long_key_of_sqlalchemy_fits_and_the_row_that_is_there_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "a_table_whose_name_is_as_long_as_one_may_be"
    code = """
        from sqlalchemy import select
        from sqlalchemy.orm import Session

        from shop.models import Order


        def mark(session: Session, status: str) -> int:
            order = session.scalars(select(Order).where(Order.status == status)).first()
            if order is None:
                order = Order(status=status)
                session.add(order)
            session.commit()
            return order.id
        """
    models = TAGS["src/shop/models.py"].replace('"orders"', f'"{long}"').replace("status:", "state_of_it:")
    files = {"src/shop/models.py": models, "src/shop/services.py": code.replace("status=", "state_of_it=")}
    files["src/shop/services.py"] = files["src/shop/services.py"].replace("Order.status", "Order.state_of_it")
    project = laid_out({**TAGS, **files}, tmp_path, monkeypatch)
    shown = patched(project, name_of(project, "check-then-insert", "mark"), capsys)
    assert "+    __table_args__ = (\n" in shown
    assert all(len(word) <= 63 for word in shown.replace('"', " ").split() if word.startswith(long))
    text = (project / "src/shop/services.py").read_text()
    assert "order = session.query(Order).filter_by(state_of_it=status).one()\n" in text
    both = """
    import json, sys
    sys.path.insert(0, "src")
    from sqlalchemy import ScalarResult, create_engine
    from sqlalchemy.orm import Session
    from shop import services
    from shop.models import Base
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    ScalarResult.first = lambda found: found.close()  # what the second of two runs at once sees
    with Session(engine) as session:
        print(json.dumps(services.mark(session, "paid") == services.mark(session, "paid")))
    """
    assert run(project, both) is True


@pytest.mark.parametrize("null", [True, False])
def test_a_key_says_that_rows_with_nulls_go_past_it(
    null: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    length = "max_length=10, null=True" if null else "max_length=10"
    files = {path: text.replace("max_length=10", length) for path, text in COUPONS.items()}
    project = laid_out(files, tmp_path, monkeypatch)
    shown = patched(project, name_of(project, "check-then-insert", "mark"), capsys)
    assert ("+# Rows in which status is null are all different to the key" in shown) == null


def test_what_is_local_is_a_patch_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = laid_out(
        {"ask.py": "import requests\n\n\ndef ask(url):\n    return requests.get(url)\n"}, tmp_path, monkeypatch
    )
    patched(project, "ask.py:5", capsys)
    assert "requests.get(url, timeout=10)" in (project / "ask.py").read_text()


def test_what_has_no_patch_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"ask.py": "import requests\n\n\ndef ask(url, **options):\n    return requests.get(url, timeout=None)\n"}
    laid_out(files, tmp_path, monkeypatch)
    assert main(["fix", "ask.py:5"]) == 2
    assert "there is no patch for remote-call-without-timeout" in capsys.readouterr().err


def test_a_message_that_is_not_plain_gets_no_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = dict(DJANGO)
    files["shop/services.py"] = files["shop/services.py"].replace(
        'json.dumps({"order": pk}))  # after', "packed(pk))  # after"
    )
    project = laid_out(files, tmp_path, monkeypatch)
    assert main(["fix", name_of(project, "publish-after-commit", "close")]) == 2
    assert "is not plain enough for a patch" in capsys.readouterr().err


def test_many_rows_for_one_look_get_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
        from shop.models import Order


        def fill(status: str, count: int) -> None:
            if not Order.objects.filter(status=status).exists():
                for _ in range(count):
                    Order.objects.create(status=status)  # many
        """
    project = laid_out({**COUPONS, "shop/services.py": code}, tmp_path, monkeypatch)
    found = review(project, confidence=Confidence.LOW)
    named = [f.fingerprint for f in (*found.findings, *found.doubtful) if f.rule == "check-then-insert"]
    assert len(named) == 1
    assert main(["fix", named[0]]) == 2
    assert "of which a key would refuse all but one" in capsys.readouterr().err


def test_a_key_over_columns_that_may_be_null_is_there_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        **COUPONS,
        "shop/models.py": """
            from django.db import models


            class Order(models.Model):
                status = models.CharField(max_length=10, null=True)
                place = models.IntegerField(null=True)

                class Meta:
                    unique_together = ("status", "place")
            """,
        "shop/services.py": """
            from shop.models import Order


            def mark(status: str, place: int) -> None:
                if not Order.objects.filter(status=status, place=place).exists():
                    Order.objects.create(status=status, place=place)
            """,
    }
    del files["shop/migrations/0001_initial.py"]
    project = laid_out(files, tmp_path, monkeypatch)
    shown = patched(project, name_of(project, "check-then-insert", "mark"), capsys)
    assert "except IntegrityError:" in shown
    assert "UniqueConstraint" not in shown


def test_a_file_that_this_python_does_not_understand_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    younger = COUPONS["shop/services.py"] + "\n\n        def broken(:\n            pass\n"
    project = laid_out({**COUPONS, "shop/services.py": younger}, tmp_path, monkeypatch)
    name = name_of(project, "check-then-insert", "mark")
    for command in ("fix", "prove"):
        assert main([command, name]) == 2
        assert "this Python does not understand the file" in capsys.readouterr().err


def test_migrations_are_followed_whatever_they_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    further = """
        from django.db import migrations


        class Migration(migrations.Migration):
            dependencies = [
                (
                    "shop",
                    "{before}",
                ),
            ]
            operations = []
        """
    files = {
        **COUPONS,
        "shop/migrations/0002_add-nothing.py": further.format(before="0001_initial"),
        "shop/migrations/0003_auto.py": further.format(before="0002_add-nothing"),
    }
    project = laid_out(files, tmp_path, monkeypatch)
    shown = patched(project, name_of(project, "check-then-insert", "mark"), capsys)
    assert "+++ b/shop/migrations/0004_shop_order_status_key.py" in shown
    assert '+        ("shop", "0003_auto"),' in shown
