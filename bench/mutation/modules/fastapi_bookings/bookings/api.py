import asyncio
import os
import random
from contextlib import asynccontextmanager
from datetime import date

import httpx
from fastapi import FastAPI, HTTPException
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from bookings.models import Shift
from bookings.reports import render_pdf

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=10, max_overflow=0, pool_timeout=5)
strict = async_sessionmaker(engine.execution_options(isolation_level="SERIALIZABLE"))
sessions = async_sessionmaker(engine)
pages = httpx.AsyncClient(base_url=os.environ["PAGER_URL"], timeout=5.0)
running: set[asyncio.Task] = set()


@asynccontextmanager
async def lifespan(app: FastAPI):
    yield
    await asyncio.gather(*running, return_exceptions=True)
    await pages.aclose()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


def serialization_failure(problem: DBAPIError) -> bool:
    return getattr(problem.orig, "sqlstate", "") in {"40001", "40P01"}


@app.post("/shifts/{shift_id}/leave")
async def leave(shift_id: int):
    for attempt in range(5):
        try:
            return await leave_once(shift_id)
        except DBAPIError as problem:
            if not serialization_failure(problem):
                raise
            await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))
    raise HTTPException(503, "too many at once")


async def leave_once(shift_id: int):
    async with strict() as session, session.begin():
        shift = await session.get(Shift, shift_id)
        others = await session.scalar(
            select(func.count())
            .select_from(Shift)
            .where(Shift.day == shift.day, Shift.on_call.is_(True), Shift.id != shift_id)
        )
        if not others:
            raise HTTPException(409, "nobody else is on call")
        shift.on_call = False
    return {"status": "left"}


@app.post("/shifts/{shift_id}/page", status_code=202)
async def page(shift_id: int):
    task = asyncio.create_task(call_pager(shift_id))
    running.add(task)
    task.add_done_callback(running.discard)
    return {"status": "paging"}


async def call_pager(shift_id: int):
    response = await pages.put(f"/pages/{shift_id}", json={"shift": shift_id})
    response.raise_for_status()


@app.get("/days/{day}.pdf")
async def roster(day: date):
    async with sessions() as session:
        shifts = (await session.scalars(select(Shift).where(Shift.day == day).limit(500))).all()
    return await asyncio.to_thread(render_pdf, [shift.doctor_id for shift in shifts])
