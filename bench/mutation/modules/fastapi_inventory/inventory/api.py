from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.exc import StaleDataError

from inventory.db import session
from inventory.models import Item, Reservation

app = FastAPI()
Db = Annotated[Session, Depends(session)]


class ReservationRequest(BaseModel):
    request_id: str
    sku: str
    quantity: int


class ItemChange(BaseModel):
    description: str
    price: Decimal


@app.post("/reservations", status_code=201)
def reserve(wanted: ReservationRequest, db: Db):
    item = db.scalars(select(Item).where(Item.sku == wanted.sku).with_for_update()).one_or_none()
    if item is None:
        raise HTTPException(404)
    if item.on_hand < wanted.quantity:
        raise HTTPException(409, "not enough on hand")
    item.on_hand -= wanted.quantity
    db.add(Reservation(request_id=wanted.request_id, item_id=item.id, quantity=wanted.quantity))
    try:
        db.commit()
    except IntegrityError:
        db.rollback()
        raise HTTPException(409, "this request was taken before") from None
    return {"sku": item.sku, "left": item.on_hand}


@app.put("/items/{item_id}")
def change(item_id: int, wanted: ItemChange, db: Db):
    item = db.get(Item, item_id)
    if item is None:
        raise HTTPException(404)
    item.description = wanted.description
    item.price = wanted.price
    try:
        db.commit()
    except StaleDataError:
        db.rollback()
        raise HTTPException(409, "somebody else changed this item") from None
    return {"version": item.version}


@app.post("/reservations/{reservation_id}/release")
def release(reservation_id: int, db: Db):
    released = db.execute(
        update(Reservation)
        .where(Reservation.id == reservation_id, Reservation.status == "held")
        .values(status="released")
        .returning(Reservation.item_id, Reservation.quantity)
    ).one_or_none()
    if released is None:
        raise HTTPException(409, "not held")
    db.execute(
        update(Item)
        .where(Item.id == released.item_id)
        .values(on_hand=Item.on_hand + released.quantity, version=Item.version + 1)
    )
    db.commit()
    return {"status": "released"}


@app.get("/items/{item_id}/reservations")
def reservations(item_id: int, after: datetime, db: Db, limit: Annotated[int, Query(le=200)] = 50):
    found = db.scalars(
        select(Reservation)
        .where(Reservation.item_id == item_id, Reservation.created_at > after)
        .options(joinedload(Reservation.item))
        .order_by(Reservation.created_at)
        .limit(limit)
    )
    return [{"sku": r.item.sku, "quantity": r.quantity, "at": r.created_at} for r in found]
