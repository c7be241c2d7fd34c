"""The generated orchestrator, for `sagas.py`: fifty clients start a saga each and wait until it has ended."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from uuid import UUID, uuid4

import psycopg
from pairs.domain.saga import Outcome
from pairs.domain.sagas import SAGAS
from pairs.platform.database import open_pool, run
from pairs.platform.migrations import migrate
from pairs.platform.stopping import Stopping
from pairs.processing import orchestrator
from pairs.processing.calls import Answer
from pairs.settings import Settings
from pairs.storage import sagas

IN_FLIGHT = 50


def main(server: str, database: str, count: int) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    url = server.rpartition("/")[0] + f"/{database}"
    migrate(url)
    ended: dict[UUID, Event] = {}
    told = orchestrator._count

    def tell(moves: list[sagas.Move], held: set[UUID]) -> None:
        """Is called when the moves are committed."""
        told(moves, held)
        for move in moves:
            if move.to.ended and move.saga.id in held:
                ended[move.saga.id].set()

    orchestrator._count = tell
    stopping = Stopping()
    with open_pool(Settings(database_url=url, pool_size=20), "bench") as pool:
        worker = orchestrator.Orchestrator(pool, lambda saga, step: Answer(Outcome.DONE), IN_FLIGHT)
        thread = Thread(target=worker.work, args=(stopping,))
        thread.start()

        def one(_: int) -> None:
            identifier = uuid4()
            ended[identifier] = Event()
            run(pool, lambda connection: sagas.start(connection, SAGAS["pair"], identifier, {"n": 1}, "bench"))
            ended[identifier].wait()

        with ThreadPoolExecutor(IN_FLIGHT) as clients:
            list(clients.map(one, range(100)))
            begun = time.perf_counter()
            list(clients.map(one, range(count)))
            seconds = time.perf_counter() - begun
        stopping.set()
        thread.join()
        with pool.connection() as connection:
            row = connection.execute("SELECT count(*) FROM sagas WHERE state = 'completed'").fetchone()
    assert row is not None and row[0] == count + 100
    print(json.dumps({"steps_per_second": 2 * count / seconds}))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
