"""What each decision chooses on either side of each of its thresholds; the figures are worked out by hand."""

from pathlib import Path

import pytest

from datakeel.decision import QUESTIONS, Means
from datakeel.design.designer import design
from datakeel.design.questions import answers, choose, decide
from datakeel.requirements import Existing, Field, Invariant, Requirements, View, Workload
from datakeel.technologies import value
from datakeel.write.targets.sagas import shape
from tests.design.systems import (
    BILLING,
    CALENDAR,
    CATALOGUE,
    CHECKOUT,
    CLICKS,
    FRIENDS,
    NOTES,
    ORDERS,
    PAYMENTS,
    READINGS,
    SHOP_SEARCH,
    put,
    table,
)

Case = tuple[str, Requirements, str]

SHORT = put(put(table(), "workload.retention", 3600.0), "workload.reads", 1.0)  # so that only the rate counts
FEW = put(CLICKS, "workload.retention", 3600.0)
ORDERS_OF_A_DAY = put(ORDERS, "workload.retention", 86_400.0)
TWO_REGIONS = put(CALENDAR, "availability.regions", 2)


def rate(requirements: Requirements, writes: float) -> Requirements:
    return put(requirements, "workload.writes", writes)


SINK = Existing(name="old", engine="mysql", role="sink")
CASES: list[tuple[str, list[tuple[Requirements, str]]]] = [
    (
        "data-model",
        [
            (CALENDAR, "relational"),
            (CHECKOUT, "relational"),
            (CATALOGUE, "document"),
            (FRIENDS, "graph"),
            (READINGS, "time-series"),
            (ORDERS, "event-log"),
            (NOTES, "replicated-records"),
        ],
    ),
    (
        "storage-engine",
        [
            # transactions: 8,000 commits/s, half of them at a peak of three times the mean: 1,333 writes/s
            (rate(SHORT, 1_300.0), "one-postgresql"),
            (rate(SHORT, 1_333.0), "one-postgresql"),
            (rate(SHORT, 1_334.0), "sharded-postgresql"),
            (rate(SHORT, 5_000.0), "sharded-postgresql"),
            # two views that follow: 1.3 commits for each event, 1,025 events/s
            (rate(ORDERS_OF_A_DAY, 1_020.0), "one-postgresql"),
            (rate(ORDERS_OF_A_DAY, 1_030.0), "sharded-postgresql"),
            # bytes: 211 an event over 5 years that nobody has asked for: 16 TB are 395 writes/s; older ones may leave
            (rate(ORDERS, 390.0), "one-postgresql"),
            (rate(ORDERS, 400.0), "archived-postgresql"),
            (rate(ORDERS, 1_020.0), "archived-postgresql"),
            # who asks for 5 years has them at hand; whose job takes rows away has room
            (put(rate(ORDERS, 400.0), "workload.retention", 157_680_000.0), "sharded-postgresql"),
            (put(rate(PAYMENTS, 1_000.0), "domain.batches.old.older_than", 315_576_000.0), "sharded-postgresql"),
            (rate(PAYMENTS, 1_000.0), "one-postgresql"),
            # measurements: 320,000 rows/s by COPY, half of them at a peak of 1.5 times the mean: 106,667 writes/s
            (rate(put(READINGS, "workload.retention", 86_400.0), 106_000.0), "partitioned-postgresql"),
            (rate(put(READINGS, "workload.retention", 86_400.0), 107_000.0), "cassandra"),
            # bytes: 179 a measurement (row 92, index entry 87) over ten years: 16 TB are 283 writes/s
            (rate(put(READINGS, "workload.retention", 10 * 365 * 86_400.0), 282.0), "partitioned-postgresql"),
            (rate(put(READINGS, "workload.retention", 10 * 365 * 86_400.0), 285.0), "cassandra"),
            (put(CALENDAR, "overrides", {"engine": "Postgres"}), "one-postgresql"),
            (put(READINGS, "overrides", {"engine": "timescale"}), "timescaledb"),
            (put(rate(READINGS, 10.0), "overrides", {"engine": "cassandra"}), "cassandra"),
        ],
    ),
    (
        "encoding",
        [
            (CALENDAR, "rows-and-json"),
            (READINGS, "rows-and-json"),
            (ORDERS, "avro"),
            (CHECKOUT, "rows-and-json"),
            (put(ORDERS, "overrides", {"encoding": "protobuf"}), "protobuf"),
            (put(ORDERS, "overrides", {"encoding": "Apache Avro"}), "avro"),
        ],
    ),
    (
        "replication",
        [
            (CALENDAR, "one-node"),
            # two failures of four hours and 80 minutes of maintenance a year: 9.33 of 8,760 hours, 99.8935 %
            (put(CALENDAR, "availability.target", 0.9989), "one-node"),
            (put(CALENDAR, "availability.target", 0.999), "single-leader-asynchronous"),
            (put(CALENDAR, "availability.outage", 4.1 * 3600), "one-node"),
            (put(CALENDAR, "availability.outage", 3.9 * 3600), "single-leader-asynchronous"),
            (put(CALENDAR, "availability.loss", 60.0), "one-node"),
            (put(CALENDAR, "availability.loss", 59.0), "single-leader-asynchronous"),
            (put(CALENDAR, "availability.loss", 5.0), "single-leader-asynchronous"),
            (put(CALENDAR, "availability.loss", 4.9), "single-leader-synchronous"),
            (put(CALENDAR, "availability.loss", 0.0), "single-leader-synchronous"),
            # 50,000 reads/s, half of them at a peak of three times the mean: 8,333 reads/s
            (put(CALENDAR, "workload.reads", 8_300.0), "one-node"),
            (put(CALENDAR, "workload.reads", 8_400.0), "single-leader-asynchronous"),
            (put(CALENDAR, "availability.regions", 1), "one-node"),
            (TWO_REGIONS, "single-leader-asynchronous"),
            (put(TWO_REGIONS, "availability.writes_in", "one region"), "single-leader-asynchronous"),
            (put(TWO_REGIONS, "availability.writes_in", "every region"), "multi-leader"),
            (NOTES, "multi-leader"),
            (rate(READINGS, 10.0), "one-node"),
            (READINGS, "leaderless"),
        ],
    ),
    (
        "partitioning",
        [
            (CALENDAR, "not-partitioned"),
            (CHECKOUT, "not-partitioned"),
            (ORDERS, "log-by-key"),
            (CLICKS, "log-by-key"),
            (rate(READINGS, 10.0), "time-range"),
            (READINGS, "key-and-time-bucket"),
            (rate(SHORT, 1_333.0), "not-partitioned"),
            (rate(SHORT, 1_334.0), "hash-of-key"),
        ],
    ),
    (
        "isolation",
        [
            (CALENDAR, "read-committed"),
            (ORDERS, "read-committed"),
            (BILLING, "snapshot-for-reports"),
            (table(Invariant(kind="at-most", fields=("code",), limit=3)), "serializable-where-needed"),
            (
                table(
                    Invariant(kind="at-most", fields=("room",), limit=3),
                    fields=(Field(name="room", references="rooms"),),
                ),
                "read-committed",
            ),
        ],
    ),
    (
        "failure-handling",
        [
            (CALENDAR, "transactions-and-time-outs"),
            (READINGS, "transactions-and-time-outs"),
            (ORDERS, "idempotent-consumers"),
            (CLICKS, "idempotent-consumers"),
            (CHECKOUT, "compensated-steps"),
        ],
    ),
    (
        "coordination",
        [
            (CALENDAR, "the-database"),
            (ORDERS, "the-database"),
            (CHECKOUT, "saga-orchestrator"),
            (put(ORDERS, "overrides", {"coordination": "etcd"}), "consensus-service"),
        ],
    ),
    (
        "batch",
        [
            (CALENDAR, "none"),
            (ORDERS, "none"),
            (READINGS, "jobs-in-the-database"),
            (BILLING, "jobs-in-the-database"),
            # 15.8 million rows of 28 + 48 + 40.6 = 117 bytes are 1.84 GB, 9.2 s at 200 MB/s: half of 18.4 s
            (put(BILLING, "domain.batches.invoices.every", 18.6), "jobs-in-the-database"),
            (put(BILLING, "domain.batches.invoices.every", 18.2), "dataflow"),
            (put(BILLING, "overrides", {"batch": "spark"}), "dataflow"),
        ],
    ),
    (
        "stream",
        [
            (CALENDAR, "none"),
            (READINGS, "none"),
            (ORDERS, "consumers-on-postgresql"),
            (CLICKS, "consumers-on-postgresql"),
            # one job counts 3,000 events/s, at a peak of three times the mean: 1,000 events/s
            (rate(FEW, 990.0), "consumers-on-postgresql"),
            (rate(FEW, 1_010.0), "flink"),
            (put(CLICKS, "overrides", {"stream": "Flink"}), "flink"),
        ],
    ),
    (
        "derived-data",
        [
            (CALENDAR, "none"),
            (CHECKOUT, "none"),
            (SHOP_SEARCH, "indexes-in-place"),
            (put(SHOP_SEARCH, "workload.records", 100e6), "changes-on-postgresql"),
            (ORDERS, "log-on-postgresql"),
            (rate(ORDERS_OF_A_DAY, 1_660.0), "log-on-postgresql"),
            (rate(ORDERS_OF_A_DAY, 1_670.0), "change-capture-and-kafka"),
            (put(ORDERS, "overrides", {"log": "kafka"}), "change-capture-and-kafka"),
            (
                put(CALENDAR, "existing", (Existing(name="old", engine="mysql", role="source"),)),
                "change-capture-and-kafka",
            ),
            (put(CALENDAR, "existing", (Existing(name="old", engine="mysql", role="peer"),)), "none"),
            (put(CALENDAR, "existing", (SINK,)), "outbox-on-postgresql"),
            (put(ORDERS, "existing", (SINK,)), "log-on-postgresql"),
            (
                put(READINGS, "domain.views", (View(name="load", sources=("reading",), kind="analytics"),)),
                "indexes-in-place",
            ),
            (put(ORDERS, "overrides", {"cdc": "debezium"}), "change-capture-and-kafka"),
            (put(rate(ORDERS_OF_A_DAY, 1_670.0), "overrides", {"log": "postgres"}), "log-on-postgresql"),
        ],
    ),
    (
        "read-models",
        [
            (CALENDAR, "the-tables"),
            (SHOP_SEARCH, "the-tables"),
            (ORDERS, "views-on-postgresql"),
            # 50 million rows to search; four events an order
            (put(put(ORDERS, "workload.writes", 6.0), "workload.retention", 33e6), "views-on-postgresql"),
            (put(put(ORDERS, "workload.writes", 6.0), "workload.retention", 34e6), "search-engine"),
            (put(ORDERS, "overrides", {"search": "elasticsearch"}), "search-engine"),
        ],
    ),
]
FLAT: list[Case] = [(question, r, chosen) for question, cases in CASES for r, chosen in cases]


@pytest.mark.parametrize("question,requirements,chosen", FLAT, ids=[f"{q}-{c}-{n}" for n, (q, _, c) in enumerate(FLAT)])
def test_what_is_chosen(question: str, requirements: Requirements, chosen: str) -> None:
    assert choose(requirements)[question] == chosen


def test_every_choice_of_every_question_stands_above() -> None:
    for question in QUESTIONS:
        assert {chosen for q, _, chosen in FLAT if q == question} == set(answers()[question].CHOICES)


@pytest.mark.parametrize("requirements", [r for _, r, _ in FLAT[::3]], ids=[str(n) for n in range(len(FLAT[::3]))])
def test_a_decision_and_its_word_agree(requirements: Requirements) -> None:
    assert {d.question: d.chosen for d in decide(requirements)} == dict(choose(requirements))


# The means that protect each invariant of a table.
PROTECTED: list[tuple[Invariant, Means]] = [
    (Invariant(kind="unique", fields=("code",)), "constraint"),
    (Invariant(kind="non-negative", fields=("amount",)), "conditional-update"),
    (Invariant(kind="at-most", fields=("code",), limit=2), "serializable-retry"),
    (Invariant(kind="no-overlap", fields=("code",), period="during"), "exclusion"),
    (Invariant(kind="transitions", fields=("state",), moves=(("new", "paid"),)), "conditional-update"),
]


@pytest.mark.parametrize("invariant,means", PROTECTED, ids=[i.kind for i, _ in PROTECTED])
def test_the_weakest_protection_of_an_invariant(invariant: Invariant, means: Means) -> None:
    found = design(table(invariant)).protections()
    assert [(p.means, p.invariant, p.fields) for p in found] == [(means, invariant.kind, invariant.fields)]
    assert found[0].level == ("serializable" if means == "serializable-retry" else "read committed")


def test_at_most_n_of_a_parent_locks_the_parent() -> None:
    seats = table(
        Invariant(kind="at-most", fields=("room",), limit=3), fields=(Field(name="room", references="rooms"),)
    )
    assert [(p.means, p.level) for p in design(seats).protections()] == [("row-lock", "read committed")]


def test_an_aggregate_is_protected_by_its_version_and_a_saga_by_its_keys() -> None:
    assert [(p.construct, p.means) for p in design(ORDERS).protections()] == [
        ("Order", "expected-version"),
        ("Order", "idempotency-key"),
    ]
    assert [(p.construct, p.means) for p in design(CHECKOUT).protections()] == [
        ("stock", "constraint"),
        ("stock", "conditional-update"),
        ("checkout", "idempotency-key"),
        ("checkout", "conditional-update"),
    ]


def test_the_sizes_that_writers_read() -> None:
    readings = design(READINGS)
    # one measurement a second and sensor: a day has 86,400 rows, under 100,000; a week has not
    assert readings.size("reading.bucket") == 86_400
    # 90 days in at most 30 windows
    assert readings.size("reading.window") == 3 * 86_400
    # the load is elsewhere: of 90 days a dozen are kept
    assert readings.size("reading.partition") == 7 * 86_400
    assert design(rate(READINGS, 100.0)).size("reading.partition") == 7 * 86_400
    # 500 rows/s × 179 bytes are 7.7 GB a day; 5,000 are 77 GB, and 90 days are not cut into more than 400
    assert design(rate(READINGS, 500.0)).size("reading.partition") == 86_400
    assert design(rate(READINGS, 5_000.0)).size("reading.partition") == 6 * 3600
    assert design(ORDERS).size("log.partitions") == 4
    # 3,000 events/s at peak × 2 / 2,000 events/s a consumer are 3; 6,000 are 6, and 8 is the power of two
    assert design(rate(ORDERS, 1_000.0)).size("log.partitions") == 4
    assert design(rate(ORDERS, 2_000.0)).size("log.partitions") == 8
    assert design(CALENDAR).size("log.partitions") is None


def test_snapshots_come_with_lives_that_do_not_end() -> None:
    assert "snapshots" not in design(ORDERS).parts()
    assert "snapshots" in design(CLICKS).parts()
    counted = put(CLICKS, "domain.aggregates.Visit.workload", Workload(writes=1.0, records=10e6))
    assert "snapshots" not in design(counted).parts()  # 158 million events of 10 million visits are 16 a visit


def test_the_waits_that_a_record_names_are_those_that_are_written() -> None:
    assert value("network", "retries") + 1 == shape.ATTEMPTS
    assert value("network", "call_timeout") == shape.STEP_TIMEOUT
    pause = (Path(shape.__file__).parent / "every/src/[package]/processing/waiting.py.jinja").read_text()
    assert f"first: float = {value('network', 'first_wait')}" in pause
    assert f"longest: float = {value('network', 'longest_wait'):.1f}" in pause


def test_the_light_system_says_that_nothing_else_is_needed() -> None:
    because = " ".join(design(CALENDAR).decision("storage-engine").because)
    assert "One PostgreSQL is enough. Nothing else is needed to keep this data." in because
    assert "fits in one process's memory (8 GB)" in because


def test_the_measurements_say_what_one_and_quorum_mean() -> None:
    because = " ".join(design(READINGS).decision("replication").because)
    assert "W + R = 1 + 2 ≤ N = 3" in because
    storage = design(READINGS).decision("storage-engine")
    assert "320,000 rows/s on a server. That is how far one node goes." in " ".join(storage.because)
    # 2 million writes/s × 1.5 × 3 replicas × headroom 2 / 40,000
    assert storage.sizes["cassandra.nodes"] == 450
