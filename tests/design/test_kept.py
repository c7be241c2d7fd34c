"""How many rows a sentence comes to: a change makes none, and what others are about hardly changes."""

from __future__ import annotations

import pytest

from datakeel.design.estimate import Load, estimate
from datakeel.design.intake import intake

DAY = 86_400


def load(sentence: str, name: str) -> Load:
    found = estimate(intake(sentence)).load(name)
    assert found is not None, f"there is no {name}"
    return found


@pytest.mark.parametrize(
    ("sentence", "name", "rows", "writes"),
    [
        ("a leaderboard for 1M players, 50k score updates a second", "score", 1e6, 50_000),
        ("a multiplayer leaderboard, 50k score updates a second", "score", 50_000 * DAY / 20, 50_000),
        ("a leaderboard, 50k scores a second", "score", 50_000 * DAY / 20, 50_000),
        ("user profiles, 3k updates a second, 40 million users", "profile", 40e6, 3_000),
        ("presence service: who is online, 10 million users, heartbeat every 30 seconds", "presence", 10e6, 10e6 / 30),
        ("hotel room prices, 10k price changes a second, search by city", "room price", 10_000 * DAY / 20, 10_000),
        ("rate limiter counters, 500k increments a second", "limiter counter", 500_000 * DAY / 20, 500_000),
        ("feature flags, 50 changes a day", "flag", 1000, 50 / DAY),
        ("inventory of 400 shops and 2 warehouses, 60k stock updates a minute", "stock item", 1000 * DAY / 20, 1000),
        ("a ledger for 5 million members, 2 million transfers a day, never negative", "account", 5e6, None),
    ],
)
def test_changes_make_no_rows(sentence: str, name: str, rows: float, writes: float | None) -> None:
    found = load(sentence, name)
    assert found.rows == pytest.approx(rows, rel=0.05)  # what is assumed has two digits
    assert writes is None or found.writes == pytest.approx(writes, rel=0.001)


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("photo sharing app, 5 million uploads a day, comments", "upload"),
        ("Track parcels, 3 million scans a day", "Shipment"),
        ("order tracking, 50k status changes a day", "Order"),
    ],
)
def test_what_is_new_each_time_is_kept_each_time(sentence: str, name: str) -> None:
    found = load(sentence, name)
    assert found.rows == pytest.approx(found.writes * found.retention)


@pytest.mark.parametrize(
    ("sentence", "named", "most", "written"),
    [
        ("track parcels between depots, 3 million scans a day, a dashboard per depot", "depot", 1000, "Shipment"),
        ("school gradebook: teachers enter grades, parents look them up", "school", 1000, "grade"),
        ("library system: members borrow and return books", "library", 1000, "Book"),
    ],
)
def test_what_others_are_about_hardly_changes(sentence: str, named: str, most: float, written: str) -> None:
    found = intake(sentence)
    about, main = load(sentence, named), load(sentence, written)
    assert about.rows <= most
    assert about.writes <= main.writes / 50
    assert main.writes == pytest.approx(estimate(found).peak_writes / main.peak, rel=0.02)
    assert found.reasons[f"domain.tables.{named}.workload.records"].startswith("assumed: ")


def test_how_many_are_shown_is_no_number_of_what_is_kept() -> None:
    found = intake("a leaderboard for 1M players, top 5,000 shown within a second")
    assert found.workload.records == 1_000_000
    assert found.freshness == 1
    assert found.latency.write is None
    assert "summary" not in found.reasons
    assert "top 100" in intake("track patients with name and weight, top 100 shown").reasons["summary"]


def test_what_is_read_so_often_is_so_by_all_together() -> None:
    assert intake("exchange rates for 150 currencies, read 50k times a second").workload.reads == 50_000


def test_a_few_places_are_no_number_of_what_lies_there() -> None:
    found = intake("inventory of 400 shops and 2 warehouses")
    assert found.workload.records != 2


@pytest.mark.parametrize(
    ("sentence", "happens", "about"),
    [
        ("like counter for posts, 100k likes a second", "like", "post"),
        ("track logins of employees, 200k logins a day", "login", "employee"),
        ("gym check-ins: 30 gyms, 90k members, 20k check-ins a day", "check in", "gym"),
        ("hospital: doctors see patients, 3,000 visits a day", "visit", "patient"),
    ],
)
def test_of_what_happens_so_often_a_row_is_kept_and_not_of_what_it_happens_to(
    sentence: str, happens: str, about: str
) -> None:
    rows, things = load(sentence, happens), load(sentence, about)
    assert things.writes <= rows.writes / 50
    (row,) = (t for t in intake(sentence).domain.tables if t.name == happens)
    assert about in {f.references for f in row.fields}


def test_what_is_for_somebody_is_what_comes_so_often() -> None:
    sentence = "appointments for doctors, 5,000 a day, 300 doctors"
    assert load(sentence, "booking").writes == pytest.approx(5_000 / DAY, rel=0.02)


def test_what_others_are_about_hardly_changes_where_its_number_is_said() -> None:
    found = load("kitchen display: 200 restaurants, order status changes 30k a day", "restaurant")
    assert (found.rows, found.writes < 1 / 60) == (200, True)


def test_an_edit_changes_what_is_there() -> None:
    found = load("document editor, 20k edits a second, 3 million documents", "document")
    assert (found.rows, found.writes) == (3e6, 20_000)
