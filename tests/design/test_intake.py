"""Sentences in many styles, and what each must come to. The expected values were written down by hand."""

from __future__ import annotations

from typing import Any

import pytest

from datakeel.design.intake import intake, mode
from datakeel.mistake import Mistake
from datakeel.requirements import Aggregate, Requirements, Table

MINUTE, HOUR, DAY = 60, 3600, 86_400
YEAR = 365.25 * DAY
MONTH = YEAR / 12

# Sentence → values by their path in system.yaml; of constructs, their names.
CASES: list[tuple[str, dict[str, Any]]] = [
    # rates
    ("Track orders, 50k orders/day", {"workload.writes": 50_000 / DAY, "aggregates": ["Order"], "views": []}),
    (
        "We take about 10,000 orders per hour and keep them for 7 years.",
        {"workload.writes": 10_000 / HOUR, "workload.retention": 7 * YEAR, "aggregates": ["Order"]},
    ),
    ("ingest 2 million readings per second", {"workload.writes": 2e6, "series": ["reading"]}),
    (
        "1.5M sensor readings/s, p99 reads under 50 ms",
        {"workload.writes": 1.5e6, "latency.read": 0.05, "latency.write": None, "latency.percentile": 99},
    ),
    ("ten thousand clicks a minute", {"workload.writes": 10_000 / MINUTE, "series": ["view"]}),
    (
        "Please build me something for our web shop: about two hundred and fifty thousand orders a month",
        {"workload.writes": 250_000 / MONTH, "aggregates": ["Order"]},
    ),
    ("half a million page views a day", {"workload.writes": 500_000 / DAY, "series": ["view"]}),
    (
        "hundreds of thousands of events per second from IoT devices",
        {"workload.writes": 200_000, "series": ["reading"], "key": "device"},
    ),
    ("1-2k orders/day", {"workload.writes": 2_000 / 86_400}),
    ("1 lakh orders per day", {"workload.writes": 100_000 / 86_400}),
    ("orders, 20 milion per day", {"workload.writes": 20e6 / 86_400}),
    ("sensor readings: 300 per secound", {"workload.writes": 300}),
    ("10.000 orders a day", {"workload.writes": 10_000 / 86_400}),
    ("10 000 orders a day", {"workload.writes": 10_000 / 86_400}),
    ("1,250.5 orders per hour", {"workload.writes": 1250.5 / HOUR}),
    ("every day some 700 orders come in", {"workload.writes": 700 / 86_400}),
    ("social network, 1M daily active users", {"workload.users": 1_000_000, "workload.writes": 1e6 * 20 / 86_400}),
    ("a chat app, 300k monthly users", {"workload.users": 300_000, "workload.writes": 30_000 * 20 / 86_400}),
    ("400 robots report their position every 200 ms", {"workload.writes": 2000, "series": ["reading"], "key": "robot"}),
    (
        "Vehicle fleet tracking, 5,000 trucks, position each 30 seconds",
        {"workload.writes": 5000 / 30, "series": ["reading"]},
    ),
    ("vaccinations of 10 million citizens, one dose per day per person", {"workload.writes": 10_000_000 / 86_400}),
    ("store genome sequences, 100 GB each, 5,000 per year", {"workload.record": 500, "workload.writes": 5000 / YEAR}),
    ("a lottery with 1 million tickets", {"workload.records": 1_000_000}),
    ("orders: 500/s at peak, 100/s on average", {"workload.writes": 100, "workload.peak": 5}),
    ("10x peak on Black Friday for our web shop", {"workload.peak": 10, "aggregates": ["Order"]}),
    (
        "read-heavy product catalogue, 95% reads, 2000 requests per second",
        {"workload.reads": 1900, "workload.writes": 100, "documents": ["product"]},
    ),
    ("5000 rps on product pages, 99:1 read/write", {"workload.reads": 4950, "workload.writes": 50}),
    ("payments: 300 TPS, 4k reads per second", {"workload.writes": 300, "workload.reads": 4000}),
    ("10,000 sensors, each sends a reading every 10 seconds", {"workload.writes": 1000, "key": "sensor"}),
    (
        "2500 devices report temperature and humidity every 5 min",
        {"workload.writes": 2500 / 300, "key": "device", "values": ["temperature", "humidity"]},
    ),
    (
        "Ingest GPS positions of 8,000 trucks every 30 s, range queries over the last 24 hours",
        {"workload.writes": 8000 / 30, "key": "vehicle", "range": 86_400},
    ),
    (
        "metrics from 500 servers every 15 seconds, hourly averages, keep for two years",
        {"workload.writes": 500 / 15, "key": "host", "workload.retention": 2 * YEAR},
    ),
    (
        "100k DAU, each sends 40 messages a day in a messenger",
        {"workload.users": 100_000, "workload.writes": 100_000 * 40 / 86_400},
    ),
    # sizes and counts
    (
        "log lines at 5 GB per hour, kept 30 days",
        {"workload.writes": 5e9 / HOUR / 300, "workload.retention": 30 * DAY, "series": ["log line"]},
    ),
    (
        "application logs: 2 TB a day, records of 400 bytes, searchable",
        {"workload.writes": 2e12 / DAY / 400, "workload.record": 400, "views": ["log search"]},
    ),
    ("sensor data, 1 GiB per minute, 64 byte readings", {"workload.record": 64, "workload.writes": 2**30 / 60 / 64}),
    ("store 5 TB of logs", {"workload.records": round(5e12 / 300)}),
    ("5 terrabytes of logs", {"workload.records": round(5e12 / 300)}),
    (
        "data doubles every year; payment records of 2 KiB",
        {"workload.growth": 1.0, "workload.record": 2048, "aggregates": ["Payment"]},
    ),
    ("inventory with 30% growth a year", {"workload.growth": 0.3}),
    (
        "a product catalogue of 5 million products with search by name and category",
        {"documents": ["product"], "workload.records": 5e6, "views": ["product search"]},
    ),
    ("between 10 and 20 users for a desk booking tool", {"workload.users": 20, "tables": ["desk", "booking"]}),
    (
        "in order to find slow pages we need a log search for 40 GB/day",
        {"aggregates": [], "tables": ["log line"], "views": ["log search"]},
    ),
    # latency, freshness, availability
    ("payments with sub-10ms reads", {"latency.read": 0.01, "latency.write": None}),
    (
        "p95 latency below 200 milliseconds for the ledger",
        {"latency.percentile": 95, "latency.read": 0.2, "latency.write": 0.2},
    ),
    (
        "clickstream of 3 billion events per day, dashboard with a freshness of 10 s",
        {"workload.writes": 3e9 / DAY, "views": ["traffic analytics"], "freshness": 10},
    ),
    ("dashboard at most 1 minute behind the orders", {"freshness": 60, "views": ["order analytics"]}),
    (
        "orders in three regions, writes in every region",
        {"availability.regions": 3, "availability.writes_in": "every region"},
    ),
    ("payments in the EU and the US, 99.99% availability", {"availability.regions": 2, "availability.target": 0.9999}),
    (
        "four nines, RPO of 5 minutes, RTO 1 hour, for our payment service",
        {"availability.target": 0.9999, "availability.loss": 300, "availability.outage": HOUR},
    ),
    ("payment service with no data loss", {"availability.loss": 0}),
    (
        "notes app that works offline for 2,000 field engineers",
        {"replicated": ["note"], "availability.offline": True, "workload.users": 2000},
    ),
    # domains, and only what is asked of them
    (
        "a chat app with 100k DAU, search over messages",
        {"workload.users": 100_000, "aggregates": ["Message"], "views": ["conversation history", "message search"]},
    ),
    (
        "chat per conversation order, 5k msgs/sec",
        {"workload.writes": 5000, "aggregates": ["Message"], "ordered_by": "conversation"},
    ),
    (
        "Inventory for 3 warehouses, stock never below zero, 200 updates per second",
        {
            "tables": ["stock item"],
            "workload.writes": 200,
            "invariants": [("unique", ("sku", "warehouse"), None), ("non-negative", ("on_hand",), None)],
        },
    ),
    (
        "bank accounts and transfers between accounts; the balance must never go below zero",
        {"tables": ["account", "transfer", "entry"], "invariants": [("non-negative", ("balance",), None)]},
    ),
    (
        "gym class booking, at most 12 per class",
        {
            "tables": ["class session", "enrolment"],
            "invariants": [("at-most", ("class session",), 12), ("unique", ("class session", "participant"), None)],
        },
    ),
    (
        "social network: who follows whom, friends of friends, 30 million users",
        {"graphs": ["follow graph"], "workload.users": 30_000_000, "tables": [], "views": []},
    ),
    (
        "usage metering for billing, 20k events/s, keep for 13 months",
        {
            "series": ["usage"],
            "batches": ["monthly invoices"],
            "workload.writes": 20_000,
            "workload.retention": 13 * MONTH,
        },
    ),
    ("Track orders, with a nightly report of revenue per customer", {"batches": ["revenue per customer"]}),
    (
        "an order system, 50 orders a minute; archive orders older than two years",
        {"batches": ["old orders"], "tables": ["order"], "aggregates": [], "workload.retention": None},
    ),
    (
        "usage metering, weekly summary of quantity per customer; delete events older than 90 days",
        {"batches": ["quantity per customer"]},
    ),
    ("usage metering, quota alerts per customer", {"streams": ["use per customer"]}),
    ("web analytics: trending pages in 5 minute windows", {"streams": ["views per page"], "window": 300}),
    (
        "payments, fraud counts per card in sliding windows of 10 minutes every minute",
        {"streams": ["payment per card"], "window": 600},
    ),
    ("clickstream with visitor sessions that end after 30 minutes of inactivity", {"streams": ["view sessions"]}),
    ("track orders; sum of totals per customer per hour", {"streams": ["totals per customer"], "window": 3600}),
    ("sensor readings 1000/s, average temperature per sensor every 5 minutes", {"streams": []}),
    ("nightly export of the product catalogue", {"batches": ["catalogue export"]}),
    ("an order tracker, no search, no dashboard", {"aggregates": ["Order"], "views": []}),
    (
        "stock exchange tick data, 400k ticks/s",
        {"series": ["reading"], "tables": [], "key": "symbol", "workload.writes": 400_000},
    ),
    (
        "hotel room reservations, 200 rooms, no double booking",
        {"tables": ["room", "booking"], "invariants": [("no-overlap", ("room",), None)], "views": []},
    ),
    (
        "Doctor appointments for a clinic with 12 doctors and 3,000 patients",
        {"tables": ["doctor", "booking"], "workload.users": 3000},
    ),
    ("a tennis court booking site", {"tables": ["court", "booking"]}),
    ("look up orders by customer", {"views": ["orders by customer"]}),
    # technology and parties
    ("order tracking on Kafka with Cassandra", {"overrides": {"log": "kafka", "engine": "cassandra"}}),
    ("a ledger in Java", {"language": "java", "overrides": {}}),
    ("an order service in Go, without Kafka", {"language": "go", "overrides": {}}),
    (
        "Keep the product catalogue in sync with a MySQL that stays",
        {"existing": [("mysql", "source")], "overrides": {}},
    ),
    (
        "migrate orders from MongoDB to Postgres",
        {"existing": [("mongodb", "source")], "overrides": {"engine": "postgresql"}},
    ),
    ("order system with a Redis cache", {"overrides": {"cache": "redis"}, "views": ["order cache"]}),
    (
        "Coordinate inventory and payments via Stripe with compensation",
        {"services": [("payments", False), ("inventory", False), ("Stripe", True)], "sagas": ["inventory and payment"]},
    ),
    # events and invariants of one's own
    (
        "place, ship, deliver and cancel orders",
        {"events": ["OrderPlaced", "OrderShipped", "OrderDelivered", "OrderCancelled"]},
    ),
    (
        "orders are placed, picked, packed and shipped",
        {"events": ["OrderPlaced", "OrderPicked", "OrderPacked", "OrderShipped", "OrderDelivered", "OrderCancelled"]},
    ),
    ("order tracking with unique email for each customer", {"tables": ["customer"]}),
    (
        "users submit, approve, reject and pay invoices",
        {
            "aggregates": ["Invoice"],
            "events": ["InvoiceSubmitted", "InvoiceApproved", "InvoiceRejected", "InvoicePaid"],
        },
    ),
    (
        "tickets are opened, assigned, resolved and closed",
        {"events": ["TicketOpened", "TicketAssigned", "TicketResolved", "TicketClosed"]},
    ),
    (
        "Loans: applications are submitted, scored, approved or rejected, disbursed",
        {
            "events": [
                "ApplicationSubmitted",
                "ApplicationScored",
                "ApplicationApproved",
                "ApplicationRejected",
                "ApplicationDisbursed",
            ]
        },
    ),
    (
        "Food delivery: customers place orders, restaurants accept or reject them",
        {
            "events": [
                "OrderPlaced",
                "OrderAccepted",
                "OrderShipped",
                "OrderDelivered",
                "OrderCancelled",
                "OrderRejected",
            ]
        },
    ),
    (
        "seat reservation, hold expires after 15 minutes, bookings retried 5 times",
        {"workload.retention": None, "workload.peak": 3},
    ),
    (
        "server logs with search, 200 lines per second, kept 7 days",
        {"tables": ["log line"], "series": [], "views": ["log search"], "batches": ["outdated log lines"]},
    ),
    (
        "subscription billing: plans, subscriptions renew monthly, invoices",
        {"tables": ["plan", "subscription", "invoice"]},
    ),
    ("school gradebook where teachers enter grades", {"tables": ["school", "grade"]}),
    ("a CRM with contacts, companies and notes, full text search over everything", {"views": ["search"]}),
    ("a lottery with 2,000 tickets, each number is sold once", {"fields": ["name", "created_at", "number"]}),
    (
        "gym: classes limited to 15 people",
        {"invariants": [("at-most", ("class session",), 15), ("unique", ("class session", "participant"), None)]},
    ),
    # what is not known
    ("a library system with books, members and loans", {"tables": ["book", "member", "loan"], "views": []}),
    (
        "Patients with name, date of birth and blood type in a registry",
        {"tables": ["patient"], "fields": ["name", "date_of_birth", "blood_type", "created_at"]},
    ),
    # as their authors might write
    (
        "hey, we run a small bakery and need something to keep track of cake orders, maybe 30 a day. two "
        "people will use it",
        {"aggregates": ["Order"], "tables": [], "workload.users": 2, "workload.writes": 30 / 86_400},
    ),
    (
        "URL shortener, 100M new links per month, 10:1 read to write, keep links 5 years, p99 redirect < 20ms",
        {"tables": ["link"], "workload.reads": 1e9 / MONTH, "workload.retention": 5 * YEAR, "latency.read": 0.02},
    ),
    (
        "We need a double-entry ledger for customer wallets, 2,000 transfers/sec peak, no account may ever go negative",
        {"workload.writes": 2000 / 3, "workload.peak": 3, "tables": ["account", "transfer", "entry"]},
    ),
    (
        "Design a ride-hailing backend: drivers send their GPS position every 4 seconds (about 50,000 "
        "drivers online), rides are requested, accepted, started, completed or cancelled.",
        {"workload.writes": 12_500, "key": "driver", "aggregates": ["Ride"]},
    ),
    (
        "ticketing system for concerts - 20k seats, tickets must never be sold twice",
        {
            "tables": ["event", "ticket"],
            "invariants": [("at-most", ("event",), 20_000), ("unique", ("event", "seat"), None)],
        },
    ),
    (
        "Build a Slack-like chat with channels, messages in order per channel, full-text search, 5,000 users",
        {"services": [], "ordered_by": "channel", "views": ["channel history", "message search"]},
    ),
    (
        "I want to store server logs from 300 hosts, ~50GB/day, search them, keep for 14 days, alert on error rate",
        {"workload.retention": 14 * DAY, "views": ["log search"], "batches": ["outdated log lines"]},
    ),
    (
        "Our hospital needs a patient registry: patients, doctors, appointments, prescriptions. 500 staff.",
        {"tables": ["doctor", "booking", "patient", "prescription"], "workload.users": 500},
    ),
    (
        "Replace our nightly batch ETL with streaming: changes from MySQL into Elasticsearch within 5 seconds",
        {
            "existing": [("mysql", "source")],
            "overrides": {"search": "elasticsearch"},
            "freshness": 5,
            "latency.read": None,
        },
    ),
    (
        "Build a news feed like Twitter: 10 million users, celebrities with 50M followers, timeline reads "
        "200k/s, posts 5k/s",
        {"workload.users": 10_000_000, "workload.reads": 200_000, "workload.writes": 5000, "views": ["home feed"]},
    ),
    (
        "field inspectors fill in inspection forms on tablets without internet and sync later; about 800 inspectors",
        {"replicated": ["inspection form"], "availability.offline": True, "workload.users": 800},
    ),
    (
        "inventory across 12 warehouses, SKUs ~ 400k, stock updates 1k/s, must not oversell, dashboard per warehouse",
        {"workload.records": 400_000, "workload.writes": 1000, "views": ["stock analytics"]},
    ),
    (
        "Book trips: reserve a flight, a hotel and a car, pay; cancel everything when one of them fails",
        {"services": [("flight", False), ("hotel", False), ("car", False)], "tables": []},
    ),
    (
        "Build a trip booking saga: reserve a flight, reserve a hotel, rent a car; compensate when one step fails",
        {"services": [("flight", False), ("hotel", False), ("car", False)], "tables": []},
    ),
    (
        "trip booking: book a flight, a hotel and a rental car; if one fails, undo the others",
        {"services": [("flight", False), ("hotel", False), ("car", False)], "tables": []},
    ),
    (
        "track employee vacation requests: employees submit, managers approve or reject. 120 people.",
        {
            "events": ["VacationRequestSubmitted", "VacationRequestApproved", "VacationRequestRejected"],
            "workload.users": 120,
        },
    ),
    (
        "IoT platform for smart meters: 3 million meters, reading every 15 mins, retention 7yrs, hourly and "
        "daily rollups",
        {"key": "meter", "workload.writes": 3e6 / 900, "workload.retention": 7 * YEAR, "rollups": (HOUR, DAY)},
    ),
    (
        "A school wants to manage students, teachers, courses and enrolments; at most 30 students per "
        "course; unique email per student",
        {"tables": ["course", "enrolment", "student", "teacher"]},
    ),
    (
        "clickstream pipeline in Scala on Spark: 40 TB per day, load into Snowflake nightly",
        {"language": "scala", "overrides": {"batch": "spark"}, "existing": [("snowflake", "sink")]},
    ),
    (
        "parking garage app: reserve a spot, no two cars on the same spot at the same time",
        {"tables": ["parking spot", "booking"]},
    ),
    (
        "Need a CRM: contacts, companies, deals (deals move from lead to qualified to won or lost), notes, "
        "60 sales reps",
        {"tables": ["contact", "company", "deal", "note"], "workload.users": 60},
    ),
    (
        "library: books, members, loans; a member may have at most 5 loans",
        {"tables": ["book", "member", "loan"], "invariants": [("at-most", ("member",), 5)]},
    ),
    (
        "car insurance claims: filed, assessed, approved or denied, paid. 4000/day",
        {"events": ["ClaimFiled", "ClaimAssessed", "ClaimApproved", "ClaimDenied", "ClaimPaid"], "tables": []},
    ),
    (
        "e-commerce checkout: reserve stock, charge the card via Stripe, then create a shipment; undo on failure",
        {"sagas": ["checkout"], "steps": ["reserve stock", "charge payment", "create shipment", "confirm reservation"]},
    ),
    (
        "An application for our vets to register animals, owners and visits",
        {"tables": ["animal", "owner", "visit"], "series": []},
    ),
    (
        "leave the MySQL alone, we just need a read model of customers for support, updated within a minute",
        {"existing": [("mysql", "source")], "views": ["customer lookup"], "freshness": 60},
    ),
    ("a million writes a second on my laptop", {"workload.writes": 1e6, "tables": ["record"]}),
    (
        "tariff metering for 12 million households, quarter-hourly values, 10 years",
        {"workload.writes": 12e6 / 900, "workload.retention": 10 * YEAR},
    ),
    (
        "Requirements:\n- track parcels\n- 200k parcels a day\n- keep for 2 years",
        {"aggregates": ["Shipment"], "workload.writes": 200_000 / DAY, "workload.retention": 2 * YEAR},
    ),
    (
        "we sell tickets for a 60,000 seat stadium, expect 200k buyers",
        {
            "invariants": [("at-most", ("event",), 60_000), ("unique", ("event", "seat"), None)],
            "workload.users": 200_000,
        },
    ),
    (
        "feature flags service read by 5,000 servers every 10 s, changed a few times a day",
        {"workload.reads": 500, "workload.writes": 3 / 86_400},
    ),
    (
        "publish product changes via Kafka within 10 seconds; the truth stays in MySQL",
        {"existing": [("mysql", "source")], "overrides": {"log": "kafka"}, "freshness": 10},
    ),
    (
        "Sync contacts between two data centres, both accept writes",
        {"replicated": ["contact"], "availability.regions": 2, "availability.writes_in": "every region"},
    ),
    ("10k sensors report their state", {"series": ["reading"], "views": [], "rollups": ()}),
    ("A shared shopping list that works offline on phones", {"replicated": ["item"], "availability.offline": True}),
    (
        "ad-hoc analytics on 50 TB of order history",
        {"aggregates": ["Order"], "views": ["order analytics"], "workload.records": 50e12 / 600},
    ),
    ("messages out of order by up to 5 minutes in a chat", {"aggregates": ["Message"]}),
    (
        "Store audit records: 2k/s, immutable, seven years, query by actor",
        {"tables": ["audit entry"], "workload.writes": 2000, "workload.retention": 7 * YEAR},
    ),
    (
        "support tickets: opened by customers, assigned to agents, resolved, closed, 5k a day",
        {
            "events": ["TicketOpened", "TicketAssigned", "TicketResolved", "TicketClosed"],
            "workload.writes": 5000 / 86_400,
        },
    ),
    (
        "a library: books, members, loans; max 5 loans per member",
        {"tables": ["book", "member", "loan"], "invariants": [("at-most", ("member",), 5)]},
    ),
    (
        "a voting app, 5 million votes within 10 minutes, one vote per phone",
        {"workload.writes": 5e6 / 600, "invariants": [("unique", ("phone",), None)]},
    ),
    ("orders, 100k a day, peak at dinner x8", {"workload.peak": 8.0}),
    ("payments with 99.999 availability", {"availability.target": 0.99999}),
    ("monthly report of revenue per customer from payments", {"batches": ["revenue per customer"], "views": []}),
    ("device configurations for 50k routers", {"tables": ["device configuration", "router"], "series": []}),
    ("a CRM with contacts, deals moving from lead to won/lost", {"invariants": [("transitions", ("status",), None)]}),
    ("greenhouse sensors, temp each minute, alert if temp is above 35", {"values": ["temperature"]}),
    ("gps of 900 trucks every 10 seconds", {"values": ["latitude", "longitude"], "workload.writes": 90.0}),
    ("water meters 80.000, one reading an hour", {"workload.writes": 80_000 / 3600}),
    (
        "expense reports: employees submit, managers approve or reject",
        {"events": ["ExpenseReportSubmitted", "ExpenseReportApproved", "ExpenseReportRejected"]},
    ),
    ("library of 2M songs, playlists, users like songs", {"tables": ["song", "playlist"], "records": {"song": 2e6}}),
    ("a clinic app, 150 visits a day", {"workload.writes": 150 / 86_400}),
    ("car rental, damage reports with photos", {"views": []}),
    ("students enroll in courses, max 30 students per course", {"tables": ["course", "enrolment"]}),
    ("school grades, teachers enter marks, 800 pupils", {"tables": ["school grade", "mark"]}),
    ("a recipe sharing site with ratings", {"tables": ["recipe", "rating"]}),
    ("project management: projects, tasks and comments", {"tables": ["project", "task", "comment"]}),
    (
        "hospital appointments: patients book a doctor, no two patients at the same time",
        {"tables": ["doctor", "booking"], "workload.users": None},
    ),
    ("polls for 500k users, everyone votes once per poll", {"invariants": [("unique", ("user", "poll"), None)]}),
    ("library lending: members borrow books, return them", {"events": ["BookBorrowed", "BookReturned"]}),
    (
        "support tickets: opened, assigned, answered, closed; search over the text",
        {"events": ["TicketOpened", "TicketAssigned", "TicketAnswered", "TicketClosed"]},
    ),
    ("a recipe website with comments, 100k visitors a day", {"workload.reads": 100_000 / 86_400}),
    (
        "metrics of our cluster, 3 million samples per minute, keep raw for 14 days, hourly averages for 2 years",
        {"streams": [], "rollups": (3600.0,)},
    ),
    (
        "expense reports: employees submit, managers approve or reject, finance pays",
        {"tables": [], "events": [f"ExpenseReport{did}" for did in ("Submitted", "Approved", "Rejected", "Paid")]},
    ),
    (
        "webhook delivery: accept events from services, deliver to customer urls with retries, at least once",
        {"tables": ["customer url"], "fields": ["name", "created_at"]},
    ),
    ("electronic health records kept for 30 years", {"tables": ["health record"]}),
    (
        "smart meters: 2 million households, a reading every 15 minutes",
        {"workload.records": 2e6, "workload.users": None, "workload.writes": 2e6 / 900},
    ),
    ("document signing: upload a contract, invite signers, each signs once", {"tables": ["contract", "signer"]}),
    (
        "a gym app, members book classes of at most 12",
        {
            "invariants": [
                ("at-most", ("class session",), 12),
                ("unique", ("class session", "participant"), None),
            ]
        },
    ),
    ("a blog with posts and tags stored as json documents, search", {"documents": ["tag"], "views": ["tag search"]}),
    (
        "100k devices sending 1 KB every minute",
        {"workload.writes": 100e3 / 60, "workload.record": 1000.0, "workload.records": 100e3},
    ),
    ("track orders for minus five users", {"workload.users": None}),
    ("10,000 users upload 5 TB a day", {"workload.record": 500.0}),
    ("cold chain: 15,000 sensors, temperature each minute", {"workload.writes": 250.0}),
    ("a parcel service: 2 million parcels a day, each scanned about 6 times", {"workload.writes": 12e6 / 86_400}),
    ("podcasts: 5,000 shows, episodes of 50 MB", {"records": {"show": 5e3}, "workload.record": 50e6}),
    (
        "an airline booking system with 300 seats per flight",
        {
            "tables": ["flight", "reservation"],
            "invariants": [("at-most", ("flight",), 300), ("unique", ("flight", "seat"), None)],
        },
    ),
    (
        "a helpdesk where agents answer tickets; tickets have tags, attachments and notes",
        {"tables": ["ticket"], "fields": ["tags", "attachments", "notes", "created_at"]},
    ),
    (
        "citizens report potholes with photos, the city assigns and fixes them",
        {"tables": [], "events": ["PotholeReported", "PotholeAssigned", "PotholeFixed"]},
    ),
    (
        "loan applications are submitted, scored, approved or rejected",
        {"tables": [], "aggregates": ["LoanApplication"]},
    ),
    (
        "parking permits for a city: residents apply, officers approve, valid for 1 year",
        {"aggregates": ["Permit"], "tables": [], "workload.retention": None},
    ),
    (
        "patients are admitted, transferred and discharged",
        {"events": [f"Patient{did}" for did in ("Admitted", "Transferred", "Discharged")]},
    ),
    (
        "personal finance: import bank transactions, categorise them, budgets",
        {"tables": ["bank transaction", "budget"]},
    ),
    ("a flash-sale of 2,000 sneakers, never oversell", {"tables": ["stock item"]}),
    (
        "sync our Salesforce contacts into Postgres and search them",
        {"existing": [], "overrides": {"engine": "postgresql"}},
    ),
    (
        "connected cars send 2 KB every 5 seconds, 50,000 cars",
        {"workload.writes": 10e3, "workload.record": 2e3},
    ),
    (
        "insurance claims with photos, adjusters assess them, payouts approved by two people",
        {"workload.users": None, "tables": ["insurance claim", "payout"]},
    ),
    ("land registry: parcels and owners", {"tables": ["parcel", "owner"], "aggregates": []}),
    (
        "copy all orders from our MySQL shop into the new search, keep MySQL as it is",
        {"existing": [("mysql", "source")], "overrides": {}},
    ),
    ("store orders, and push them into our Oracle", {"existing": [("oracle", "sink")]}),
    ("payments are loaded into Snowflake", {"existing": [("snowflake", "sink")]}),
    ("a school timetable, no room or teacher double booked", {"tables": ["room", "booking"]}),
    # rules: for each of a parent, and one at a time
    (
        "a hospital tracks beds, a bed can only have one patient at a time, 800 beds",
        {"tables": ["bed", "patient", "assignment"], "invariants": [("no-overlap", ("bed",), None)]},
    ),
    (
        "operating theatre planning, surgeons must not be in two theatres at the same time",
        {"tables": ["surgeon", "theatre", "assignment"], "invariants": [("no-overlap", ("surgeon",), None)]},
    ),
    (
        "school timetable, 40 teachers, 25 rooms, no teacher or room twice at the same time",
        {"invariants": [("no-overlap", ("teacher",), None), ("no-overlap", ("room",), None)]},
    ),
    ("a conference app where 3000 attendees vote and comment at the same time", {"invariants": []}),
    (
        "at most 30 visitors per room, 12 rooms",
        {"tables": ["room", "visitor"], "invariants": [("at-most", ("room",), 30)], "series": []},
    ),
    (
        "a museum wants timed entry, at most 30 visitors per room",
        {"invariants": [("at-most", ("entry",), 30), ("unique", ("entry", "participant"), None)], "series": []},
    ),
    (
        "airline booking, 300 seats per flight, no overbooking",
        {"tables": ["flight", "reservation"]},
    ),
    # what is there already, without a product's name
    (
        "keep our existing insurance system, add a claims portal for 200 adjusters",
        {"tables": ["claim"], "services": [("insurance system", True)]},
    ),
    ("an order system, 500 orders a day; the CRM stays", {"aggregates": ["Order"], "services": [("CRM", True)]}),
    ("replace our legacy billing system, 20k invoices a month", {"tables": ["invoice"], "services": []}),
    ("migrate from our old order system to a new one, 3000 orders a day", {"services": []}),
    # so much from each of so many
    (
        "120 turbines sending 200 signals each, once a second",
        {"workload.writes": 24_000, "workload.records": 24_000, "key": "turbine", "values": ["signal", "value"]},
    ),
    ("120 turbines sending 200 signals each every second", {"workload.writes": 24_000, "key": "turbine"}),
    ("100k water leak sensors, send once per hour", {"workload.writes": 100_000 / HOUR}),
    ("each device sends 40 MB a day, 500 devices", {"workload.writes": 500 * 40e6 / 50 / DAY}),
    ("cameras upload 2 GB per day each, 300 of them", {"workload.writes": 300 * 2e9 / 500 / DAY}),
    ("app telemetry, 5 MB per user per day, 20k users", {"workload.writes": 20_000 * 5e6 / 50 / DAY}),
    ("log storage, 200 servers, each writes 3 GB a day", {"workload.writes": 200 * 3e9 / 300 / DAY}),
    # who does what, and what is only looked at
    (
        "we admit patients, transfer them between wards and discharge them",
        {"events": ["PatientAdmitted", "PatientTransferred", "PatientDischarged"]},
    ),
    (
        "insurance claims: customers report damage, an adjuster assesses, we pay or deny",
        {
            "events": [
                "InsuranceClaimReported",
                "InsuranceClaimAssessed",
                "InsuranceClaimPaid",
                "InsuranceClaimDenied",
            ]
        },
    ),
    ("leave requests are submitted, approved or rejected", {"aggregates": ["LeaveRequest"]}),
    (
        "returns in an e-shop, we refund, 300 returns a day",
        {"workload.writes": 300 / DAY, "aggregates": ["Order", "Payment"]},
    ),
    (
        "newspaper website, 400 articles a day, 20 million page views per day",
        {"workload.writes": 400 / DAY, "workload.reads": 20e6 / DAY, "series": []},
    ),
    ("contracts signed by both parties, audit trail kept 10 years", {"tables": ["audit entry", "contract", "party"]}),
    (
        "lab results, doctors must see results within 1 minute",
        {"tables": ["lab result"], "freshness": 60, "latency.read": None},
    ),
    ("a fraud check on card payments, decide in 50 ms", {"latency.read": 0.05}),
    ("support tickets with priority, escalate after 4 hours", {"fields": ["priority", "created_at"]}),
    ("standing orders, 2 million a month, paid by card payment", {"aggregates": ["Payment"]}),
    # what only looks like a rule, a party or a sender
    (
        "process one message at a time per conversation, a chat for 5k users",
        {"tables": ["conversation", "participant"]},
    ),
    ("a database of legacy software products", {"documents": ["product"], "services": []}),
    (
        "our current database is Oracle and stays, orders 3k a day",
        {"services": [], "existing": [("oracle", "source")]},
    ),
    ("10 orders per customer per month, 50k customers", {"workload.writes": 500_000 / MONTH}),
    ("each sensor has 3 channels and sends 20 bytes every minute, 40k sensors", {"workload.writes": 40_000 / MINUTE}),
    (
        "a support desk, each agent handles max 5 tickets at once, 300 tickets a day",
        {"tables": ["ticket"], "invariants": [("at-most", ("agent",), 5)]},
    ),
    # consistency, and where is written
    ("orders, writes in two regions", {"availability.writes_in": "every region", "availability.regions": 2}),
    ("orders in the EU, the US and Asia, writes in all regions", {"availability.regions": 3}),
    ("we have 2 data centers and write to both, 20k orders a day", {"availability.writes_in": "every region"}),
    ("orders in two regions, writes in one region", {"availability.writes_in": "one region"}),
    ("orders, 10^4 per day", {"workload.writes": 10_000 / DAY}),
    ("orders, 10^30 per second", {"workload.writes": 5}),
    # limits are no rates, and what machines send is a series
    ("video appointments with doctors, max 12 appointments per doctor per day", {"workload.writes": 0.05}),
    ("kindergarten groups, 14 groups with max 20 children each", {"invariants": [("at-most", ("group",), 20)]}),
    (
        "city parking: permits per resident, max 2 permits per household",
        {"invariants": [("at-most", ("household",), 2)]},
    ),
    ("wind farm, 40 turbines x 500 tags @ 1Hz", {"workload.writes": 20_000, "key": "turbine"}),
    (
        "heat pumps send 4 KB every 30s, 150k of them",
        {"workload.writes": 5000, "workload.record": 4000, "key": "pump", "tables": []},
    ),
    ("5,000 buses transmit fuel level each 20 seconds", {"workload.writes": 250, "key": "bus"}),
    ("gas meter readings once a day from 1.2 million meters", {"workload.writes": 1.2e6 / DAY}),
    ("orders with a backup once a day", {"workload.writes": 5}),
    (
        "claims with documents up to 20 MB, 5000 a month",
        {"workload.records": None, "fields": ["documents", "created_at"]},
    ),
    (
        "expense reports: employees submit receipts, manager approves",
        {"events": ["ExpenseReportSubmitted", "ExpenseReportApproved"], "tables": ["receipt"]},
    ),
    ("documents are filed, stamped and served", {"events": ["DocumentFiled", "DocumentStamped", "DocumentServed"]}),
    (
        "we use mongodb today and want to move to postgres, orders 2k per day",
        {"existing": [], "aggregates": ["Order"]},
    ),
    ("a loan must not be funded more than 100%, lenders fund loans", {"workload.growth": None}),
    (
        "items with pictures, others search by category, in a flea market app",
        {"tables": ["listing", "offer"], "views": ["listing search"], "series": []},
    ),
    ("online exams, answers saved, graded afterwards", {"tables": ["exam", "answer"]}),
    (
        "food delivery, 40k deliveries/day, track couriers live",
        {"aggregates": ["Order"], "series": ["reading"], "key": "driver"},
    ),
    (
        "bank: transfer money between accounts, audit everything",
        {"tables": ["account", "transfer", "entry", "audit entry"]},
    ),
    ("warehouse robots report position 10 times a second, 400 robots", {"series": ["reading"], "key": "robot"}),
    ("a classifieds site with photos", {"tables": ["listing", "offer"]}),
    ("flea market app", {"tables": ["listing", "offer"], "views": []}),
    ("auction marketplace for cars", {"tables": ["lot", "bid"]}),
    ("marketplace with orders", {"tables": ["listing"], "aggregates": ["Order"]}),
    (
        "A marketplace for second-hand books with search and escrow payments",
        {"tables": ["listing", "offer"], "aggregates": ["Payment"], "views": ["listing search"]},
    ),
    ("orders with search and payments", {"aggregates": ["Order", "Payment"], "views": ["order search"]}),
    (
        "inventory reservations and flight reservations with a dashboard",
        {"tables": ["stock item", "reservation", "flight"]},
    ),
    ("gps metering with monthly invoices", {"series": ["reading", "usage"], "workload.retention": 34_187_400}),
    ("news push to 3M devices", {"tables": ["campaign", "delivery"], "series": [], "workload.records": 3e6}),
    ("push breaking news to the phones of 2M readers", {"tables": ["campaign", "delivery"], "series": []}),
]


@pytest.mark.parametrize(("sentence", "expected"), CASES, ids=[c[0][:60] for c in CASES])
def test_a_sentence_is_read_as_its_author_meant_it(sentence: str, expected: dict[str, Any]) -> None:
    found = intake(sentence)
    got = {path: seen(found, path) for path in expected}
    assert {p: pytest.approx(v, rel=1e-3) if isinstance(v, float | int) else v for p, v in expected.items()} == got


def seen(of: Requirements, path: str) -> Any:
    """The value at a path; of constructs, their names."""
    domain = of.domain
    tables = [*domain.tables, *(t for s in domain.services for t in s.holds)]
    special: dict[str, Any] = {
        "events": lambda: [e.name for a in domain.aggregates for e in a.events],
        "key": lambda: domain.series[0].key.name,
        "values": lambda: [v.name for v in domain.series[0].values],
        "range": lambda: domain.series[0].range,
        "rollups": lambda: domain.series[0].rollups,
        "steps": lambda: [s.name for saga in domain.sagas for s in saga.steps],
        "window": lambda: domain.streams[0].window,
        "ordered_by": lambda: domain.aggregates[0].ordered_by,
        "invariants": lambda: [(i.kind, i.fields, i.limit) for t in tables for i in t.invariants],
        "fields": lambda: [f.name for t in tables for f in t.fields],
        "services": lambda: sorted(
            ((s.name, s.external) for s in domain.services), key=lambda s: (s[1], s[0] != "payments")
        ),
        "records": lambda: {t.name: t.workload.records for t in tables if t.workload},
        "existing": lambda: [(e.name, e.role) for e in of.existing],
    }
    if path in special:
        return special[path]()
    if hasattr(domain, path):
        return [item.name for item in getattr(domain, path)]
    value: Any = of
    for part in path.split("."):
        value = getattr(value, part)
    return value


def test_an_order_system_keeps_its_history_a_search_and_an_analytics_view() -> None:
    found = intake("Build an order tracking system that keeps a search index and analytics dashboard in sync")
    (order,) = found.domain.aggregates
    assert order.name == "Order"
    assert [(e.name, e.after, e.state) for e in order.events] == [
        ("OrderPlaced", (), "placed"),
        ("OrderShipped", ("placed",), "shipped"),
        ("OrderDelivered", ("shipped",), "delivered"),
        ("OrderCancelled", ("placed",), "cancelled"),
    ]
    assert [(v.kind, v.sources) for v in found.domain.views] == [("search", ("Order",)), ("analytics", ("Order",))]
    assert nothing_but(found, "aggregates", "views")
    assert (found.name, found.language, found.profile, found.overrides) == ("order tracking", "python", "embedded", {})


def test_sensor_readings_are_a_series_by_sensor() -> None:
    found = intake("I need to ingest millions of sensor readings per second with range queries by time")
    (series,) = found.domain.series
    assert (series.key.name, [v.name for v in series.values]) == ("sensor", ["value"])
    assert series.range is not None
    assert found.workload.writes == 2_000_000
    assert found.workload.retention == 30 * DAY
    assert found.workload.reads == 10
    assert "two" in found.reasons["workload.writes"]
    assert found.reasons["workload.retention"].startswith("assumed: ")
    assert nothing_but(found, "series")


def test_payment_and_inventory_are_two_services_in_a_saga() -> None:
    found = intake("Coordinate a payment and inventory reservation across two services")
    (saga,) = found.domain.sagas
    assert [(s.name, s.service, s.compensation) for s in saga.steps] == [
        ("reserve stock", "inventory", "release stock"),
        ("charge payment", "payments", "refund payment"),
        ("confirm reservation", "inventory", None),
    ]
    assert all(s.timeout and s.retries for s in saga.steps)
    services = {s.name: s for s in found.domain.services}
    assert {n for n, s in services.items() if not s.external} == {"payments", "inventory"}
    assert services["payment provider"].external
    assert services["payments"].through == "payment provider"
    assert [t.name for t in services["inventory"].holds] == ["stock item"]
    assert nothing_but(found, "sagas", "services")


def test_a_meeting_room_calendar_is_two_tables_and_nothing_else() -> None:
    found = intake("a meeting-room calendar for 40 users, no double booking")
    room, booking = found.domain.tables
    assert (room.name, booking.name, found.workload.users) == ("room", "booking", 40)
    assert [(i.kind, i.fields, i.period) for i in booking.invariants] == [("no-overlap", ("room",), "during")]
    assert "no double booking" in found.reasons["domain.tables.booking.invariants.0"]
    assert nothing_but(found, "tables")
    assert (found.freshness, found.overrides, found.existing) == (None, {}, ())


def nothing_but(of: Requirements, *kinds: str) -> bool:
    return all(bool(getattr(of.domain, kind)) == (kind in kinds) for kind in of.domain.__struct_fields__)


def test_what_is_to_be_done_once_with_what_somebody_has_is_no_system() -> None:
    for task in ("translate my documents", "please summarize these meeting notes", "fix my code"):
        with pytest.raises(Mistake, match="there is no system"):
            intake(task)


def test_totals_by_what_nothing_has_are_told() -> None:
    found = intake("Payments with a dashboard per bank branch")
    assert "“per bank”" in found.reasons["summary"]
    assert "per method" not in intake("Payments with a dashboard per method").reasons.get("summary", "")


def test_several_of_something_are_many() -> None:
    (ticket,) = intake("a helpdesk where agents answer tickets; tickets have tags and notes").domain.tables
    assert {f.name: f.many for f in ticket.fields} == {"tags": True, "notes": False, "created_at": False}


def test_only_paid_orders_ship() -> None:
    order = aggregate(intake("Order tracking where only paid orders ship"), "Order")
    assert {e.name: e.after for e in order.events}["OrderShipped"] == ("paid",)
    assert "OrderPaid" in {e.name for e in order.events}


def test_what_ends_an_unknown_thing_may_follow_each_open_state() -> None:
    invoice = aggregate(intake("users submit, approve, reject and pay invoices"), "Invoice")
    assert {e.name: e.after for e in invoice.events} == {
        "InvoiceSubmitted": (),
        "InvoiceApproved": ("submitted",),
        "InvoiceRejected": ("submitted", "approved"),
        "InvoicePaid": ("approved",),
    }


def test_a_unique_field_comes_to_the_table_of_its_people() -> None:
    customer = table(intake("order tracking with unique email for each customer"), "customer")
    assert {f.name: f.unique for f in customer.fields} == {"name": False, "email": True}


def test_a_draft_says_that_it_is_one() -> None:
    reasons = intake("a library system with books, members and loans").reasons
    assert all("draft" in reasons[f"domain.tables.{name}"] for name in ("book", "member", "loan"))


def test_what_varies_in_shape_is_a_document_by_what_it_is_looked_up_by() -> None:
    found = intake(
        "A CMS that stores articles as JSON documents of varying shape, looked up by slug; authors too"
    ).domain
    assert [(d.name, [f.name for f in d.fields], [a.by for a in d.access]) for d in found.documents] == [
        ("article", ["slug"], [("slug",)])
    ]
    assert "article" not in {t.name for t in found.tables}


def test_types_are_told_from_the_names_of_fields() -> None:
    patient = table(intake("Patients with name, date of birth and blood type in a registry"), "patient")
    assert {f.name: f.type for f in patient.fields} == {
        "name": "text", "date_of_birth": "date", "blood_type": "text", "created_at": "timestamp",
    }  # fmt: skip


@pytest.mark.parametrize(
    "sentence",
    [
        "orders, strong consistency, writes in two regions under 10 ms",
        "hotel booking, strongly consistent, writes in both regions, answers within 5 ms",
    ],
)
def test_one_order_of_what_is_written_everywhere_takes_a_round_trip(sentence: str) -> None:
    with pytest.raises(Mistake, match=r"contradicts itself: .* “writes in one region”; or “writes within 80 ms”"):
        intake(sentence)


def test_consistency_is_that_of_tables() -> None:
    assert table(intake("a notes table for 20 users, linearizable"), "note").consistency == "strong"
    assert table(intake("a register of guests, eventual consistency is fine"), "guest").consistency == "eventual"
    assert "summary" not in intake("orders, strongly consistent").reasons
    assert "“strongly consistent”" in intake("sensor data, strongly consistent").reasons["summary"]


def test_the_engine_that_is_left_is_not_the_engine() -> None:
    found = intake("we use mongodb today and want to move to postgres, orders 2k per day")
    assert dict(found.overrides) == {"engine": "postgresql"}


def test_a_few_of_what_is_kept_are_understood() -> None:
    assert "summary" not in intake("a hospital tracks beds and wards, 12 wards, 800 beds").reasons


def test_what_was_not_understood_is_said() -> None:
    assert "10 MB" in intake("a chat app, attachments up to 10 MB").reasons["summary"]


@pytest.mark.parametrize(
    ("sentence", "left_out"),
    [
        ("-5 orders per second", "5 orders per second"),
        ("0 orders per day", "0 orders per day"),
        ("orders kept for 900000 years", "900000 years"),
        ("orders with 500 GB of RAM", "500 GB"),
    ],
)
def test_what_cannot_be_meant_is_left_out_and_said(sentence: str, left_out: str) -> None:
    found = intake(sentence)
    assert left_out in found.reasons["summary"]
    assert found.reasons["workload.writes"].startswith("assumed: ")


@pytest.mark.parametrize(
    "sentence,left_out",
    [
        ("timesheets for 200 consultants with weekly invoices", "“weekly invoices”"),
        ("smart meters, bill monthly", "“bill monthly”"),
        ("a ledger, closed every quarter", "“closed every quarter”"),
        ("orders, always available", "“always available”"),
        ("a library where members borrow books, at most 5 at a time", "“at most 5 at a time”"),
        ("gym: members check in, max 80 people inside at once", "“max 80 people inside at once”"),
        ("payroll for 15k employees, must not pay twice", "“not pay twice”"),
        ("shift plans for a hospital, no two nurses on the same shift", "“no two nurses on the same shift”"),
        ("a notary register, entries immutable, numbered without gaps", "“immutable”; “without gaps”"),
        ("affiliate links, conversions, no double counting", "“no double counting”"),
        (
            "two people cannot edit the same page at the same time, a wiki",
            "“two people cannot edit the same page at the same time”",
        ),
        ("timesheets for 800 consultants, weekly", "“weekly”"),
        ("video appointments, max 12 appointments per doctor per day", "“at most 12 appointments per doctor per day”"),
        ("restaurant reservations, max 80 guests per evening", "“at most 80 per evening”"),
    ],
)
def test_what_is_to_happen_regularly_and_does_not_is_said(sentence: str, left_out: str) -> None:
    assert left_out in intake(sentence).reasons["summary"]


@pytest.mark.parametrize(
    "sentence",
    [
        "build a system",
        "write me a poem about databases",
        "Wir brauchen ein System für Rechnungen",
        "0 writes per second",
    ],
)
def test_where_no_system_is_asked_for_none_is_made_up(sentence: str) -> None:
    with pytest.raises(Mistake, match="no system in this request"):
        intake(sentence)


def test_what_is_asked_for_and_not_there_is_said() -> None:
    found = intake("Coordinate payments and inventory with compensation, and a dashboard")
    assert found.domain.sagas
    assert "dashboard" in found.reasons["summary"]


def test_every_value_has_its_reason() -> None:
    found = intake("orders in three regions, p99 under 50 ms, 50k orders/day")
    for part in ("workload", "latency", "availability"):
        for key in getattr(found, part).__struct_fields__:
            given = getattr(getattr(found, part), key)
            assert given in (None, 99.0) or found.reasons[f"{part}.{key}"]
    assert found.reasons["workload.writes"] == "said: “50k orders/day”"


@pytest.mark.parametrize(
    "request_",
    ["", "   ", "hello", "make me a sandwich", "?!", "42", "what can you do", "thanks, bye", "build", "ну", "a", "💥"],
)
def test_where_no_system_is_asked_for_it_is_said_what_to_say(request_: str) -> None:
    with pytest.raises(Mistake, match="there is no system in this request: say what it keeps"):
        intake(request_)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("Build an order system", "generate"),
        ("I'd like you to design and build a ledger", "generate"),
        ("creating a chat app", "generate"),
        ("Generates the code for payments", "generate"),
        ("scaffold it", "generate"),
        ("implemented a booking system please", "generate"),
        ("review my code", "review"),
        ("Please audit this repository", "review"),
        ("checking src/", "review"),
        ("improve the consumer", "review"),
        ("critique our schema", "review"),
        ("give me a review", "review"),
        ("Build a code review tool", "generate"),
        ("check the design of our tables", "review"),
        ("the audit table must be created", "generate"),
        ("build or review this", None),
        ("create and check it", None),
        ("hello", None),
        ("", None),
        ("a checkout for our web shop", None),
        ("a website builder", None),
    ],
)
def test_the_first_verb_decides_what_is_done(request_: str, expected: str | None) -> None:
    assert mode(request_) == expected


def aggregate(of: Requirements, name: str) -> Aggregate:
    return next(a for a in of.domain.aggregates if a.name == name)


def table(of: Requirements, name: str) -> Table:
    return next(t for t in of.domain.tables if t.name == name)


def test_a_frequency_is_that_of_one_of_those_who_send() -> None:
    for said in ("telemetry of 250 robots at 10 Hz", "robots: telemetry at 10 Hz, 250 robots"):
        found = intake(said)
        assert found.workload.writes == 2_500
        assert found.workload.records is None and "left out" not in found.reasons.get("summary", "")


def test_what_comes_round_after_months_is_no_rate() -> None:
    found = intake("a dental clinic with 20,000 patients and recalls every 6 months")
    assert found.reasons["workload.writes"].startswith("assumed")
    assert "recalls every 6 months" in found.reasons["summary"]


def test_always_consistent_and_available_in_several_regions_is_answered() -> None:
    with pytest.raises(Mistake, match=r"in 3 regions contradicts itself.*writes in one region"):
        intake("A bank ledger that is always consistent and available in 3 regions")
    assert intake("A bank ledger that is always consistent and available").availability.regions == 1


def test_what_one_after_the_other_does_to_a_thing_is_its_life() -> None:
    found = intake("Food delivery: customers place orders, restaurants accept them, couriers deliver them")
    events = {e.name: e.after for e in found.domain.aggregates[0].events}
    assert events["OrderAccepted"] == ("placed",)
    assert "accepted" in events["OrderShipped"]


def test_a_report_has_the_dimension_that_it_is_asked_for_by() -> None:
    (job,) = intake("Email marketing with a daily report per campaign of opens and clicks").domain.batches
    assert (job.by, job.measures) == (("campaign", "action"), ("count",))
    (view,) = intake("Email clicks with a dashboard per campaign").domain.views
    assert "campaign" in view.dimensions


def test_what_is_posted_has_its_name() -> None:
    found = intake("A microblog with a feed, where users post tweets and follow each other")
    assert [t.name for t in found.domain.tables] == ["tweet"]
    assert found.domain.views[0].sources == ("tweet",)
