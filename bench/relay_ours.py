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
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql
from shop_orders.domain.order import OrderPlaced, OrderShipped
from shop_orders.messages import encode
from shop_orders.platform.migrations import migrate

# New orders and, where they are to live on, what comes next in each.
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
    SELECT count(*)::float8 / extract(epoch FROM
        (SELECT max(pg_xact_commit_timestamp(xmin)) FROM order_search) - max(pg_xact_commit_timestamp(xmin)))::float8
    FROM events WHERE recorded_at > %s
"""
LAGS = """
    SELECT count(*), percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM
        pg_xact_commit_timestamp(seen.xmin) - pg_xact_commit_timestamp(event.xmin))::float8)
    FROM events AS event JOIN order_search AS seen ON seen.order_id = event.stream_id
    WHERE event.recorded_at > %s
"""
IN_A_TRANSACTION = 20  # events, of the load that is offered
WARM = 1.0  # seconds of load that do not count
PATIENCE = 180.0  # seconds
numbers = count()


def drain(url: str, events: int, workers: int) -> dict[str, float]:
    """All events become visible in one moment, while the processes look out for them."""
    with working(url, workers) as connection:
        begun = value(connection, "SELECT clock_timestamp()")
        for _ in range(events // 200):
            put(connection, 100, LIFE)
        connection.commit()
        until_drained(connection)
        (rate,) = row(connection, DRAINED, begun)
    return {"rate": rate}


def lag(url: str, rate: int, seconds: float) -> dict[str, float]:
    with working(url, workers=1) as connection:
        offer(connection, rate, WARM)
        begun = value(connection, "SELECT clock_timestamp()")
        took = offer(connection, rate, seconds)
        until_drained(connection)
        events, (median, p95, p99) = row(connection, LAGS, begun)
    return {"rate": events / took, "median": median, "p95": p95, "p99": p99}


@contextmanager
def working(url: str, workers: int) -> Iterator[Connection]:
    """A connection, and the processes, which have had their first events."""
    with psycopg.connect(url) as connection, processes(url, workers):
        put(connection, 100, LIFE)
        connection.commit()
        until_drained(connection)
        yield connection


def offer(connection: Connection, rate: int, seconds: float) -> float:
    """New orders, evenly over the time; how long it took."""
    begun = due = time.monotonic()
    while (now := time.monotonic()) - begun < seconds:
        time.sleep(max(0.0, due - now))
        due += IN_A_TRANSACTION / rate
        put(connection, IN_A_TRANSACTION, LIFE[:1])
        connection.commit()
    return time.monotonic() - begun


def put(connection: Connection, orders: int, life: list[tuple[str, int, bytes]]) -> None:
    versions, (types, schemas, data) = list(range(1, len(life) + 1)), map(list, zip(*life, strict=True))
    connection.execute(WRITE, (orders, versions, types, schemas, data))


def until_drained(connection: Connection) -> None:
    events, given_up = value(connection, "SELECT count(*) FROM events"), time.monotonic() + PATIENCE
    while value(connection, "SELECT coalesce(sum(position), 0) FROM consumer_offsets") < events:
        if time.monotonic() > given_up:
            sys.exit(f"the view is still behind after {PATIENCE:.0f} s")
        connection.commit()
        time.sleep(0.05)
    connection.commit()


def value(connection: Connection, query: LiteralString) -> Any:
    return row(connection, query)[0]


def row(connection: Connection, query: LiteralString, *values: object) -> tuple[Any, ...]:
    found = connection.execute(query, values).fetchone()
    assert found is not None
    return found


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
