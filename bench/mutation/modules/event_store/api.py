from decimal import Decimal
from uuid import UUID

from fastapi import FastAPI, HTTPException

import store

app = FastAPI()


def balance_of(events):
    return sum((Decimal(e.data["amount"]) for e in events), Decimal(0))


@app.post("/accounts/{account}/withdrawals", status_code=201)
def withdraw(account: UUID, amount: Decimal):
    events = store.load(account)
    if balance_of(events) < amount:
        raise HTTPException(409, "insufficient funds")
    version = events[-1].version
    try:
        store.append(account, version, [("withdrawn", {"amount": str(-amount)})])
    except store.Conflict:
        raise HTTPException(409, "somebody else was faster") from None
    return {"version": version + 1}


@app.post("/accounts/{account}/snapshot", status_code=204)
def snapshot(account: UUID):
    events = store.load(account)
    store.remember(account, events[-1].version, {"balance": str(balance_of(events))})
