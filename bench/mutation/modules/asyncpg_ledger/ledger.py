import os
from decimal import Decimal

import asyncpg


class InsufficientFunds(Exception):
    pass


async def open_pool():
    return await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=2, max_size=10, timeout=5, command_timeout=10)


class Ledger:
    def __init__(self, pool: asyncpg.Pool):
        self.pool = pool

    async def transfer(self, transfer_id, source: int, target: int, amount: Decimal) -> bool:
        """False where this transfer was booked before."""
        try:
            async with self.pool.acquire() as connection, connection.transaction():
                rows = await connection.fetch(
                    "SELECT id, balance FROM accounts WHERE id = ANY($1) ORDER BY id FOR UPDATE", [source, target]
                )
                balances = {row["id"]: row["balance"] for row in rows}
                if balances[source] < amount:
                    raise InsufficientFunds(source)
                await connection.execute(
                    "UPDATE accounts SET balance = $2 WHERE id = $1", source, balances[source] - amount
                )
                await connection.execute(
                    "UPDATE accounts SET balance = $2 WHERE id = $1", target, balances[target] + amount
                )
                await connection.executemany(
                    "INSERT INTO entries (transfer_id, account_id, amount) VALUES ($1, $2, $3)",
                    [(transfer_id, source, -amount), (transfer_id, target, amount)],
                )
        except asyncpg.UniqueViolationError:
            return False
        return True

    async def close_account(self, account: int) -> bool:
        async with self.pool.acquire() as connection:
            closed = await connection.fetchval(
                "DELETE FROM accounts WHERE id = $1 AND balance = 0 RETURNING id", account
            )
        return closed is not None

    async def statement(self, account: int, after: int, limit: int = 100):
        async with self.pool.acquire() as connection:
            return await connection.fetch(
                """SELECT id, transfer_id, amount, booked_at FROM entries
                   WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3""",
                account,
                after,
                limit,
            )

    async def audit(self, account: int) -> Decimal:
        """What the balance differs from its entries by: both from one snapshot."""
        async with self.pool.acquire() as connection:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                balance = await connection.fetchval("SELECT balance FROM accounts WHERE id = $1", account)
                booked = await connection.fetchval(
                    "SELECT coalesce(sum(amount), 0) FROM entries WHERE account_id = $1", account
                )
        return balance - booked
