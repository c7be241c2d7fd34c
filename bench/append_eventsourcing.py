"""Writers of `append.py` with the library `eventsourcing` and its recorder on PostgreSQL: DSN DATABASE. Answers each
line `eventsourcing WRITERS EVENTS SECONDS` with the events that were committed a second, and a writer's processor time
for each.

What is timed is its event store (`Application.events.put`: the mapper to JSON and the recorder), not its aggregates.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from uuid import uuid4

import psycopg
from append_writers import Done, answer, repeated
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate


class Order(Aggregate):
    @dataclass(frozen=True)
    class Placed(Aggregate.Event):
        customer: str
        items: list[str]
        total: int
        address: str


def placed(number: int) -> list[Order.Placed]:
    """The first events of one new stream."""
    stream = uuid4()
    return [
        Order.Placed(
            originator_id=stream,
            originator_version=version + 1,
            timestamp=datetime.now(UTC),
            customer="somebody",
            items=["a table", "four chairs"],
            total=12345,
            address="1 Some Street",
        )
        for version in range(number)
    ]


def library(url: str, events: int, seconds: float, start: Barrier) -> Done:
    app = opened(url)
    try:
        return repeated(lambda: app.events.put(placed(events)), seconds, start)
    finally:
        app.close()


def opened(url: str, lay_out: bool = False) -> Application:
    at = psycopg.conninfo.conninfo_to_dict(url)
    return Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(at["dbname"]),
            "POSTGRES_HOST": str(at["host"]),
            "POSTGRES_PORT": str(at["port"]),
            "POSTGRES_USER": str(at["user"]),
            "POSTGRES_PASSWORD": "",
            "CREATE_TABLE": "yes" if lay_out else "no",
        }
    )


if __name__ == "__main__":
    server, database = sys.argv[1:]
    with psycopg.connect(server, autocommit=True) as administration:
        administration.execute(f"CREATE DATABASE {database}".encode())
    address = psycopg.conninfo.make_conninfo(server, dbname=database)
    opened(address, lay_out=True).close()
    answer({"eventsourcing": library}, address)
