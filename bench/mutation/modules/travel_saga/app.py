from fastapi import FastAPI, HTTPException
from httpx import HTTPError
from pydantic import BaseModel

import saga

app = FastAPI()


class Trip(BaseModel):
    id: str
    flight: str
    hotel: str
    nights: int
    cents: int


@app.put("/trips/{trip_id}")
def book(trip_id: str, trip: Trip):
    try:
        saga.book(trip)
    except HTTPError:
        raise HTTPException(502, "not booked") from None
    return {"trip": trip_id}
