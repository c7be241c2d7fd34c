import os

from psycopg.errors import UniqueViolation
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

pool = ConnectionPool(
    os.environ["DATABASE_URL"], min_size=1, max_size=8, timeout=5, kwargs={"row_factory": namedtuple_row}, open=True
)


class Conflict(Exception):
    pass


def append(stream_id, expected_version, events):
    """Appends behind the version that the caller has seen; Conflict where the stream has gone on."""
    rows = [
        (stream_id, expected_version + number, kind, Jsonb(data)) for number, (kind, data) in enumerate(events, start=1)
    ]
    try:
        with pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO events (stream_id, version, kind, schema_version, data) VALUES (%s, %s, %s, 1, %s)", rows
            )
    except UniqueViolation:
        raise Conflict(stream_id) from None


def load(stream_id, after=0):
    with pool.connection() as connection:
        return connection.execute(
            "SELECT version, kind, data FROM events WHERE stream_id = %s AND version > %s ORDER BY version LIMIT 10000",
            (stream_id, after),
        ).fetchall()


def remember(stream_id, version, state):
    with pool.connection() as connection:
        connection.execute(
            """INSERT INTO snapshots (stream_id, version, state) VALUES (%s, %s, %s)
               ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, state = excluded.state
               WHERE snapshots.version < excluded.version""",
            (stream_id, version, Jsonb(state)),
        )
