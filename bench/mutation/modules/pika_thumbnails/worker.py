"""Makes thumbnails of what was uploaded. A picture has one thumbnail, whatever is delivered twice."""

import json
import logging
import os
import signal
import threading

import boto3
import pika
from botocore.config import Config
from pika.exceptions import AMQPConnectionError, UnroutableError

from images import shrunk

log = logging.getLogger(__name__)
s3 = boto3.client("s3", config=Config(connect_timeout=3, read_timeout=20, retries={"max_attempts": 3, "mode": "standard"}))
stopping = threading.Event()
BUCKET = os.environ["BUCKET"]


def declare(channel):
    channel.exchange_declare("pictures.dead", exchange_type="fanout", durable=True)
    channel.queue_declare("pictures.dead", durable=True)
    channel.queue_bind("pictures.dead", "pictures.dead")
    channel.queue_declare(
        "pictures",
        durable=True,
        arguments={"x-dead-letter-exchange": "pictures.dead", "x-queue-type": "quorum", "x-delivery-limit": 5},
    )
    channel.queue_declare("thumbnails", durable=True)


def on_picture(channel, method, properties, body):
    try:
        picture = json.loads(body)
        key = picture["key"]
        original = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        s3.put_object(Bucket=BUCKET, Key=f"thumbnails/{key}", Body=shrunk(original))
        channel.basic_publish(
            exchange="",
            routing_key="thumbnails",
            body=json.dumps({"version": 1, "key": key}),
            properties=pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent, message_id=f"thumbnail-{key}"),
            mandatory=True,
        )
    except (ValueError, KeyError):
        log.exception("unreadable")
        channel.basic_reject(method.delivery_tag, requeue=False)
        return
    except UnroutableError:
        channel.basic_nack(method.delivery_tag, requeue=True)
        return
    channel.basic_ack(method.delivery_tag)


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    pause = 1.0
    while not stopping.is_set():
        try:
            connection = pika.BlockingConnection(
                pika.ConnectionParameters(
                    os.environ["RABBIT_HOST"], heartbeat=60, blocked_connection_timeout=60, socket_timeout=10
                )
            )
        except AMQPConnectionError:
            stopping.wait(pause)
            pause = min(pause * 2, 60)
            continue
        pause = 1.0
        with connection:
            channel = connection.channel()
            channel.confirm_delivery()
            declare(channel)
            channel.basic_qos(prefetch_count=8)
            channel.basic_consume("pictures", on_picture, auto_ack=False)
            while not stopping.is_set():
                connection.process_data_events(time_limit=1)


if __name__ == "__main__":
    main()
