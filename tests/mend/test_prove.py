"""`datakeel prove`: what it writes fails on a real PostgreSQL while a fault is there, and passes once it is mended."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.cli import main
from tests.mend.projects import DJANGO_BASE, laid_out, line_of, played

DJANGO = {
    **DJANGO_BASE,
    "shop/models.py": """
        from django.db import models


        class Owner(models.Model):
            name = models.CharField(max_length=30)
            active = models.BooleanField()


        class Account(models.Model):
            owner = models.ForeignKey(Owner, on_delete=models.CASCADE)
            balance = models.DecimalField(max_digits=12, decimal_places=2, default=0)


        class Order(models.Model):
            status = models.CharField(max_length=10)
            created_at = models.DateTimeField(auto_now_add=True)


        class Shipment(models.Model):
            order = models.ForeignKey(Order, on_delete=models.CASCADE)


        class Coupon(models.Model):
            code = models.CharField(max_length=20)
            uses = models.IntegerField(default=0)
        """,
    "shop/services.py": """
        from django.db import transaction

        from shop.models import Account, Coupon, Order, Shipment


        def withdraw(account_id, amount):
            with transaction.atomic():
                account = Account.objects.get(pk=account_id)
                if account.balance < amount:
                    raise ValueError("too much")
                account.balance -= amount
                account.save()  # lost-update


        @transaction.atomic
        def ship(order_id: int):
            order = Order.objects.get(pk=order_id)
            if order.status == "paid":
                Shipment.objects.create(order=order)
                order.status = "shipped"
                order.save(update_fields=["status"])  # unguarded-state-transition


        def coupon(code: str) -> None:
            if not Coupon.objects.filter(code=code).exists():
                Coupon.objects.create(code=code, uses=1)  # check-then-insert
        """,
}

SQLALCHEMY = {
    "src/shop/__init__.py": "",
    "src/shop/models.py": """
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


        class Base(DeclarativeBase):
            pass


        class Account(Base):
            __tablename__ = "accounts"

            id: Mapped[int] = mapped_column(primary_key=True)
            balance: Mapped[int]
            owner: Mapped[str]
        """,
    "src/shop/services.py": """
        from sqlalchemy import select
        from sqlalchemy.orm import Session

        from shop.models import Account


        def withdraw(session: Session, account_id: int, amount: int) -> None:
            account = session.scalars(select(Account).where(Account.id == account_id)).one()
            if account.balance < amount:
                raise ValueError("too much")
            account.balance = account.balance - amount  # lost-update
            session.commit()
        """,
}

PSYCOPG = {
    "schema.sql": """
        CREATE TABLE accounts (
            id bigint PRIMARY KEY,
            balance integer NOT NULL,
            owner text NOT NULL
        );
        """,
    "shop/__init__.py": "",
    "shop/services.py": """
        import psycopg


        def withdraw(connection: psycopg.Connection, account_id: int, amount: int) -> None:
            row = connection.execute("SELECT balance FROM accounts WHERE id = %s", (account_id,)).fetchone()
            balance = row[0]
            if balance < amount:
                raise ValueError("too much")
            rest = balance - amount
            connection.execute("UPDATE accounts SET balance = %s WHERE id = %s", (rest, account_id))  # lost-update
            connection.commit()
        """,
}


MENDED = {
    "two doctors of one shift": (
        {
            **DJANGO_BASE,
            "shop/models.py": """
                from django.db import models


                class Doctor(models.Model):
                    shift = models.IntegerField()
                    on_call = models.BooleanField(default=True)
                """,
            "shop/services.py": """
                from django.db import transaction

                from shop.models import Doctor


                @transaction.atomic
                def leave(doctor_id: int) -> None:
                    doctor = Doctor.objects.get(pk=doctor_id)
                    if Doctor.objects.filter(shift=doctor.shift, on_call=True).count() < 2:
                        raise ValueError("somebody has to stay")
                    doctor.on_call = False
                    doctor.save()  # here
                """,
        },
        "shop/services.py",
        "    doctor = Doctor.objects.get(pk=doctor_id)\n",
        "    doctor = Doctor.objects.get(pk=doctor_id)\n"
        "    list(Doctor.objects.select_for_update().filter(shift=doctor.shift).order_by('pk'))\n",
    ),
    "more tickets than there may be, with SQLAlchemy": (
        {
            "shop/__init__.py": "",
            "shop/models.py": """
                from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


                class Base(DeclarativeBase):
                    pass


                class Ticket(Base):
                    __tablename__ = "tickets"

                    id: Mapped[int] = mapped_column(primary_key=True)
                    owner: Mapped[int]
                """,
            "shop/services.py": """
                from sqlalchemy import func, select
                from sqlalchemy.orm import Session

                from shop.models import Ticket


                def take(session: Session, owner: int) -> None:
                    held = session.scalar(select(func.count()).select_from(Ticket).where(Ticket.owner == owner))
                    if held >= 3:
                        raise ValueError("too many")
                    session.add(Ticket(owner=owner))  # here
                    session.commit()
                """,
        },
        "shop/services.py",
        "    held = ",
        "    session.execute(select(func.pg_advisory_xact_lock(owner)))\n    held = ",
    ),
    "an asynchronous session of SQLAlchemy": (
        {
            **SQLALCHEMY,
            "src/shop/services.py": """
                from sqlalchemy import select
                from sqlalchemy.ext.asyncio import AsyncSession

                from shop.models import Account


                async def withdraw(session: AsyncSession, account_id: int, amount: int) -> None:
                    account = (await session.scalars(select(Account).where(Account.id == account_id))).one()
                    if account.balance < amount:
                        raise ValueError("too much")
                    account.balance = account.balance - amount  # here
                    await session.commit()
                """,
        },
        "src/shop/services.py",
        "account_id))).one()",
        "account_id).with_for_update())).one()",
    ),
    "an asynchronous connection of psycopg": (
        {
            **PSYCOPG,
            "shop/services.py": """
                import psycopg


                async def withdraw(connection: psycopg.AsyncConnection, account_id: int, amount: int) -> None:
                    found = await connection.execute("SELECT balance FROM accounts WHERE id = %s", (account_id,))
                    row = await found.fetchone()
                    balance = row[0]
                    if balance < amount:
                        raise ValueError("too much")
                    rest = balance - amount
                    update = "UPDATE accounts SET balance = %s WHERE id = %s"
                    await connection.execute(update, (rest, account_id))  # here
                    await connection.commit()
                """,
        },
        "shop/services.py",
        "FROM accounts WHERE id = %s",
        "FROM accounts WHERE id = %s FOR UPDATE",
    ),
    "an asynchronous model of Django": (
        {
            **DJANGO,
            "shop/services.py": """
                from shop.models import Account


                async def deposit(account_id, amount):
                    account = await Account.objects.aget(pk=account_id)
                    account.balance += amount
                    await account.asave()  # here
                """,
        },
        "shop/services.py",
        "    account.balance += amount\n",
        "    from django.db.models import F\n    account.balance = F('balance') + amount\n",
    ),
    "a view that calls a model's method": (
        {
            **DJANGO,
            "shop/models.py": DJANGO["shop/models.py"].replace(
                "            uses = models.IntegerField(default=0)\n",
                "            uses = models.IntegerField(default=0)\n\n"
                "            @classmethod\n            def add(cls, code):\n"
                "                cls.objects.create(code=code)\n",
            ),
            "shop/views.py": """
                from django.http import HttpResponse
                from django.views.decorators.http import require_POST

                from shop.models import Coupon


                @require_POST
                def coupon(request):
                    code = request.POST["code"]
                    if not Coupon.objects.filter(code=code).exists():
                        Coupon.add(code)  # here
                    return HttpResponse(status=204)
                """,
        },
        "shop/models.py",
        "code = models.CharField(max_length=20)",
        "code = models.CharField(max_length=20, unique=True)",
    ),
    "a view of a class": (
        {
            **DJANGO,
            "shop/views.py": """
                from django.http import JsonResponse
                from django.views import View

                from shop.models import Account


                class Deposit(View):
                    def post(self, request, account_id):
                        account = Account.objects.get(pk=account_id)
                        account.balance += int(request.POST.get("amount"))
                        account.save()  # here
                        return JsonResponse({})
                """,
        },
        "shop/views.py",
        "account.balance += int",
        "account.balance = __import__('django.db.models').db.models.F('balance') + int",
    ),
}


CASES = {
    "lost-update-django": (DJANGO, "shop/services.py", "lost-update"),
    "lost-update-sqlalchemy": (SQLALCHEMY, "src/shop/services.py", "lost-update"),
    "lost-update-psycopg": (PSYCOPG, "shop/services.py", "lost-update"),
    "transition-django": (DJANGO, "shop/services.py", "unguarded-state-transition"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_proof_fails_until_the_fault_is_mended(
    case: tuple[dict[str, str], str, str],
    tmp_path: Path,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files, path, rule = case
    project = laid_out(files, tmp_path, monkeypatch)
    line = line_of(project / path, rule)
    assert main(["prove", f"{path}:{line}", "--output", "test_proof.py"]) == 0, capsys.readouterr().err
    before = played(project, postgres)
    assert "1 failed" in before, before
    assert "AssertionError" in before, before
    assert main(["review", "--fix", "--select", rule, "--jobs", "1"]) in (0, 1)
    after = played(project, postgres)
    assert "1 passed" in after, after


def test_a_missing_key_is_proven_and_passes_once_it_is_there(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = laid_out(DJANGO, tmp_path, monkeypatch)
    line = line_of(project / "shop/services.py", "check-then-insert")
    assert main(["prove", f"shop/services.py:{line}", "--output", "test_proof.py"]) == 0, capsys.readouterr().err
    assert "1 failed" in played(project, postgres)
    models = project / "shop/models.py"
    models.write_text(
        models.read_text().replace(
            "code = models.CharField(max_length=20)", "code = models.CharField(max_length=20, unique=True)"
        )
    )
    after = played(project, postgres)
    assert "1 passed" in after, after


@pytest.mark.parametrize("case", MENDED.values(), ids=list(MENDED))
def test_a_proof_passes_once_the_fault_is_mended_by_hand(
    case: tuple[dict[str, str], str, str, str],
    tmp_path: Path,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files, path, old, new = case
    project = laid_out(files, tmp_path, monkeypatch)
    here = next(p for p, text in files.items() if "# here" in text)
    assert main(["prove", f"{here}:{line_of(project / here, 'here')}", "--output", "test_proof.py"]) == 0, (
        capsys.readouterr().err
    )
    before = played(project, postgres)
    assert "1 failed" in before, before
    assert "E       assert [[" in before or "E       AssertionError: assert [[" in before, before
    text = (project / path).read_text()
    assert text.count(old) == 1
    (project / path).write_text(text.replace(old, new))
    after = played(project, postgres)
    assert "1 passed" in after, after


def test_settings_that_stand_in_a_folder_of_their_own_are_found(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {p: text for p, text in DJANGO.items() if p not in ("manage.py", "shop/settings.py")}
    files["sandbox/manage.py"] = DJANGO["manage.py"].replace("shop.settings", "conf")
    files["sandbox/conf.py"] = DJANGO["shop/settings.py"]
    project = laid_out(files, tmp_path, monkeypatch)
    line = line_of(project / "shop/services.py", "lost-update")
    assert main(["prove", f"shop/services.py:{line}", "--output", "test_proof.py"]) == 0, capsys.readouterr().err
    assert "AssertionError: assert [[" in played(project, postgres)


def test_a_run_that_says_that_it_did_nothing_is_refused(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What two runs leave is the same; that both were let through is not."""
    code = """
        from shop.models import Coupon


        def use(code: str) -> bool:
            coupon = Coupon.objects.get(code=code)
            if coupon.uses - 100 < 0:
                return False
            coupon.uses -= 100
            coupon.save()  # here
            return True
        """
    project = laid_out({**DJANGO, "shop/services.py": code}, tmp_path, monkeypatch)
    line = line_of(project / "shop/services.py", "here")
    assert main(["prove", f"shop/services.py:{line}", "--output", "test_proof.py"]) == 0, capsys.readouterr().err
    proof = project / "test_proof.py"
    proof.write_text(proof.read_text().replace("1000", "100"))  # enough for one run
    before = played(project, postgres)
    assert "B is refused" in before, before
    services = project / "shop/services.py"
    locked = "    with transaction.atomic():\n        coupon = Coupon.objects.select_for_update().get(code=code)\n"
    text = services.read_text().replace("    coupon = Coupon.objects.get(code=code)\n", locked)
    head, _, rest = text.partition(locked)
    inner = rest.replace("\n    ", "\n        ")
    services.write_text(f"from django.db import transaction\n{head}{locked}    {inner}")
    after = played(project, postgres)
    assert "1 passed" in after, after


@pytest.mark.parametrize("name", ["nothing", "shop/services.py:1", "abc"])
def test_what_no_finding_is_called_is_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    laid_out(PSYCOPG, tmp_path, monkeypatch)
    assert main(["prove", name]) == 2
    assert f'there is no finding "{name}"' in capsys.readouterr().err


METHODS = {
    **DJANGO,
    "shop/models.py": DJANGO["shop/models.py"]
    + """

        class Visit(models.Model):
            user = models.ForeignKey("auth.User", on_delete=models.CASCADE)
            owner = models.ForeignKey(Owner, on_delete=models.CASCADE)
            number = models.IntegerField(default=0)

            def save(self, *args, **kwargs):
                super(Visit, self).save(*args, **kwargs)

            def again(self):
                self.number += 1  # row-from-outside
                self.save()
        """,
    "shop/settings.py": """
        SECRET_KEY = "x"
        INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "shop"]
        MIGRATION_MODULES = {"contenttypes": None, "auth": None}
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        """,
    "shop/services.py": """
        from shop.models import Account, Owner, Visit


        class Bank:
            limit = 10

            def deposit(self, account_id, amount):
                account = Account.objects.get(pk=account_id)
                account.balance += amount
                account.save()  # method


        class Desk:
            @staticmethod
            def count(owner: Owner, user):
                visit, created = Visit.objects.get_or_create(owner=owner, user=user)  # key
                visit.number += 1
                visit.save()  # staticmethod
        """,
}


@pytest.mark.parametrize(
    ("path", "mark", "said"),
    [
        ("shop/services.py", "method", "Bank().deposit(account_id=1, amount=1)"),
        (
            "shop/services.py",
            "staticmethod",
            "Desk.count(owner=Owner.objects.get(pk=1), user=get_user_model().objects.get(pk=1))",
        ),
        (
            "shop/services.py",
            "key",
            "Desk.count(owner=Owner.objects.get(pk=1), user=get_user_model().objects.get(pk=1))",
        ),
        ("shop/models.py", "row-from-outside", "Visit.objects.get(pk=1).again()"),
    ],
)
def test_a_method_is_called_on_what_is_there(
    path: str,
    mark: str,
    said: str,
    tmp_path: Path,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = laid_out(METHODS, tmp_path, monkeypatch)
    assert main(["prove", f"{path}:{line_of(project / path, mark)}", "--output", "test_proof.py"]) == 0, (
        capsys.readouterr().err
    )
    assert f"        {said}\n" in (project / "test_proof.py").read_text(encoding="utf-8")
    if mark in ("key", "row-from-outside"):  # the others differ from those of plain functions in the call alone
        before = played(project, postgres)
        assert "1 failed" in before, before
        assert "assert [[" in before, before


VOID = {
    "both are refused": ("account.balance < amount", "True", "neither of the two runs succeeded"),
    "neither changes anything": ("account.balance -= amount", "amount = amount", "the two runs changed nothing"),
}


@pytest.mark.parametrize("case", VOID.values(), ids=list(VOID))
def test_two_runs_that_do_nothing_prove_nothing(
    case: tuple[str, str, str], tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, said = case
    project = laid_out(DJANGO, tmp_path, monkeypatch)
    services = project / "shop/services.py"
    assert main(["prove", f"shop/services.py:{line_of(services, 'lost-update')}", "--output", "test_proof.py"]) == 0
    services.write_text(services.read_text().replace(old, new))
    assert said in played(project, postgres)


ROW = """
        class Member(models.Model):
            password = models.CharField(max_length=30)
            last_login = models.DateTimeField(null=True)
            points = models.IntegerField(default=0)
    """


def test_a_view_is_asked_by_the_project_s_own_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        **DJANGO,
        "shop/models.py": DJANGO["shop/models.py"] + ROW,
        "shop/views.py": """
            from django.contrib.auth.decorators import login_required
            from django.http import HttpResponse

            from shop.models import Account


            @login_required
            def deposit(request, account_id):
                account = Account.objects.get(pk=account_id)
                account.balance += int(request.POST["amount"])
                account.save()  # here
                return HttpResponse(status=204)
            """,
    }
    project = laid_out(files, tmp_path, monkeypatch)
    assert main(["prove", f"shop/views.py:{line_of(project / 'shop/views.py', 'here')}"]) == 0
    shown = capsys.readouterr().out
    assert 'RequestFactory().post("/", {"amount": "1"})\n' in shown
    assert "        request.user = get_user_model().objects.get(pk=1)\n" in shown
    assert 'INSERT INTO "shop_member"' in shown
    assert "auth_user" not in shown


UNCALLED = {
    "a class that needs something": (
        """
        class Bank:
            def __init__(self, ledger):
                self.ledger = ledger

            def deposit(self, account_id):
                account = Account.objects.get(pk=account_id)
                account.balance += 1
                account.save()  # lost-update
        """,
        "Bank.deposit cannot be called by a test: a Bank is made with ledger",
    ),
    "a class with another behind it": (
        """
        class Bank(Base):
            def deposit(self, account_id):
                account = Account.objects.get(pk=account_id)
                account.balance += 1
                account.save()  # lost-update
        """,
        "how an object of Bank is made stands in a class that it builds on",
    ),
    "a function that calls others": (
        """
        import requests


        def deposit(account_id):
            account = Account.objects.get(pk=account_id)
            requests.post("https://bank.example", json={"account": account_id}, timeout=10)
            account.balance += 1
            account.save()  # lost-update
        """,
        "deposit calls http too (shop/services.py:9), and a proof would really do it",
    ),
}


@pytest.mark.parametrize("case", UNCALLED.values(), ids=list(UNCALLED))
def test_what_cannot_be_called_is_said(
    case: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, said = case
    files = {
        **DJANGO,
        "shop/services.py": "from shop.base import Base\nfrom shop.models import Account\n" + dedent(text),
    }
    project = laid_out(files, tmp_path, monkeypatch)
    assert main(["prove", f"shop/services.py:{line_of(project / 'shop/services.py', 'lost-update')}"]) == 2
    assert said in capsys.readouterr().err
