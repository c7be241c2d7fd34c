"""The shop's HTTP interface."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from shop import catalogue, checkout, customers, feed, limits
from shop.bank import PaymentRefused
from shop.database import get_session
from shop.stock import OutOfStock

app = FastAPI()
Database = Annotated[Session, Depends(get_session)]


@app.post("/customers")
def register(email: str, name: str, session: Database) -> dict:
    return {"id": customers.register(session, email, name).id}


@app.post("/orders")
def place_order(customer_id: int, basket: dict[int, int], session: Database) -> dict:
    if not limits.may_pay(customer_id):
        raise HTTPException(429)
    try:
        order = checkout.place(session, customer_id, basket)
    except OutOfStock as missing:
        raise HTTPException(409, str(missing)) from missing
    except PaymentRefused as refused:
        raise HTTPException(402) from refused
    return {"id": order.id}


@app.post("/orders/{order_id}/cancel")
def cancel_order(order_id: int, session: Database) -> None:
    checkout.cancel(session, order_id)


@app.post("/orders/{order_id}/ship")
def ship_order(order_id: int, session: Database) -> None:
    checkout.ship(session, order_id)


@app.get("/products/{product_id}")
def product(product_id: int, session: Database) -> dict:
    return catalogue.find(session, product_id)


@app.put("/products/{product_id}/price")
async def change_price(product_id: int, price_cents: int, session: Database) -> None:
    await run_in_threadpool(catalogue.set_price, session, product_id, price_cents)
    await feed.announce(product_id, price_cents)


@app.get("/health")
def health() -> dict:
    return {"status": "up"}
