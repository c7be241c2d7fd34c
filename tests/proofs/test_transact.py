"""Each rule of transactions on a real PostgreSQL: what its page calls wrong shows the anomaly, what it calls right does
not. The page and the case that a proof stands for are named in it."""

from __future__ import annotations

import pytest

from datakeel.rules.rule import rules
from tests.interleave import Outcome, play
from tests.pages import cases

ACCOUNTS = "CREATE TABLE accounts (id int PRIMARY KEY, balance int); INSERT INTO accounts VALUES (1, 100), (2, 100)"
ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, status text); INSERT INTO orders VALUES (1, 'paid');" + (
    "CREATE TABLE shipments (id serial PRIMARY KEY, order_id int)"
)
READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE = (
    "BEGIN",
    "BEGIN ISOLATION LEVEL REPEATABLE READ",
    "BEGIN ISOLATION LEVEL SERIALIZABLE",
)
REFUSED = "40001"
DEADLOCK = "40P01"
ABORTED = "25P02"
DUPLICATE = "23505"

PROVEN = {
    "lost-update": ("Wrong: a balance goes through the application", "Silent when the row is locked in plain SQL"),
    "write-skew": ("Wrong: the last one goes off call", "Silent when the row that owns the set is locked first"),
    "read-skew": (
        "Wrong: two balances are added up while money moves",
        "Silent when both read from one snapshot",
    ),
    "check-then-insert": (
        "Wrong: looked for, not found, created",
        "Silent when the insert gives way by itself",
    ),
    "unguarded-state-transition": (
        "Wrong: tested, acted upon, and set",
        "Silent when the update is conditional and its row count is looked at",
    ),
    "writes-without-transaction": (
        "Wrong: money is taken, then given",
        "Silent when an atomic block holds both",
    ),
    "remote-call-in-transaction": (
        "Wrong: a bank is called with the order locked",
        "Silent when the call comes before",
    ),
    "long-transaction": ("Wrong: it sleeps with rows locked", "Silent when it waits outside"),
    "no-retry-on-serialization-failure": (
        "Wrong: serializable, run once",
        "Silent when the whole transaction is retried",
    ),
    "needless-serializable": ("Wrong: one atomic statement", "Silent when a weaker level is chosen"),
    "inconsistent-lock-order": (
        "Wrong: shared rows are locked in the order of the basket",
        "Silent when the rows are sorted before they are locked",
    ),
    "error-swallowed-in-transaction": (
        "Wrong: a refused insert is caught, and the transaction goes on",
        "Silent when a savepoint stands round what may fail",
    ),
}


@pytest.mark.parametrize("rule", PROVEN)
def test_the_cases_that_are_proven_stand_on_their_page(rule: str) -> None:
    page = next(r.page for r in rules() if r.name == rule)
    titles = {c.title for c in cases(page.text)}
    assert set(PROVEN[rule]) <= titles


def withdraw(begin: str, read: str) -> list[tuple[str, str]]:
    """A and B each take something from account 1: both read before either writes, as far as the server lets them."""
    write = "UPDATE accounts SET balance = %(balance)s - {} WHERE id = 1"
    return [
        ("A", begin),
        ("A", read),
        ("B", begin),
        ("B", read),
        ("A", write.format(10)),
        ("A", "COMMIT"),
        ("B", write.format(20)),
        ("B", "COMMIT"),
    ]


def balances(outcome: Outcome) -> dict[object, object]:
    return {row[0]: row[1] for row in outcome.final}


class TestLostUpdate:
    READ = "SELECT balance FROM accounts WHERE id = 1"
    CHECK = "SELECT id, balance FROM accounts ORDER BY id"

    def test_of_two_withdrawals_one_is_lost(self, database: str) -> None:
        outcome = play(database, ACCOUNTS, withdraw(READ_COMMITTED, self.READ), self.CHECK)
        assert outcome.errors == ()
        assert balances(outcome)[1] == 80  # 100 - 10 - 20 would be 70

    def test_a_locked_read_waits_and_keeps_both(self, database: str) -> None:
        locked = self.READ + " FOR UPDATE"
        steps = withdraw(READ_COMMITTED, locked)
        assert steps[3] == ("B", locked)
        outcome = play(database, ACCOUNTS, steps, self.CHECK)
        assert outcome.steps[3].waited_for == ("A",)
        assert balances(outcome)[1] == 70

    def test_an_atomic_update_keeps_both(self, database: str) -> None:
        steps = [
            ("A", "BEGIN"),
            ("A", "UPDATE accounts SET balance = balance - 10 WHERE id = 1"),
            ("B", "UPDATE accounts SET balance = balance - 20 WHERE id = 1"),
            ("A", "COMMIT"),
        ]
        assert balances(play(database, ACCOUNTS, steps, self.CHECK))[1] == 70

    def test_repeatable_read_refuses_the_second(self, database: str) -> None:
        outcome = play(database, ACCOUNTS, withdraw(REPEATABLE_READ, self.READ), self.CHECK)
        assert ("B", REFUSED) in outcome.errors
        assert balances(outcome)[1] == 90

    def test_a_compared_version_changes_no_row(self, database: str) -> None:
        setup = ACCOUNTS + "; ALTER TABLE accounts ADD version int NOT NULL DEFAULT 1"
        write = (
            "UPDATE accounts SET balance = %(balance)s - {}, version = version + 1"
            " WHERE id = 1 AND version = %(version)s"
        )
        read = "SELECT balance, version FROM accounts WHERE id = 1"
        steps = [("A", read), ("B", read), ("A", write.format(10)), ("B", write.format(20))]
        outcome = play(database, setup, steps, self.CHECK)
        assert [s.status for s in outcome.steps[2:]] == ["UPDATE 1", "UPDATE 0"]
        assert balances(outcome)[1] == 90


class TestWriteSkew:
    SETUP = (
        "CREATE TABLE shifts (id int PRIMARY KEY); INSERT INTO shifts VALUES (7);"
        "CREATE TABLE doctors (id int PRIMARY KEY, shift_id int, on_call boolean);"
        "INSERT INTO doctors VALUES (1, 7, true), (2, 7, true)"
    )
    COUNT = "SELECT count(*) AS n FROM doctors WHERE shift_id = 7 AND on_call"
    CHECK = "SELECT count(*) FROM doctors WHERE on_call"

    @staticmethod
    def leave(doctor: int) -> str:
        return f"UPDATE doctors SET on_call = false WHERE id = {doctor} AND %(n)s > 1"

    def leaving(self, begin: str) -> list[tuple[str, str]]:
        both_ask = [(session, step) for session in ("A", "B") for step in (begin, self.COUNT)]
        return [*both_ask, ("A", self.leave(1)), ("B", self.leave(2)), ("A", "COMMIT"), ("B", "COMMIT")]

    def leaving_in_turn(self, lock: str) -> list[tuple[str, str]]:
        """B stands behind the lock until A has committed."""
        first = [("A", "BEGIN"), ("A", lock), ("A", self.COUNT), ("B", "BEGIN"), ("B", lock)]
        return [*first, ("A", self.leave(1)), ("A", "COMMIT"), ("B", self.COUNT), ("B", self.leave(2)), ("B", "COMMIT")]

    @pytest.mark.parametrize("begin", [READ_COMMITTED, REPEATABLE_READ])
    def test_nobody_is_left_on_call(self, database: str, begin: str) -> None:
        outcome = play(database, self.SETUP, self.leaving(begin), self.CHECK)
        assert outcome.errors == ()
        assert outcome.final == ((0,),)

    def test_a_lock_on_the_owner_keeps_one(self, database: str) -> None:
        lock = "SELECT id FROM shifts WHERE id = 7 FOR UPDATE"
        outcome = play(database, self.SETUP, self.leaving_in_turn(lock), self.CHECK)
        assert outcome.final == ((1,),)

    def test_serializable_refuses_one(self, database: str) -> None:
        outcome = play(database, self.SETUP, self.leaving(SERIALIZABLE), self.CHECK)
        assert REFUSED in {state for _, state in outcome.errors}
        assert outcome.final == ((1,),)

    def test_an_aggregate_cannot_lock(self, database: str) -> None:
        outcome = play(database, self.SETUP, [("A", self.COUNT + " FOR UPDATE")])
        assert outcome.errors == (("A", "0A000"),)


class TestReadSkew:
    @staticmethod
    def closing(begin: str) -> list[tuple[str, str]]:
        return [
            ("A", begin),
            ("A", "SELECT balance AS first FROM accounts WHERE id = 1"),
            ("B", "BEGIN"),
            ("B", "UPDATE accounts SET balance = balance - 50 WHERE id = 1"),
            ("B", "UPDATE accounts SET balance = balance + 50 WHERE id = 2"),
            ("B", "COMMIT"),
            ("A", "SELECT balance AS second FROM accounts WHERE id = 2"),
            ("A", "INSERT INTO statements VALUES (%(first)s + %(second)s)"),
            ("A", "COMMIT"),
        ]

    SETUP = ACCOUNTS + "; CREATE TABLE statements (total int)"

    def test_money_is_counted_twice(self, database: str) -> None:
        outcome = play(database, self.SETUP, self.closing(READ_COMMITTED), "SELECT total FROM statements")
        assert outcome.final == ((250,),)

    def test_one_snapshot_adds_up(self, database: str) -> None:
        outcome = play(database, self.SETUP, self.closing(REPEATABLE_READ), "SELECT total FROM statements")
        assert outcome.final == ((200,),)


class TestCheckThenInsert:
    SETUP = "CREATE TABLE subscribers (id serial PRIMARY KEY, email text)"
    LOOK = "SELECT count(*) AS n FROM subscribers WHERE email = 'a@example.com'"
    INSERT = "INSERT INTO subscribers (email) SELECT 'a@example.com' WHERE %(n)s = 0"
    CHECK = "SELECT count(*) FROM subscribers"

    def subscribing(self, begin: str = "BEGIN", end: str = "") -> list[tuple[str, str]]:
        insert = self.INSERT + end
        return [
            ("A", begin),
            ("A", self.LOOK),
            ("B", begin),
            ("B", self.LOOK),
            ("A", insert),
            ("A", "COMMIT"),
            ("B", insert),
            ("B", "COMMIT"),
        ]

    def test_there_are_two(self, database: str) -> None:
        assert play(database, self.SETUP, self.subscribing(), self.CHECK).final == ((2,),)

    def test_a_unique_key_refuses_the_second(self, database: str) -> None:
        setup = self.SETUP + "; CREATE UNIQUE INDEX ON subscribers (email)"
        outcome = play(database, setup, self.subscribing(), self.CHECK)
        assert ("B", DUPLICATE) in outcome.errors
        assert outcome.final == ((1,),)

    def test_on_conflict_gives_way(self, database: str) -> None:
        setup = self.SETUP + "; CREATE UNIQUE INDEX ON subscribers (email)"
        outcome = play(database, setup, self.subscribing(end=" ON CONFLICT (email) DO NOTHING"), self.CHECK)
        assert outcome.errors == ()
        assert outcome.final == ((1,),)

    def test_an_advisory_lock_lets_one_look_at_a_time(self, database: str) -> None:
        lock = "SELECT pg_advisory_xact_lock(1)"
        steps = [
            ("A", "BEGIN"),
            ("A", lock),
            ("A", self.LOOK),
            ("B", "BEGIN"),
            ("B", lock),
            ("A", self.INSERT),
            ("A", "COMMIT"),
            ("B", self.LOOK),
            ("B", self.INSERT),
            ("B", "COMMIT"),
        ]
        outcome = play(database, self.SETUP, steps, self.CHECK)
        assert outcome.steps[4].waited_for == ("A",)
        assert outcome.final == ((1,),)


class TestUnguardedStateTransition:
    TEST = "SELECT status FROM orders WHERE id = 1"
    SHIP = "INSERT INTO shipments (order_id) SELECT 1 WHERE %(status)s = 'paid'"
    SET = "UPDATE orders SET status = 'shipped' WHERE id = 1 AND %(status)s = 'paid'"
    CHECK = "SELECT count(*) FROM shipments"

    def test_it_is_shipped_twice(self, database: str) -> None:
        steps = [(s, t) for t in ("BEGIN", self.TEST) for s in ("A", "B")]
        steps += [(s, t) for s in ("A", "B") for t in (self.SHIP, self.SET, "COMMIT")]
        assert play(database, ORDERS, steps, self.CHECK).final == ((2,),)

    def test_a_conditional_update_changes_a_row_once(self, database: str) -> None:
        move = "UPDATE orders SET status = 'shipped' WHERE id = 1 AND status = 'paid'"
        steps = [("A", "BEGIN"), ("A", move), ("B", "BEGIN"), ("B", move), ("A", "COMMIT"), ("B", "COMMIT")]
        outcome = play(database, ORDERS, steps)
        assert [outcome.steps[i].status for i in (1, 3)] == ["UPDATE 1", "UPDATE 0"]

    def test_a_row_lock_shows_the_second_what_the_first_did(self, database: str) -> None:
        locked = self.TEST + " FOR UPDATE"
        steps = [("A", "BEGIN"), ("A", locked), ("B", "BEGIN"), ("B", locked)]
        steps += [(s, t) for s in ("A", "B") for t in (self.SHIP, self.SET, "COMMIT")]
        assert play(database, ORDERS, steps, self.CHECK).final == ((1,),)


class TestWritesWithoutTransaction:
    TAKE = "UPDATE accounts SET balance = balance - 50 WHERE id = 1"
    TOTAL = "SELECT sum(balance) FROM accounts"

    def test_a_crash_in_between_loses_the_money(self, database: str) -> None:
        assert play(database, ACCOUNTS, [("A", self.TAKE)], self.TOTAL).final == ((150,),)  # A dies here

    def test_a_transaction_leaves_none_of_it(self, database: str) -> None:
        assert play(database, ACCOUNTS, [("A", "BEGIN"), ("A", self.TAKE)], self.TOTAL).final == ((200,),)


@pytest.mark.parametrize("rule", ["remote-call-in-transaction", "long-transaction"])
class TestHeldLocks:
    LOCK = "SELECT status FROM orders WHERE id = 1 FOR UPDATE"
    SET = "UPDATE orders SET status = 'shipped' WHERE id = 1"
    WAIT = "SELECT pg_sleep(0.2)"

    def test_others_wait_as_long_as_it_does(self, database: str, rule: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.LOCK), ("B", self.SET), ("A", self.WAIT), ("A", "COMMIT")]
        outcome = play(database, ORDERS, steps)
        assert outcome.steps[2].waited_for == ("A",)
        assert outcome.steps[2].ended_after == 4

    def test_nobody_waits_where_it_waits_outside(self, database: str, rule: str) -> None:
        steps = [("A", self.WAIT), ("B", self.SET), ("A", "BEGIN"), ("A", self.LOCK), ("A", "COMMIT")]
        assert not any(s.waited for s in play(database, ORDERS, steps).steps)


class TestSerializationFailures:
    CHANGE = "UPDATE accounts SET balance = balance - 10 WHERE id = 1"
    CHECK = "SELECT balance FROM accounts WHERE id = 1"

    def change_twice(self, begin: str) -> list[tuple[str, str]]:
        look = "SELECT sum(balance) FROM accounts"
        return [
            ("A", begin),
            ("A", look),
            ("B", begin),
            ("B", self.CHANGE),
            ("B", "COMMIT"),
            ("A", self.CHANGE),
            ("A", "COMMIT"),
        ]

    def test_without_a_retry_the_work_is_dropped(self, database: str) -> None:
        outcome = play(database, ACCOUNTS, self.change_twice(SERIALIZABLE), self.CHECK)
        assert ("A", REFUSED) in outcome.errors
        assert outcome.final == ((90,),)

    def test_with_a_retry_both_are_done(self, database: str) -> None:
        again = [("A", SERIALIZABLE), ("A", self.CHANGE), ("A", "COMMIT")]
        assert play(database, ACCOUNTS, [*self.change_twice(SERIALIZABLE), *again], self.CHECK).final == ((80,),)

    def test_one_statement_needs_no_more_than_the_default_level(self, database: str) -> None:
        def once(begin: str) -> list[tuple[str, str]]:
            return [
                ("A", begin),
                ("A", self.CHANGE),
                ("B", begin),
                ("B", self.CHANGE),
                ("A", "COMMIT"),
                ("B", "COMMIT"),
            ]

        assert play(database, ACCOUNTS, once(READ_COMMITTED), self.CHECK).final == ((80,),)
        refused = play(database, "UPDATE accounts SET balance = 100", once(SERIALIZABLE), self.CHECK)
        assert ("B", REFUSED) in refused.errors


class TestLockOrder:
    @staticmethod
    def take(row: int) -> str:
        return f"UPDATE accounts SET balance = balance - 1 WHERE id = {row}"

    def test_each_waits_for_the_other(self, database: str) -> None:
        begin = [("A", "BEGIN"), ("B", "BEGIN")]
        steps = [*begin, ("A", self.take(1)), ("B", self.take(2)), ("A", self.take(2)), ("B", self.take(1))]
        assert DEADLOCK in {state for _, state in play(database, ACCOUNTS, steps).errors}

    def test_one_order_only_waits(self, database: str) -> None:
        steps = [
            ("A", "BEGIN"),
            ("B", "BEGIN"),
            ("A", self.take(1)),
            ("B", self.take(1)),
            ("A", self.take(2)),
            ("A", "COMMIT"),
            ("B", self.take(2)),
            ("B", "COMMIT"),
        ]
        outcome = play(database, ACCOUNTS, steps, "SELECT sum(balance) FROM accounts")
        assert outcome.errors == ()
        assert outcome.final == ((196,),)


class TestSwallowedError:
    SETUP = "CREATE TABLE orders (number int UNIQUE); INSERT INTO orders VALUES (1); CREATE TABLE notes (text text)"
    NOTE = "INSERT INTO notes VALUES ('placed')"
    AGAIN = "INSERT INTO orders VALUES (1)"
    CHECK = "SELECT count(*) FROM notes"

    def test_the_commit_is_a_rollback(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.NOTE), ("A", self.AGAIN), ("A", self.NOTE), ("A", "COMMIT")]
        outcome = play(database, self.SETUP, steps, self.CHECK)
        assert outcome.errors == (("A", DUPLICATE), ("A", ABORTED))
        assert outcome.steps[-1].status == "ROLLBACK"
        assert outcome.final == ((0,),)

    def test_a_savepoint_keeps_the_rest(self, database: str) -> None:
        steps = [
            ("A", "BEGIN"),
            ("A", self.NOTE),
            ("A", "SAVEPOINT before_it"),
            ("A", self.AGAIN),
            ("A", "ROLLBACK TO SAVEPOINT before_it"),
            ("A", self.NOTE),
            ("A", "COMMIT"),
        ]
        outcome = play(database, self.SETUP, steps, self.CHECK)
        assert outcome.steps[-1].status == "COMMIT"
        assert outcome.final == ((2,),)
