"""A trip is a flight and a room, of two services. What was done is undone, last first, where the rest cannot be had."""

import os

import httpx

http = httpx.Client(timeout=10)
FLIGHTS, HOTELS, PAYMENTS = os.environ["FLIGHTS"], os.environ["HOTELS"], os.environ["PAYMENTS"]


def send(method, url, key, body=None):
    response = http.request(method, url, json=body, headers={"Idempotency-Key": key})
    response.raise_for_status()


def book(trip):
    undo = []
    try:
        send("PUT", f"{FLIGHTS}/holds/{trip.id}", f"{trip.id}-flight", {"flight": trip.flight})
        undo.append(lambda: send("DELETE", f"{FLIGHTS}/holds/{trip.id}", f"{trip.id}-flight-undo"))
        send("PUT", f"{HOTELS}/rooms/{trip.id}", f"{trip.id}-room", {"hotel": trip.hotel, "nights": trip.nights})
        undo.append(lambda: send("DELETE", f"{HOTELS}/rooms/{trip.id}", f"{trip.id}-room-undo"))
        send("PUT", f"{PAYMENTS}/charges/{trip.id}", f"{trip.id}-charge", {"cents": trip.cents})
    except httpx.HTTPError:
        for step in reversed(undo):
            step()
        raise
