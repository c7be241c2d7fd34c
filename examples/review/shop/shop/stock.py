"""Stock: taken when an order is placed, given back when it is cancelled."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from shop.models import Product


class OutOfStock(Exception):
    pass


def take(session: Session, product_id: int, quantity: int) -> Product:
    product = session.get(Product, product_id)
    if product.stock < quantity:
        raise OutOfStock(product.name)
    product.stock = product.stock - quantity
    return product


def give_back(session: Session, product_id: int, quantity: int) -> None:
    session.execute(update(Product).where(Product.id == product_id).values(stock=Product.stock + quantity))
