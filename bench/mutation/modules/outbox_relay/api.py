from decimal import Decimal
from uuid import UUID

from fastapi import FastAPI

import orders

app = FastAPI()


@app.put("/orders/{order_id}", status_code=201)
def place(order_id: UUID, customer: int, total: Decimal):
    orders.place(order_id, customer, total)
    return {"order": order_id}
