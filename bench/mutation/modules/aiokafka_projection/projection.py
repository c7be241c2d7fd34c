"""The view of orders that the web reads, kept by the orders' events; a change is announced to whoever watches."""

import asyncio
import json
import os
import signal

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

APPLY = """
    INSERT INTO order_view (order_id, status, total, version) VALUES ($1, $2, $3, $4)
    ON CONFLICT (order_id) DO UPDATE
    SET status = excluded.status, total = excluded.total, version = excluded.version
    WHERE order_view.version < excluded.version
"""


async def project(pool, event):
    async with pool.acquire() as connection:
        await connection.execute(APPLY, event["order_id"], event["status"], event["total"], event["version"])


async def announce(producer, event):
    await producer.send_and_wait(
        "order-changes",
        json.dumps({"v": 1, "order_id": event["order_id"], "version": event["version"]}).encode(),
        key=event["order_id"].encode(),
    )


async def run():
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    consumer = AIOKafkaConsumer(
        "orders",
        bootstrap_servers=os.environ["BROKERS"],
        group_id="order-view",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKERS"], acks="all", enable_idempotence=True)
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], max_size=4, command_timeout=10)
    await consumer.start()
    await producer.start()
    try:
        while not stopping.is_set():
            batches = await consumer.getmany(timeout_ms=1000, max_records=200)
            for messages in batches.values():
                for message in messages:
                    event = json.loads(message.value)
                    await project(pool, event)
                    await announce(producer, event)
            await consumer.commit()
    finally:
        await producer.stop()
        await consumer.stop()
        await pool.close()


if __name__ == "__main__":
    asyncio.run(run())
