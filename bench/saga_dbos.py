"""DBOS Transact, for `sagas.py`: fifty clients call a workflow of two steps each."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
from dbos import DBOS, DBOSConfig

IN_FLIGHT = 50


@DBOS.step()
def first(number: int) -> int:
    return number


@DBOS.step()
def second(number: int) -> int:
    return number


@DBOS.workflow()
def pair(number: int) -> int:
    return second(first(number))


def main(server: str, database: str, count: int) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    url = server.rpartition("/")[0] + f"/{database}"
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "sys_db_pool_size": 50, "log_level": "ERROR"}
    DBOS(config=config)
    DBOS.launch()
    with ThreadPoolExecutor(IN_FLIGHT) as clients:
        list(clients.map(pair, range(100)))
        begun = time.perf_counter()
        list(clients.map(pair, range(count)))
        seconds = time.perf_counter() - begun
    DBOS.destroy()
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'").fetchone()
    assert row is not None and row[0] == count + 100
    print(json.dumps({"steps_per_second": 2 * count / seconds}))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
