"""Work that a Celery worker does later."""

import redis
from celery import Celery
from sqlalchemy import select, update

from shop import settings
from shop.database import SessionLocal
from shop.mailing import send_mail
from shop.models import Customer, Order

app = Celery("shop", broker=settings.REDIS_URL)
locks = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1)


@app.task
def send_confirmation(order_id: int) -> None:
    with SessionLocal() as session:
        order = session.get(Order, order_id)
        customer = session.get(Customer, order.customer_id)
        send_mail(customer.email, f"Your order {order_id}")


@app.task
def settle_payments() -> None:
    with locks.lock("settle-payments"), SessionLocal() as session:
        for order in session.scalars(select(Order).where(Order.status == "paid").limit(500)):
            session.execute(
                update(Order).where(Order.id == order.id, Order.status == "paid").values(status="settled")
            )
        session.commit()
