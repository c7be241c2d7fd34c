import os
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, create_engine, select, update

from wallets.models import Wallet, Withdrawal

engine = create_engine(os.environ["DATABASE_URL"], pool_size=8, max_overflow=4, pool_timeout=5)
app = FastAPI()


def get_session():
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]


@app.post("/wallets/{owner}", status_code=201)
def open_wallet(owner: str, session: SessionDep):
    wallet = Wallet(owner=owner)
    session.add(wallet)
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        raise HTTPException(409, "this owner has a wallet") from None
    return {"owner": wallet.owner}


@app.post("/wallets/{owner}/withdrawals", status_code=201)
def withdraw(owner: str, request_id: str, amount: Decimal, session: SessionDep):
    wallet = session.exec(select(Wallet).where(Wallet.owner == owner).with_for_update()).first()
    if wallet is None or wallet.frozen:
        raise HTTPException(404)
    known = session.exec(
        select(Withdrawal).where(Withdrawal.wallet_id == wallet.id, Withdrawal.request_id == request_id)
    ).first()
    if known:
        return {"balance": wallet.balance}
    if wallet.balance < amount:
        raise HTTPException(409, "insufficient funds")
    wallet.balance -= amount
    session.add(wallet)
    session.add(Withdrawal(wallet_id=wallet.id, request_id=request_id, amount=amount))
    session.commit()
    session.refresh(wallet)
    return {"balance": wallet.balance}


@app.post("/wallets/{owner}/deposits")
def deposit(owner: str, amount: Decimal, session: SessionDep):
    changed = session.exec(
        update(Wallet)
        .where(Wallet.owner == owner, Wallet.frozen.is_(False))
        .values(balance=Wallet.balance + amount)
    )
    if not changed.rowcount:
        raise HTTPException(404)
    session.commit()
    return {"status": "booked"}
