"""What is found in a function that nobody uses is told at low confidence, in a program that has many ways in."""

from __future__ import annotations

from pathlib import Path

import datakeel
from datakeel.config import Config
from datakeel.finding import Confidence
from datakeel.model.system import MANY_WAYS

CALLS = """import requests
from library import base


def used(number):
    return requests.get(f"https://bank.example/{number}").json()


def forgotten(number):
    return requests.post(f"https://bank.example/{number}").json()


def imported(number):
    return requests.put(f"https://bank.example/{number}").json()


class Bank:
    def refund(self, number):
        return requests.delete(f"https://bank.example/{number}")


class Client(base.Client):
    def charge(self, number):
        return requests.post(f"https://bank.example/charges/{number}")

    def _charge_once_more(self, number):
        return requests.post(f"https://bank.example/again/{number}")


@register
def known(number):
    return requests.patch(f"https://bank.example/{number}").json()
"""
ROUTE = """

@app.get("/{number}")
def route_{number}():
    return bank.used({number})
"""


def found(tmp_path: Path, ways: int) -> dict[str, Confidence]:
    routes = "".join(ROUTE.format(number=number) for number in range(ways))
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "bank.py").write_text(CALLS)
    (tmp_path / "more.py").write_text("from bank import imported\n")
    (tmp_path / "api.py").write_text(f"import bank\nfrom fastapi import FastAPI\n\napp = FastAPI()\n{routes}")
    config = Config(select=("remote-call-without-timeout",), cache=False, jobs=1)
    review = datakeel.review([tmp_path], config=config, confidence=Confidence.LOW)
    return {f.symbol: f.confidence for f in (*review.findings, *review.doubtful)}


def test_in_a_program_with_many_ways_in(tmp_path: Path) -> None:
    confidence = found(tmp_path, MANY_WAYS)
    low = {symbol for symbol, sure in confidence.items() if sure is Confidence.LOW}
    assert low == {"forgotten", "imported", "Bank.refund", "Client._charge_once_more"}
    assert {"used", "known", "Client.charge"} <= confidence.keys()


def test_what_makes_data_to_try_the_program_with_does_little_harm(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    call = 'import requests\n\n\ndef {}():\n    requests.get("https://bank.example")\n'
    (tmp_path / "one.py").write_text(call.format("create_seed_data"))
    (tmp_path / "two.py").write_text(call.format("latest_database"))
    (tmp_path / "debug.py").write_text(call.format("login"))
    (tmp_path / "three.py").write_text(call.format("debugged"))
    config = Config(select=("remote-call-without-timeout",), cache=False, jobs=1)
    review = datakeel.review([tmp_path], config=config, confidence=Confidence.LOW)
    assert {f.symbol: f.confidence is Confidence.LOW for f in (*review.findings, *review.doubtful)} == {
        "create_seed_data": True,
        "latest_database": False,
        "login": True,
        "debugged": False,
    }


def test_in_a_small_program_it_may_be_all_there_is(tmp_path: Path) -> None:
    assert Confidence.LOW not in found(tmp_path, 2).values()
