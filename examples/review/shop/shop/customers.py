"""Customers: one for each e-mail address."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.models import Customer


def register(session: Session, email: str, name: str) -> Customer:
    known = session.scalars(select(Customer).where(Customer.email == email)).first()
    if known is not None:
        return known
    customer = Customer(email=email, name=name)
    session.add(customer)
    session.commit()
    return customer
