"""Jobs in a table: a worker leases one, works outside of any transaction, and marks it done only if the lease is
still its own."""

import logging
import os
import random
import signal
import threading

import httpx
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

log = logging.getLogger(__name__)
stopping = threading.Event()
http = httpx.Client(timeout=10)
pool = ConnectionPool(
    os.environ["DATABASE_URL"], min_size=1, max_size=4, timeout=5, kwargs={"row_factory": namedtuple_row}, open=False
)

MOST_ATTEMPTS = 8

LEASE = """
    UPDATE jobs
    SET state = 'running', attempts = attempts + 1, lease_number = lease_number + 1,
        lease_until = now() + interval '5 minutes'
    WHERE id = (
        SELECT id FROM jobs WHERE state = 'ready' AND run_at <= now() ORDER BY run_at
        FOR UPDATE SKIP LOCKED LIMIT 1
    )
    RETURNING id, kind, payload, attempts, lease_number
"""

DONE = "UPDATE jobs SET state = 'done' WHERE id = %s AND state = 'running' AND lease_number = %s"

AGAIN = """
    UPDATE jobs SET state = %s, run_at = now() + make_interval(secs => %s)
    WHERE id = %s AND state = 'running' AND lease_number = %s
"""

EXPIRED = "UPDATE jobs SET state = 'ready' WHERE state = 'running' AND lease_until < now()"


def enqueue(kind, payload):
    with pool.connection() as connection:
        connection.execute("INSERT INTO jobs (kind, payload) VALUES (%s, %s)", (kind, Jsonb(payload)))


def enqueue_all(kind, payloads):
    with pool.connection() as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO jobs (kind, payload) VALUES (%s, %s)", [(kind, Jsonb(p)) for p in payloads])


def run_one():
    with pool.connection() as connection:
        job = connection.execute(LEASE).fetchone()
    if job is None:
        return False
    try:
        perform(job)
    except Exception:
        log.exception("job %s failed", job.id)
        pause = min(2**job.attempts, 600) * random.uniform(0.5, 1)
        state = "failed" if job.attempts >= MOST_ATTEMPTS else "ready"
        with pool.connection() as connection:
            connection.execute(AGAIN, (state, pause, job.id, job.lease_number))
    else:
        with pool.connection() as connection:
            connection.execute(DONE, (job.id, job.lease_number))
    return True


def perform(job):
    response = http.post(
        f"{os.environ['PARTNER_URL']}/{job.kind}", json=job.payload, headers={"Idempotency-Key": f"job-{job.id}"}
    )
    response.raise_for_status()


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with pool:
        while not stopping.is_set():
            with pool.connection() as connection:
                connection.execute(EXPIRED)
            if not run_one():
                stopping.wait(1)


if __name__ == "__main__":
    main()
