"""Operations arrive in another process as they were sent."""

from pathlib import Path

import msgspec

from datakeel.read import facts, reader
from datakeel.read.packing import Packed, packed, unpacked
from datakeel.read.source import discover

SHOP = """
import requests

def pay(cursor, order):
    if order.total:
        try:
            bill(cursor, order)
            bill(cursor, order)
        except ValueError:
            log(cursor)

def bill(cursor, order):
    requests.post("https://bank.example/bills", timeout=3)
    requests.post("https://bank.example/mails", timeout=3)
    log(cursor)

def log(cursor):
    for line in (1, 2):
        cursor.execute("INSERT INTO log VALUES (%s)", (line,))
"""


def test_an_operation_arrives_as_it_was_sent(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    system = reader.system(facts.read(discover([tmp_path])))
    assert any(e.chain and e.guards and e.scopes for o in system.operations for e in o.effects)
    for operation in system.operations:
        sent = msgspec.msgpack.encode(packed(operation))
        assert unpacked(msgspec.msgpack.decode(sent, type=Packed)) == operation


def test_what_effects_share_is_shared_where_it_arrives(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    system = reader.system(facts.read(discover([tmp_path])))
    (pay,) = (o for o in system.operations if o.symbol == "pay")
    arrived = unpacked(msgspec.msgpack.decode(msgspec.msgpack.encode(packed(pay)), type=Packed))
    before, after = ({id(e.scopes) for e in o.effects} for o in (pay, arrived))
    assert len(after) == len(before) < len(pay.effects)
