"""Topics, the connector that captures the event store, the registry's rules, and the search index, under ``deploy/``.

Options are those of Debezium 3 (its PostgreSQL connector and outbox event router), Kafka 4 (topic configuration, as a
Strimzi resource), Confluent's Schema Registry (compatibility levels) and Elasticsearch 8 (mapping).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from datakeel import naming
from datakeel.decision import Design
from datakeel.mistake import Mistake
from datakeel.requirements import Aggregate
from datakeel.write.contribution import Contribution
from datakeel.write.derived import Column, Derived, derived
from datakeel.write.project import File, rendered
from datakeel.write.targets.copies.shape import Copy, copies

ORDER = 90
PARTS = frozenset({"cluster-configuration"})
HERE = Path(__file__).parent

REPLICAS = 3  # one may fail while another is being replaced
IN_SYNC = 2
PARTITIONS = 8  # where no decision says how many
WEEK = 7 * 86_400_000  # milliseconds that the log keeps: the event store is the record, not the topic

KEYWORD: dict[str, object] = {"type": "keyword"}
TYPES: dict[str, dict[str, object]] = {
    "uuid": {"type": "keyword"},
    "text": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 256}}},
    "text[]": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 256}}},
    "bigint": {"type": "long"},
    "integer": {"type": "integer"},
    "numeric": {"type": "double"},
    "boolean": {"type": "boolean"},
    "date": {"type": "date"},
    "timestamptz": {"type": "date"},
    "jsonb": {"type": "object", "enabled": False},
}


def contribution(design: Design) -> Contribution:
    """Raises Mistake where a product is decided for whose files nobody writes."""
    products = design.products()
    missing = sorted(products - written(design))
    if missing:
        raise Mistake(
            f"the decisions lead to {', '.join(missing)} in production, and this version of datakeel does not write "
            "the files of that; `datakeel design` prints the decisions and at which figure they flip"
        )
    return Contribution(files=tuple(files(design, products)))


def written(design: Design) -> frozenset[str]:
    """The products whose files are written: here, and by the target of time series."""
    domain = design.requirements.domain
    return frozenset(
        product
        for product, there in (
            ("kafka", domain.aggregates),
            ("debezium", domain.aggregates),
            ("elasticsearch", domain.aggregates or any(c.kind == "search" for c in copies(design))),
            ("cassandra", domain.series),
        )
        if there
    )


def files(design: Design, products: frozenset[str]) -> Iterator[File]:
    name = design.requirements.name
    system = naming.kebab(name)
    aggregates = design.requirements.domain.aggregates
    elastic = "elasticsearch" in products
    searched = [v for v in derived(design.requirements) if v.kind == "search"] if elastic else []
    copied = [c for c in copies(design) if c.kind == "search"] if elastic else []
    topics = [{"resource": f"{system}.{naming.kebab(a.name)}", "name": topic(system, a)} for a in aggregates]
    if "kafka" in products:
        partitions = int(design.size("log.partitions") or PARTITIONS)
        values = {"topics": topics, "partitions": partitions, "replicas": REPLICAS, "in_sync": IN_SYNC, "kept": WEEK}
        yield from rendered(HERE / "templates", values, ["deploy/kafka/topics.yaml.jinja"])
    if "debezium" in products:
        yield data("deploy/debezium/connector.json", connector(system))
        yield data("deploy/schema-registry/subjects.json", subjects(system, naming.snake(name), aggregates))
    for view in searched:
        yield data(f"deploy/elasticsearch/{naming.kebab(view.table)}.json", index(view))
    for copy in copied:
        yield data(f"deploy/elasticsearch/{naming.kebab(copy.table)}.json", index_of_rows(copy))
    if aggregates or copied:
        values = {
            "topics": topics,
            "searched": searched,
            "copied": copied,
            "products": sorted(products),
            "system": system,
        }
        yield from rendered(HERE / "templates", values, ["deploy/production.md.jinja"])


def topic(system: str, aggregate: Aggregate) -> str:
    return f"{system}.{naming.snake(aggregate.name)}"  # as the event store names it, and the connector routes


def data(path: str, content: object) -> File:
    return File(path, json.dumps(content, indent=2) + "\n")


def connector(system: str) -> dict[str, object]:
    """Change capture of the event store: each row becomes a message of its aggregate's topic, its key the aggregate's
    id, so that what happens to one stays in order."""
    router = "transforms.outbox"
    return {
        "name": f"{system}-events",
        "config": {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "plugin.name": "pgoutput",
            "database.hostname": "${env:DATABASE_HOST}",
            "database.port": "5432",
            "database.user": "${env:CAPTURE_USER}",
            "database.password": "${env:CAPTURE_PASSWORD}",
            "database.dbname": "${env:DATABASE_NAME}",
            "topic.prefix": system,
            "slot.name": f"{system.replace('-', '_')}_events",
            "publication.name": f"{system.replace('-', '_')}_events",
            "publication.autocreate.mode": "filtered",
            "table.include.list": "public.events",
            "snapshot.mode": "initial",
            "tombstones.on.delete": "false",
            "heartbeat.interval.ms": "10000",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "io.debezium.converters.BinaryDataConverter",
            "transforms": "outbox",
            f"{router}.type": "io.debezium.transforms.outbox.EventRouter",
            f"{router}.table.field.event.id": "event_id",
            f"{router}.table.field.event.key": "stream_id",
            f"{router}.table.field.event.payload": "data",
            f"{router}.route.by.field": "aggregate",
            f"{router}.route.topic.replacement": f"{system}.${{routedByValue}}",
            f"{router}.table.fields.additional.placement": (
                "type:header:type,schema_version:header:schema_version,version:header:version,"
                "correlation_id:header:correlation_id"
            ),
            f"{router}.table.op.invalid.behavior": "fatal",
        },
    }


def subjects(system: str, package: str, aggregates: tuple[Aggregate, ...]) -> dict[str, object]:
    """What the registry is told of each event: a reader of today must be able to read what was written before."""
    return {
        f"{topic(system, aggregate)}-{naming.pascal(event.name)}": {
            "schemaType": "AVRO",
            "compatibility": "BACKWARD_TRANSITIVE",
            "schema": f"src/{package}/schemas/{naming.pascal(event.name)}.1.avsc",
        }
        for aggregate in aggregates
        for event in aggregate.events
    }


def index(view: Derived) -> dict[str, object]:
    """Elasticsearch's index behind a view. A document's id is the aggregate's, its version the stream's (external), so
    that a message that comes late or twice changes nothing."""
    return {
        "aliases": {naming.kebab(view.table): {}},
        "settings": {"number_of_shards": 1, "number_of_replicas": 1},
        "mappings": {
            "dynamic": "strict",
            "properties": {view.key: {"type": "keyword"}, **{c.name: mapped(c) for c in view.columns}},
        },
    }


def index_of_rows(copy: Copy) -> dict[str, object]:
    """Elasticsearch's index behind a copy of rows. A document's id is the row's."""
    of_list = {"type": "text"}
    properties = {
        c.name: of_list
        if c.words and c.sql.startswith("jsonb")
        else TYPES.get(c.sql.removesuffix(" NOT NULL"), KEYWORD)
        for c in copy.columns
    }
    return {
        "aliases": {naming.kebab(copy.table): {}},
        "settings": {"number_of_shards": 1, "number_of_replicas": 1},
        "mappings": {"dynamic": "strict", "properties": {"id": KEYWORD, **properties}},
    }


def mapped(column: Column) -> dict[str, object]:
    return TYPES.get(column.sql.removesuffix(" NOT NULL"), KEYWORD)
