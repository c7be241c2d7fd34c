"""Payments from the topic into the database, once each; what cannot be read goes to a topic of its own."""

import json
import logging
import os
import signal
import threading

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

log = logging.getLogger(__name__)
stopping = threading.Event()

consumer = Consumer(
    {
        "bootstrap.servers": os.environ["BROKERS"],
        "group.id": "payments",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "max.poll.interval.ms": 300000,
    }
)
dead_letters = Producer(
    {"bootstrap.servers": os.environ["BROKERS"], "acks": "all", "enable.idempotence": True}
)


class Unreadable(Exception):
    pass


def parsed(message):
    try:
        event = json.loads(message.value())
        if event["schema_version"] != 1:
            raise Unreadable(f"version {event['schema_version']}")
        return event
    except (ValueError, KeyError) as problem:
        raise Unreadable(str(problem)) from problem


def book(connection, event):
    with connection.transaction():
        fresh = connection.execute(
            "INSERT INTO processed_events (event_id) VALUES (%s) ON CONFLICT DO NOTHING", (event["event_id"],)
        )
        if not fresh.rowcount:
            return
        connection.execute(
            "INSERT INTO payments (payment_id, order_id, amount, received_at) VALUES (%s, %s, %s, %s)",
            (event["payment_id"], event["order_id"], event["amount"], event["received_at"]),
        )
        connection.execute(
            """INSERT INTO order_totals (order_id, paid) VALUES (%s, %s)
               ON CONFLICT (order_id) DO UPDATE SET paid = order_totals.paid + excluded.paid""",
            (event["order_id"], event["amount"]),
        )


def park(message, reason):
    failures = []
    dead_letters.produce(
        "payments.dead",
        key=message.key(),
        value=message.value(),
        headers={"reason": str(reason)},
        on_delivery=lambda error, _: failures.append(error) if error else None,
    )
    if dead_letters.flush(30) or failures:
        raise KafkaException(failures[0] if failures else KafkaError(KafkaError._MSG_TIMED_OUT))


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    consumer.subscribe(["payments"])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        try:
            while not stopping.is_set():
                message = consumer.poll(1.0)
                if message is None:
                    continue
                if message.error():
                    raise KafkaException(message.error())
                try:
                    event = parsed(message)
                except Unreadable as problem:
                    log.warning("parked %s/%s: %s", message.partition(), message.offset(), problem)
                    park(message, problem)
                else:
                    book(connection, event)
                consumer.commit(message=message, asynchronous=False)
        finally:
            consumer.close()


if __name__ == "__main__":
    main()
