"""What is kept of a link gives, after an edit, the system that linking anew gives; and less is followed for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from datakeel.model.system import System
from datakeel.read import facts, link, reader
from datakeel.read.kept import Index, Kept
from datakeel.read.ledger import Root
from datakeel.read.source import discover

SHOP = Path(__file__).parents[2] / "examples" / "review" / "shop"
EFFECT = "import requests; requests.post('https://example.org/orders')"
KEY = b"link"


class Shelf(dict[bytes, bytes]):
    def put(self, key: bytes, blob: bytes) -> None:
        self[key] = blob


class Project:
    """A project of texts, linked again and again on one shelf."""

    def __init__(self, root: Path, files: dict[str, str]) -> None:
        self.root = root
        self.shelf = Shelf()
        (root / "pyproject.toml").touch()
        for path, text in files.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def linked(self, jobs: int = 1) -> tuple[System, Kept]:
        read = facts.read(discover([self.root]), self.shelf, jobs=1)
        kept = Kept(self.shelf, KEY, read)
        return reader.system(read, jobs=jobs, kept=kept), kept

    def anew(self) -> System:
        return reader.system(facts.read(discover([self.root]), self.shelf, jobs=1), jobs=1)


def edits(text: str) -> Iterator[tuple[str, str]]:
    """Each function of a text, with an effect before its last statement; and some without that statement."""
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for number, function in enumerate(functions):
        last, lines = function.body[-1], text.split("\n")
        indent = " " * last.col_offset
        before, after = lines[: last.lineno - 1], lines[last.lineno - 1 :]
        yield function.name, "\n".join([*before, indent + EFFECT, *after])
        if number % 3 == 0 and not any(isinstance(n, ast.Yield) for n in ast.walk(last)):
            yield function.name, "\n".join([*before, indent + "pass", *lines[last.end_lineno :]])


def test_any_edit_inside_a_function_gives_what_linking_anew_gives(tmp_path: Path) -> None:
    texts = {str(f.relative_to(SHOP)): f.read_text() for f in SHOP.rglob("*.py")}
    project = Project(tmp_path, texts)
    project.linked()
    tried = 0
    for path, text in sorted(texts.items()):
        if not path.startswith("shop/"):
            continue
        for name, edited in edits(text):
            project.write(path, edited)
            system, kept = project.linked()
            assert system == project.anew(), f"{path}: {name}"
            assert len(kept.fallen) < len(kept.roots), f"{path}: {name}"
            tried += 1
        project.write(path, text)
    assert tried > 30


PORTS = """
class Storage:
    def put(self, key, body):
        raise NotImplementedError

    def drop(self, key):
        print(key)
"""
DISK = """
import requests
from ports import Storage

class Remote(Storage):
    def put(self, key, body):
        requests.put(key, body)

    def drop(self, key):
        requests.delete(key)
"""
KEEPING = """
from ports import Storage

def keep(storage: Storage, key, body):
    storage.put(key, body)
    storage.drop(key)
"""


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("ports.py", "raise NotImplementedError", "self.body = body"),
        ("ports.py", "print(key)", "raise NotImplementedError"),
        ("remote.py", "requests.put(key, body)", "raise NotImplementedError"),
        ("remote.py", "requests.put(key, body)", "requests.post(key, body)"),
    ],
)
def test_what_runs_for_a_declared_method_is_asked_again(path: str, before: str, after: str, tmp_path: Path) -> None:
    texts = {"ports.py": PORTS, "remote.py": DISK, "keeping.py": KEEPING}
    project = Project(tmp_path, texts)
    system, _ = project.linked()
    project.write(path, texts[path].replace(before, after))
    edited, _ = project.linked()
    assert edited == project.anew()
    assert edited != system


def test_only_what_rests_on_the_edit_is_followed_again(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "a.py": "from b import b\n\n\ndef a():\n    b()\n\n\ndef other():\n    pass\n",
            "b.py": "def b():\n    pass\n\n\ndef below():\n    print(1)\n",
            "c.py": "from b import below\n\n\ndef c():\n    below()\n",
        },
    )
    project.linked()
    project.write("b.py", f"def b():\n    {EFFECT}\n    pass\n\n\ndef below():\n    print(1)\n")
    system, kept = project.linked()
    assert kept.fallen == {Root("module", "a.py"), Root("module", "b.py")}
    assert [e.verb for e in system.operations[0].effects] == ["http"]
    assert next(o.place.line for o in system.operations if o.symbol == "below") == 6
    again, kept = project.linked()
    assert kept.fallen == set()
    assert again == system == project.anew()


MODELS = """from django.db import models


class Order(models.Model):
    number = models.CharField(max_length=20, unique=True)
    code = models.CharField("code", max_length=20)
    buyer = models.ForeignKey("Order", models.CASCADE, null=True)
"""
BY_NUMBER = """from models import Order

def paid(number):
    Order.objects.filter(number=number).update(paid=1)
"""
BY_CODE = """from models import Order

def sent(code):
    Order.objects.filter(code=code).update(sent=1)
"""
BY_CLASS = """from models import Order

def size():
    return Order.code
"""
ASKING = {"models.py": MODELS, "by_number.py": BY_NUMBER, "by_code.py": BY_CODE, "by_class.py": BY_CLASS}
SCHEMA = Root("schema")


@pytest.mark.parametrize(
    ("before", "after", "fallen"),
    [
        (", unique=True", "", {SCHEMA, Root("module", "by_number.py")}),
        ('"code", ', '"code", unique=True, ', {SCHEMA, Root("module", "by_code.py"), Root("module", "by_class.py")}),
        ("null=True", "null=True, db_index=False", {SCHEMA}),
    ],
)
def test_of_a_column_that_is_declared_otherwise_only_that_falls_which_asked_for_it(
    before: str, after: str, fallen: set[Root], tmp_path: Path
) -> None:
    project = Project(tmp_path, ASKING)
    project.linked()
    project.write("models.py", MODELS.replace(before, after))
    system, kept = project.linked()
    assert kept.fallen == fallen
    assert system == project.anew()
    again, kept = project.linked()
    assert (kept.fallen, again) == (set(), system)


MAPPED = """from sqlalchemy import Column, Text
from sqlalchemy.orm import declarative_base

Base = declarative_base()

class Order(Base):
    __tablename__ = "orders"
    id = Column(Text, primary_key=True)
    number = Column(Text, unique=True)
"""
ACTIVE = """import peewee

class Order(peewee.Model):
    number = peewee.CharField(unique=True)
"""
OWN = """class StockField:
    def __init__(self, null=True):
        self.null = null

    def kind(self):
        return self.null

class Order:
    number = StockField(null=True)
"""
FINDS = """from models import Order

def paid(session, number):
    session.query(Order).filter(Order.number == number).one()
    session.query(Order).filter(Order.number == number).all()
    Order.update(paid=1).where(Order.number == number).execute()
"""


@pytest.mark.parametrize(
    ("models", "before", "after"),
    [
        (MAPPED, ", unique=True", ""),
        (ACTIVE, "unique=True", ""),
        (OWN, "Field(null=True)", "Field(null=False)"),
        (MODELS, "models.CASCADE, null=True", 'models.CASCADE, related_name="orders"'),
        (MODELS, "unique=True)", "unique=True)  # of the shop"),
        (MODELS, "unique=True)", "unique=True\n    )"),
    ],
)
def test_whoever_reads_how_columns_are_declared_is_asked_again(
    models: str, before: str, after: str, tmp_path: Path
) -> None:
    project = Project(tmp_path, ASKING | {"models.py": models, "finds.py": FINDS})
    project.linked()
    assert before in models
    project.write("models.py", models.replace(before, after))
    system, _ = project.linked()
    assert system == project.anew()


@pytest.mark.parametrize(
    "edited",
    [
        "def b(given=1):\n    pass\n",
        "import os\n\n\ndef b():\n    pass\n",
        "LIMIT = 3\n\n\ndef b():\n    pass\n",
        "def b():\n    pass\n\n\ndef more():\n    pass\n",
        "class B:\n    pass\n\n\ndef b():\n    pass\n",
    ],
)
def test_what_others_may_see_lets_all_fall(edited: str, tmp_path: Path) -> None:
    project = Project(tmp_path, {"a.py": "from b import b\n\n\ndef a():\n    b()\n", "b.py": "def b():\n    pass\n"})
    project.linked()
    project.write("b.py", edited)
    system, kept = project.linked()
    assert not kept.roots
    assert system == project.anew()


def test_a_name_that_was_looked_for_in_vain_is_found(tmp_path: Path) -> None:
    """A global that nobody filled is filled now: who uses it rests on the search, not on the text that fills it."""
    before = "client = None\n\n\ndef connect():\n    pass\n\n\ndef use():\n    client.set('a', 1)\n"
    project = Project(tmp_path, {"a.py": before})
    project.linked()
    filled = "    global client\n    import redis\n    client = redis.Redis()"
    project.write("a.py", before.replace("    pass", filled))
    system, _ = project.linked()
    assert system == project.anew()


@pytest.mark.parametrize("foreign", [b"cos\nsystem\n(S'true'\ntR.", b"cdatakeel.cache\nos.system\n(S'true'\ntR."])
def test_a_cache_that_somebody_else_wrote_runs_no_code(foreign: bytes, tmp_path: Path) -> None:
    project = Project(tmp_path, {"a.py": "def a():\n    pass\n"})
    system, _ = project.linked()
    project.shelf[msgspec.msgpack.decode(project.shelf[KEY], type=Index).ledger] = foreign
    again, found = project.linked()
    assert not found.roots
    assert again == system


CONSUMER = (
    "import pika\n\n\ndef on_message(channel, method, properties, body):\n    handled(body)\n\n\n"
    "def handled(body):\n    print(body)\n\n\n"
    "def start():\n    channel = pika.BlockingConnection().channel()\n"
    "    channel.basic_consume('orders', on_message)\n    channel.start_consuming()\n"
)


def test_what_other_processes_and_this_one_found_is_kept_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module's operations come from a worker, what a library calls in it from here."""
    monkeypatch.setattr(link, "WORTHWHILE", 0)
    project = Project(tmp_path, {"a.py": CONSUMER, "b.py": "def b():\n    pass\n"})
    first, _ = project.linked(jobs=2)
    project.write("b.py", "def b():\n    print(1)\n")
    system, kept = project.linked(jobs=2)
    assert {root.kind for root in kept.asked} >= {"module", "callback", "schema"}
    assert system == project.anew()
    assert first.operations[0].entries == system.operations[0].entries


def test_what_a_library_no_longer_calls_is_no_consumer_any_more(tmp_path: Path) -> None:
    """What was noted for a callback goes with it, though the text of the function that was called is the same."""
    before = CONSUMER
    project = Project(tmp_path, {"a.py": before})
    first, _ = project.linked()
    assert any(e.kind == "consumer" for o in first.operations for e in o.entries)
    project.write("a.py", before.replace("    channel.basic_consume('orders', on_message)\n", ""))
    system, kept = project.linked()
    assert kept.roots
    assert system == project.anew()
    assert not any(e.kind == "consumer" for o in system.operations for e in o.entries)


def test_a_damaged_answer_is_worked_out_anew(tmp_path: Path) -> None:
    project = Project(tmp_path, {"a.py": "def a():\n    pass\n", "b.py": "def b():\n    pass\n"})
    system, _ = project.linked()
    index = msgspec.msgpack.decode(project.shelf[KEY], type=Index)
    del project.shelf[index.answers["a.py"]]
    again, kept = project.linked()
    assert not kept.roots
    assert again == system


REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "{0}"
down_revision = {1}

def upgrade():
    {2}
"""
MADE = 'op.create_table("orders", sa.Column("id", sa.Integer(), primary_key=True))'


@pytest.mark.parametrize(
    "edited",
    [
        'op.create_index("by_id", "orders", ["id"])',
        'op.add_column("orders", sa.Column("note", sa.Text(), nullable=False))',
        'op.execute("UPDATE orders SET id = id + 1")',
        "pass",
    ],
)
def test_an_edit_of_a_migration_gives_the_migrations_that_linking_anew_gives(edited: str, tmp_path: Path) -> None:
    path = "migrations/versions/0002_b.py"
    first = {"migrations/versions/0001_a.py": REVISION.format("0001", None, MADE)}
    project = Project(tmp_path, first | {path: REVISION.format("0002", '"0001"', 'op.drop_column("orders", "gone")')})
    before, _ = project.linked()
    project.write(path, REVISION.format("0002", '"0001"', f"\n    {edited}"))
    after, _ = project.linked()
    assert after.migrations == project.anew().migrations
    assert after.migrations != before.migrations
