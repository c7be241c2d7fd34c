"""`review --fix`: what is written is better, whole, and in the file's own encoding; or nothing is."""

from __future__ import annotations

import stat
from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.cli import main
from datakeel.config import Config
from datakeel.mend import text as texts
from datakeel.mender import mended, with_edits
from datakeel.mistake import Mistake
from datakeel.reviewer import review

MODELS = dedent("""\
    from django.db import models


    class Account(models.Model):
        balance = models.IntegerField(default=0)
        owner = models.CharField(max_length=30)


    class Order(models.Model):
        status = models.CharField(max_length=10)
        note = models.TextField()
        changed_at = models.DateTimeField(auto_now=True)
    """)

SERVICES = dedent("""\
    import time

    import requests
    from django.db import IntegrityError, transaction

    from .models import Account, Order
    from .tasks import bill


    def withdraw(pk, amount):
        with transaction.atomic():
            account = Account.objects.get(pk=pk)  # theirs
            if account.balance < amount:
                raise ValueError("too much")
            account.balance -= amount
            account.save()


    def deposit(pk, amount):
        account = Account.objects.get(pk=pk)
        account.balance += amount
        account.save()


    def place(owner):
        with transaction.atomic():
            order = Order.objects.create(status="new")
            bill.delay(order.id)


    def describe(pk, url):
        note = requests.get(url).text
        order = Order.objects.get(pk=pk)
        if order.note != note:
            order.note = note
            order.save()


    def close(pk):
        Order.objects.filter(pk=pk).update(status="closed")
    """)

TASKS = dedent("""\
    from celery import shared_task

    from .models import Order


    @shared_task
    def bill(order_id):
        print(Order.objects.get(pk=order_id).status)
    """)

FIXED = dedent("""\
    import time
    from functools import partial

    import requests
    from django.db import IntegrityError, transaction
    from django.db.models import F

    from .models import Account, Order
    from .tasks import bill


    def withdraw(pk, amount):
        with transaction.atomic():
            account = Account.objects.select_for_update().get(pk=pk)  # theirs
            if account.balance < amount:
                raise ValueError("too much")
            account.balance -= amount
            account.save()


    def deposit(pk, amount):
        account = Account.objects.get(pk=pk)
        account.balance = F("balance") + amount
        account.save()


    def place(owner):
        with transaction.atomic():
            order = Order.objects.create(status="new")
            transaction.on_commit(partial(bill.delay, order.id))


    def describe(pk, url):
        note = requests.get(url, timeout=10).text
        order = Order.objects.get(pk=pk)
        if order.note != note:
            order.note = note
            order.save(update_fields=["note", "changed_at"])


    def close(pk):
        Order.objects.filter(pk=pk).update(status="closed")
    """)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "project" / "shop"
    folder.mkdir(parents=True)
    (folder.parent / ".git").mkdir()
    for name, text in {"__init__": "", "models": MODELS, "services": SERVICES, "tasks": TASKS}.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder.parent)
    return folder


def test_what_is_safe_is_written_and_the_rest_is_reported(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "--fix", "--jobs", "1"]) == 0
    assert (shop / "services.py").read_text() == FIXED
    shown = capsys.readouterr()
    assert shown.err == "mended 5 findings in 1 file\n"
    assert "lost-update" not in shown.out
    assert main(["review", "--fix", "--jobs", "1"]) == 0
    assert capsys.readouterr().err == "nothing here has an edit that is safe\n"


def test_a_difference_is_shown_and_nothing_written(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "--fix", "--diff", "--jobs", "1"]) == 1
    assert (shop / "services.py").read_text() == SERVICES
    shown = capsys.readouterr()
    assert shown.out.startswith("--- a/shop/services.py\n+++ b/shop/services.py\n@@ ")
    assert "+        account = Account.objects.select_for_update().get(pk=pk)  # theirs\n" in shown.out
    assert shown.err == "would mend 5 findings in 1 file\n"


def test_a_difference_alone_asks_for_its_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "--diff"]) == 2
    assert "review --fix --diff" in capsys.readouterr().err


def test_json_and_sarif_carry_the_edits(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "--format", "json", "--select", "remote-call-without-timeout", "--jobs", "1"]) == 1
    told = capsys.readouterr().out
    assert '"safe": true' in told
    assert '"text": ", timeout=10"' in told
    assert main(["review", "--format", "sarif", "--select", "remote-call-without-timeout", "--jobs", "1"]) == 1
    assert '"text": ", timeout=10"' in capsys.readouterr().out


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_not_edited_stay(shop: Path, mark: bytes) -> None:
    file = shop / "services.py"
    file.write_bytes(mark + SERVICES.replace("theirs", "ihr Gerät").replace("\n", "\r\n").encode())
    file.chmod(0o750)
    assert main(["review", "--fix", "--jobs", "1"]) == 0
    assert file.read_bytes() == mark + FIXED.replace("theirs", "ihr Gerät").replace("\n", "\r\n").encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o750
    assert sorted(p.name for p in shop.iterdir()) == ["__init__.py", "models.py", "services.py", "tasks.py"]


def test_a_declared_encoding_is_kept(shop: Path) -> None:
    file = shop / "services.py"
    file.write_bytes(b"# -*- coding: latin-1 -*-\n" + SERVICES.replace("theirs", "ihr Ger\u00e4t").encode("latin-1"))
    assert main(["review", "--fix", "--jobs", "1"]) == 0
    assert b"# ihr Ger\xe4t\n" in file.read_bytes()
    assert b"timeout=10" in file.read_bytes()


def test_bytes_that_are_not_what_they_claim_are_left(shop: Path) -> None:
    file = shop / "services.py"
    data = SERVICES.replace("theirs", "ihr Ger\u00e4t").encode("latin-1")
    file.write_bytes(data)
    main(["review", "--fix", "--jobs", "1"])
    assert file.read_bytes() == data


def test_a_cure_that_makes_something_else_speak_is_not_taken(shop: Path) -> None:
    """The lock that would be taken is the first of two that another function takes the other way round."""
    (shop / "services.py").write_text(
        dedent("""\
        from django.db import transaction

        from .models import Account, Order


        def settle(account_pk, pk, amount):
            with transaction.atomic():
                account = Account.objects.get(pk=account_pk)
                account.balance -= amount
                account.save()
                order = Order.objects.select_for_update().get(pk=pk)
                order.note = "settled"
                order.save(update_fields=["note"])


        def cancel(account_pk, pk):
            with transaction.atomic():
                order = Order.objects.select_for_update().get(pk=pk)
                account = Account.objects.select_for_update().get(pk=account_pk)
                order.note = account.owner
                order.save(update_fields=["note"])
        """)
    )
    before = (shop / "services.py").read_text()
    offered = [f for f in with_edits(review(shop.parent)).findings if f.fix is not None and f.fix.edits]
    assert [f.rule for f in offered] == ["lost-update"]
    done = mended([shop.parent], config=Config())
    assert done.fixed == ()
    assert [f.rule for f in done.left] == ["lost-update"]
    done.write()
    assert (shop / "services.py").read_text() == before


def test_only_what_was_named_is_edited(shop: Path) -> None:
    (shop / "more.py").write_text("import requests\n\n\ndef ask(url):\n    return requests.get(url)\n")
    assert main(["review", "--fix", "--jobs", "1", "shop/more.py"]) == 0
    assert "timeout=10" in (shop / "more.py").read_text()
    assert (shop / "services.py").read_text() == SERVICES


def test_all_files_are_written_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_text("a")
    second.write_text("b")
    whole = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "b.py" and self.name.endswith(".part"):
            raise OSError(28, "No space left on device", str(target))
        return whole(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(Mistake, match=r"nothing was written.*No space left"):
        texts.write({first: b"A", second: b"B"})
    assert (first.read_text(), second.read_text()) == ("a", "b")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.py", "b.py"]


def test_a_time_gets_its_zone_and_what_read_the_old_one_is_no_longer_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "hotel/settings.py": 'INSTALLED_APPS = ["hotel"]\nUSE_TZ = True\n',
        "hotel/models.py": """
            from django.db import models


            class Booking(models.Model):
                expires_at = models.DateTimeField(null=True)
            """,
        "hotel/services.py": """
            from datetime import datetime, timedelta

            from hotel.models import Booking


            def hold(pk: int) -> None:
                Booking.objects.filter(pk=pk).update(expires_at=datetime.utcnow() + timedelta(minutes=10))


            def clear() -> None:
                Booking.objects.filter(expires_at__lt=datetime.utcnow()).delete()
            """,
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(dedent(text).lstrip("\n"))
    monkeypatch.chdir(tmp_path)
    assert main(["review", "--fix", "--select", "timestamp-without-time-zone", "--jobs", "1"]) == 0
    assert (tmp_path / "hotel/services.py").read_text() == dedent("""\
        from datetime import timedelta

        from django.utils import timezone

        from hotel.models import Booking


        def hold(pk: int) -> None:
            Booking.objects.filter(pk=pk).update(expires_at=timezone.now() + timedelta(minutes=10))


        def clear() -> None:
            Booking.objects.filter(expires_at__lt=timezone.now()).delete()
        """)


def test_two_edits_that_import_at_one_place_are_made_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = dedent("""\
        from datetime import datetime

        from django.db import transaction

        from hotel.models import Room


        def looked_at(pk: int) -> None:
            room = Room.objects.get(pk=pk)
            room.views += 1
            room.save()


        def leave(pk: int) -> None:
            with transaction.atomic():
                Room.objects.filter(pk=pk).update(left_at=datetime.utcnow())
        """)
    files = {
        "hotel/settings.py": 'INSTALLED_APPS = ["hotel"]\nUSE_TZ = True\n',
        "hotel/models.py": "from django.db import models\n\n\nclass Room(models.Model):\n"
        "    views = models.IntegerField(default=0)\n    left_at = models.DateTimeField(null=True)\n",
        "hotel/services.py": services,
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(["review", "--fix", "--jobs", "1"]) == 0
    written = (tmp_path / "hotel/services.py").read_text()
    assert written.startswith(
        "from django.db import transaction\nfrom django.db.models import F\nfrom django.utils import timezone\n\n"
    )
    assert 'room.views = F("views") + 1\n' in written
    assert "update(left_at=timezone.now())" in written


def test_what_takes_its_time_gets_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import requests\n\n\ndef {}(url):\n    return requests.post(url, json={{}}).json()\n"
    (tmp_path / "ask.py").write_text(code.format("run_query"))
    (tmp_path / "tell.py").write_text(code.format("notify"))
    monkeypatch.chdir(tmp_path)
    assert main(["review", "--fix", "--jobs", "1", "--select", "remote-call-without-timeout"]) == 0
    assert "requests.post(url, json={}, timeout=60)" in (tmp_path / "ask.py").read_text()
    assert "requests.post(url, json={}, timeout=10)" in (tmp_path / "tell.py").read_text()


def test_edits_that_want_the_same_text_are_made_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    services = dedent("""\
        import requests
        from celery import shared_task
        from django.db import transaction

        from hotel.models import Room


        @shared_task
        def tell(pk, guests):
            print(pk, guests)


        def open_room(url):
            with transaction.atomic():
                room = Room.objects.create(views=0)
                tell.delay(room.pk, requests.get(url).json())
        """)
    models = "from django.db import models\n\n\nclass Room(models.Model):\n    views = models.IntegerField(default=0)\n"
    for path, text in {"hotel/models.py": models, "hotel/services.py": services}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    main(["review", "--fix", "--jobs", "1"])
    assert capsys.readouterr().err == "mended 2 findings in 1 file\n"
    written = " ".join((tmp_path / "hotel/services.py").read_text().split())
    assert "transaction.on_commit( partial(tell.delay, room.pk, requests.get(url, timeout=10).json()) )" in written


def test_queues_that_take_a_limit_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of threads, of coroutines, of both; a `SimpleQueue` takes none."""
    queues = ("queue.Queue", "queue.LifoQueue", "queue.PriorityQueue", "asyncio.Queue", "multiprocessing.Queue")
    made = "".join(f"first{n} = {name}()\n" for n, name in enumerate((*queues, "queue.SimpleQueue")))
    puts = "".join(f"    first{n}.put(reading)\n" for n in range(6))
    gets = "".join(f"        print(first{n}.get())\n" for n in range(6))
    code = f"""\
import asyncio
import multiprocessing
import queue

import janus

{made}both: janus.Queue[int] = janus.Queue()


def put(reading):
    both.sync_q.put(reading)
{puts}

def show():
    while True:
        print(both.async_q.get_nowait())
{gets}"""
    (tmp_path / "readings.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    for number, line in enumerate(code.splitlines(), 1):
        if "Queue()" in line:
            main(["fix", f"readings.py:{number}", "--apply"])
    written = (tmp_path / "readings.py").read_text()
    for name in queues:
        assert f"= {name}(maxsize=1000)\n" in written, name
    assert "both: janus.Queue[int] = janus.Queue(maxsize=1000)\n" in written
    assert "= queue.SimpleQueue()\n" in written
