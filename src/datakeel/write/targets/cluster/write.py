"""Topics, the connectors that capture the event store and rows, the registry's rules, and the search index, under
``deploy/``.

Options are those of Debezium 3 (its PostgreSQL connector and outbox event router), Kafka 4 (topic configuration, as a
Strimzi resource), Confluent's Schema Registry (compatibility levels) and Elasticsearch 8 (mapping).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from datakeel import naming
from datakeel.decision import Design
from datakeel.mistake import Mistake
from datakeel.requirements import Aggregate, Existing
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
    logged = domain.aggregates or captured(design) or followed(design)
    return frozenset(
        product
        for product, there in (
            ("kafka", logged),
            ("debezium", logged),
            ("elasticsearch", domain.aggregates or any(c.kind == "search" for c in copies(design))),
            ("cassandra", domain.series),
            ("timescaledb", domain.series),
        )
        if there
    )


def captured(design: Design) -> tuple[Source, ...]:
    """The rows whose changes leave the database: those that are copied; where nothing else is captured, those that
    views are over, or all."""
    copied = {copy.source.shape.source for copy in copies(design)}
    asked = not followed(design) or {"log", "cdc"} & design.requirements.overrides.keys()
    if not copied and not design.requirements.domain.aggregates and asked:
        copied = {source for view in design.requirements.domain.views for source in view.sources}
        copied = copied or {name for name, _ in sources(design)}
    return tuple(source for name, source in sources(design) if name in copied)


def followed(design: Design) -> tuple[Existing, ...]:
    """The systems that stay, and whose changes Debezium reads."""
    return tuple(one for one in design.requirements.existing if one.role == "source" and one.engine in READERS)


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
    if "kafka" in products and (topics or tables):
        partitions = int(design.size("log.partitions") or PARTITIONS)
        values = {"topics": topics, "tables": tables, "partitions": partitions, "replicas": REPLICAS}
        values |= {"in_sync": IN_SYNC, "kept": WEEK}
        yield from rendered(HERE / "templates", values, ["deploy/kafka/topics.yaml.jinja"])
    if rows:
        yield data("deploy/debezium/rows.json", connector_of_rows(system, rows))
    if "debezium" in products and aggregates:
        yield data("deploy/debezium/connector.json", connector(system))
        yield data("deploy/schema-registry/subjects.json", subjects(system, naming.snake(name), aggregates))
        yield from rendered(HERE / "templates", {}, ["deploy/schema-registry/register.py.jinja"])
    for one in followed(design) if "debezium" in products else ():
        yield data(f"deploy/debezium/{naming.kebab(one.name)}.json", connector_of(system, one))
    for view in searched:
        yield data(f"deploy/elasticsearch/{naming.kebab(view.table)}.json", index(view))
    for copy in copied:
        yield data(f"deploy/elasticsearch/{naming.kebab(copy.table)}.json", index_of_rows(copy))
    if aggregates or copied or rows or followed(design):
        values = {
            "topics": topics,
            "tables": tables,
            "captured": rows,
            "followed": [{"name": one.name, "engine": one.engine} for one in followed(design)],
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


def connector_of(system: str, one: Existing) -> dict[str, object]:
    """Change capture of a system that stays, by its own log."""
    name, reader = naming.snake(one.name), READERS[one.engine]
    words = {"system": system, "name": name, "own": f"{name.upper()}_"}
    held = ",".join(f".*[.]{naming.column(table)}" for table in one.holds)
    return {
        "name": f"{system}-{naming.kebab(one.name)}",
        "config": {
            "connector.class": f"io.debezium.connector.{reader.connector}",
            "topic.prefix": f"{system}.{name}",
            **{key: text.format(**words) for key, text in reader.options.items()},
            **({f"{reader.holds}.include.list": held} if held else {}),
            "tombstones.on.delete": "true",
            "heartbeat.interval.ms": "10000",
            "snapshot.mode": "initial",
        },
    }


class Reader(Struct, frozen=True):
    """Debezium's connector for the log of a product, and its options. `holds`: what it calls a table."""

    connector: str
    options: dict[str, str]
    holds: str = "table"


def reached(port: str) -> dict[str, str]:
    """Where a database answers, and as whom its log is read."""
    return {
        "database.hostname": "${{env:{own}HOST}}",
        "database.port": port,
        "database.user": "${{env:{own}CAPTURE_USER}}",
        "database.password": "${{env:{own}CAPTURE_PASSWORD}}",
    }


DATABASE = "${{env:{own}DATABASE}}"
HISTORY = {
    "schema.history.internal.kafka.bootstrap.servers": "${{env:KAFKA}}",
    "schema.history.internal.kafka.topic": "{system}.{name}.schema-history",
}
BINLOG = reached("3306") | {"database.server.id": "184054", "database.include.list": DATABASE} | HISTORY
SLOT = {
    "plugin.name": "pgoutput",
    "database.dbname": DATABASE,
    "slot.name": "{name}_followed",
    "publication.name": "{name}_followed",
    "publication.autocreate.mode": "filtered",
}
MONGODB = {
    "mongodb.connection.string": "${{env:{own}URL}}",
    "mongodb.user": "${{env:{own}CAPTURE_USER}}",
    "mongodb.password": "${{env:{own}CAPTURE_PASSWORD}}",
}
READERS = {
    "mysql": Reader("mysql.MySqlConnector", BINLOG),
    "mariadb": Reader("mariadb.MariaDbConnector", BINLOG),
    "postgresql": Reader("postgresql.PostgresConnector", reached("5432") | SLOT),
    "mongodb": Reader("mongodb.MongoDbConnector", MONGODB, holds="collection"),
    "oracle": Reader("oracle.OracleConnector", reached("1521") | {"database.dbname": DATABASE} | HISTORY),
    "sqlserver": Reader("sqlserver.SqlServerConnector", reached("1433") | {"database.names": DATABASE} | HISTORY),
}


def subjects(system: str, package: str, aggregates: tuple[Aggregate, ...]) -> dict[str, object]:
    """What the registry is told of each event, under the names of TopicRecordNameStrategy: a reader of any version must
    be able to read what is written by any other."""
    return {
        f"{topic(system, aggregate)}-{package}.{naming.pascal(event.name)}": {
            "compatibility": "FULL_TRANSITIVE",
            "schemas": f"src/{package}/schemas/{naming.pascal(event.name)}.*.avsc",
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
