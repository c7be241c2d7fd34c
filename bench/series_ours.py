"""One round of bench.series, within a generated project: DSN SPOOL ROWS ROUND. Prints rows a second, as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql
from sensor_readings.domain.reading import Reading
from sensor_readings.platform.database import open_pool
from sensor_readings.platform.migrations import migrate
from sensor_readings.processing.partitions import look_after
from sensor_readings.settings import Settings
from sensor_readings.storage import readings
from sensor_readings.storage.spool import Spool, records

BATCH = 1000  # measurements in a request


def main(dsn: str, folder: Path, rows: int, number: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        name = sql.Identifier(f"series_{number}")
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    settings = Settings(database_url=psycopg.conninfo.make_conninfo(dsn, dbname=f"series_{number}"))
    migrate(settings.database_url)
    look_after(settings)
    batches = [readings.encoded(batch) for batch in measurements(rows)]
    spool = Spool(folder, 10**10)
    spooled = timed(lambda: [spool.append(batch) for batch in batches])
    segments = []
    while (segment := spool.take()) is not None:
        segments.append(list(records(segment)))
        spool.drop(segment)
    spool.close()
    again = Spool(folder, 10**10)
    for batch in batches:
        again.append(batch)
    ways = [("bare COPY", lambda: bare(settings.database_url, segments)), ("datakeel", lambda: ours(settings, again))]
    rates = {"spool": rows / spooled}
    for name_, way in ways if number % 2 else reversed(ways):
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            connection.execute("TRUNCATE readings")
            connection.execute("CHECKPOINT")
        rates[name_] = rows / timed(way)
    print(json.dumps(rates))


def measurements(rows: int) -> list[list[Reading]]:
    """Of a thousand sensors, one a second each, as they would come."""
    now = datetime.now(UTC)
    return [
        [
            Reading(
                sensor=f"sensor-{n}", time=now + timedelta(milliseconds=start + n), temperature=20.5, humidity=40.25
            )
            for n in range(BATCH)
        ]
        for start in range(0, rows // BATCH)
    ]


def bare(url: str, segments: list[list[bytes]]) -> None:
    with psycopg.connect(url) as connection:
        for batches in segments:
            with connection.cursor() as cursor, cursor.copy(readings.APPEND) as copy:
                for batch in batches:
                    copy.write(batch[batch.index(b"\n") + 1 :])
            connection.commit()


def ours(settings: Settings, spool: Spool) -> None:
    with open_pool(settings, "bench") as pool:
        while (segment := spool.take()) is not None:
            readings.load(pool, list(records(segment)))
            spool.drop(segment)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
