"""The catalogue: products in the database, a search index beside it, and a cache in front."""

import json

import redis
from elasticsearch import Elasticsearch
from sqlalchemy.orm import Session

from shop import settings
from shop.models import Product

search = Elasticsearch(settings.SEARCH_URL, request_timeout=5)
cache = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1)


def rename(session: Session, product_id: int, name: str) -> None:
    product = session.get(Product, product_id)
    product.name = name
    session.commit()
    search.index(index="products", id=str(product_id), document={"name": name, "price": product.price_cents})


def set_price(session: Session, product_id: int, price_cents: int) -> None:
    product = session.get(Product, product_id)
    product.price_cents = price_cents
    cache.set(f"product:{product_id}", json.dumps({"name": product.name, "price": price_cents}), ex=3600)
    session.commit()


def find(session: Session, product_id: int) -> dict:
    known = cache.get(f"product:{product_id}")
    if known is not None:
        return json.loads(known)
    product = session.get(Product, product_id)
    found = {"name": product.name, "price": product.price_cents}
    cache.set(f"product:{product_id}", json.dumps(found), ex=3600)
    return found


def remove(session: Session, product_id: int) -> None:
    session.delete(session.get(Product, product_id))
    session.commit()
    cache.delete(f"product:{product_id}")
