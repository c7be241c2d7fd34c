"""What a team declares is seen by the rules."""

from __future__ import annotations

from pathlib import Path

import pytest

import datakeel

CODE = """
from django.db import models


class Account(models.Model):
    balance = models.IntegerField()


def add_interest(number):
    account = Account.objects.get(pk=number)
    account.balance = account.balance * 101 // 100
    account.save(update_fields=["balance"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "accounts.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n", encoding="utf-8")
    return tmp_path


def rules_of(project: Path) -> list[str]:
    return [finding.rule for finding in datakeel.review([project]).findings]


def test_without_a_declaration_the_update_can_be_lost(project: Path) -> None:
    assert rules_of(project) == ["lost-update"]


@pytest.mark.parametrize("fact", ["alone", "serialised"])
def test_a_function_that_runs_alone_or_in_turns_loses_nothing(project: Path, fact: str) -> None:
    (project / "datakeel.toml").write_text(f'[facts]\n{fact} = ["accounts.add_interest"]\n', encoding="utf-8")
    assert rules_of(project) == []


RELAY = """
import sys
import threading

import psycopg
from kafka import KafkaConsumer, KafkaProducer

producer = KafkaProducer(bootstrap_servers="kafka:9092", acks="all")


def work():
    for message in KafkaConsumer("orders", bootstrap_servers="kafka:9092", group_id="shop"):
        with psycopg.connect("postgresql://db/shop", connect_timeout=5) as connection:
            connection.execute("INSERT INTO orders (body) VALUES (%s) ON CONFLICT DO NOTHING", (message.value,))


def main():
    threading.Thread(target=work).start()
    for line in sys.stdin:
        producer.send("orders", line.encode()).get(timeout=10)


if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(("facts", "said"), [("", True), ('[tool.datakeel.facts]\ndistributed = ["orders"]\n', False)])
def test_a_topic_that_is_declared_as_distributed_is_there_for_a_reason(tmp_path: Path, facts: str, said: bool) -> None:
    (tmp_path / "main.py").write_text(RELAY, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'shop'\n{facts}", encoding="utf-8")
    assert ("needless-distribution" in rules_of(tmp_path)) is said


def test_a_declaration_that_speaks_of_nothing_is_told(project: Path) -> None:
    (project / "datakeel.toml").write_text(
        '[facts]\nalone = ["accounts.add_intrest"]\nbounded = ["shop_acount", "shop_account"]\n', encoding="utf-8"
    )
    assert [remark.text for remark in datakeel.review(project).summary.remarks] == [
        'facts.alone: unknown function "accounts.add_intrest"; did you mean "accounts.add_interest"?',
        'facts.bounded: unknown dataset "shop_acount"; did you mean "shop_account"?',
    ]
