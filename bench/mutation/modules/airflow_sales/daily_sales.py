"""The sales of a day, into the warehouse and as a file for the partner. A run of a day replaces what an earlier run of
the same day has left."""

import csv
import os
import tempfile
from datetime import timedelta

import pendulum
import psycopg
import requests
from airflow.decorators import dag, task

LINES = "SELECT order_id, sku, quantity, amount FROM order_lines WHERE sold_on = %s"


@dag(
    schedule="@daily",
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 4,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=1),
    },
)
def daily_sales():
    @task
    def load(ds=None):
        with psycopg.connect(os.environ["WAREHOUSE"], connect_timeout=10) as warehouse:
            with warehouse.transaction():
                warehouse.execute("DELETE FROM daily_sales WHERE sold_on = %s", (ds,))
                warehouse.execute(
                    """INSERT INTO daily_sales (sold_on, sku, quantity, amount)
                       SELECT sold_on, sku, sum(quantity), sum(amount) FROM order_lines
                       WHERE sold_on = %s GROUP BY sold_on, sku""",
                    (ds,),
                )

    @task
    def export(ds=None):
        target = os.path.join(os.environ["EXPORTS"], f"sales-{ds}.csv")
        with tempfile.NamedTemporaryFile("w", dir=os.environ["EXPORTS"], newline="", delete=False) as out:
            rows = csv.writer(out)
            with psycopg.connect(os.environ["WAREHOUSE"], connect_timeout=10) as warehouse:
                with warehouse.cursor(name="lines") as cursor:
                    cursor.execute(LINES, (ds,))
                    for row in cursor:
                        rows.writerow(row)
            out.flush()
            os.fsync(out.fileno())
        os.replace(out.name, target)
        return target

    @task
    def announce(path, ds=None):
        requests.put(
            f"{os.environ['PARTNER']}/sales/{ds}", json={"path": path}, timeout=(3, 30)
        ).raise_for_status()

    load() >> announce(export())


daily_sales()
