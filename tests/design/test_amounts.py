"""Sentences that say how often each of many does something, and of what most is written: what they come to."""

from __future__ import annotations

import pytest

from datakeel.design.estimate import estimate
from datakeel.design.intake import intake
from datakeel.requirements import Requirements

MINUTE, HOUR, DAY = 60, 3600, 86_400
MONTH = 365.25 * DAY / 12

# Sentence → writes a second, worked out by hand; and whether what is sent is a series.
RATES: list[tuple[str, float, bool]] = [
    ("400 robots, each sends its position 10 times a second", 4000, True),
    ("each of 20,000 meters reports every 15 minutes", 20_000 / 900, True),
    ("50 trucks sending 2 messages per second each", 100, True),
    ("300 drones report their position twice a second", 600, True),
    ("Every one of our 1,200 buses sends its GPS fix five times per minute", 100, True),
    ("A fleet of 800 vans, position once every 20 seconds", 40, True),
    ("2,000 machines with 30 sensors each, every sensor reports once a minute", 1000, True),
    ("machine telemetry: 60 lines, 40 machines per line, 1 reading per machine per second", 2400, True),
    ("there are 500 wind turbines and each turbine measures 12 values every 10 seconds", 600, True),
    ("readings from 10k thermostats, four times an hour", 10_000 * 4 / HOUR, True),
    ("smart meters: 3 million households, one reading every quarter of an hour", 3e6 / 900, True),
    ("100 cameras, 25 frames a second each", 2500, True),
    ("each robot sends 20 messages a second; there are 150 robots", 3000, True),
    ("sensor network: 5000 nodes sampling at 50 Hz", 250_000, True),
    ("forklifts tell where they are every 5 seconds, there are 600 of them", 120, True),
    ("10 factories x 200 machines x 15 sensors, each reading every second", 30_000, True),
    ("electric scooters, 12,000, report their battery level every 30 s", 400, True),
    ("our fleet: 70 ships, 400 sensors per ship, sampled at 2 Hz", 56_000, True),
    ("every minute 90 taxis send a position, every 10 minutes 90 taxis send a fuel level", 1.65, True),
    ("thermometers in 350 fridges measure to 0.1 degrees every 5 minutes", 350 / 300, True),
    ("per vehicle 2 GPS points every 5 seconds, fleet size 7,500 vehicles", 3000, True),
    ("delivery drones (220), telemetry 5x per second in flight", 1100, True),
    ("6 readings/min/sensor, 5k sensors", 500, True),
    ("heat pumps: 30,000 devices × 20 values × every 10 s", 60_000, True),
    ("fleet of 500 trucks, engine data at 10 Hz with 40 signals", 200_000, True),
    ("2,000 sensors (1 Hz) and 50 cameras (25 fps)", 3250, True),
    ("sensors: 10k, interval: 1 s", 10_000, True),
    ("one photo a minute from each of 64 cameras", 64 / MINUTE, True),
    ("milk tanks: 8k farms with 2 tanks each; each tank logs temp each 30s", 16_000 / 30, True),
    ("Track 200 beehives: weight and temperature, each hive once every 15 min", 200 / 900, True),
    ("grid: 15 substations, each with 400 feeders, each feeder sampled 50 times a second", 300_000, True),
    ("A payment terminal takes about 40 payments a day. There are 70,000 terminals.", 2.8e6 / DAY, False),
    ("We run 1,100 bakeries; each bakery bakes 2,500 rolls daily", 1100 * 2500 / DAY, False),
    ("a chat for 5,000 users, each writes 30 messages a day", 5000 * 30 / DAY, False),
    ("20,000 customers place 3 orders a month each", 60_000 / MONTH, False),
    ("1,500 drivers log 8 trips per day", 12_000 / DAY, False),
    ("students hand in 3 essays a month, 14,000 students", 42_000 / MONTH, False),
    ("5,000 patients book 300 appointments a day", 300 / DAY, False),
    ("we have 12 warehouses, each ships 4,000 orders a day", 48_000 / DAY, False),
    ("an app where 2 million users each track 5 workouts a week", 10e6 / (7 * DAY), False),
    ("each of the 40 stores sells 900 items a day", 36_000 / DAY, False),
    ("every employee (8,000) clocks in and out, so 4 stamps a day per head", 32_000 / DAY, False),
    ("call centre, 650 agents, an agent handles 9 calls per hour", 650 * 9 / HOUR, False),
    ("Our 1.2 million subscribers make about 6 calls each on an average day", 7.2e6 / DAY, False),
    ("library seats, 400 seats, each reserved twice daily, no double booking", 800 / DAY, False),
    ("restaurant reservations, 180 reservations per evening", 180 / DAY, False),
    ("a bakery takes 150 orders on weekdays and 400 on saturdays", 550 / DAY, False),
    ("a parking app: 3,000 spots, 10,000 cars a day, each parks twice", 20_000 / DAY, False),
    ("track listings, sellers and photos: 500 listings a day, 10 photos per listing", 5500 / DAY, False),
    ("elevator logs, 8 log lines per trip, 150 trips per elevator per day, 2,000 elevators", 9 * 300_000 / DAY, True),
    ("retail: 900 stores, 12 tills per store, a till rings up 45 receipts an hour", 900 * 12 * 45 / HOUR, False),
    ("school meals: 12,000 pupils order lunch every school day", 12_000 / DAY, False),
    ("twelve cameras at 30 frames per second", 360, True),
    ("40 ambulances, position every 4 seconds. Calls come in 600 times a day.", 10 + 600 / DAY, True),
    ("A greenhouse with 12 zones, 30 sensors per zone; each sensor is read every 10 seconds", 36, True),
    ("one million cars; each sends 30 signals at 1 Hz", 30e6, True),
    ("sync contacts of 20k phones, 300 contacts per phone, changed once a week", 6e6 / (7 * DAY), False),
    ("a blog with 10 authors, 2 posts per author per week, 90,000 readers a day", 20 / (7 * DAY), False),
    ("customers: 10,000 customers a day, each buys 3 items", 30_000 / DAY, False),
]


@pytest.mark.parametrize(("sentence", "writes", "sent"), RATES, ids=[r[0][:60] for r in RATES])
def test_how_often_each_of_many_does_something(sentence: str, writes: float, sent: bool) -> None:
    found = intake(sentence)
    assert found.workload.writes == pytest.approx(writes, rel=1e-3)
    assert bool(found.domain.series) == sent


@pytest.mark.parametrize(
    "end", ["train seats, daily 9", "each quarter pay 300", "location telemetry, twice", "per week 10 x"]
)
def test_a_request_may_end_anywhere(end: str) -> None:
    assert intake(f"seat reservations, 40 a day, {end}").domain.tables


def test_by_what_a_rate_was_multiplied_is_said() -> None:
    reason = intake("400 robots, each sends its position 10 times a second").reasons["workload.writes"]
    assert reason == "said: “10 times a second” × “400 robots”"
    guessed = intake("1,500 drivers log 8 trips per day").reasons["workload.writes"]
    assert guessed.endswith("taken to be so many for each")


# Sentence → what of it is in no figure, and is told.
LEFT: list[tuple[str, tuple[str, ...]]] = [
    ("a bike rental with 900 bikes, a ride costs 30 cents per kilometre", ("30 cents per kilometre",)),
    ("a museum sells 2,500 tickets a day at 12 euros", ("12 euros",)),
    ("taxi trips, 5,000 a day, each costs $14", ("14",)),
    ("freight orders, 900 a day, loads of 20,000 kg", ("20,000 kg",)),
    ("a library with 120,000 books, 700 loans a day, a fine is 20 cents a day", ("20 cents a day",)),
    ("cinema bookings: 12 halls, 200 seats, 5,000 bookings a day", ("12 halls", "200 seats")),
    ("insurance claims, adjusters assess them, payouts approved by two people", ("by two people",)),
    ("a social network, 10 million users, celebrities with 50M followers", ("50M followers",)),
    ("orders, 500 a day, kept for 7 years, deleted orders kept for 30 days", ("30 days",)),
    ("exam bookings, 900 a day, rooms hold 80", ("hold 80",)),
    ("orders, 3 million a day, 40 items per order, 5 warehouses", ("40 items per order", "5 warehouses")),
    ("30 million emails a day, 4% bounce, each bounce is retried 3 times", ("4%", "3 times")),
    ("orders, 900 a day, 3:1 male to female", ("3:1",)),
]


@pytest.mark.parametrize(("sentence", "left"), LEFT, ids=[s for s, _ in LEFT])
def test_a_number_that_is_of_no_use_is_told(sentence: str, left: tuple[str, ...]) -> None:
    told = intake(sentence).reasons["summary"]
    assert [f"“{one}”" for one in left if f"“{one}”" not in told] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "sensor readings, 5,000 per second, doubled every year",
        "2,000 machines with 30 sensors each, every sensor reports once a minute",
        "milk tanks: 8k farms with 2 tanks each; each tank logs temp each 30s",
        "a gym booking system with 3 rooms, 2,000 members, each books twice a week",
        "a forum: 80,000 members write 6 posts per month each, 40 reads for each write",
        "visitors: 40k/day, each views 7 pages",
    ],
)
def test_what_is_understood_is_not_told(sentence: str) -> None:
    assert "summary" not in intake(sentence).reasons


def test_however_much_is_of_no_use_all_of_it_is_told() -> None:
    costs = [f"part {number} weighs {number + 1000} kg" for number in range(60)]
    told = intake(f"orders, 500 a day; {'; '.join(costs)}").reasons["summary"]
    assert [number for number in range(60) if f"“{number + 1000} kg”" not in told] == []


def shares(of: Requirements) -> dict[str, float]:
    """Of all that is written, the part of each construct."""
    loads = estimate(of).loads
    return {load.name: load.writes / sum(one.writes for one in loads) for load in loads}


@pytest.mark.parametrize(
    ("sentence", "written"),
    [
        ("hotel room booking, 3 million bookings a day for 80,000 rooms", "booking"),
        ("a meeting-room calendar for 40 users, no double booking", "booking"),
        ("a gym booking system with 3 rooms, 2,000 members, each books twice a week", "booking"),
        ("gym class booking, at most 12 per class", "enrolment"),
        ("an auction house, 40,000 bids an hour", "bid"),
        ("newsletter to 100,000 recipients", "delivery"),
        ("ambulance dispatch: 90 ambulances, GPS every 3 sec, 600 calls a day", "reading"),
        ("a system for patients, doctors and prescriptions, 500 prescriptions a day", "prescription"),
    ],
)
def test_nearly_all_that_is_written_is_of_what_is_said_to_be_written(sentence: str, written: str) -> None:
    assert shares(intake(sentence))[written] > 0.95


def test_accounts_whose_balance_moves_are_written_with_each_transfer() -> None:
    found = shares(intake("double-entry ledger"))
    assert found["account"] == pytest.approx(found["transfer"])


def test_each_transfer_that_is_said_has_its_entries() -> None:
    found = intake("double-entry ledger, 500 transfers per second")
    said = {t.name: t.workload.writes for t in found.domain.tables if t.workload and t.workload.writes}
    assert said == {"transfer": 500, "entry": 500}
    assert found.reasons["domain.tables.entry.workload.writes"] == "said: “500 transfers per second”"


def test_how_many_there_are_of_one_thing_is_no_number_of_the_others() -> None:
    found = intake("hotel room booking, 3 million bookings a day for 80,000 rooms")
    assert found.workload.records is None
    rows = {load.name: load.rows for load in estimate(found).loads}
    assert rows["room"] == 80_000
    assert rows["booking"] > 1e9
