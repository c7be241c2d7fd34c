"""Counts what is sold: a consumer of the order events."""

import json

from confluent_kafka import Consumer
from sqlalchemy import update

from shop import settings
from shop.database import SessionLocal
from shop.models import ProductSales

consumer = Consumer({"bootstrap.servers": settings.KAFKA_SERVERS, "group.id": "sales", "auto.offset.reset": "earliest"})


def count(event: dict) -> None:
    with SessionLocal() as session:
        for line in event["lines"]:
            session.execute(
                update(ProductSales)
                .where(ProductSales.product_id == line["product"])
                .values(sold=ProductSales.sold + line["quantity"])
            )
        session.commit()


def run() -> None:
    consumer.subscribe([settings.ORDER_EVENTS])
    while True:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        count(json.loads(message.value()))


if __name__ == "__main__":
    run()
