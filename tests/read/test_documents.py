"""Documents of MongoDB as classes: their collections and keys, what their queries ask, and what their updates set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from datakeel.model.effect import Assignment, Effect, Kind
from datakeel.model.system import System
from datakeel.rules.judge import judge
from tests.pages import read_system

MONGOENGINE = """
from mongoengine import DictField, Document, IntField, ListField, ReferenceField, StringField
from mongoengine.context_managers import run_in_transaction

class Base(Document):
    code = StringField(unique=True)
    meta = {"abstract": True}

class Wallet(Base):
    owner = StringField(db_field="o", unique_with="shop")
    shop = StringField()
    balance = IntField()
    parent = ReferenceField("self")
    counts = DictField()
    tags = ListField(StringField())
    meta = {"indexes": [{"fields": ["shop", "-balance"], "unique": True}, "owner"], "allow_inheritance": True}

class GoldWallet(Wallet):
    pass

def use(one, two):
"""

BEANIE = """
from typing import Annotated, Optional
from beanie import Document, Indexed
from beanie.operators import In, Inc, Set
from pymongo import IndexModel

class Wallet(Document):
    owner: Indexed(str, unique=True)
    code: Annotated[Optional[str], Indexed(unique=True)] = None
    shop: str
    balance: int = 0

    class Settings:
        name = "wallets"
        use_revision = True
        indexes = [IndexModel([("shop", 1), ("balance", -1)], unique=True), "shop"]

class GoldWallet(Wallet):
    pass

class Party(Document):
    class Settings:
        is_root = True

class Company(Party):
    pass

async def use(one, two, session=None):
"""

Reading = Callable[[str, str], Effect]


def system_of(code: str, folder: Path) -> System:
    return read_system({"shop/__init__.py": "", "shop/code.py": code}, folder)


def changed(system: System) -> list[Effect]:
    use = next(o for o in system.operations if o.name.endswith("code.use"))
    return [e for e in use.effects if e.kind in (Kind.READ, Kind.WRITE)]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    def read(before: str, statement: str) -> Effect:
        return changed(system_of(before + f"    {statement}\n", tmp_path))[-1]

    return read


@pytest.mark.parametrize(
    ("code", "name", "keys"),
    [
        (MONGOENGINE, "wallet", {("id",), ("code",), ("o", "shop"), ("shop", "balance")}),
        (BEANIE, "wallets", {("id",), ("owner",), ("code",), ("shop", "balance")}),
    ],
)
def test_a_class_is_a_collection_with_its_unique_keys(
    code: str, name: str, keys: set[tuple[str, ...]], tmp_path: Path
) -> None:
    dataset = next(d for d in system_of(code + "    pass\n", tmp_path).datasets if d.name == name)
    assert (dataset.technology, {i.columns for i in dataset.schema.unique_keys()}) == ("mongodb", keys)


@pytest.mark.parametrize(
    ("code", "call", "name"),
    [
        (MONGOENGINE, "GoldWallet.objects.first()", "wallet"),
        (BEANIE, "await GoldWallet.find_one()", "GoldWallet"),
        (BEANIE, "await Company.find_one()", "Party"),
    ],
)
def test_where_a_subclass_is_kept(code: str, call: str, name: str, reading: Reading) -> None:
    assert reading(code, call).dataset == name


@pytest.mark.parametrize(
    ("code", "call", "asked"),
    [
        (
            MONGOENGINE,
            "Wallet.objects(owner=one, balance__gte=two).first()",
            ["o=parameter:one", "balance>=parameter:two"],
        ),
        (MONGOENGINE, "Wallet.objects.filter(pk=one).get()", ["id=parameter:one"]),
        (MONGOENGINE, "list(Wallet.objects(shop__in=one).only('code'))", ["shopinparameter:one"]),
        (MONGOENGINE, "Wallet.objects(address__city=one).count()", ["address.city=parameter:one"]),
        (
            BEANIE,
            "await Wallet.find_one(Wallet.owner == one, Wallet.balance > two)",
            ["owner=parameter:one", "balance>parameter:two"],
        ),
        (
            BEANIE,
            "await Wallet.find({'owner': one, 'balance': {'$lt': two}}).to_list()",
            ["owner=parameter:one", "balance<parameter:two"],
        ),
        (
            BEANIE,
            "await Wallet.find({'_id': {'$in': one}, 'closed': {'$exists': False}}).to_list()",
            ["idinparameter:one", "closedis-nullconst:False"],
        ),
        (BEANIE, "await Wallet.get(one)", ["id=parameter:one"]),
        (BEANIE, "await Wallet.find(In(Wallet.shop, one)).first_or_none()", ["shopinparameter:one"]),
    ],
)
def test_what_a_query_asks(code: str, call: str, asked: list[str], reading: Reading) -> None:
    read = reading(code, call)
    assert [f"{p.column}{p.operator}{p.value}" for p in read.predicates] == asked
    assert (read.kind, read.transaction) == (Kind.READ, None)


def said(assigned: tuple[Assignment, ...]) -> list[str]:
    return [f"{a.column} {a.how}" for a in assigned]


@pytest.mark.parametrize(
    ("code", "call", "verb", "assigned"),
    [
        (
            MONGOENGINE,
            "Wallet.objects(code=one).update_one(inc__balance=two, set__owner=one)",
            "update",
            ["balance atomic", "o value"],
        ),
        (MONGOENGINE, "Wallet.objects(code=one).update_one(set__shop=two, upsert=True)", "upsert", ["shop value"]),
        (
            MONGOENGINE,
            "Wallet.objects.get(code=one).modify(query={'balance': two}, dec__balance=1)",
            "update",
            ["balance atomic"],
        ),
        (MONGOENGINE, "Wallet(code=one).save()", "insert", ["code value"]),
        (MONGOENGINE, "Wallet.objects.create(code=one, balance=0)", "insert", ["balance constant", "code value"]),
        (MONGOENGINE, "Wallet.objects(code=one).delete()", "delete", []),
        (BEANIE, "await Wallet.find_one(Wallet.owner == one).inc({Wallet.balance: two})", "update", ["balance atomic"]),
        (
            BEANIE,
            "await Wallet.find(Wallet.shop == one).update(Set({Wallet.shop: two}), Inc({'balance': 1}))",
            "update",
            ["shop value", "balance atomic"],
        ),
        (
            BEANIE,
            "await Wallet.find_one(Wallet.owner == one).upsert(Set({'shop': two}), on_insert=Wallet(owner=one))",
            "upsert",
            ["shop value"],
        ),
        (BEANIE, "await Wallet(owner=one).insert()", "insert", ["owner value"]),
        (BEANIE, "await Wallet.insert_many([Wallet(owner=one)])", "insert", []),
        (BEANIE, "await (await Wallet.get(one)).set({Wallet.shop: 'new'})", "update", ["shop constant"]),
    ],
)
def test_what_an_update_sets(code: str, call: str, verb: str, assigned: list[str], reading: Reading) -> None:
    write = reading(code, call)
    assert (write.kind, write.verb, said(write.assigned)) == (Kind.WRITE, verb, assigned)


@pytest.mark.parametrize(
    ("change", "assigned"),
    [
        ("w.counts[one] = two", ["counts.* value"]),
        ("w.counts['a'] = 1; w.counts['b'] = two", ["counts.a constant", "counts.b value"]),
        ("w.counts['a'] = w.counts['a'] + 1", ["counts value"]),
        ("w.tags.append(one)", ["tags value"]),
        ("w.counts['a'] = 1; w.counts.update(two)", ["counts value"]),
    ],
)
def test_an_entry_of_a_mapping_is_written_alone(change: str, assigned: list[str], reading: Reading) -> None:
    write = reading(MONGOENGINE, f"w = Wallet.objects.get(code=one); {change}; w.save()")
    assert said(write.assigned) == assigned


@pytest.mark.parametrize(
    ("code", "call", "whole"),
    [
        (MONGOENGINE, "w = Wallet.objects.get(code=one); w.balance += two; w.save()", False),
        (BEANIE, "w = await Wallet.get(one); w.balance += two; await w.save()", True),
        (BEANIE, "w = await Wallet.get(one); w.balance += two; await w.save_changes()", False),
    ],
)
def test_a_document_saves_what_was_changed_or_all(code: str, call: str, whole: bool, reading: Reading) -> None:
    write = reading(code, call)
    assert (write.verb, said(write.assigned), write.whole_row) == ("save", ["balance value"], whole)


def test_only_what_waits_in_its_thread_blocks(reading: Reading) -> None:
    assert reading(MONGOENGINE, "Wallet.objects.first()").blocking
    awaited = reading(BEANIE, "await Wallet.find_one()")
    assert not awaited.blocking


def test_a_write_is_in_the_transaction_that_it_is_told_of(tmp_path: Path) -> None:
    inside = "    with run_in_transaction():\n        Wallet.objects(code=one).update(inc__balance=1)\n"
    assert changed(system_of(MONGOENGINE + inside, tmp_path / "a"))[-1].transaction is not None
    outside = "    await Wallet.find_one(Wallet.owner == one).inc({Wallet.balance: 1}{})\n"
    alone = changed(system_of(BEANIE + outside.replace("{}", ""), tmp_path / "b"))[-1]
    told = changed(system_of(BEANIE + outside.replace("{}", ", session=session"), tmp_path / "c"))[-1]
    assert alone.transaction is None
    assert told.transaction is not None


@pytest.mark.parametrize(
    ("code", "statements", "rules"),
    [
        (MONGOENGINE, "w = Wallet.objects.get(code=one); w.balance += two; w.save()", ["lost-update"]),
        (
            MONGOENGINE,
            "w = Wallet.objects.get(code=one); w.balance += two; w.save(save_condition={'balance': one})",
            [],
        ),
        (MONGOENGINE, "Wallet.objects(code=one).update_one(inc__balance=two)", []),
        (BEANIE, "w = await Wallet.get(one); w.balance += two; await w.save()", []),
        (
            BEANIE.replace("use_revision", "other"),
            "w = await Wallet.get(one); w.balance += two; await w.save()",
            ["lost-update"],
        ),
    ],
)
def test_a_revision_or_a_condition_is_a_version_check(
    code: str, statements: str, rules: list[str], tmp_path: Path
) -> None:
    found = judge(system_of(code + f"    {statements}\n", tmp_path))
    assert [f.rule for f in found if f.confidence.word != "low"] == rules


@pytest.mark.parametrize(("chain", "reads"), [("", 2), (".select_related()", 1), (".no_dereference()", 1)])
def test_a_reference_is_read_where_it_is_looked_at(chain: str, reads: int, tmp_path: Path) -> None:
    loop = f"    for wallet in Wallet.objects(shop=one){chain}:\n        print(wallet.parent.code)\n"
    assert len(changed(system_of(MONGOENGINE + loop, tmp_path))) == reads
