"""The way from the event store to a view, within a generated project: DSN. Its processes are those of production.

Answers each line with JSON: `drain EVENTS WORKERS` with the events a second that went through the relay and the view
while both had as many as they could take; `lag RATE SECONDS` with the milliseconds, at the median and two percentiles,
from the commit of an event to the commit of its row, while so many events a second are committed. Both come from the
times of commit that PostgreSQL keeps (`track_commit_timestamp`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
from psycopg import Connection, sql
from shop_orders.domain.order import OrderPlaced, OrderShipped
from shop_orders.messages import encode
from shop_orders.platform.migrations import migrate

# New orders and, where they are to live on, what comes next in each; a transaction of its own.
WRITE = """
    WITH orders AS MATERIALIZED (SELECT gen_random_uuid() AS id FROM generate_series(1, %s))
    INSERT INTO events (stream_id, version, event_id, aggregate, type, schema_version, data)
    SELECT orders.id, life.version, gen_random_uuid(), 'order', life.type, life.schema_version, life.data
    FROM orders CROSS JOIN unnest(%s::int[], %s::text[], %s::smallint[], %s::bytea[])
        AS life (version, type, schema_version, data)
    ORDER BY life.version
"""
LIFE = [
    encode(OrderPlaced(customer="somebody", items=("a table", "four chairs"), total=12345, address="1 Some Street")),
    encode(OrderShipped(carrier="a carrier", tracking_code="code 1234")),
]
DRAINED = """
    SELECT (SELECT count(*) FROM log)::float8 / extract(epoch FROM
        (SELECT max(pg_xact_commit_timestamp(xmin)) FROM order_search) -
        (SELECT min(pg_xact_commit_timestamp(xmin)) FROM log))::float8
"""
LAGS = """
    SELECT count(*), percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM
        pg_xact_commit_timestamp(seen.xmin) - pg_xact_commit_timestamp(event.xmin))::float8)
    FROM events AS event JOIN order_search AS seen ON seen.order_id = event.stream_id
    WHERE event.recorded_at > %s
"""
BEHIND = """
    SELECT (SELECT count(*) FROM events) - (SELECT coalesce(sum(position), 0) FROM consumer_offsets)
"""
IN_A_TRANSACTION = 20  # events, of the load that is offered
WARM = 2.0  # seconds of load that do not count
numbers = count()


def drain(url: str, events: int, workers: int) -> dict[str, float]:
    with psycopg.connect(url) as connection:
        for _ in range(events // 200):
            put(connection, 100, LIFE)
        connection.execute("ANALYZE")
        connection.commit()
        with processes(url, workers):
            until_drained(connection)
        return {"rate": value(connection, DRAINED)}


def lag(url: str, rate: int, seconds: float) -> dict[str, float]:
    with psycopg.connect(url) as connection, processes(url, workers=1):
        offer(connection, rate, WARM)
        begun = value(connection, "SELECT clock_timestamp()")
        offered = offer(connection, rate, seconds)
        until_drained(connection)
        row = connection.execute(LAGS, (begun,)).fetchone()
        assert row is not None
        events, (median, p95, p99) = row
    return {"rate": events / offered, "median": median, "p95": p95, "p99": p99}


def offer(connection: Connection, rate: int, seconds: float) -> float:
    """New orders, evenly over the time; how long it took."""
    begun = due = time.monotonic()
    while (now := time.monotonic()) - begun < seconds:
        time.sleep(max(0.0, due - now))
        due += IN_A_TRANSACTION / rate
        put(connection, IN_A_TRANSACTION, LIFE[:1])
    return time.monotonic() - begun


def put(connection: Connection, orders: int, life: list[tuple[str, int, bytes]]) -> None:
    versions, (types, schemas, data) = list(range(1, len(life) + 1)), map(list, zip(*life, strict=True))
    connection.execute(WRITE, (orders, versions, types, schemas, data))
    connection.commit()


def until_drained(connection: Connection) -> None:
    while value(connection, BEHIND) > 0:
        connection.commit()
        time.sleep(0.1)
    connection.commit()


def value(connection: Connection, query: str) -> float:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@contextmanager
def processes(url: str, workers: int) -> Iterator[None]:
    """The relay and the workers of the view; they end with this process, whatever becomes of it."""
    environment = os.environ | {"DATABASE_URL": url, "SUPERVISED": "1", "LOG_LEVEL": "ERROR"}
    running = [
        subprocess.Popen([sys.executable, "-m", "shop_orders", name], env=environment, stdin=subprocess.PIPE)
        for name in ("relay", *["order-search"] * workers)
    ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.communicate()


@contextmanager
def database(server: str) -> Iterator[str]:
    """A new one with the tables of the project."""
    name = f"relay_{next(numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = psycopg.conninfo.make_conninfo(server, dbname=name)
        migrate(url)
        yield url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def main(server: str) -> None:
    for line in sys.stdin:
        what, *arguments = line.split()
        with database(server) as url:
            work = {"drain": drain, "lag": lag}[what]
            print(json.dumps(work(url, *map(int, arguments))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
