"""Which shard a tenant lives on: by one of 1,024 fixed slots, whose place is looked up, so that a slot can move."""

import hashlib
import os

import psycopg
from psycopg_pool import ConnectionPool

SLOTS = 1024
directory = ConnectionPool(os.environ["DIRECTORY_URL"], min_size=1, max_size=4, timeout=5, open=True)
shards = {
    name: ConnectionPool(url, min_size=1, max_size=8, timeout=5, open=True)
    for name, url in (pair.split("=", 1) for pair in os.environ["SHARDS"].split(";"))
}


def slot(tenant):
    return int.from_bytes(hashlib.blake2b(tenant.encode(), digest_size=8).digest(), "big") % SLOTS


def shard(tenant):
    with directory.connection() as connection:
        (name,) = connection.execute("SELECT shard FROM slots WHERE slot = %s", (slot(tenant),)).fetchone()
    return shards[name]


def rename(tenant, title):
    with shard(tenant).connection() as connection:
        connection.execute("UPDATE tenants SET title = %s WHERE tenant_id = %s", (title, tenant))
