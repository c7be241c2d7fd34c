"""`datakeel fix` for what is tested and then changed: one statement does both, a constraint stands behind it, and two
runs at once leave what two runs in turn do."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.cli import main
from datakeel.mend import layout
from datakeel.mend.text import applied
from datakeel.read.languages.python.draft import Draft
from tests.mend.projects import ALEMBIC, DJANGO_BASE, MIGRATED, laid_out, line_of, migrate, no_changes, played, run

DJANGO = {
    **DJANGO_BASE,
    "shop/models.py": """
        from django.db import models


        class Account(models.Model):
            balance = models.DecimalField(max_digits=12, decimal_places=2, default=0)
            changed_at = models.DateTimeField(auto_now=True)

            def take(self, amount):
                if self.balance < amount:
                    raise ValueError("too much")
                self.balance -= amount  # take
                self.save()


        class Event(models.Model):
            capacity = models.IntegerField()
            taken = models.IntegerField(default=0)

            class Meta:
                ordering = ["id"]


        class Order(models.Model):
            class Status(models.TextChoices):
                NEW = "new", "New"
                PAID = "paid", "Paid"
                SHIPPED = "shipped", "Shipped"

            status = models.CharField(max_length=10, choices=Status.choices)
            shipped_at = models.DateTimeField(null=True)


        class Shipment(models.Model):
            order = models.ForeignKey(Order, on_delete=models.CASCADE)
        """,
    "shop/migrations/__init__.py": "",
    "shop/services.py": """
        from django.db import transaction
        from django.utils import timezone

        from shop.models import Account, Event, Order, Shipment


        def withdraw(account_id, amount):
            with transaction.atomic():
                account = Account.objects.get(pk=account_id)
                if account.balance < amount:
                    raise ValueError("too much")
                account.balance -= amount
                account.save()  # withdraw
            return account


        def reserve(event_id: int, seats: int) -> bool:
            event = Event.objects.get(pk=event_id)
            if event.taken + seats > event.capacity:
                return False
            event.taken += seats
            event.save(update_fields=["taken"])  # reserve
            return True


        def ship(order_id: int) -> None:
            order = Order.objects.get(pk=order_id)
            if order.status != "paid":
                return
            Shipment.objects.create(order=order)
            order.status = "shipped"
            order.shipped_at = timezone.now()
            order.save()  # ship


        @transaction.atomic
        def ship_paid(order_id: int) -> None:
            order = Order.objects.get(pk=order_id)
            if order.status == "paid":
                Shipment.objects.create(order=order)
                order.status = "shipped"
                order.save(update_fields=["status"])  # paid
        """,
}

CASES = {
    "withdraw": (
        "shop/services.py",
        """
        with transaction.atomic():
            account = Account.objects.get(pk=account_id)
            changed = Account.objects.filter(pk=account.pk, balance__gte=amount).update(
                balance=F("balance") - amount, changed_at=timezone.now()
            )
            if not changed:
                raise ValueError("too much")
            account.refresh_from_db()
        return account
        """,
        "Account.objects.create(balance=-1)",
    ),
    "take": (
        "shop/models.py",
        """
        changed = Account.objects.filter(pk=self.pk, balance__gte=amount).update(
            balance=models.F("balance") - amount, changed_at=timezone.now()
        )
        if not changed:
            raise ValueError("too much")
        self.refresh_from_db()
        """,
        "Account.objects.create(balance=-1)",
    ),
    "reserve": (
        "shop/services.py",
        """
        event = Event.objects.get(pk=event_id)
        changed = Event.objects.filter(pk=event.pk, taken__lte=F("capacity") - seats).update(
            taken=F("taken") + seats
        )
        if not changed:
            return False
        return True
        """,
        "Event.objects.create(capacity=1, taken=2)",
    ),
    "ship": (
        "shop/services.py",
        """
        order = Order.objects.get(pk=order_id)
        with transaction.atomic():
            changed = Order.objects.filter(pk=order.pk, status="paid").update(
                status="shipped", shipped_at=timezone.now()
            )
            if not changed:
                return
            Shipment.objects.create(order=order)
        """,
        "Order.objects.create(status='lost')",
    ),
    "paid": (
        "shop/services.py",
        """
        order = Order.objects.get(pk=order_id)
        changed = Order.objects.filter(pk=order.pk, status="paid").update(status="shipped")
        if changed:
            Shipment.objects.create(order=order)
        """,
        "Order.objects.create(status='lost')",
    ),
}


@pytest.mark.parametrize("mark", CASES)
def test_django_tests_and_changes_in_one_statement(
    mark: str,
    tmp_path: Path,
    postgres: str,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, body, refused = CASES[mark]
    project = laid_out(DJANGO, tmp_path, monkeypatch)
    run(project, MIGRATED.replace('"migrate"', '"makemigrations", "shop"') + "\n    print(1)", database)
    name = f"{path}:{line_of(project / path, mark)}"
    assert main(["prove", name, "--output", "test_proof.py"]) == 0, capsys.readouterr().err
    before = played(project, postgres)
    assert "1 failed" in before, before
    assert main(["fix", name, "--apply"]) == 0, capsys.readouterr().err
    text = dedent((project / path).read_text())
    indent = " " * 4 if path == "shop/services.py" else " " * 8
    assert "".join(f"{indent}{line}\n" for line in dedent(body).strip().splitlines()) in text
    after = played(project, postgres)
    assert "1 passed" in after, after
    assert run(project, no_changes, database) == ""
    if refused:
        outcome = f"""
    from shop.models import *
    from django.db import IntegrityError
    try:
        {refused}
        print(json.dumps("taken"))
    except IntegrityError as error:
        print(json.dumps("refused"))
    """
        assert run(project, MIGRATED + outcome, database) == "refused"


STATES = {
    "a list of pairs, with its names": (
        "    PAID = 'paid'\n    STATES = [('new', 'New'), (PAID, 'Paid'), ('shipped', 'Shipped')]\n"
        "    status = models.CharField(max_length=10, choices=STATES, blank=True)\n",
        "",
        """status__in=['new', 'paid', 'shipped', '']""",
    ),
    "other code writes another state": (
        "    STATES = [('new', 'New'), ('paid', 'Paid'), ('shipped', 'Shipped')]\n"
        "    status = models.CharField(max_length=10, choices=STATES)\n",
        "\n\ndef lose(pk):\n    Order.objects.filter(pk=pk).update(status='lost')\n",
        "",
    ),
    "the states stand elsewhere": ("    status = models.CharField(max_length=10, choices=ELSEWHERE)\n", "", ""),
}


@pytest.mark.parametrize("case", STATES.values(), ids=list(STATES))
def test_a_state_is_one_of_those_that_the_model_spells_out(
    case: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    field, more, written = case
    ship = dedent("""\
        from shop.models import Order, Shipment


        def ship(pk):
            order = Order.objects.get(pk=pk)
            if order.status != "paid":
                return
            Shipment.objects.create(order=order)
            order.status = "shipped"
            order.save()  # ship
        """)
    files = {
        **DJANGO_BASE,
        "shop/models.py": f"from django.db import models\n\n\nclass Order(models.Model):\n{field}"
        "\n\nclass Shipment(models.Model):\n    order = models.ForeignKey(Order, on_delete=models.CASCADE)\n",
        "shop/services.py": ship + more,
    }
    project = laid_out(files, tmp_path, monkeypatch)
    assert main(["fix", f"shop/services.py:{line_of(project / 'shop/services.py', 'ship')}", "--apply"]) == 0
    models = (project / "shop/models.py").read_text()
    assert written in models
    assert ("CheckConstraint" in models) == bool(written)


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
    "shop/services.py": """
        from sqlalchemy.orm import Session

        from shop.models import Account


        def withdraw(session: Session, account_id: int, amount: int) -> Account:
            account = session.get(Account, account_id)
            if account.balance < amount:
                raise ValueError("too much")
            account.balance -= amount  # withdraw
            session.commit()
            return account
        """,
}


def test_sqlalchemy_tests_and_changes_in_one_statement(
    tmp_path: Path,
    postgres: str,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = laid_out(SQLALCHEMY, tmp_path, monkeypatch)
    name = f"shop/services.py:{line_of(project / 'shop/services.py', 'withdraw')}"
    assert main(["prove", name, "--output", "test_proof.py"]) == 0, capsys.readouterr().err
    before = played(project, postgres)
    assert "1 failed" in before, before
    assert main(["fix", name, "--apply"]) == 0, capsys.readouterr().err
    assert (
        dedent("""\
        def withdraw(session: Session, account_id: int, amount: int) -> Account:
            account = session.get(Account, account_id)
            changed = session.execute(
                update(Account)
                .where(Account.id == account.id, Account.balance >= amount)
                .values(balance=Account.balance - amount)
            )
            if changed.rowcount == 0:
                raise ValueError("too much")
            session.commit()
            return account
        """)
        in (project / "shop/services.py").read_text()
    )
    assert (
        '__table_args__ = (CheckConstraint("balance >= 0", name="accounts_balance_check"),)\n'
        in (project / "shop/models.py").read_text()
    )
    after = played(project, postgres)
    assert "1 passed" in after, after
    migrate(project, database)
    outcome = """
    import json, os
    import sqlalchemy as sa
    engine = sa.create_engine(os.environ["DATABASE"])
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO accounts (id, balance) VALUES (1, -1)"))
        print(json.dumps("taken"))
    except sa.exc.IntegrityError:
        print(json.dumps("refused"))
    """
    assert run(project, outcome, database) == "refused"


LEFT = {
    "its save does more": (
        "shop/models.py",
        "            changed_at = models.DateTimeField(auto_now=True)\n",
        "            changed_at = models.DateTimeField(auto_now=True)\n\n"
        "            def save(self, **options):\n                super().save(**options)\n",
    ),
    "somebody listens": (
        "shop/settings.py",
        '        SECRET_KEY = "x"\n',
        '        # post_save of Account\n        SECRET_KEY = "x"\n',
    ),
}


@pytest.mark.parametrize("case", LEFT.values(), ids=list(LEFT))
def test_a_row_whose_save_does_more_is_locked_instead(
    case: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, old, new = case
    files = dict(DJANGO)
    files[path] = files[path].replace(old, new)
    project = laid_out(files, tmp_path, monkeypatch)
    line = line_of(project / "shop/services.py", "withdraw")
    assert main(["fix", f"shop/services.py:{line}"]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    assert "+        account = Account.objects.select_for_update().get(pk=account_id)" in shown
    assert "CheckConstraint" not in shown


UNTOLD = {
    "a test of two columns": 'if order.status != "paid" or order.shipped_at:',
    "a test that calls": "if not payable(order.status):",
}


@pytest.mark.parametrize("test", UNTOLD.values(), ids=list(UNTOLD))
def test_a_test_that_asks_for_more_is_left_to_the_user(
    test: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DJANGO["shop/services.py"].replace('if order.status != "paid":', test)
    project = laid_out({**DJANGO, "shop/services.py": text}, tmp_path, monkeypatch)
    line = line_of(project / "shop/services.py", "ship")
    assert main(["fix", f"shop/services.py:{line}"]) == 2
    assert "not plain enough for a patch" in capsys.readouterr().err


def test_a_constraint_is_written_in_the_quotes_and_the_width_of_its_file() -> None:
    text = dedent("""\
        from django.db import models


        class Account(models.Model):
            owner = models.CharField('owner', max_length=3)
            balance = models.IntegerField('balance')
        """)
    draft = Draft(text, "models.py")
    condition = 'models.Q(balance__gte=models.F("lowest_balance_of_all"))'
    constraint = f'models.CheckConstraint(condition={condition}, name="bank_balance_check")'
    layout.constrained(draft, layout.class_of(draft, "Account"), constraint)
    assert applied(text, draft.edits()).endswith(
        "    class Meta:\n"
        "        constraints = [\n"
        "            models.CheckConstraint(\n"
        "                condition=models.Q(balance__gte=models.F('lowest_balance_of_all')),\n"
        "                name='bank_balance_check',\n"
        "            ),\n"
        "        ]\n"
    )
