"""Rules of distribution that two sessions of a real PostgreSQL can show: what a page calls wrong shows the harm, what
it calls right does not."""

from __future__ import annotations

import pytest

from datakeel.rules.rule import rules
from tests.interleave import play
from tests.pages import cases

PROVEN = {
    "clock-dependent-ordering": (
        "Wrong: an export goes on from the latest change that it has seen",
        "Silent when the reader goes back far enough",
        "Wrong: an upsert in which the newest wins",
        "Silent when a version decides",
    ),
    "hand-rolled-leader-election": (
        "Wrong: one statement, but each with its own clock",
        "Silent when a session holds an advisory lock",
        "Silent when the store's clock judges, in one statement",
    ),
}


@pytest.mark.parametrize("rule", PROVEN)
def test_the_cases_that_are_proven_stand_on_their_page(rule: str) -> None:
    page = next(r.page for r in rules() if r.name == rule)
    assert set(PROVEN[rule]) <= {c.title for c in cases(page.text)}


class TestPosition:
    SETUP = "CREATE TABLE orders (id serial PRIMARY KEY, updated_at int); CREATE TABLE seen (id int PRIMARY KEY)"
    # A took the time 5, and commits after the export has seen 7
    BEFORE = (("A", "BEGIN"), ("A", "INSERT INTO orders (updated_at) VALUES (5)"))
    AFTER = (("B", "INSERT INTO orders (updated_at) VALUES (7)"),)

    def exported(self, database: str, back: int) -> object:
        read = "INSERT INTO seen SELECT id FROM orders WHERE updated_at > {} ON CONFLICT DO NOTHING"
        last = "SELECT max(updated_at) AS last FROM orders"
        steps = [*self.BEFORE, *self.AFTER, ("C", read.format(0)), ("C", last), ("A", "COMMIT")]
        steps += [("C", read.format(f"%(last)s - {back}"))]
        return play(database, self.SETUP, steps, "SELECT count(*) FROM seen").final[0][0]

    def test_what_commits_late_is_passed_over(self, database: str) -> None:
        assert self.exported(database, back=0) == 1

    def test_who_goes_back_finds_it(self, database: str) -> None:
        assert self.exported(database, back=3) == 2


class TestNewestWins:
    SETUP = "CREATE TABLE stock (sku text PRIMARY KEY, quantity int, {0} int); INSERT INTO stock VALUES ('a', 9, 1)"
    PUT = (
        "INSERT INTO stock VALUES ('a', {0}, {1}) ON CONFLICT (sku) DO UPDATE"
        " SET quantity = excluded.quantity, {2} = excluded.{2} WHERE stock.{2} < excluded.{2}"
    )

    def test_the_later_change_of_a_slow_clock_is_dropped(self, database: str) -> None:
        steps = [("A", self.PUT.format(8, 100, "updated_at")), ("B", self.PUT.format(7, 98, "updated_at"))]
        outcome = play(database, self.SETUP.format("updated_at"), steps, "SELECT quantity FROM stock")
        assert outcome.errors == ()
        assert outcome.final == ((8,),)

    def test_a_version_that_was_read_lets_the_later_change_through(self, database: str) -> None:
        read = "SELECT version + 1 AS next FROM stock"
        put = [self.PUT.format(n, "%(next)s", "version") for n in (8, 7)]
        steps = [("A", read), ("A", put[0]), ("B", read), ("B", put[1])]
        assert play(database, self.SETUP.format("version"), steps, "SELECT quantity FROM stock").final == ((7,),)


class TestLeaders:
    SETUP = "CREATE TABLE leaders (holder text, term int, expires_at timestamptz);" + (
        "INSERT INTO leaders VALUES ('A', 1, now() + interval '30 seconds')"
    )
    TAKE = (
        "UPDATE leaders SET holder = 'B', term = term + 1, expires_at = {0} + interval '30 seconds'"
        " WHERE expires_at < {0}"
    )

    def test_a_clock_that_is_ahead_takes_the_lead_from_a_living_leader(self, database: str) -> None:
        ahead = self.TAKE.format("(now() + interval '60 seconds')")
        assert play(database, self.SETUP, [("B", ahead)], "SELECT holder FROM leaders").final == (("B",),)

    def test_the_clock_of_the_store_leaves_it_the_lead(self, database: str) -> None:
        outcome = play(database, self.SETUP, [("B", self.TAKE.format("now()"))], "SELECT holder FROM leaders")
        assert outcome.steps[0].status == "UPDATE 0"
        assert outcome.final == (("A",),)

    def test_of_two_who_find_it_expired_one_takes_it(self, database: str) -> None:
        expired = self.SETUP.replace("+ interval", "- interval")
        take = self.TAKE.format("now()")
        steps = [("B", "BEGIN"), ("B", take), ("C", take), ("B", "COMMIT")]
        outcome = play(database, expired, steps, "SELECT term FROM leaders")
        assert [outcome.steps[i].status for i in (1, 2)] == ["UPDATE 1", "UPDATE 0"]
        assert outcome.final == ((2,),)

    def test_a_lock_of_the_session_has_one_holder(self, database: str) -> None:
        take = "SELECT pg_try_advisory_lock(4711)"
        outcome = play(database, "", [("A", take), ("B", take)])
        assert [s.rows for s in outcome.steps] == [((True,),), ((False,),)]
