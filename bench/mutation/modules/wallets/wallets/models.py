from decimal import Decimal

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel, UniqueConstraint


class Wallet(SQLModel, table=True):
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    owner: str = Field(unique=True, max_length=64)
    balance: Decimal = Field(default=0, max_digits=14, decimal_places=2)
    frozen: bool = False


class Withdrawal(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("wallet_id", "request_id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    wallet_id: int = Field(foreign_key="wallet.id")
    request_id: str = Field(max_length=36)
    amount: Decimal = Field(max_digits=14, decimal_places=2)
