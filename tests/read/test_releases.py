"""Where what is opened is closed again, and who else holds it."""

from __future__ import annotations

from pathlib import Path

from datakeel.model.operation import Resource
from tests.pages import read_system

CODE = """
import sqlite3
from contextlib import closing

import psycopg2
from psycopg2.pool import ThreadedConnectionPool
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

pool = ThreadedConnectionPool(1, 10, "dbname=shop")
engine = create_engine("postgresql://db/shop")
Session = sessionmaker(bind=engine)


def connect():
    return psycopg2.connect("dbname=shop")


def opened():
    connection = connect()
    connection.cursor()
    connection.close()


def borrowed():
    connection = pool.getconn()
    try:
        connection.cursor()
    finally:
        pool.putconn(connection)


def given(other):
    other(psycopg2.connect("dbname=shop"))


def cursor():
    return connect().cursor()


def context():
    with closing(sqlite3.connect("shop.db")) as connection:
        connection.execute("SELECT 1 FROM orders")


def commits():
    with psycopg2.connect("dbname=shop") as connection:
        connection.cursor()


def session():
    with Session() as session, engine.begin() as connection:
        connection.execute(text("SELECT 1 FROM orders"))
        session.commit()


class Store:
    def __init__(self):
        self.connection = connect()
"""


def resources(folder: Path) -> dict[str, list[Resource]]:
    system = read_system({"code.py": CODE}, folder)
    return {o.symbol: list(o.resources) for o in system.operations}


def test_a_function_knows_what_it_opens_and_where_it_closes_it(tmp_path: Path) -> None:
    found = resources(tmp_path)
    (opened,) = found["opened"]
    assert (opened.kind, opened.passed, [r.place.line for r in opened.releases]) == ("connection", "", [22])
    (borrowed,) = found["borrowed"]
    assert (borrowed.kind, borrowed.passed) == ("loan", "")
    assert [s.arm for r in borrowed.releases for s in r.scopes] == ["finally"]


def test_what_is_handed_on_or_returned_has_another_holder(tmp_path: Path) -> None:
    found = resources(tmp_path)
    assert {name: [r.passed for r in found[name]] for name in ("connect", "given", "cursor")} == {
        "connect": ["returned"],
        "given": ["handed"],
        "cursor": ["returned"],
    }
    assert [r.kept for r in found["Store.__init__"]] == [True]


def test_a_context_closes_it_unless_its_driver_only_commits(tmp_path: Path) -> None:
    found = resources(tmp_path)
    assert [len(x.releases) for x in found["context"]] == [1]
    assert [[r.always for r in x.releases] for x in found["commits"]] == [[]]
    assert [[r.always for r in x.releases] for x in found["session"]] == [[True], [True]]


def test_what_a_service_imports_and_where_it_prints_is_known(tmp_path: Path) -> None:
    tasks = "def run():\n    print('done')\n"
    files = {"shop/web.py": "import statsd\nfrom shop import tasks\n", "shop/tasks.py": tasks}
    system = read_system(files, tmp_path)
    assert {(u.service, u.name, u.place.line) for u in system.uses} == {("shop", "statsd", 1), ("shop", "print", 1)}
    assert system.used_by("shop") == {"statsd", "print"}
