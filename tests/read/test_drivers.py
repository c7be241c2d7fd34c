"""What is known of the drivers' effects beyond that they happen: transactions, locks, rows, row counts, resources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Source, StoreKind
from datakeel.model.operation import Operation, same_rows
from tests.pages import read_system

Reading = Callable[..., Operation]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    def read(code: str, name: str = "use") -> Operation:
        system = read_system({"shop/__init__.py": "", "shop/code.py": code}, tmp_path)
        return next(o for o in system.operations if o.name.endswith(f"code.{name}"))

    return read


def reads(operation: Operation) -> list[Effect]:
    return list(operation.of(Kind.READ))


def writes(operation: Operation) -> list[Effect]:
    return list(operation.of(Kind.WRITE))


# Transactions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "connect",
    [
        "MySQLdb.connect()",
        "cx_Oracle.connect('x')",
        "mysql.connector.connect()",
        "oracledb.create_pool('x').acquire()",
        "psycopg.connect('x')",
        "psycopg2.connect('x')",
        "pymssql.connect('x')",
        "pymysql.connect()",
        "pyodbc.connect('x')",
        "sqlite3.connect('x')",
    ],
)
def test_the_first_write_begins_and_the_commit_ends(reading: Reading, connect: str) -> None:
    use = reading(f"""
import MySQLdb, cx_Oracle, mysql.connector, oracledb, psycopg, psycopg2, pymssql, pymysql, pyodbc, sqlite3

def use():
    connection = {connect}
    cursor = connection.cursor()
    cursor.execute("UPDATE a SET x = 1")
    cursor.execute("UPDATE b SET x = 1")
    connection.commit()
    cursor.execute("UPDATE c SET x = 1")
""")
    first, second, third = writes(use)
    assert use.same_transaction(first, second)
    assert use.same_transaction(second, next(use.of(Kind.COMMIT)))
    assert third.transaction is not None
    assert not use.same_transaction(second, third)


@pytest.mark.parametrize(
    "connect",
    [
        "psycopg.connect('x', autocommit=True)",
        "pymysql.connect(autocommit=True)",
        "mysql.connector.connect(autocommit=True)",
        "pyodbc.connect('x', autocommit=True)",
        "sqlite3.connect('x', isolation_level=None)",
        "configured()",
        "leveled()",
    ],
)
def test_autocommit_is_no_transaction(reading: Reading, connect: str) -> None:
    use = reading(f"""
import mysql.connector, psycopg, psycopg2, pymysql, pyodbc, sqlite3
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

def configured():
    connection = psycopg2.connect("x")
    connection.autocommit = True
    return connection

def leveled():
    connection = psycopg2.connect("x")
    connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return connection

def use():
    connection = {connect}
    connection.cursor().execute("UPDATE a SET x = 1")
""")
    assert writes(use)[0].transaction is None


def test_only_a_write_begins_a_transaction_of_sqlite(reading: Reading) -> None:
    use = reading("""
import sqlite3

def use():
    connection = sqlite3.connect("x")
    connection.execute("SELECT x FROM a")
    connection.execute("UPDATE a SET x = 1")
    connection.execute("SELECT x FROM a")
""")
    before, after = reads(use)
    assert before.transaction is None
    assert use.same_transaction(writes(use)[0], after)


def test_asyncpg_commits_each_statement_unless_in_a_block(reading: Reading) -> None:
    use = reading("""
import asyncpg

async def use():
    conn = await asyncpg.connect("x")
    await conn.execute("UPDATE a SET x = 1")
    async with conn.transaction(isolation="repeatable_read"):
        await conn.execute("UPDATE b SET x = 1")
        async with conn.transaction():
            await conn.execute("UPDATE c SET x = 1")
    await conn.execute("UPDATE d SET x = 1")
""")
    alone, first, second, after = writes(use)
    assert alone.transaction is None
    assert use.same_transaction(first, second)
    assert use.transaction_of(first).isolation == "repeatable-read"  # type: ignore[union-attr]
    assert second.inside("savepoint") is not None
    assert after.transaction is None


def test_a_connections_context_commits_what_was_begun_before_it(reading: Reading) -> None:
    use = reading("""
import psycopg2

def use():
    connection = psycopg2.connect("x")
    connection.cursor().execute("UPDATE a SET x = 1")
    with connection:
        connection.cursor().execute("UPDATE b SET x = 1")
    connection.cursor().execute("UPDATE c SET x = 1")
""")
    first, second, third = writes(use)
    assert use.same_transaction(first, second)
    assert not use.same_transaction(second, third)


def test_a_connection_that_is_passed_is_the_callers(reading: Reading) -> None:
    use = reading("""
import psycopg

def note(conn, what):
    conn.execute("INSERT INTO audits (what) VALUES (%s)", [what])

def use(pool):
    conn = psycopg.connect("x")
    conn.execute("UPDATE a SET x = 1")
    note(conn, "a")
    conn.commit()
    note(conn, "b")
""")
    first, second, third = writes(use)
    assert use.same_transaction(first, second)
    assert not use.same_transaction(second, third)
    assert third.transaction is not None


def test_isolation_is_as_it_was_set(reading: Reading) -> None:
    use = reading("""
import psycopg, psycopg2
from psycopg2 import extensions

def use():
    a = psycopg2.connect("x")
    a.set_session(isolation_level="SERIALIZABLE")
    a.cursor().execute("UPDATE a SET x = 1")
    b = psycopg2.connect("x")
    b.set_isolation_level(extensions.ISOLATION_LEVEL_REPEATABLE_READ)
    b.cursor().execute("UPDATE b SET x = 1")
    c = psycopg.connect("x")
    c.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    c.execute("UPDATE c SET x = 1")
    d = psycopg.connect("x", autocommit=True)
    d.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
    d.execute("UPDATE d SET x = 1")
""")
    levels = [t.isolation for w in writes(use) if (t := use.transaction_of(w)) is not None]
    assert levels == ["serializable", "repeatable-read", "serializable", "serializable"]


def test_each_connection_of_a_pool_is_another(reading: Reading) -> None:
    use = reading("""
from psycopg_pool import ConnectionPool

pool = ConnectionPool("x")

def use():
    with pool.connection() as a, pool.connection() as b:
        a.execute("UPDATE a SET x = 1")
        b.execute("UPDATE b SET x = 1")
""")
    first, second = writes(use)
    assert first.connection != second.connection
    assert not use.same_transaction(first, second)


# Locks ----------------------------------------------------------------------------------------------------------------


def test_row_locks_last_to_the_end_of_the_transaction(reading: Reading) -> None:
    use = reading("""
import psycopg

def use(pool, number):
    with psycopg.connect("x") as conn:
        conn.execute("SELECT x FROM a WHERE id = %s FOR UPDATE", [number])
        conn.execute("UPDATE a SET x = 1 WHERE id = %s", [number])
        conn.commit()
        conn.execute("UPDATE a SET x = 2 WHERE id = %s", [number])
""")
    held, free = writes(use)
    assert held.locks == (reads(use)[0].number,)
    assert free.locks == ()


def test_an_advisory_lock_of_the_session_outlasts_the_commit(reading: Reading) -> None:
    use = reading("""
import psycopg

def use(conn: psycopg.Connection, key):
    conn.execute("SELECT pg_advisory_lock(%s)", [key])
    conn.execute("UPDATE a SET x = 1")
    conn.commit()
    conn.execute("UPDATE b SET x = 1")
    conn.execute("SELECT pg_advisory_unlock(%s)", [key])
    conn.execute("UPDATE c SET x = 1")
""")
    first, second, third = writes(use)
    (lock,) = use.of(Kind.LOCK)
    assert lock.key == "parameter:key"
    assert first.locks == second.locks == (lock.number,)
    assert third.locks == ()


# Rows -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fetch", "value"),
    [
        ("row = cursor.fetchone()", "row[0]"),
        ("row = cursor.fetchone()", "row['balance']"),
        ("row = cursor.fetchone()", "row.balance"),
        ("(balance,) = cursor.fetchone()", "balance"),
        ("[(balance,)] = cursor.fetchall()", "balance"),
        ("row = next(iter(cursor.fetchall()))", "row[0]"),
    ],
)
def test_a_value_that_was_read_carries_its_column(reading: Reading, fetch: str, value: str) -> None:
    use = reading(f"""
def use(cursor, account, amount):
    cursor.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
    {fetch}
    cursor.execute("UPDATE accounts SET balance = %s WHERE id = %s", ({value} - amount, account))
""")
    (read,), (write,) = reads(use), writes(use)
    assert Source("read", read.number, path=("balance",)) in write.assigned[0].sources
    assert write.assigned[0].how == "value"
    assert same_rows(read, write) is Answer.YES


def test_named_values_are_told_by_their_names(reading: Reading) -> None:
    use = reading("""
def use(cursor, account, amount):
    cursor.execute("UPDATE a SET x = %(amount)s WHERE id = %(account)s", {"account": account, "amount": amount})
""")
    (write,) = writes(use)
    assert write.selection is not None
    assert write.selection.predicates[0].value == "parameter:account"
    assert write.assigned[0].sources == (Source("parameter", name="amount"),)


def test_asyncpgs_values_and_rows_carry_their_columns(reading: Reading) -> None:
    use = reading("""
import asyncpg

async def use(conn: asyncpg.Connection, account, amount):
    balance = await conn.fetchval("SELECT balance FROM accounts WHERE id = $1", account)
    await conn.execute("UPDATE accounts SET balance = $1 WHERE id = $2", balance - amount, account)
    row = await conn.fetchrow("SELECT a.balance AS b, u.name FROM accounts a JOIN users u ON u.id = a.owner")
    await conn.execute("UPDATE accounts SET balance = $1, name = $2", row["b"] + 1, row["name"])
""")
    first, second = reads(use)
    one, two = writes(use)
    assert Source("read", first.number, path=("balance",)) in one.assigned[0].sources
    by_column = {a.column: a.sources for a in two.assigned}
    assert by_column["balance"] == (Source("read", second.number, path=("balance",)),)
    assert by_column["name"] == (Source("read", second.number, path=("users", "name")),)


def test_rows_of_a_cursor_that_is_iterated(reading: Reading) -> None:
    use = reading("""
def use(cursor, cur):
    cursor.execute("SELECT id, n FROM counters")
    for number, n in cursor:
        cur.execute("UPDATE counters SET n = %s WHERE id = %s", (n + 1, number))
""")
    (read,), (write,) = reads(use), writes(use)
    assert Source("read", read.number, path=("n",)) in write.assigned[0].sources
    assert write.selection is not None
    assert write.selection.predicates[0].value == f"read:{read.number}.id"
    assert write.inside("loop") is not None


def test_the_store_computes_what_is_not_given(reading: Reading) -> None:
    use = reading("""
def use(cursor, amount, account):
    cursor.execute("UPDATE accounts SET balance = balance - %s, seen = now() WHERE id = %s", (amount, account))
    cursor.execute("INSERT INTO n (id, c) VALUES (%s, 1) ON CONFLICT (id) DO UPDATE SET c = n.c + 1", (account,))
""")
    first, second = writes(use)
    assert {a.column: a.how for a in first.assigned} == {"balance": "atomic", "seen": "default"}
    assert {a.column: a.how for a in second.assigned} == {"id": "value", "c": "atomic"}


@pytest.mark.parametrize(
    "call",
    [
        "pyodbc.connect('x').execute('SELECT y FROM a WHERE x = ?', one)",
        "pyodbc.connect('x').execute('SELECT y FROM a WHERE x = ?', (one,))",
        "oracledb.connect('x').cursor().execute('SELECT y FROM a WHERE x = :n', n=one)",
        "oracledb.connect('x').cursor().execute('SELECT y FROM a WHERE x = :n', {'n': one})",
        "oracledb.connect('x').cursor().execute('SELECT y FROM a WHERE x = :1', [one])",
    ],
)
def test_values_are_bound_however_they_are_given(reading: Reading, call: str) -> None:
    use = reading(f"""
import oracledb, pyodbc

def use(one):
    {call}
""")
    assert [p.value for p in reads(use)[0].predicates] == ["parameter:one"]


@pytest.mark.parametrize(
    ("hint", "lock", "skips"),
    [
        ("UPDLOCK, ROWLOCK", "update", False),
        ("HOLDLOCK", "share", False),
        ("UPDLOCK, READPAST", "update", True),
        ("NOLOCK", "", False),
    ],
)
def test_sql_server_locks_by_hints_of_a_table(reading: Reading, hint: str, lock: str, skips: bool) -> None:
    use = reading(f"""
import pymssql

def use():
    pymssql.connect("x").cursor().execute("SELECT y FROM [dbo].[A] a WITH ({hint}) WHERE x = 1")
""")
    selection = reads(use)[0].selection
    assert selection is not None
    assert (reads(use)[0].dataset, selection.lock, selection.skip_locked) == ("a", lock, skips)


def test_a_row_count_guards_what_follows(reading: Reading) -> None:
    use = reading("""
def use(cursor, number):
    cursor.execute("UPDATE jobs SET state = 'busy' WHERE id = %s AND state = 'new'", (number,))
    if cursor.rowcount == 1:
        cursor.execute("INSERT INTO runs (job) VALUES (%s)", (number,))
""")
    first, second = writes(use)
    assert second.guards[0].sources == (Source("result", first.number, "rowcount"),)
    assert first.selection is not None
    assert first.selection.equality_columns() == {"id", "state"}


def test_many_values_are_many_rows(reading: Reading) -> None:
    use = reading("""
def use(cursor, rows):
    cursor.executemany("INSERT INTO items (sku, stock) VALUES (%s, %s)", [(r.sku, 0) for r in rows])
""")
    (write,) = writes(use)
    assert {a.column: a.how for a in write.assigned} == {"sku": "value", "stock": "constant"}


# Resources ------------------------------------------------------------------------------------------------------------


def test_connections_and_pools_are_resources_with_their_options(reading: Reading) -> None:
    use = reading("""
import asyncpg, psycopg, pymysql
from psycopg_pool import ConnectionPool

async def use():
    psycopg.connect("x", connect_timeout=5)
    ConnectionPool("x", max_size=20)
    await asyncpg.create_pool("x", max_size=3)
    pymysql.connect(read_timeout=3)
""")
    made = [(r.kind, r.technology) for r in use.resources]
    assert made == [
        ("connection", "postgresql"),
        ("pool", "postgresql"),
        ("pool", "postgresql"),
        ("connection", "mysql"),
    ]
    pool = use.resources[1]
    assert {o.name: (o.value, o.given) for o in pool.options if o.name in ("max_size", "min_size")} == {
        "max_size": ("20", True),
        "min_size": ("4", False),
    }


def test_cassandra_is_no_relational_database(tmp_path: Path) -> None:
    code = """
    from cassandra.cluster import Cluster
    session = Cluster(["cassandra"]).connect("shop")
    def place(number, total):
        session.execute("INSERT INTO orders (number, total) VALUES (%s, %s)", (number, total))
        session.execute("INSERT INTO orders_by_total (total, number) VALUES (%s, %s)", (total, number))
    """
    system = read_system({"shop/code.py": dedent(code)}, tmp_path)
    (place,) = (o for o in system.operations if o.symbol == "place")
    assert [(e.dataset, e.store, e.technology) for e in place.of(Kind.WRITE)] == [
        ("orders", StoreKind.WIDE_COLUMN, "cassandra"),
        ("orders_by_total", StoreKind.WIDE_COLUMN, "cassandra"),
    ]
