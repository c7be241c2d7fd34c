"""A Lambda on the queue of orders: each order is stored once, by a conditional write; what fails is delivered again."""

import json
import logging
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

log = logging.getLogger()
config = Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 4, "mode": "adaptive"})
orders = boto3.resource("dynamodb", config=config).Table(os.environ["ORDERS"])
sns = boto3.client("sns", config=config)


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            store(json.loads(record["body"]))
        except Exception:
            log.exception("order of message %s failed", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def store(order):
    try:
        orders.put_item(
            Item={"order_id": order["order_id"], "status": "new", "total": order["total"]},
            ConditionExpression="attribute_not_exists(order_id)",
        )
    except ClientError as problem:
        if problem.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def ship(order_id):
    """Raises where the order is not paid, or is on its way already."""
    orders.update_item(
        Key={"order_id": order_id},
        UpdateExpression="SET #s = :shipped",
        ConditionExpression="#s = :paid",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":shipped": "shipped", ":paid": "paid"},
    )
