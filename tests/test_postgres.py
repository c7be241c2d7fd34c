"""What the other tests stand on holds: the server, its end, and the sessions stepped in a given order."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.conftest import stop_without_server
from tests.interleave import Sessions, StillWaiting, play
from tests.postgres import MISSING, all_programs, running

ACCOUNTS = """
    CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
    INSERT INTO accounts VALUES (1, 100), (2, 100)
"""
READ = "SELECT balance FROM accounts WHERE id = 1"
WITHDRAW = "UPDATE accounts SET balance = %(balance)s - 10 WHERE id = 1"
BALANCE = READ


def test_a_second_writer_between_read_and_write_loses_an_update_at_read_committed(database: str) -> None:
    outcome = play(
        database,
        ACCOUNTS,
        [
            ("A", "BEGIN ISOLATION LEVEL READ COMMITTED"),
            ("B", "BEGIN ISOLATION LEVEL READ COMMITTED"),
            ("A", READ),
            ("B", READ),
            ("A", WITHDRAW),
            ("A", "COMMIT"),
            ("B", WITHDRAW),
            ("B", "COMMIT"),
        ],
        check=BALANCE,
    )
    assert outcome.errors == ()
    assert not any(step.waited for step in outcome.steps)
    assert [step.status for step in outcome.steps] == ["BEGIN"] * 2 + ["SELECT 1"] * 2 + ["UPDATE 1", "COMMIT"] * 2
    assert outcome.final == ((90,),)  # 20 were paid out


def test_an_update_that_waited_is_lost_all_the_same(database: str) -> None:
    outcome = play(
        database,
        ACCOUNTS,
        [
            ("A", "BEGIN"),
            ("B", "BEGIN"),
            ("A", READ),
            ("B", READ),
            ("A", WITHDRAW),
            ("B", WITHDRAW),
            ("A", "COMMIT"),
            ("B", "COMMIT"),
        ],
        check=BALANCE,
    )
    assert outcome.errors == ()
    assert (outcome.steps[5].waited_for, outcome.steps[5].ended_after) == (("A",), 6)
    assert outcome.final == ((90,),)


def test_select_for_update_makes_the_second_reader_wait_and_keeps_both_updates(database: str) -> None:
    outcome = play(
        database,
        ACCOUNTS,
        [
            ("A", "BEGIN"),
            ("B", "BEGIN"),
            ("A", READ + " FOR UPDATE"),
            ("B", READ + " FOR UPDATE"),
            ("A", WITHDRAW),
            ("A", "COMMIT"),
            ("B", WITHDRAW),
            ("B", "COMMIT"),
        ],
        check=BALANCE,
    )
    assert outcome.errors == ()
    second_read = outcome.steps[3]
    assert second_read.waited_for == ("A",)
    assert second_read.ended_after == 5  # not after A's update: after its commit
    assert second_read.rows == ((90,),)
    assert outcome.final == ((80,),)


def test_repeatable_read_refuses_the_second_update(database: str) -> None:
    outcome = play(
        database,
        ACCOUNTS,
        [
            ("A", "BEGIN ISOLATION LEVEL REPEATABLE READ"),
            ("A", READ),
            ("B", "UPDATE accounts SET balance = 50 WHERE id = 1"),
            ("A", WITHDRAW),
            ("A", READ),
            ("A", "COMMIT"),
        ],
        check=BALANCE,
    )
    assert outcome.errors == (("A", "40001"), ("A", "25P02"))
    assert outcome.of("A")[-1].status == "ROLLBACK"
    assert outcome.final == ((50,),)


@pytest.mark.parametrize("attempt", range(3))
def test_a_deadlock_falls_on_the_step_that_closes_the_circle(database: str, attempt: int) -> None:
    outcome = play(
        database,
        ACCOUNTS,
        [
            ("A", "BEGIN"),
            ("B", "BEGIN"),
            ("A", "UPDATE accounts SET balance = balance - 10 WHERE id = 1"),
            ("B", "UPDATE accounts SET balance = balance - 20 WHERE id = 2"),
            ("A", "UPDATE accounts SET balance = balance + 10 WHERE id = 2"),
            ("B", "UPDATE accounts SET balance = balance + 20 WHERE id = 1"),
            ("A", "COMMIT"),
        ],
        check="SELECT balance FROM accounts ORDER BY id",
    )
    assert outcome.errors == (("B", "40P01"),), str(outcome)
    assert outcome.steps[4].waited_for == ("B",)
    assert outcome.steps[4].ended_after == 5
    assert outcome.steps[5].waited
    assert outcome.final == ((90,), (110,))


def test_a_queue_of_three_loses_nothing(database: str) -> None:
    """Who of those that wait comes first is not promised; that each sees what the one before it wrote is."""
    add = "UPDATE accounts SET balance = balance + 1 WHERE id = 1 RETURNING balance"
    outcome = play(database, ACCOUNTS, [("A", "BEGIN"), ("A", add), ("B", add), ("C", add), ("A", "COMMIT")])
    waiting = outcome.steps[2:4]
    assert outcome.steps[1].rows == ((101,),)
    assert sorted(step.rows for step in waiting) == [((102,),), ((103,),)]
    assert all(step.waited_for for step in waiting)
    assert [step.ended_after for step in waiting] == [4, 4]


def test_a_duplicate_key_waits_for_the_other_insert_and_then_fails(database: str) -> None:
    outcome = play(
        database,
        "CREATE TABLE users (email text UNIQUE)",
        [
            ("A", "BEGIN"),
            ("A", "INSERT INTO users VALUES ('ada@example.org')"),
            ("B", "INSERT INTO users VALUES ('ada@example.org')"),
            ("A", "COMMIT"),
        ],
    )
    assert outcome.steps[2].waited_for == ("A",)
    assert outcome.errors == (("B", "23505"),)


def test_a_step_that_is_never_released_never_ends_and_has_no_effect(database: str) -> None:
    outcome = play(
        database,
        ACCOUNTS,
        [
            ("A", "BEGIN"),
            ("A", "UPDATE accounts SET balance = 0 WHERE id = 1"),
            ("B", "UPDATE accounts SET balance = 1 WHERE id = 1"),
        ],
        check=BALANCE,
    )
    assert outcome.steps[2].waited
    assert not outcome.steps[2].ended
    assert outcome.final == ((100,),)
    assert str(outcome).endswith("waited for A, never ended")


def test_what_waits_at_the_end_gets_no_lock_from_the_end_of_another(database: str) -> None:
    outcome = play(
        database,
        ACCOUNTS,
        [
            ("B", "BEGIN"),
            ("C", "BEGIN"),
            ("B", "UPDATE accounts SET balance = 1 WHERE id = 1"),
            ("C", "UPDATE accounts SET balance = 2 WHERE id = 2"),
            ("A", "UPDATE accounts SET balance = 3 WHERE id = 2"),
            ("C", "UPDATE accounts SET balance = 4 WHERE id = 1"),
        ],
        check="SELECT balance FROM accounts ORDER BY id",
    )
    assert [step.waited_for for step in outcome.steps[4:]] == [("C",), ("B",)]
    assert outcome.final == ((100,), (100,))


def test_a_session_that_waits_takes_no_further_step(database: str) -> None:
    lock = "SELECT pg_advisory_lock(1)"
    with Sessions(database) as sessions:
        assert not sessions.step("A", lock).waited
        assert sessions.step("B", lock).waited_for == ("A",)
        with pytest.raises(StillWaiting):
            sessions.step("B", "SELECT 1")
        sessions.step("A", "SELECT pg_advisory_unlock(1)")
        assert sessions.told()[1].ended_after == 2


def test_a_step_that_uses_what_was_not_read_is_a_mistake_in_the_script(database: str) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="balance"):
        play(database, ACCOUNTS, [("A", READ), ("B", WITHDRAW)])


def test_each_test_has_an_empty_database(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'accounts'").fetchone() == (0,)


@pytest.mark.parametrize("programs", list(all_programs()), ids=lambda programs: programs.parent.name)
def test_every_server_found_here_starts_takes_settings_and_leaves_nothing(programs: Path) -> None:
    with running(programs, {"wal_level": "logical"}) as dsn, psycopg.connect(dsn) as connection:
        assert _setting(connection, "wal_level") == "logical"
        directory = Path(_setting(connection, "data_directory")).parent
        assert directory.exists()
    assert not directory.exists()
    assert not _answers(dsn)


def test_a_server_whose_tests_are_killed_is_gone_soon_after(postgres: str) -> None:
    script = "from tests.postgres import running\nwith running() as dsn:\n    print(dsn, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        dsn = tests.stdout.readline().strip()
        with psycopg.connect(dsn) as connection:
            directory = Path(_setting(connection, "data_directory")).parent
        tests.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 120
    while directory.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not directory.exists()
    assert not _answers(dsn)


def test_without_a_server_a_test_is_skipped_but_fails_in_continuous_integration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL"):
        stop_without_server(MISSING)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL"):
        stop_without_server(MISSING)


def _setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True
