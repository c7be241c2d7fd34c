"""The files of the engines that carry the events in a cluster: Kafka's topics, Debezium's connector, the registry's
subjects."""

from __future__ import annotations

import json
from collections.abc import Iterator

from datakeel.write.aggregates import Shape
from datakeel.write.project import File

REPLICAS = 3  # of a topic: it survives the loss of a broker while another is being restarted
IN_SYNC = 2


def configuration(slug: str, package: str, found: tuple[Shape, ...], partitions: int) -> Iterator[File]:
    yield File("deploy/kafka/topics.yaml", "---\n".join(_topic(slug, shape, partitions) for shape in found))
    yield File("deploy/debezium/connector.json", _json(_connector(slug, package)))
    yield File("deploy/schema-registry/subjects.json", _json({"subjects": list(_subjects(slug, package, found))}))


def _topic(slug: str, shape: Shape, partitions: int) -> str:
    name = topic(slug, shape)
    return f"""\
# By id: the events of {shape.a} are in one partition, in their order. The number of partitions cannot change later
# without breaking that order. Events are kept for ever: every view can be made again from them.
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaTopic
metadata:
  name: {name}
  labels: {{strimzi.io/cluster: {slug}}}
spec:
  partitions: {partitions}
  replicas: {REPLICAS}
  config:
    min.insync.replicas: {IN_SYNC}
    unclean.leader.election.enable: false
    cleanup.policy: delete
    retention.ms: -1
    retention.bytes: -1
"""


def topic(slug: str, shape: Shape) -> str:
    return f"{slug}.{shape.module}.events"


def _connector(slug: str, package: str) -> dict[str, object]:
    """The event store is its own outbox: rows are only added, and each has its stream as key."""
    return {
        "name": f"{slug}-events",
        "config": {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "tasks.max": "1",
            "database.hostname": "${env:DATABASE_HOST}",
            "database.port": "5432",
            "database.user": "${env:DATABASE_USER}",
            "database.password": "${env:DATABASE_PASSWORD}",
            "database.dbname": package,
            "topic.prefix": slug,
            "plugin.name": "pgoutput",
            "slot.name": f"{package}_events",
            "publication.name": f"{package}_events",
            "publication.autocreate.mode": "filtered",
            "table.include.list": "public.events",
            "snapshot.mode": "initial",
            "heartbeat.interval.ms": "10000",
            "tombstones.on.delete": "false",
            "binary.handling.mode": "bytes",
            "errors.tolerance": "none",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "io.debezium.converters.BinaryDataConverter",
            "transforms": "outbox",
            "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
            "transforms.outbox.table.field.event.id": "event_id",
            "transforms.outbox.table.field.event.key": "stream_id",
            "transforms.outbox.table.field.event.type": "type",
            "transforms.outbox.table.field.event.payload": "data",
            "transforms.outbox.table.fields.additional.placement": (
                "version:header,type:header:event_type,schema_version:header,correlation_id:header,recorded_at:header"
            ),
            "transforms.outbox.table.op.invalid.behavior": "error",
            "transforms.outbox.route.by.field": "aggregate",
            "transforms.outbox.route.topic.replacement": f"{slug}.${{routedByValue}}.events",
        },
    }


def _subjects(slug: str, package: str, found: tuple[Shape, ...]) -> Iterator[dict[str, object]]:
    """New code reads all that was ever written, so a schema has to be compatible with each version before it."""
    for shape in found:
        for moment in shape.moments:
            yield {
                "subject": f"{topic(slug, shape)}-{package}.{moment.name}",
                "compatibility": "BACKWARD_TRANSITIVE",
                "schemaType": "AVRO",
                "versions": [f"src/{package}/schemas/{moment.name}.1.avsc"],
            }


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
