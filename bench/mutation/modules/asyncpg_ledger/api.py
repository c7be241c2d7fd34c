from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request

from ledger import InsufficientFunds, Ledger, open_pool


@asynccontextmanager
async def lifespan(app: FastAPI):
    pool = await open_pool()
    app.state.ledger = Ledger(pool)
    yield
    await pool.close()


def ledger_of(request: Request) -> Ledger:
    return request.app.state.ledger


router = APIRouter()
Books = Annotated[Ledger, Depends(ledger_of)]


@router.put("/transfers/{transfer_id}")
async def transfer(transfer_id: UUID, source: int, target: int, amount: Decimal, books: Books):
    try:
        fresh = await books.transfer(transfer_id, source, target, amount)
    except InsufficientFunds:
        raise HTTPException(409, "insufficient funds") from None
    return {"booked": fresh}


@router.delete("/accounts/{account}")
async def close_account(account: int, books: Books):
    if not await books.close_account(account):
        raise HTTPException(409, "not empty")
    return {"closed": account}


@router.get("/accounts/{account}/entries")
async def statement(account: int, books: Books, after: int = 0, limit: Annotated[int, Query(le=500)] = 100):
    return [dict(row) for row in await books.statement(account, after, limit)]


@router.get("/accounts/{account}/audit")
async def audit(account: int, books: Books):
    return {"difference": await books.audit(account)}


app = FastAPI(lifespan=lifespan)
app.include_router(router)
