from datetime import date, datetime
from uuid import UUID

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

import readings

app = FastAPI()


class Reading(BaseModel):
    sensor_id: UUID
    taken_at: datetime
    value: float


@app.post("/readings", status_code=202)
def store(batch: list[Reading]):
    readings.store(batch)
    return {"stored": len(batch)}


@app.get("/sensors/{sensor_id}/days/{day}")
def of_a_day(sensor_id: UUID, day: date):
    return [{"at": row.taken_at, "value": row.value} for row in readings.of_a_day(sensor_id, day)]


@app.get("/sites/{site_id}/sensors")
def sensors(site_id: UUID):
    return [{"id": row.sensor_id, "label": row.label} for row in readings.sensors(site_id)]


@app.put("/sites/{site_id}/claims/{serial}")
def claim(site_id: UUID, serial: str):
    if not readings.claim(serial, site_id):
        raise HTTPException(409)
    return {"serial": serial}
