"""Whole systems and all that is chosen for them, in the order of the questions, as an engineer would by hand."""

import pytest

from datakeel.design.designer import design
from datakeel.requirements import Requirements, View
from tests.design.systems import (
    BILLING,
    CALENDAR,
    CATALOGUE,
    CHECKOUT,
    CLICKS,
    FRIENDS,
    NOTES,
    ORDERS,
    READINGS,
    SHOP_SEARCH,
    put,
)

BUSY_ORDERS = put(put(ORDERS, "workload.writes", 20_000.0), "profile", "cluster")
OUTCOMES: list[tuple[str, Requirements, str]] = [
    (
        "a calendar for 40 users",
        CALENDAR,
        "relational one-postgresql rows-and-json one-node not-partitioned read-committed transactions-and-time-outs "
        "the-database none none none the-tables",
    ),
    (
        "the same for a company that must not lose a booking",
        put(CALENDAR, "availability.loss", 0.0),
        "relational one-postgresql rows-and-json single-leader-synchronous not-partitioned read-committed "
        "transactions-and-time-outs the-database none none none the-tables",
    ),
    (
        "the same in two regions, read in both",
        put(CALENDAR, "availability.regions", 2),
        "relational one-postgresql rows-and-json single-leader-asynchronous not-partitioned read-committed "
        "transactions-and-time-outs the-database none none none the-tables",
    ),
    (
        "orders with search and dashboard",
        ORDERS,
        "event-log one-postgresql avro one-node log-by-key read-committed idempotent-consumers the-database none "
        "consumers-on-postgresql log-on-postgresql views-on-postgresql",
    ),
    (
        "the same on Kafka, searched by Elasticsearch",
        put(ORDERS, "overrides", {"log": "kafka", "search": "elasticsearch"}),
        "event-log one-postgresql avro one-node log-by-key read-committed idempotent-consumers the-database none "
        "consumers-on-postgresql change-capture-and-kafka search-engine",
    ),
    (
        "20,000 orders a second",
        BUSY_ORDERS,
        "event-log sharded-postgresql avro single-leader-asynchronous hash-of-key read-committed idempotent-consumers "
        "the-database none consumers-on-postgresql change-capture-and-kafka search-engine",
    ),
    (
        "2 million measurements a second",
        READINGS,
        "time-series cassandra rows-and-json leaderless key-and-time-bucket read-committed transactions-and-time-outs "
        "the-database jobs-in-the-database none none the-tables",
    ),
    (
        "1,000 measurements a second",
        put(READINGS, "workload.writes", 1_000.0),
        "time-series partitioned-postgresql rows-and-json one-node time-range read-committed "
        "transactions-and-time-outs the-database jobs-in-the-database none none the-tables",
    ),
    (
        "a saga over two services",
        CHECKOUT,
        "relational one-postgresql rows-and-json one-node not-partitioned read-committed compensated-steps "
        "saga-orchestrator none none none the-tables",
    ),
    (
        "a catalogue of documents",
        CATALOGUE,
        "document one-postgresql rows-and-json one-node not-partitioned read-committed transactions-and-time-outs "
        "the-database none none none the-tables",
    ),
    (
        "a social graph, read 20,000 times a second",
        put(FRIENDS, "workload.reads", 20_000.0),
        "graph one-postgresql rows-and-json single-leader-asynchronous not-partitioned read-committed "
        "transactions-and-time-outs the-database none none none the-tables",
    ),
    (
        "notes that are written off line",
        NOTES,
        "replicated-records one-postgresql rows-and-json multi-leader not-partitioned read-committed "
        "transactions-and-time-outs the-database none none none the-tables",
    ),
    (
        "windows over clicks",
        CLICKS,
        "event-log one-postgresql avro one-node log-by-key read-committed idempotent-consumers the-database none "
        "consumers-on-postgresql log-on-postgresql the-tables",
    ),
    (
        "invoices each night",
        BILLING,
        "relational one-postgresql rows-and-json one-node not-partitioned snapshot-for-reports "
        "transactions-and-time-outs the-database jobs-in-the-database none none the-tables",
    ),
    (
        "a search over one table",
        SHOP_SEARCH,
        "relational one-postgresql rows-and-json one-node not-partitioned read-committed transactions-and-time-outs "
        "the-database none none indexes-in-place the-tables",
    ),
    (
        "the same over 100 million articles",
        put(SHOP_SEARCH, "workload.records", 100e6),
        "relational one-postgresql rows-and-json one-node not-partitioned read-committed idempotent-consumers "
        "the-database none consumers-on-postgresql changes-on-postgresql search-engine",
    ),
    (
        "a catalogue that is searched, of which nobody says how large it is",
        put(CATALOGUE, "domain.views", (View(name="find", sources=("product",), kind="search", fields=("sku",)),)),
        "document one-postgresql rows-and-json one-node not-partitioned read-committed idempotent-consumers "
        "the-database none consumers-on-postgresql changes-on-postgresql views-on-postgresql",
    ),
    (
        "a catalogue that is searched",
        put(
            put(CATALOGUE, "domain.views", (View(name="find", sources=("product",), kind="search", fields=("sku",)),)),
            "workload.records",
            30_000.0,
        ),
        "document one-postgresql rows-and-json one-node not-partitioned read-committed idempotent-consumers "
        "the-database none consumers-on-postgresql changes-on-postgresql views-on-postgresql",
    ),
]


@pytest.mark.parametrize("requirements,chosen", [o[1:] for o in OUTCOMES], ids=[o[0] for o in OUTCOMES])
def test_all_that_is_chosen(requirements: Requirements, chosen: str) -> None:
    assert [d.chosen for d in design(requirements).decisions] == chosen.split()


PARTS = [
    ("the same on Kafka, searched by Elasticsearch", "elasticsearch kafka debezium"),
    ("orders with search and dashboard", "kafka debezium"),
    ("2 million measurements a second", "cassandra"),
    ("1,000 measurements a second", ""),
    ("a calendar for 40 users", ""),
    ("a saga over two services", ""),
]


@pytest.mark.parametrize("name,products", PARTS, ids=[name for name, _ in PARTS])
def test_the_products_that_are_led_to(name: str, products: str) -> None:
    found = design(next(r for n, r, _ in OUTCOMES if n == name))
    assert found.products() == frozenset(products.split())
    assert ("cluster-configuration" in found.parts()) == bool(products)
