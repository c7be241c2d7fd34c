import os

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=8, timeout=5, open=True)


def place(order_id, customer_id, total):
    with pool.connection() as connection, connection.transaction():
        connection.execute(
            "INSERT INTO orders (id, customer_id, total) VALUES (%s, %s, %s)", (order_id, customer_id, total)
        )
        connection.execute(
            "INSERT INTO outbox (aggregate_id, kind, payload) VALUES (%s, 'order-placed', %s)",
            (order_id, Jsonb({"schema_version": 1, "order_id": str(order_id), "total": str(total)})),
        )
