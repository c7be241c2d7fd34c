"""Where a project's ways in are known, what none of them is seen to reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from datakeel.finding import Confidence
from datakeel.rules.facts.guards import WAYS
from datakeel.rules.judge import judge
from tests.pages import read_system

LEDGER = """
import psycopg
from fastapi import FastAPI

app = FastAPI()

def move(amount, one, other):
    connection = psycopg.connect("dbname=shop", connect_timeout=5, autocommit=True)
    connection.execute("UPDATE accounts SET balance = balance - %s WHERE id = %s", (amount, one))
    connection.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, other))
"""
WAY = """
@app.get("/{number}")
def way_{number}():
    return {number}
"""
REACHED = """
@app.put("/transfers")
def transfer(amount: int, one: int, other: int):
    move(amount, one, other)
"""


@pytest.mark.parametrize(
    ("ways", "more", "low"),
    [(WAYS, "", True), (WAYS - 1, "", False), (WAYS, REACHED, False)],
)
def test_what_no_way_in_leads_to_is_told_at_low_confidence(ways: int, more: str, low: bool, tmp_path: Path) -> None:
    text = LEDGER + "".join(WAY.replace("{number}", str(n)) for n in range(ways)) + more
    found = judge(read_system({"shop/__init__.py": "", "shop/ledger.py": text}, tmp_path))
    told = [f.confidence for f in found if f.rule == "writes-without-transaction"]
    assert [confidence is Confidence.LOW for confidence in told] == [low]
