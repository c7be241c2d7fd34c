"""Each rule of transactions on a real PostgreSQL: what its page calls wrong shows the anomaly, what it calls right does
not. The page and the case that a proof stands for are named in it."""

from __future__ import annotations

from collections.abc import Iterable

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
OVERLAP = "23P01"

# the cases of each rule's page that the tests below play
PROVEN = {
    "lost-update": (
        "Wrong: a balance goes through the application",
        "Doubtful: one entry of a JSON column is changed",
        "Wrong: the lock comes after the read",
        "Wrong: the whole row is saved after a slow call",
        "Silent when the database computes the value",
        "Silent when the row is locked in plain SQL",
        "Silent when the object is refreshed under the lock",
        "Silent when the parent row is locked",
        "Silent when a version is compared and the row count looked at",
        "Silent when the isolation makes the database refuse the second writer",
        "Silent when only the changed column is saved",
    ),
    "write-skew": (
        "Wrong: the last one goes off call",
        "Wrong: a limit is counted, then one more is added",
        "Wrong: no booking overlaps, so one is made",
        "Wrong: the next number is the highest plus one",
        "Wrong: an aggregate takes no lock",
        "Silent when the transaction is serializable and retried",
        "Silent when the row that owns the set is locked first",
        "Silent when a constraint excludes the clash",
        "Silent when one lock is taken before the read and held past the write",
    ),
    "read-skew": (
        "Wrong: two balances are added up while money moves",
        "Wrong: two sums that belong together",
        "Wrong: a count and a sum of a moving set",
        "Silent when one statement reads all of it",
        "Silent when both read from one snapshot",
        "Silent when all that is read is locked",
        "Silent when one lock keeps the writers out",
    ),
    "check-then-insert": (
        "Wrong: looked for, not found, created",
        "Wrong: a transaction alone does not help",
        "Doubtful: the unique key refuses the second, who could have taken the row that is there",
        "Silent when the constraint is known and its violation handled",
        "Silent when the insert gives way by itself",
        "Silent when an advisory lock is taken before the read and held to the commit",
        "Silent when the parent row is locked before the read",
        "Silent when the insert says the primary key",
    ),
    "unguarded-state-transition": (
        "Wrong: tested, acted upon, and set",
        "Wrong: another transition in between is overwritten",
        "Wrong: a moment instead of a status",
        "Silent when the update is conditional and its row count is looked at",
        "Silent when the row is locked",
        "Silent when a version is checked by the mapper",
        "Silent when an advisory lock is taken before the read and held past the write",
        "Silent when the parent row is locked",
    ),
    "writes-without-transaction": (
        "Wrong: money is taken, then given",
        "Wrong: rows are deleted, and others put in their place",
        "Wrong: a commit in the middle",
        "Silent when an atomic block holds both",
        "Silent when a single statement writes both",
    ),
    "remote-call-in-transaction": (
        "Wrong: a bank is called with the order locked",
        "Silent when the call comes before",
        "Silent when the call comes after the commit",
        "Silent when the transaction holds no lock yet",
        "Silent when an outbox stands in between",
    ),
    "long-transaction": (
        "Wrong: it sleeps with rows locked",
        "Wrong: every row of a table, in one transaction",
        "Silent when it waits outside",
        "Silent when it works in chunks",
        "Silent when each row commits by itself",
    ),
    "no-retry-on-serialization-failure": (
        "Wrong: serializable, run once",
        "Wrong: repeatable read of a pool's connection",
        "Silent when the whole transaction is retried",
        "Silent when it only reads",
        "Silent when it runs at the default level",
    ),
    "needless-serializable": (
        "Wrong: a report that only reads",
        "Wrong: one atomic statement",
        "Silent when a weaker level is chosen",
        "Silent when a decision guards a write",
        "Silent when the reason is stated: a read that must fit the serial order",
    ),
    "inconsistent-lock-order": (
        "Wrong: two functions lock two tables in opposite orders",
        "Wrong: shared rows are locked in the order of the basket",
        "Silent when everybody keeps one order",
        "Silent when the rows are sorted before they are locked",
        "Silent when each row is its own transaction",
        "Silent when one lock lets only one run through",
        "Silent when locked rows are skipped",
    ),
    "error-swallowed-in-transaction": (
        "Wrong: a refused insert is caught, and the transaction goes on",
        "Wrong: anything is caught between two writes",
        "Silent when a savepoint stands round what may fail",
        "Silent when it is raised again",
        "Silent when the session is rolled back in the handler",
    ),
}

# what PostgreSQL cannot show of a rule, and why
NOT_SHOWN = {
    "lost-update": "a Redis lock round it: the lock is no part of PostgreSQL; decorators and helpers send the same SQL",
    "write-skew": "a decorator that holds a lock: the same statements as with the advisory lock",
    "read-skew": "that nothing changes both in one transaction: that is what no session does",
    "check-then-insert": "a distributed lock (no part of PostgreSQL) and a command run by hand (one session only)",
    "unguarded-state-transition": "a distributed lock, and mail that goes out twice: neither is in PostgreSQL",
    "writes-without-transaction": "what a framework or a caller opens: the same BEGIN; that a later run makes good",
    "remote-call-in-transaction": "the call: pg_sleep stands for it; what is shown is who waits for its lock meanwhile",
    "long-transaction": "what bounds a set (one owner, few in a state): that is a matter of how many rows there are",
    "no-retry-on-serialization-failure": "who runs it again (a decorator, a caller, a framework): it is a new BEGIN",
    "needless-serializable": "nothing: all of it is a matter of the server",
    "inconsistent-lock-order": "locks that hide in helpers: the same statements",
    "error-swallowed-in-transaction": "a mapper's session that refuses to go on: psycopg sends what the server refuses",
    "non-atomic-cache-update": "all of it: get, compute and set race in Redis or memcached, not in PostgreSQL",
}


def test_each_rule_of_transactions_is_proven_or_says_why_not() -> None:
    named = {r.name for r in rules() if r.category == "transact"}
    assert named == set(NOT_SHOWN)
    assert named - set(PROVEN) == {"non-atomic-cache-update"}
    for titles in PROVEN.values():
        assert any(t.startswith("Wrong: ") for t in titles)
        assert any(t.startswith("Silent when ") for t in titles)


@pytest.mark.parametrize("rule", PROVEN)
def test_the_cases_that_are_proven_stand_on_their_page(rule: str) -> None:
    page = next(r.page for r in rules() if r.name == rule)
    titles = {c.title for c in cases(page.text)}
    assert set(PROVEN[rule]) <= titles


Steps = list[tuple[str, str]]


def one_after_the_other(*texts: str) -> Steps:
    """A's transaction, then B's, of the same statements."""
    return [(session, text) for session in ("A", "B") for text in ("BEGIN", *texts, "COMMIT")]


def both_look_first(begin: str, look: str, act: Iterable[str]) -> Steps:
    """Both look before either acts; then each acts and commits."""
    looked = [(session, text) for session in ("A", "B") for text in (begin, look)]
    return [*looked, *((session, text) for session in ("A", "B") for text in (*act, "COMMIT"))]


def in_turn(lock: str, look: str, act: Iterable[str]) -> Steps:
    """B stands behind the lock until A has committed, and looks only then."""
    acts = tuple(act)
    first = [("A", "BEGIN"), ("A", lock), ("B", "BEGIN"), ("B", lock)]
    return [*first, *((session, text) for session in ("A", "B") for text in (look, *acts, "COMMIT"))]


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

    def test_a_lock_after_the_read_is_too_late(self, database: str) -> None:
        lock, write = self.READ + " FOR UPDATE", "UPDATE accounts SET balance = %(read)s - {} WHERE id = 1"
        read = self.READ.replace("balance FROM", "balance AS read FROM")
        steps = [("A", read), ("B", read), ("A", "BEGIN"), ("A", lock), ("B", "BEGIN"), ("B", lock)]
        steps += [("A", write.format(10)), ("A", "COMMIT"), ("B", write.format(20)), ("B", "COMMIT")]
        outcome = play(database, ACCOUNTS, steps, self.CHECK)
        assert outcome.steps[5].waited_for == ("A",)
        assert balances(outcome)[1] == 80

    def test_what_is_read_again_under_the_lock_keeps_both(self, database: str) -> None:
        steps = [("A", self.READ), ("B", self.READ)]  # what is decided on is read again below
        lock, write = self.READ + " FOR UPDATE", "UPDATE accounts SET balance = %(balance)s - 10 WHERE id = 1"
        outcome = play(database, ACCOUNTS, [*steps, *in_turn(lock, self.READ, [write])], self.CHECK)
        assert balances(outcome)[1] == 80

    def test_a_lock_on_the_parent_keeps_both(self, database: str) -> None:
        setup = ACCOUNTS + "; CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers VALUES (7)"
        lock, write = (
            "SELECT id FROM customers WHERE id = 7 FOR UPDATE",
            "UPDATE accounts SET balance = %(balance)s - 10 WHERE id = 1",
        )
        assert balances(play(database, setup, in_turn(lock, self.READ, [write]), self.CHECK))[1] == 80

    def test_of_two_entries_of_a_json_column_one_is_lost(self, database: str) -> None:
        setup = "CREATE TABLE customers (id int PRIMARY KEY, preferences jsonb); INSERT INTO customers VALUES (1, '{}')"
        read = "SELECT preferences::text AS preferences FROM customers WHERE id = 1"
        write = 'UPDATE customers SET preferences = %(preferences)s::jsonb || \'{{"{}": "off"}}\' WHERE id = 1'
        steps = [("A", read), ("B", read), ("A", write.format("news")), ("B", write.format("offers"))]
        outcome = play(database, setup, steps, "SELECT preferences FROM customers")
        assert outcome.final == (({"offers": "off"},),)

    ROW = "CREATE TABLE orders (id int PRIMARY KEY, status text, note text); INSERT INTO orders VALUES (1, 'new', '')"
    ENTER = (
        ("A", "SELECT status, note FROM orders WHERE id = 1"),
        ("B", "UPDATE orders SET status = 'paid' WHERE id = 1"),
    )

    def test_a_whole_row_that_is_saved_undoes_what_came_between(self, database: str) -> None:
        save = "UPDATE orders SET status = %(status)s, note = 'called' WHERE id = 1"
        outcome = play(database, self.ROW, [*self.ENTER, ("A", save)], "SELECT status, note FROM orders")
        assert outcome.final == (("new", "called"),)

    def test_the_changed_column_alone_leaves_the_others(self, database: str) -> None:
        save = "UPDATE orders SET note = 'called' WHERE id = 1"
        outcome = play(database, self.ROW, [*self.ENTER, ("A", save)], "SELECT status, note FROM orders")
        assert outcome.final == (("paid", "called"),)


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

    PROJECTS = "CREATE TABLE projects (id serial PRIMARY KEY, team_id int)"
    LOOK = "SELECT count(*) AS n FROM projects WHERE team_id = 1"
    ADD = "INSERT INTO projects (team_id) SELECT 1 WHERE %(n)s < 1"  # one is allowed

    def test_a_counted_limit_is_passed(self, database: str) -> None:
        steps = both_look_first(READ_COMMITTED, self.LOOK, [self.ADD])
        assert play(database, self.PROJECTS, steps, "SELECT count(*) FROM projects").final == ((2,),)

    def test_an_advisory_lock_keeps_the_limit(self, database: str) -> None:
        steps = in_turn("SELECT pg_advisory_xact_lock(1)", self.LOOK, [self.ADD])
        outcome = play(database, self.PROJECTS, steps, "SELECT count(*) FROM projects")
        assert outcome.steps[3].waited_for == ("A",)
        assert outcome.final == ((1,),)

    BOOKINGS = "CREATE TABLE bookings (id serial PRIMARY KEY, nights int4range)"
    FREE = "SELECT count(*) AS n FROM bookings WHERE nights && int4range(1, 4)"
    BOOK = "INSERT INTO bookings (nights) SELECT int4range(1, 4) WHERE %(n)s = 0"

    def test_two_bookings_overlap(self, database: str) -> None:
        steps = both_look_first(READ_COMMITTED, self.FREE, [self.BOOK])
        assert play(database, self.BOOKINGS, steps, "SELECT count(*) FROM bookings").final == ((2,),)

    def test_an_exclusion_constraint_refuses_the_second(self, database: str) -> None:
        setup = self.BOOKINGS + "; ALTER TABLE bookings ADD EXCLUDE USING gist (nights WITH &&)"
        outcome = play(
            database,
            setup,
            both_look_first(READ_COMMITTED, self.FREE, [self.BOOK]),
            "SELECT count(*) FROM bookings",
        )
        assert ("B", OVERLAP) in outcome.errors
        assert outcome.final == ((1,),)

    def test_the_highest_number_plus_one_is_given_twice(self, database: str) -> None:
        setup = "CREATE TABLE invoices (id serial PRIMARY KEY, number int)"
        last, issue = (
            "SELECT coalesce(max(number), 0) AS last FROM invoices",
            "INSERT INTO invoices (number) VALUES (%(last)s + 1)",
        )
        outcome = play(database, setup, both_look_first(READ_COMMITTED, last, [issue]), "SELECT number FROM invoices")
        assert outcome.final == ((1,), (1,))


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

    def test_one_statement_adds_up(self, database: str) -> None:
        both = "INSERT INTO statements SELECT sum(balance) FROM accounts"
        steps = [s for s in self.closing(READ_COMMITTED) if "first" not in s[1] and "second" not in s[1]]
        outcome = play(
            database, self.SETUP, [*steps[:-1], ("A", both), ("A", "COMMIT")], "SELECT total FROM statements"
        )
        assert outcome.final == ((200,),)

    MOVE = (
        "UPDATE accounts SET balance = balance - 50 WHERE id = 1",
        "UPDATE accounts SET balance = balance + 50 WHERE id = 2",
    )
    FIRST, SECOND = (
        "SELECT balance AS first FROM accounts WHERE id = 1",
        "SELECT balance AS second FROM accounts WHERE id = 2",
    )
    TOTAL = "INSERT INTO statements VALUES (%(first)s + %(second)s)"

    def test_a_row_that_is_locked_first_keeps_the_mover_out(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.FIRST + " FOR UPDATE"), ("B", "BEGIN"), ("B", self.MOVE[0])]
        steps += [
            ("A", self.SECOND + " FOR UPDATE"),
            ("A", self.TOTAL),
            ("A", "COMMIT"),
            ("B", self.MOVE[1]),
            ("B", "COMMIT"),
        ]
        outcome = play(database, self.SETUP, steps, "SELECT total FROM statements")
        assert outcome.steps[3].waited_for == ("A",)
        assert outcome.final == ((200,),)

    def test_one_lock_for_readers_and_writers_keeps_them_apart(self, database: str) -> None:
        lock = "SELECT pg_advisory_xact_lock(1)"
        steps = [("A", "BEGIN"), ("A", lock), ("A", self.FIRST), ("B", "BEGIN"), ("B", lock)]
        steps += [("A", self.SECOND), ("A", self.TOTAL), ("A", "COMMIT")]
        steps += [("B", text) for text in (*self.MOVE, "COMMIT")]
        outcome = play(database, self.SETUP, steps, "SELECT total FROM statements")
        assert outcome.steps[4].waited_for == ("A",)
        assert outcome.final == ((200,),)

    @pytest.mark.parametrize(("begin", "due"), [(READ_COMMITTED, -30), (REPEATABLE_READ, 0)])
    def test_two_sums_of_one_sale_differ_without_a_snapshot(self, database: str, begin: str, due: int) -> None:
        setup = (
            "CREATE TABLE invoices (amount int); CREATE TABLE payments (amount int); CREATE TABLE statements (due int)"
        )
        steps = [
            ("A", begin),
            ("A", "SELECT coalesce(sum(amount), 0) AS owed FROM invoices"),
            ("B", "BEGIN"),
            ("B", "INSERT INTO invoices VALUES (30)"),
            ("B", "INSERT INTO payments VALUES (30)"),
            ("B", "COMMIT"),
            ("A", "SELECT coalesce(sum(amount), 0) AS paid FROM payments"),
            ("A", "INSERT INTO statements VALUES (%(owed)s - %(paid)s)"),
            ("A", "COMMIT"),
        ]
        assert play(database, setup, steps, "SELECT due FROM statements").final == ((due,),)

    @pytest.mark.parametrize(("begin", "mean"), [(READ_COMMITTED, 30), (REPEATABLE_READ, 10)])
    def test_a_count_and_a_sum_are_of_two_moments(self, database: str, begin: str, mean: int) -> None:
        setup = "CREATE TABLE entries (amount int); INSERT INTO entries VALUES (10); CREATE TABLE means (value int)"
        steps = [
            ("A", begin),
            ("A", "SELECT count(*) AS n FROM entries"),
            ("B", "INSERT INTO entries VALUES (20)"),
            ("A", "SELECT sum(amount) AS total FROM entries"),
            ("A", "INSERT INTO means VALUES (%(total)s / %(n)s)"),
            ("A", "COMMIT"),
        ]
        assert play(database, setup, steps, "SELECT value FROM means").final == ((mean,),)


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

    def test_a_lock_on_the_parent_lets_one_look_at_a_time(self, database: str) -> None:
        setup = self.SETUP + "; CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)"
        steps = in_turn("SELECT id FROM lists WHERE id = 1 FOR UPDATE", self.LOOK, [self.INSERT])
        assert play(database, setup, steps, self.CHECK).final == ((1,),)

    def test_the_refused_one_takes_the_row_that_is_there(self, database: str) -> None:
        setup = self.SETUP + "; CREATE UNIQUE INDEX ON subscribers (email)"
        fetch = "SELECT id FROM subscribers WHERE email = 'a@example.com'"
        steps = [*self.subscribing()[:-1], ("B", "ROLLBACK"), ("B", fetch)]
        outcome = play(database, setup, steps, self.CHECK)
        assert len(outcome.steps[-1].rows) == 1

    def test_a_key_that_both_say_is_there_once(self, database: str) -> None:
        setup = "CREATE TABLE subscribers (email text PRIMARY KEY)"
        insert = "INSERT INTO subscribers SELECT 'a@example.com' WHERE %(n)s = 0"
        outcome = play(database, setup, both_look_first(READ_COMMITTED, self.LOOK, [insert]), self.CHECK)
        assert ("B", DUPLICATE) in outcome.errors
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

    def test_another_transition_in_between_is_overwritten(self, database: str) -> None:
        move = "UPDATE orders SET status = '{}' WHERE id = 1 AND %(status)s = 'paid'"
        steps = [(s, t) for t in ("BEGIN", self.TEST) for s in ("A", "B")]
        steps += [("B", move.format("cancelled")), ("B", "COMMIT"), ("A", move.format("shipped")), ("A", "COMMIT")]
        assert play(database, ORDERS, steps, "SELECT status FROM orders").final == (("shipped",),)

    def test_a_moment_that_is_not_set_yet_is_seen_by_both(self, database: str) -> None:
        setup = (
            "CREATE TABLE invoices (id int, sent_at timestamptz); INSERT INTO invoices VALUES (1);"
            "CREATE TABLE mails (id serial)"
        )
        test = "SELECT sent_at IS NULL AS unsent FROM invoices WHERE id = 1"
        act = (
            "INSERT INTO mails SELECT nextval('mails_id_seq') WHERE %(unsent)s",
            "UPDATE invoices SET sent_at = now() WHERE id = 1",
        )
        outcome = play(database, setup, both_look_first(READ_COMMITTED, test, act), "SELECT count(*) FROM mails")
        assert outcome.final == ((2,),)

    def test_a_version_lets_one_transition_through(self, database: str) -> None:
        setup = ORDERS + "; ALTER TABLE orders ADD version int NOT NULL DEFAULT 1"
        test = "SELECT status, version FROM orders WHERE id = 1"
        move = "UPDATE orders SET status = 'shipped', version = version + 1 WHERE id = 1 AND version = %(version)s"
        outcome = play(database, setup, both_look_first(READ_COMMITTED, test, [move]))
        assert [s.status for s in outcome.steps if s.statement == move] == ["UPDATE 1", "UPDATE 0"]

    @pytest.mark.parametrize(
        "lock",
        ["SELECT pg_advisory_xact_lock(1)", "SELECT id FROM baskets WHERE id = 1 FOR UPDATE"],
        ids=["own", "parent"],
    )
    def test_a_lock_before_the_test_ships_once(self, database: str, lock: str) -> None:
        setup = ORDERS + "; CREATE TABLE baskets (id int PRIMARY KEY); INSERT INTO baskets VALUES (1)"
        assert play(database, setup, in_turn(lock, self.TEST, [self.SHIP, self.SET]), self.CHECK).final == ((1,),)


class TestWritesWithoutTransaction:
    TAKE = "UPDATE accounts SET balance = balance - 50 WHERE id = 1"
    TOTAL = "SELECT sum(balance) FROM accounts"

    def test_a_crash_in_between_loses_the_money(self, database: str) -> None:
        assert play(database, ACCOUNTS, [("A", self.TAKE)], self.TOTAL).final == ((150,),)  # A dies here

    def test_a_transaction_leaves_none_of_it(self, database: str) -> None:
        assert play(database, ACCOUNTS, [("A", "BEGIN"), ("A", self.TAKE)], self.TOTAL).final == ((200,),)

    GIVE = "UPDATE accounts SET balance = balance + 50 WHERE id = 2"

    def test_a_commit_in_the_middle_loses_it_as_well(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.TAKE), ("A", "COMMIT"), ("A", "BEGIN"), ("A", self.GIVE)]
        assert play(database, ACCOUNTS, steps, self.TOTAL).final == ((150,),)

    def test_others_read_what_is_half_done(self, database: str) -> None:
        steps = [("A", "DELETE FROM accounts"), ("B", "SELECT count(*) AS n FROM accounts")]
        assert play(database, ACCOUNTS, steps).steps[1].rows == ((0,),)

    def test_nobody_reads_what_is_half_done_in_a_transaction(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", "DELETE FROM accounts"), ("B", "SELECT count(*) AS n FROM accounts")]
        assert play(database, ACCOUNTS, steps).steps[2].rows == ((2,),)

    def test_one_statement_writes_both_or_none(self, database: str) -> None:
        setup = ACCOUNTS + "; ALTER TABLE accounts ADD CHECK (balance <= 120)"
        both = f"WITH taken AS ({self.TAKE} RETURNING id) {self.GIVE}"
        outcome = play(database, setup, [("A", both)], self.TOTAL)
        assert outcome.errors == (("A", "23514"),)
        assert outcome.final == ((200,),)


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


class TestCallsAndLocks:
    LOCK = "SELECT status FROM orders WHERE id = 1 FOR UPDATE"
    SET = "UPDATE orders SET status = 'shipped' WHERE id = 1"
    CALL = "SELECT pg_sleep(0.2)"

    def test_nobody_waits_for_a_call_after_the_commit(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.LOCK), ("A", "COMMIT"), ("A", self.CALL), ("B", self.SET)]
        assert not any(s.waited for s in play(database, ORDERS, steps).steps)

    def test_nobody_waits_where_nothing_is_locked_yet(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.LOCK.removesuffix(" FOR UPDATE")), ("A", self.CALL), ("B", self.SET)]
        assert not any(s.waited for s in play(database, ORDERS, steps).steps)

    def test_a_row_in_the_outbox_is_there_with_the_order_or_not_at_all(self, database: str) -> None:
        setup = ORDERS + "; CREATE TABLE outbox (payload text)"
        tell = "INSERT INTO outbox VALUES ('shipped 1')"
        check = "SELECT status, (SELECT count(*) FROM outbox) FROM orders"
        assert play(database, setup, [("A", "BEGIN"), ("A", self.SET), ("A", tell)], check).final == (("paid", 0),)
        steps = one_after_the_other(self.SET, tell)[:4]
        assert play(database, "", steps, check).final == (("shipped", 1),)


class TestLongTransactions:
    @staticmethod
    def charge(row: int) -> str:
        return f"UPDATE accounts SET balance = balance - 1 WHERE id = {row}"

    TAKE = "UPDATE accounts SET balance = balance - 20 WHERE id = 1"

    def test_the_first_row_is_locked_until_the_last_one_is_done(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.charge(1)), ("B", self.TAKE), ("A", self.charge(2)), ("A", "COMMIT")]
        outcome = play(database, ACCOUNTS, steps)
        assert outcome.steps[2].waited_for == ("A",)
        assert outcome.steps[2].ended_after == 4

    def test_chunks_let_others_in_between(self, database: str) -> None:
        first, second = ([("A", "BEGIN"), ("A", self.charge(row)), ("A", "COMMIT")] for row in (1, 2))
        outcome = play(database, ACCOUNTS, [*first, ("B", self.TAKE), *second])
        assert not any(s.waited for s in outcome.steps)

    def test_rows_that_commit_by_themselves_let_others_in_between(self, database: str) -> None:
        steps = [("A", self.charge(1)), ("B", self.TAKE), ("A", self.charge(2))]
        assert not any(s.waited for s in play(database, ACCOUNTS, steps).steps)


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

    def test_repeatable_read_refuses_too(self, database: str) -> None:
        outcome = play(database, ACCOUNTS, self.change_twice(REPEATABLE_READ), self.CHECK)
        assert ("A", REFUSED) in outcome.errors
        assert outcome.final == ((90,),)

    def test_the_default_level_refuses_nothing(self, database: str) -> None:
        outcome = play(database, ACCOUNTS, self.change_twice(READ_COMMITTED), self.CHECK)
        assert outcome.errors == ()
        assert outcome.final == ((80,),)

    def test_a_snapshot_that_only_reads_is_never_refused(self, database: str) -> None:
        look = "SELECT sum(balance) AS total FROM accounts"
        steps = [("A", REPEATABLE_READ + " READ ONLY"), ("A", look), ("B", self.CHANGE), ("A", look), ("A", "COMMIT")]
        outcome = play(database, ACCOUNTS, steps)
        assert outcome.errors == ()
        assert outcome.steps[1].rows == outcome.steps[3].rows


class TestNeedlessSerializable:
    """A is charged a fee of 1 for an overdraft: by the balances that it has read. C reports in between."""

    SETUP = "CREATE TABLE accounts (id int PRIMARY KEY, balance int); INSERT INTO accounts VALUES (1, 0), (2, 0)"
    TOTAL = "SELECT sum(balance) AS total FROM accounts"
    WITHDRAW = "UPDATE accounts SET balance = balance - 10 - (%(total)s < 10)::int WHERE id = 1"
    DEPOSIT = "UPDATE accounts SET balance = balance + 20 WHERE id = 2"
    CHECK = "SELECT balance FROM accounts WHERE id = 1"

    def overdrawn(self, begin: str, report: str | None) -> Steps:
        reports = [] if report is None else [("C", report), ("C", self.TOTAL), ("C", "COMMIT")]
        return [
            ("A", begin),
            ("A", self.TOTAL),
            ("B", "SET enable_seqscan = off"),  # by the key: a small table would be read, and so guarded, as a whole
            ("B", begin),
            ("B", self.DEPOSIT),
            ("B", "COMMIT"),
            *reports,
            ("A", self.WITHDRAW),
            ("A", "COMMIT"),
        ]

    def test_a_report_that_only_reads_makes_others_fail(self, database: str) -> None:
        alone = play(database, self.SETUP, self.overdrawn(SERIALIZABLE, None), self.CHECK)
        assert alone.errors == ()
        setup = "UPDATE accounts SET balance = 0"
        beside = play(database, setup, self.overdrawn(SERIALIZABLE, SERIALIZABLE), self.CHECK)
        assert REFUSED in {state for _, state in beside.errors}

    def test_a_report_from_a_snapshot_makes_nobody_fail(self, database: str) -> None:
        outcome = play(database, self.SETUP, self.overdrawn(SERIALIZABLE, REPEATABLE_READ + " READ ONLY"), self.CHECK)
        assert outcome.errors == ()

    def test_a_snapshot_may_fit_no_serial_order(self, database: str) -> None:
        outcome = play(database, self.SETUP, self.overdrawn(REPEATABLE_READ, REPEATABLE_READ), self.CHECK)
        assert outcome.steps[7].rows == ((20,),)  # the deposit came first, says the report
        assert outcome.final == ((-11,),)  # it did not, says the fee

    def test_a_decision_that_guards_a_write_needs_the_level(self, database: str) -> None:
        setup = "CREATE TABLE bookings (id serial PRIMARY KEY, day int)"
        look = "SELECT count(*) AS n FROM bookings WHERE day = 1"
        act = ["INSERT INTO bookings (day) SELECT 1 WHERE %(n)s = 0"]
        check = "SELECT count(*) FROM bookings"
        assert play(database, setup, both_look_first(REPEATABLE_READ, look, act), check).final == ((2,),)
        outcome = play(database, "DELETE FROM bookings", both_look_first(SERIALIZABLE, look, act), check)
        assert REFUSED in {state for _, state in outcome.errors}
        assert outcome.final == ((1,),)


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

    TABLES = (
        "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1);"
        "CREATE TABLE stock (id int PRIMARY KEY); INSERT INTO stock VALUES (1)"
    )
    ORDER, STOCK = (f"SELECT id FROM {table} WHERE id = 1 FOR UPDATE" for table in ("orders", "stock"))

    def test_two_tables_in_opposite_orders_stand_still(self, database: str) -> None:
        steps = [
            ("A", "BEGIN"),
            ("B", "BEGIN"),
            ("A", self.ORDER),
            ("B", self.STOCK),
            ("A", self.STOCK),
            ("B", self.ORDER),
        ]
        assert DEADLOCK in {state for _, state in play(database, self.TABLES, steps).errors}

    def test_two_tables_in_one_order_only_wait(self, database: str) -> None:
        steps = in_turn(self.ORDER, self.STOCK, [])
        assert play(database, self.TABLES, steps).errors == ()

    def test_rows_that_commit_by_themselves_only_wait(self, database: str) -> None:
        steps = [("A", self.take(1)), ("B", self.take(2)), ("A", self.take(2)), ("B", self.take(1))]
        assert play(database, ACCOUNTS, steps).errors == ()

    def test_one_lock_before_all_others_only_waits(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", "SELECT pg_advisory_xact_lock(1)"), ("B", "BEGIN")]
        steps += [("B", "SELECT pg_advisory_xact_lock(1)"), ("A", self.take(1)), ("A", self.take(2)), ("A", "COMMIT")]
        steps += [("B", self.take(2)), ("B", self.take(1)), ("B", "COMMIT")]
        assert play(database, ACCOUNTS, steps).errors == ()

    def test_rows_that_are_skipped_are_not_waited_for(self, database: str) -> None:
        skipping = self.STOCK + " SKIP LOCKED"
        steps = [("A", "BEGIN"), ("B", "BEGIN"), ("A", self.ORDER), ("B", skipping), ("A", skipping), ("B", "COMMIT")]
        outcome = play(database, self.TABLES, steps)
        assert outcome.errors == ()
        assert outcome.steps[4].rows == ()


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

    def test_raised_again_none_of_it_is_kept(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.NOTE), ("A", self.AGAIN), ("A", "ROLLBACK")]
        assert play(database, self.SETUP, steps, self.CHECK).final == ((0,),)

    def test_after_a_rollback_a_new_transaction_goes_on(self, database: str) -> None:
        steps = [("A", "BEGIN"), ("A", self.NOTE), ("A", self.AGAIN), ("A", "ROLLBACK")]
        steps += [("A", "BEGIN"), ("A", self.NOTE), ("A", "COMMIT")]
        outcome = play(database, self.SETUP, steps, self.CHECK)
        assert outcome.steps[-1].status == "COMMIT"
        assert outcome.final == ((1,),)

    def test_what_is_caught_between_two_writes_commits_half(self, database: str) -> None:
        """The failure is the application's own: the server knows nothing of it."""
        steps = [("A", "BEGIN"), ("A", self.NOTE), ("A", "COMMIT")]  # the second write never came
        assert play(database, self.SETUP, steps, self.CHECK).final == ((1,),)
