"""Product pages: from the cache, else built by one request while the others wait for it; dropped after the commit of
whatever changes them."""

import json
import random
import time

import redis
from django.conf import settings
from django.db import transaction

from catalog.models import Product

cache = redis.Redis.from_url(settings.CACHE_URL, socket_timeout=1, socket_connect_timeout=1)
LIFE = 600


def key(slug):
    return f"product:{slug}"


def page(slug):
    found = cache.get(key(slug))
    if found is not None:
        return json.loads(found)
    with cache.lock(f"building:{slug}", timeout=10, blocking_timeout=5):
        found = cache.get(key(slug))
        if found is not None:
            return json.loads(found)
        built = build(slug)
        cache.set(key(slug), json.dumps(built), ex=LIFE + random.randrange(60))
    return built


def build(slug):
    product = Product.objects.get(slug=slug)
    return {"title": product.title, "price": str(product.price)}


def rename(slug, title):
    with transaction.atomic():
        Product.objects.filter(slug=slug).update(title=title)
        transaction.on_commit(lambda: cache.delete(key(slug)))


def seen(slug):
    cache.incr(f"seen:{slug}:{time.strftime('%Y%m%d')}")
    cache.expire(f"seen:{slug}:{time.strftime('%Y%m%d')}", 3 * 86400)
