"""The same queue's returns, by a long-running worker."""

import json
import logging
import os
import signal
import threading

import boto3
from botocore.config import Config

log = logging.getLogger(__name__)
config = Config(connect_timeout=2, read_timeout=25, retries={"max_attempts": 4, "mode": "standard"})
sqs = boto3.client("sqs", config=config)
s3 = boto3.client("s3", config=config)
returns = boto3.resource("dynamodb", config=config).Table(os.environ["RETURNS"])
stopping = threading.Event()
QUEUE = os.environ["RETURNS_QUEUE"]


def take_back(message):
    wanted = json.loads(message["Body"])
    returns.put_item(Item={"return_id": wanted["return_id"], "order_id": wanted["order_id"], "state": "received"})


def run():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    while not stopping.is_set():
        received = sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        for message in received.get("Messages", []):
            try:
                take_back(message)
            except Exception:
                log.exception("message %s stays in the queue", message["MessageId"])
                continue
            sqs.delete_message(QueueUrl=QUEUE, ReceiptHandle=message["ReceiptHandle"])


def labels(prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=os.environ["LABELS"], Prefix=prefix)
    for page in pages:
        for entry in page.get("Contents", []):
            yield entry["Key"]


if __name__ == "__main__":
    run()
