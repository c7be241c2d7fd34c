"""A lease in Redis whose number only grows: what is written under it carries the number, and the database refuses an
older one."""

import os
import uuid
from contextlib import contextmanager

import redis

store = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2, socket_connect_timeout=2)

RELEASE = store.register_script(
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
)


class Taken(Exception):
    pass


@contextmanager
def lease(name, seconds):
    owner = str(uuid.uuid4())
    if not store.set(f"lease:{name}", owner, nx=True, ex=seconds):
        raise Taken(name)
    try:
        yield store.incr(f"fence:{name}")
    finally:
        RELEASE(keys=[f"lease:{name}"], args=[owner])
