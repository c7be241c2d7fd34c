"""Requirements that cannot be met are refused with figures and a remedy; what is met in part is said."""

import pytest
from msgspec.structs import replace

from datakeel.design.designer import design
from datakeel.mistake import Mistake
from datakeel.requirements import Availability, Existing, Latency, Requirements, View
from tests.design.systems import CALENDAR, CHECKOUT, FRIENDS, NOTES, ORDERS, READINGS, put

EVERYWHERE = put(CALENDAR, "availability", Availability(regions=2, writes_in="every region"))

OF_READINGS = View(name="v", sources=("reading",), kind="search")
SEARCHED = put(READINGS, "domain.views", (OF_READINGS,))
LOOKED_UP = put(READINGS, "domain.views", (replace(OF_READINGS, kind="lookup"),))
CACHED = put(READINGS, "domain.views", (replace(OF_READINGS, kind="cache"),))
REFUSED: list[tuple[str, Requirements, str]] = [
    (
        "strong, in two regions, under 10 ms",
        put(EVERYWHERE, "latency", Latency(write=0.010)),
        r"latency.write: 10 ms and strong consistency of booking with writes in every one of 2 regions contradict each "
        r"other.*20 ms.*`availability.writes_in: one region`.*`latency.write: 40 ms`",
    ),
    (
        "a million transactions a second on one PostgreSQL",
        put(CALENDAR, "workload.writes", 1e6),
        r"profile: embedded is one PostgreSQL, which commits 8,000 writes/s on a server.*3 million writes/s at peak"
        r".*`profile: cluster`.*at most 2,670 writes/s",
    ),
    (
        "more than anybody runs",
        put(put(CALENDAR, "workload.writes", 1e9), "profile", "cluster"),
        r"would take 2.09 million servers; nobody runs more than 1,000 of them for one system. Look at the unit",
    ),
    ("always there", put(CALENDAR, "availability.target", 1.0), r"100 % is not to be had.*at most 99.999 %"),
    (
        "strong and off line",
        put(put(CALENDAR, "availability.offline", True), "domain.tables.booking.consistency", "strong"),
        r"availability.offline and strong consistency of booking contradict.*`domain.replicated`",
    ),
    (
        "to be fed with what no feed tells",
        put(READINGS, "existing", (Existing(name="old", engine="oracle", role="sink"),)),
        r"existing.old.role: a sink is told the changes of tables, documents and aggregates.*`kind: export`.*: peer`",
    ),
    ("in Java", put(ORDERS, "language", "Java"), r"Java is not written. What exists: Python with SQL"),
    (
        "on MongoDB",
        put(ORDERS, "overrides", {"engine": "mongodb"}),
        r"overrides.engine: mongodb is not written. What exists: engine: postgresql, whose jsonb",
    ),
    (
        "on a slip of the pen",
        put(ORDERS, "overrides", {"engine": "casandra"}),
        r'overrides.engine: unknown technology "casandra"; did you mean "cassandra"\?',
    ),
    (
        "a log on a search engine",
        put(ORDERS, "overrides", {"log": "elasticsearch"}),
        r"overrides.log: Elasticsearch does not serve as log; kafka, postgresql does",
    ),
    (
        "an unknown decision",
        put(ORDERS, "overrides", {"engin": "cassandra"}),
        r'unknown decision "engin"; did you mean "engine"',
    ),
    ("words of measurements", SEARCHED, "words belong to what is measured. Keep each sensor in a table"),
    ("a look-up of measurements", LOOKED_UP, "looked up by sensor and time as they are"),
    ("a cache of measurements", CACHED, "a measurement never changes"),
    (
        "a copy of a graph",
        put(FRIENDS, "domain.views", (View(name="v", sources=("friendship",), kind="lookup"),)),
        "views follow aggregates, tables and documents, and friendship is none of them",
    ),
    (
        "a cache of rows for who knows how long",
        put(CALENDAR, "domain.views", (View(name="near", sources=("room",), kind="cache"),)),
        "domain.views.near: how long may a reader keep an answer",
    ),
    ("in Django", put(ORDERS, "overrides", {"framework": "django"}), r"django is not written; fastapi is"),
]


@pytest.mark.parametrize("requirements,said", [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_cannot_be_met_is_refused(requirements: Requirements, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        design(requirements)


def test_several_mistakes_stand_on_lines_of_their_own() -> None:
    with pytest.raises(Mistake) as caught:
        design(put(put(ORDERS, "language", "Go"), "availability.target", 1.0))
    assert len(str(caught.value).splitlines()) == 2


MET: list[tuple[str, Requirements]] = [
    ("strong, in two regions, with time for a round trip", put(EVERYWHERE, "latency", Latency(write=0.050))),
    ("a million measurements a second", put(READINGS, "workload.writes", 1e6)),
    ("a million transactions a second on a cluster", put(put(CALENDAR, "workload.writes", 1e5), "profile", "cluster")),
    ("FastAPI", put(ORDERS, "overrides", {"framework": "FastAPI"})),
]


@pytest.mark.parametrize("requirements", [m[1] for m in MET], ids=[m[0] for m in MET])
def test_what_can_be_met_is_not_refused(requirements: Requirements) -> None:
    assert len(design(requirements).decisions) == 12


WARNED: list[tuple[str, Requirements, str]] = [
    (
        "millions of measurements on the embedded profile",
        READINGS,
        "workload.writes: 3 million writes/s at peak are 33.3 times what the embedded profile takes on 2 "
        "cores (90,000 rows/s "
        "by COPY, 3,000 commits/s), and 9.38 times what one PostgreSQL takes on a server: this project "
        "shows the system to a "
        "scale. In production: Cassandra on 450 nodes, with the files in deploy/; set `profile: cluster`.",
    ),
    (
        "leaders in several regions",
        EVERYWHERE,
        "availability.writes_in: booking have invariants, and leaders in several regions cannot keep "
        "them by themselves. Their "
        "writes go to one home region, and cost the others a round trip (20 ms or more).",
    ),
    (
        "rows that no rule merges",
        put(put(CALENDAR, "domain.tables.booking.invariants", ()), "availability", EVERYWHERE.availability),
        "availability.writes_in: booking, room: one PostgreSQL keeps them here, and what two places write at a time is "
        "merged by nothing. Put what has to be written in each of them under `domain.replicated`, which has its rule "
        "of merging and its tests, or set `availability.writes_in: one region`.",
    ),
    (
        "rows that clients change while they are cut off",
        put(ORDERS, "availability.offline", True),
        "availability.offline: Order: one PostgreSQL keeps them here, and what two places write at a time is merged by "
        "nothing. Put what has to be written in each of them under `domain.replicated`, which has its rule of merging "
        "and its tests, or set `availability.offline: false`.",
    ),
    (
        "no loss with merging",
        put(EVERYWHERE, "availability.loss", 0.0),
        "availability.loss: 0 seconds is not kept by leaders that exchange their writes afterwards: a "
        "region that is lost takes "
        "up to 5 seconds of its writes with it. Set `writes_in: one region`, or allow that loss.",
    ),
    (
        "fresher than a log",
        put(ORDERS, "freshness", 0.01),
        "domain.views.order search: 10 ms is fresher than a view from a log can promise (50 ms in the "
        "median). Read the source "
        "for what must be current, or allow a second.",
    ),
    (
        "faster than two servers",
        put(put(CALENDAR, "availability.loss", 0.0), "latency.write", 0.001),
        "latency.write: 1 ms is less than two round trips of 1 ms (client to leader, leader to "
        "follower), which a commit on two "
        "servers takes. Allow 5 ms, or a loss of 5 seconds.",
    ),
    (
        "less than is needed",
        put(
            put(put(ORDERS, "workload.retention", 86_400.0), "workload.writes", 1_900.0),
            "overrides",
            {"log": "postgres"},
        ),
        "derived-data: Asked for (postgresql), and honoured, against the figures: they lead to "
        "change-capture-and-kafka.",
    ),
]


@pytest.mark.parametrize("requirements,said", [w[1:] for w in WARNED], ids=[w[0] for w in WARNED])
def test_what_is_met_in_part_is_said(requirements: Requirements, said: str) -> None:
    assert said in design(requirements).warnings


@pytest.mark.parametrize("requirements", [CALENDAR, ORDERS, CHECKOUT, NOTES], ids=lambda r: r.name)
def test_what_is_met_is_not_warned_of(requirements: Requirements) -> None:
    assert design(requirements).warnings == ()


JUDGED = [
    (
        put(ORDERS, "overrides", {"log": "kafka"}),
        "derived-data",
        "The figures would be content with log-on-postgresql.",
    ),
    (put(READINGS, "overrides", {"engine": "cassandra"}), "storage-engine", "and right: the figures lead to the same."),
    (put(CALENDAR, "overrides", {"engine": "cassandra"}), "storage-engine", "room, booking stay in PostgreSQL"),
    (CALENDAR, "storage-engine", ""),
]


@pytest.mark.parametrize("requirements,question,said", JUDGED, ids=[str(n) for n in range(len(JUDGED))])
def test_an_override_is_honoured_and_judged(requirements: Requirements, question: str, said: str) -> None:
    judgement = design(requirements).decision(question).judgement
    assert said in judgement
    assert bool(judgement) == bool(requirements.overrides)
