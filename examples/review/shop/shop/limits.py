"""How often a customer may try."""

import redis

from shop import settings

store = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1)


def may_pay(customer_id: int) -> bool:
    key = f"payments:{customer_id}"
    tries = int(store.get(key) or 0)
    if tries >= 5:
        return False
    store.set(key, tries + 1, ex=60)
    return True


def may_log_in(customer_id: int) -> bool:
    key = f"logins:{customer_id}"
    tries = store.incr(key)
    if tries == 1:
        store.expire(key, 60)
    return tries <= 5
