"""Writers of `append.py`, within a generated project: DSN DATABASE. Answers each line `WAY WRITERS EVENTS SECONDS` with
the events that were committed a second, and a writer's processor time for each.

`generated` is one call of `run(pool, append)` a transaction. `bare` is the least that anybody can do with psycopg to
have the same done: the same statement, with as many parameters of the same types, its bytes encoded beforehand, on a
connection of its own, in a loop; psycopg sends BEGIN, the statement and COMMIT, as it does for the generated code.
"""

from __future__ import annotations

import sys
from multiprocessing.synchronize import Barrier
from uuid import uuid4

import psycopg
from append_writers import Done, answer, repeated
from psycopg import Connection
from shop_orders.domain.order import OrderPlaced
from shop_orders.messages import encode
from shop_orders.platform.database import open_pool, run
from shop_orders.platform.logs import correlated
from shop_orders.platform.migrations import migrate
from shop_orders.settings import Settings
from shop_orders.storage import event_store

CORRELATION = "a request"


def placed() -> OrderPlaced:
    return OrderPlaced(customer="somebody", items=("a table", "four chairs"), total=12345, address="1 Some Street")


def generated(url: str, events: int, seconds: float, start: Barrier) -> Done:
    def work(connection: Connection) -> int:
        return event_store.append(connection, "order", uuid4(), 0, [placed() for _ in range(events)])

    with open_pool(Settings(database_url=url, pool_size=1), "bench") as pool, correlated(CORRELATION):
        return repeated(lambda: run(pool, work), seconds, start)


def bare(url: str, events: int, seconds: float, start: Barrier) -> Done:
    name, schema, data = encode(placed())
    types, schemas, bodies = [name] * events, [schema] * events, [data] * events
    with psycopg.connect(url) as connection:

        def work() -> None:
            connection.execute(
                event_store.APPEND,
                {
                    "stream": uuid4(),
                    "expected": 0,
                    "aggregate": "order",
                    "correlation": CORRELATION,
                    "causation": None,
                    "ids": [uuid4() for _ in range(events)],
                    "types": types,
                    "schemas": schemas,
                    "data": bodies,
                },
            )
            connection.commit()

        return repeated(work, seconds, start)


if __name__ == "__main__":
    server, database = sys.argv[1:]
    with psycopg.connect(server, autocommit=True) as administration:
        administration.execute(f"CREATE DATABASE {database}".encode())
    address = psycopg.conninfo.make_conninfo(server, dbname=database)
    migrate(address)
    answer({"generated": generated, "bare": bare}, address)
