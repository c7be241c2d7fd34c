"""What one PostgreSQL takes on this machine, with fsync on: the "own measurement" of technologies/postgresql.toml.

    python bench/capacity.py [seconds of each measurement]

Needs pgbench beside the server's programs, or on the path. Each rate is the median of three runs.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.postgres import first_programs, running

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "max_connections": "100",
}
ROUNDS = 3
WRITERS = (1, 4, 16)

SCHEMA = """
create table event (stream uuid, version int, id uuid not null, kind text not null, body jsonb not null,
    recorded timestamptz not null default now(), primary key (stream, version));
create table item (id int primary key, body text not null);
insert into item select n, repeat('x', 100) from generate_series(1, 1000000) n;
create table reading (sensor int, at timestamptz, value double precision, primary key (sensor, at))
    partition by range (at);
create table reading_1 partition of reading for values from ('2026-01-01') to ('2026-02-01');
create table seen (consumer text, id uuid, primary key (consumer, id));
create table view_ (key int primary key, total bigint not null, events int not null);
create table document (id int primary key, title text not null, words tsvector generated always as
    (to_tsvector('simple', title)) stored);
"""
APPEND = """
insert into event (stream, version, id, kind, body)
values (gen_random_uuid(), 1, gen_random_uuid(), 'OrderPlaced', '{"customer": "somebody", "total": 12345}');
"""
READ = "\\set id random(1, 1000000)\nselect body from item where id = :id;\n"
CONSUME = """
with batch as (select gen_random_uuid() as id, (random() * 100000)::int as key from generate_series(1, 100)),
fresh as (insert into seen select 'view', id from batch on conflict do nothing returning id)
insert into view_ select key, count(*), count(*) from batch join fresh using (id) group by key
on conflict (key) do update set total = view_.total + excluded.total, events = view_.events + excluded.events;
"""
SEARCHED = 1_000_000


def main(seconds: int) -> None:
    print(f"{os.cpu_count()} processors")
    with running(settings=SETTINGS) as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(SCHEMA)
        for writers in WRITERS:
            say(
                f"commits of one event, {writers} writers",
                "commits/s",
                lambda w=writers: pgbench(dsn, APPEND, w, seconds),
            )
        say("reads by key, 16 readers", "reads/s", lambda: pgbench(dsn, READ, 16, seconds))
        say(
            "events consumed, 100 a transaction, 1 consumer",
            "events/s",
            lambda: 100 * pgbench(dsn, CONSUME, 1, seconds),
        )
        sensors = iter(range(1, 1_000_000))
        say("readings copied, 10,000 a transaction", "rows/s", lambda: copied(dsn, next(sensors)))
        say("bytes scanned", "bytes/s", lambda: scanned(dsn))
        say(f"search by two words in {SEARCHED:,} documents", "ms", lambda: searched(dsn))


def say(what: str, unit: str, measure: Callable[[], float]) -> None:
    found = sorted(measure() for _ in range(ROUNDS))
    print(f"{what}: {statistics.median(found):,.0f} {unit} ({found[0]:,.0f} to {found[-1]:,.0f})", flush=True)


def pgbench(dsn: str, script: str, clients: int, seconds: int) -> float:
    """Transactions a second."""
    beside = first_programs() / "pgbench"
    program = beside if beside.exists() else shutil.which("pgbench") or "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        options = ["--no-vacuum", "-M", "prepared", "-f", file.name, "-c", str(clients), "-j", str(min(clients, 2))]
        answer = subprocess.run(
            [str(program), *options, "-T", str(seconds), dsn], capture_output=True, text=True, check=True
        )
    line = next(line for line in answer.stdout.splitlines() if line.startswith("tps = "))
    return float(line.split()[2])


def copied(dsn: str, sensor: int) -> float:
    """Rows a second that one client copies, each batch of 10,000 in a transaction of its own."""
    batches = [
        "".join(
            f"{sensor * 100 + n % 100}\t2026-01-{1 + b:02} {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}\t{n}.5\n"
            for n in range(10_000)
        )
        for b in range(25)
    ]
    with psycopg.connect(dsn, autocommit=True) as connection:
        start = time.perf_counter()
        for batch in batches:
            with connection.cursor().copy("copy reading from stdin") as copy:
                copy.write(batch)
        return 250_000 / (time.perf_counter() - start)


def scanned(dsn: str) -> float:
    """Bytes a second that one query reads and adds up."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("select pg_table_size('item')").fetchone()
        assert row is not None
        start = time.perf_counter()
        connection.execute("select sum(length(body)) from item").fetchone()
        return float(row[0]) / (time.perf_counter() - start)


def searched(dsn: str) -> float:
    """Milliseconds, at the 99th percentile of 200, of a search for two words of which each stands in 1 of 100 rows."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "insert into document (id, title) select n, 'word' || mod(n, 100) || ' term' || mod(n, 97) || ' name' || n "
            "from generate_series(1, %s) n on conflict do nothing",
            [SEARCHED],
        )
        connection.execute("create index if not exists document_words on document using gin (words)")
        times = []
        for n in range(200):
            start = time.perf_counter()
            connection.execute(
                "select id, title from document where words @@ to_tsquery('simple', %s) limit 20",
                [f"word{n % 100} & term{n % 97}"],
            ).fetchall()
            times.append(1000 * (time.perf_counter() - start))
        return sorted(times)[198]


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10)
