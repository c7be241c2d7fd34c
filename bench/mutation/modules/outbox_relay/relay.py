"""Sends what stands in the outbox, in its order, and marks it once the broker has it."""

import json
import os
import signal
import threading

import psycopg
from confluent_kafka import Producer

stopping = threading.Event()
producer = Producer(
    {
        "bootstrap.servers": os.environ["BROKERS"],
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "lz4",
    }
)

WAITING = """
    SELECT id, aggregate_id, kind, payload FROM outbox
    WHERE published_at IS NULL
    ORDER BY id
    LIMIT 200
    FOR UPDATE
"""


def relay_once(connection):
    """How many were sent. One relay at a time: a second one waits for the rows' locks."""
    failed = []

    def delivered(error, message):
        if error is not None:
            failed.append(error)

    with connection.transaction():
        rows = connection.execute(WAITING).fetchall()
        for _, aggregate, kind, payload in rows:
            producer.produce(
                kind, key=str(aggregate), value=json.dumps(payload), on_delivery=delivered
            )
        if producer.flush(30) or failed:
            raise RuntimeError(f"{len(failed)} not delivered")
        connection.execute(
            "UPDATE outbox SET published_at = now() WHERE id = ANY(%s)", ([row[0] for row in rows],)
        )
    return len(rows)


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        while not stopping.is_set():
            if not relay_once(connection):
                stopping.wait(0.5)


if __name__ == "__main__":
    main()
