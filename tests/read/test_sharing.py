"""Operations arrive in another process as they were sent."""

import os
import pickle
import time
from pathlib import Path

from datakeel.model.operation import Operation
from datakeel.read import facts, reader
from datakeel.read.source import discover
from datakeel.read.workers import MANY, spread

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


def operations(folder: Path) -> tuple[Operation, ...]:
    (folder / "shop.py").write_text(SHOP)
    return reader.system(facts.read(discover([folder]))).operations


def arrived(operation: Operation) -> Operation:
    found: Operation = pickle.loads(pickle.dumps(operation, pickle.HIGHEST_PROTOCOL))
    return found


def test_an_operation_arrives_as_it_was_sent(tmp_path: Path) -> None:
    found = operations(tmp_path)
    assert any(e.chain and e.guards and e.scopes for o in found for e in o.effects)
    assert all(arrived(o) == o for o in found)


def test_what_effects_share_is_shared_where_it_arrives(tmp_path: Path) -> None:
    (pay,) = (o for o in operations(tmp_path) if o.symbol == "pay")
    for shared in ("scopes", "guards", "chain"):
        before, after = ({id(getattr(e, shared)) for e in o.effects} for o in (pay, arrived(pay)))
        assert len(after) == len(before) < len(pay.effects)
        one_by_one = ({id(s) for e in o.effects for s in getattr(e, shared)} for o in (pay, arrived(pay)))
        before, after = one_by_one
        assert len(after) == len(before)


def test_a_process_keeps_to_its_own_half_however_long_the_other_takes() -> None:
    def work(number: int) -> bytes:
        time.sleep(0.01 if number < MANY else 0)
        return str(os.getpid()).encode()

    found = dict(spread(work, [1] * (2 * MANY), 2, alike=True))
    assert len(set(found.values())) == 2
    assert sum(process == found[0] for process in found.values()) >= MANY
