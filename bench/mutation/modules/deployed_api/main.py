import logging
import os
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from prometheus_client import Histogram, generate_latest

log = logging.getLogger(__name__)
LATENCY = Histogram("quote_seconds", "time to a quote", buckets=(0.01, 0.05, 0.1, 0.5, 1, 5))


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=2, max_size=10, command_timeout=5, timeout=5
    )
    app.state.rates = httpx.AsyncClient(base_url=os.environ["RATES"], timeout=3)
    yield
    await app.state.rates.aclose()
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)
FastAPIInstrumentor.instrument_app(app)
HTTPXClientInstrumentor().instrument()
AsyncPGInstrumentor().instrument()


@app.get("/health")
async def health(request: Request):
    async with request.app.state.pool.acquire() as connection:
        await connection.fetchval("SELECT 1")
    return {"status": "ok"}


@app.get("/metrics")
async def metrics():
    return Response(generate_latest(), media_type="text/plain")


@app.get("/quotes/{product}")
async def quote(product: str, request: Request):
    with LATENCY.time():
        response = await request.app.state.rates.get(f"/{product}")
        if response.status_code == 404:
            raise HTTPException(404)
        response.raise_for_status()
        price = response.json()["price"]
        log.info("quoted", extra={"product": product})
        return {"product": product, "price": price}


@app.put("/quotes/{quote_id}/accepted")
async def accept(quote_id: UUID, product: str, request: Request):
    async with request.app.state.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO accepted (quote_id, product) VALUES ($1, $2) ON CONFLICT (quote_id) DO NOTHING", quote_id, product
        )
    return {"quote": quote_id}


@app.delete("/quotes/{quote_id}/accepted")
async def withdraw(quote_id: UUID, request: Request):
    async with request.app.state.pool.acquire() as connection:
        await connection.execute("DELETE FROM accepted WHERE quote_id = $1", quote_id)
    return {"quote": quote_id}


@app.get("/quotes/{quote_id}/accepted")
async def accepted(quote_id: UUID, request: Request):
    async with request.app.state.pool.acquire() as connection:
        return await connection.fetchval("SELECT product FROM accepted WHERE quote_id = $1", quote_id)


if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8000, limit_concurrency=200, timeout_graceful_shutdown=20)
