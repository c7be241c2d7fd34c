"""A year in the life of a project: generated, changed by hand, in use; then the requirements change."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from datakeel.cli import main
from tests.write.clean import assert_passes

ORDERS = "Build an order tracking system that keeps a search index and analytics dashboard in sync"
BEFORE = """
from uuid import UUID
from order_tracking.domain.order import PlaceOrder
from order_tracking.platform.database import open_pool, run
from order_tracking.platform.migrations import migrate
from order_tracking.processing.consumer import advance, register
from order_tracking.processing.relay import relay
from order_tracking.processing.views import VIEWS
from order_tracking.settings import Settings
from order_tracking.storage.orders import execute, load

settings = Settings.from_environment()
print(migrate(settings.database_url))
pool = open_pool(settings, "story")

def place(number, **more):
    command = PlaceOrder(customer="Ada", items=("tea",), total=7, address="12 Mill Lane", **more)
    run(pool, lambda connection: execute(connection, UUID(int=number), command))

def follow():
    view = VIEWS["order_search"]
    run(pool, lambda connection: register(connection, view.name))
    while run(pool, relay) or advance(pool, view):
        pass
"""
FIRST = BEFORE + "place(1)\nfollow()\n"
THEN = (
    BEFORE
    + """
place(2, gift_note="Happy birthday")
follow()
def found(connection):
    return connection.execute("SELECT gift_note FROM order_search ORDER BY order_id").fetchall()
print(run(pool, lambda c: [load(c, UUID(int=n))[0].gift_note for n in (1, 2)]), run(pool, found))
"""
)


def test_an_order_gets_a_gift_note(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["generate", ORDERS, "-o", "orders"]) == 0
    orders = tmp_path / "orders"
    by_hand(orders)
    assert "0001_idempotency_keys.sql" in said(orders, database, FIRST)
    before = {p: p.read_bytes() for p in (*orders.glob("migrations/*"), *orders.glob("src/*/schemas/*"))}

    source = orders / "system.yaml"
    source.write_text(
        source.read_text()
        .replace("address: text}", "address: text, gift_note: text optional}")
        .replace("address, tracking_code]", "address, tracking_code, gift_note]")
    )
    capsys.readouterr()
    assert main(["update", "orders"]) == 0
    told = capsys.readouterr().out
    assert "updated: src/order_tracking/domain/order.py" in told
    assert "added: src/order_tracking/schemas/OrderPlaced.2.avsc" in told
    assert "added: migrations/0006_order_search_expand.sql" in told
    assert {p: p.read_bytes() for p in before} == before

    now = said(orders, database, THEN)
    assert now.splitlines() == [
        "['0006_order_search_expand.sql']",
        "[None, 'Happy birthday'] [(None,), ('Happy birthday',)]",
    ]
    assert "is_large" in (orders / "src/order_tracking/domain/order.py").read_text()
    assert_passes(orders, "tests/unit", "tests/contract/test_messages.py", seconds=300)


def by_hand(orders: Path) -> None:
    """The project's people write into the code of the domain."""
    domain = orders / "src/order_tracking/domain/order.py"
    text = domain.read_text()
    case, check = "        case PlaceOrder():\n", "            if not command.items:\n"
    ours = text.replace(case, f'{case}{check}                raise Refused("nothing is ordered")\n')
    assert ours != text
    domain.write_text(ours + "\n\ndef is_large(order: Order) -> bool:\n    return order.total > 100_000\n")


def said(orders: Path, database: str, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=orders,
        env=os.environ | {"PYTHONPATH": "src", "DATABASE_URL": database, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_drift_says_who_changed_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Written by another version, changed by its people and by its requirements, each in another file."""
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "a meeting-room calendar for 40 users, no double booking", "-o", "rooms"]) == 0
    rooms = tmp_path / "rooms"
    another_version(rooms)
    (rooms / "Makefile").write_text((rooms / "Makefile").read_text() + "# ours\n")
    (migration := next((rooms / "migrations").glob("*_rooms.sql"))).write_text("-- ours\n")
    source = rooms / "system.yaml"
    source.write_text(source.read_text().replace("name: text unique", "name: text unique, floor: integer optional", 1))
    capsys.readouterr()
    assert main(["drift", "rooms"]) == 1
    lines = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    assert lines[0].startswith("# written by datakeel 0.0.1, compared with ")
    assert "# Makefile: you changed it" in lines
    assert "# .gitignore: this version of datakeel writes it another way" in lines
    assert "# src/meeting_room_calendar/rooms.py: it follows from the changed requirements" in lines
    assert f"# migrations/{migration.name}: you changed it; databases that have run it refuse it" in lines
    assert any(re.fullmatch(r"# migrations/\d+_rooms_expand\.sql: an update would add it", line) for line in lines)
    assert main(["update", "rooms"]) == 0
    assert "0.0.1" not in (rooms / ".datakeel/state.json").read_text()
    assert "*.old" not in (rooms / ".gitignore").read_text()


def another_version(rooms: Path) -> None:
    """What an older datakeel would have left behind, which ignored one more kind of file."""
    ignored = rooms / ".gitignore"
    ignored.write_text(ignored.read_text() + "*.old\n")
    base, state = rooms / ".datakeel/base.json", rooms / ".datakeel/state.json"
    known, written = json.loads(base.read_text()), json.loads(state.read_text())
    base.write_text(json.dumps(known | {".gitignore": ignored.read_text()}))
    state.write_text(json.dumps(written | {"datakeel": "0.0.1"}))
