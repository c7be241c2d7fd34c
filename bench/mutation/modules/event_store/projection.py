"""Balances of accounts, from the events, in their order. Its position is kept in the transaction of its effect, so each
event counts once; a position of nought builds all anew."""

import signal
import threading

from store import pool

stopping = threading.Event()
NAME = "balances"

NEXT = "SELECT position, stream_id, kind, data FROM events WHERE position > %s ORDER BY position LIMIT 500"


def step():
    with pool.connection() as connection, connection.transaction():
        (position,) = connection.execute(
            "SELECT position FROM projection_positions WHERE name = %s FOR UPDATE", (NAME,)
        ).fetchone()
        events = connection.execute(NEXT, (position,)).fetchall()
        if not events:
            return False
        changes = [(e.stream_id, e.data["amount"]) for e in events if e.kind in ("deposited", "withdrawn")]
        with connection.cursor() as cursor:
            cursor.executemany(
                """INSERT INTO balances (account_id, balance) VALUES (%s, %s)
                   ON CONFLICT (account_id) DO UPDATE SET balance = balances.balance + excluded.balance""",
                changes,
            )
        connection.execute(
            "UPDATE projection_positions SET position = %s WHERE name = %s", (events[-1].position, NAME)
        )
    return True


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    while not stopping.is_set():
        if not step():
            stopping.wait(0.5)


if __name__ == "__main__":
    main()
