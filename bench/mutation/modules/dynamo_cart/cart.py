import os

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError

config = Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 5, "mode": "adaptive"})
carts = boto3.resource("dynamodb", config=config).Table(os.environ["CARTS"])


class Conflict(Exception):
    pass


def add(customer, sku, quantity):
    carts.update_item(
        Key={"customer": customer, "sku": sku},
        UpdateExpression="ADD quantity :q",
        ExpressionAttributeValues={":q": quantity},
    )


def replace(customer, sku, quantity):
    """Sets a line's amount, unless somebody has changed it since it was read."""
    line = carts.get_item(Key={"customer": customer, "sku": sku}, ConsistentRead=True)["Item"]
    try:
        carts.put_item(
            Item={**line, "quantity": quantity, "version": line["version"] + 1},
            ConditionExpression=Attr("version").eq(line["version"]),
        )
    except ClientError as problem:
        if problem.response["Error"]["Code"] == "ConditionalCheckFailedException":
            raise Conflict(sku) from problem
        raise


def lines(customer):
    found, start = [], None
    while True:
        more = {"ExclusiveStartKey": start} if start else {}
        page = carts.query(KeyConditionExpression=Key("customer").eq(customer), Limit=100, **more)
        found.extend(page["Items"])
        start = page.get("LastEvaluatedKey")
        if start is None or len(found) >= 1000:
            return found


def empty(customer, skus):
    with carts.batch_writer() as batch:
        for sku in skus:
            batch.delete_item(Key={"customer": customer, "sku": sku})
