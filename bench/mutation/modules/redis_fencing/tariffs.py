import os
import time

import psycopg
import requests
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from locks import lease, store

pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=4, timeout=5, open=True)


def refresh(region):
    """False where a later holder of the lease was faster."""
    with lease(f"tariffs:{region}", seconds=120) as fence:
        rates = requests.get(f"{os.environ['RATES_URL']}/{region}", timeout=(3, 20)).json()
        with pool.connection() as connection:
            written = connection.execute(
                "UPDATE tariffs SET rates = %s, fence = %s WHERE region = %s AND fence < %s",
                (Jsonb(rates), fence, region, fence),
            )
        return written.rowcount == 1


def allowed(customer, most):
    """Whether a customer may ask once more in this minute."""
    key = f"asked:{customer}:{int(time.time() // 60)}"
    with store.pipeline(transaction=True) as pipeline:
        pipeline.incr(key)
        pipeline.expire(key, 120)
        asked, _ = pipeline.execute()
    return asked <= most


def timed_refresh(region):
    started = time.monotonic()
    refresh(region)
    return time.monotonic() - started
