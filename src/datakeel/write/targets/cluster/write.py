"""Topics, the connectors that capture the event store and rows, the registry's rules, and the search index, under
``deploy/``.

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
from datakeel.write.targets.copies.shape import Copy, Source, copies, sources

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
            "the files of that; `datakeel design` prints the decisions and at which figure they flip. With "
            "`profile: embedded`, and no override that names it, a stream job is written to a scale"
        )
    return Contribution(files=tuple(files(design, products)))


def written(design: Design) -> frozenset[str]:
    """The products whose files are written: here, and by the target of time series."""
    domain = design.requirements.domain
    logged = domain.aggregates or captured(design)
    return frozenset(
        product
        for product, there in (
            ("kafka", logged),
            ("debezium", logged),
            ("elasticsearch", domain.aggregates or any(c.kind == "search" for c in copies(design))),
            ("cassandra", domain.series),
        )
        if there
    )


def captured(design: Design) -> tuple[Source, ...]:
    """The rows whose changes leave the database: those that are copied; where nothing else is captured, those that
    views are over, or all."""
    copied = {copy.source.shape.source for copy in copies(design)}
    if not copied and not design.requirements.domain.aggregates:
        copied = {source for view in design.requirements.domain.views for source in view.sources}
        copied = copied or {name for name, _ in sources(design)}
    return tuple(source for name, source in sources(design) if name in copied)


def files(design: Design, products: frozenset[str]) -> Iterator[File]:
    name = design.requirements.name
    system = naming.kebab(name)
    aggregates = design.requirements.domain.aggregates
    elastic = "elasticsearch" in products
    searched = [v for v in derived(design.requirements) if v.kind == "search"] if elastic else []
    copied = [c for c in copies(design) if c.kind == "search"] if elastic else []
    topics = [{"resource": f"{system}.{naming.kebab(a.name)}", "name": topic(system, a)} for a in aggregates]
    rows = captured(design) if "debezium" in products else ()
    tables = [
        {"resource": f"{system}.{naming.kebab(r.shape.table)}", "name": f"{system}.public.{r.shape.table}"}
        for r in rows
    ]
    if "kafka" in products:
        partitions = int(design.size("log.partitions") or PARTITIONS)
        values = {"topics": topics, "tables": tables, "partitions": partitions, "replicas": REPLICAS}
        values |= {"in_sync": IN_SYNC, "kept": WEEK}
        yield from rendered(HERE / "templates", values, ["deploy/kafka/topics.yaml.jinja"])
    if rows:
        yield data("deploy/debezium/rows.json", connector_of_rows(system, rows))
    if "debezium" in products and aggregates:
        yield data("deploy/debezium/connector.json", connector(system))
        yield data("deploy/schema-registry/subjects.json", subjects(system, naming.snake(name), aggregates))
    for view in searched:
        yield data(f"deploy/elasticsearch/{naming.kebab(view.table)}.json", index(view))
    for copy in copied:
        yield data(f"deploy/elasticsearch/{naming.kebab(copy.table)}.json", index_of_rows(copy))
    if aggregates or copied or rows:
        values = {
            "topics": topics,
            "tables": tables,
            "captured": rows,
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
            **reading(system, "events", "public.events"),
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


def reading(system: str, what: str, tables: str) -> dict[str, object]:
    """The options of a connector that has a slot and a publication of its own."""
    own = f"{system.replace('-', '_')}_{what}"
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "database.hostname": "${env:DATABASE_HOST}",
        "database.port": "5432",
        "database.user": "${env:CAPTURE_USER}",
        "database.password": "${env:CAPTURE_PASSWORD}",
        "database.dbname": "${env:DATABASE_NAME}",
        "topic.prefix": system,
        "slot.name": own,
        "publication.name": own,
        "publication.autocreate.mode": "filtered",
        "table.include.list": tables,
        "snapshot.mode": "initial",
    }


def connector_of_rows(system: str, rows: tuple[Source, ...]) -> dict[str, object]:
    """Change capture of rows: the topic of a table has the last state of each by its id, and a tombstone for one that
    is gone."""
    plain = "org.apache.kafka.connect.json.JsonConverter"
    return {
        "name": f"{system}-rows",
        "config": {
            **reading(system, "rows", ",".join(f"public.{r.shape.table}" for r in rows)),
            "tombstones.on.delete": "true",
            "heartbeat.interval.ms": "10000",
            "key.converter": plain,
            "key.converter.schemas.enable": "false",
            "value.converter": plain,
            "value.converter.schemas.enable": "false",
            "transforms": "unwrap",
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.unwrap.delete.tombstone.handling.mode": "tombstone",
            "transforms.unwrap.add.headers": "op,lsn",
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
