"""Placing, cancelling and shipping an order."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import bank, settings, stock
from shop.models import Order, OrderLine, OutboxMessage, Wallet
from shop.tasks import send_confirmation


def place(session: Session, customer_id: int, basket: dict[int, int]) -> Order:
    order = Order(customer_id=customer_id, status="new")
    session.add(order)
    session.flush()
    for product_id, quantity in basket.items():
        product = stock.take(session, product_id, quantity)
        session.add(OrderLine(order_id=order.id, product_id=product_id, quantity=quantity))
        order.total_cents += product.price_cents * quantity
    order.payment_reference = bank.charge(order.id, order.total_cents)
    order.status = "paid"
    send_confirmation.delay(order.id)
    session.commit()
    return order


def cancel(session: Session, order_id: int) -> None:
    order = session.get(Order, order_id)
    if order.status != "paid":
        return
    order.status = "cancelled"
    for line in order.lines:
        stock.give_back(session, line.product_id, line.quantity)
    session.commit()


def ship(session: Session, order_id: int) -> None:
    order = session.scalars(select(Order).where(Order.id == order_id).with_for_update()).one()
    if order.status != "paid":
        return
    order.status = "shipped"
    session.add(OutboxMessage(topic=settings.ORDER_EVENTS, key=str(order_id), payload={"type": "OrderShipped"}))
    session.commit()


def pay_from_wallet(session: Session, customer_id: int, amount_cents: int) -> bool:
    wallet = session.scalars(select(Wallet).where(Wallet.customer_id == customer_id).with_for_update()).one()
    if wallet.balance_cents < amount_cents:
        return False
    wallet.balance_cents = wallet.balance_cents - amount_cents
    session.commit()
    return True
