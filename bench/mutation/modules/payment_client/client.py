"""Payments at the provider: every request ends, is asked again with the same key, and not at all while the provider is
down."""

import os
import time
import uuid

import httpx
import pybreaker
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

http = httpx.Client(
    base_url=os.environ["PROVIDER"],
    timeout=httpx.Timeout(10, connect=3),
    limits=httpx.Limits(max_connections=20),
)
breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)
again = retry(
    retry=retry_if_exception_type(httpx.TransportError),
    wait=wait_random_exponential(multiplier=0.2, max=10),
    stop=stop_after_attempt(5),
    reraise=True,
)


class Declined(Exception):
    pass


def charge(customer, cents):
    return _charge(customer, cents, str(uuid.uuid4()))


@breaker
@again
def _charge(customer, cents, key):
    response = http.post(
        "/charges", json={"customer": customer, "cents": cents}, headers={"Idempotency-Key": key}
    )
    if response.status_code == 402:
        raise Declined(customer)
    response.raise_for_status()
    return response.json()["id"]


@breaker
@again
def state(charge_id):
    response = http.get(f"/charges/{charge_id}")
    response.raise_for_status()
    return response.json()["state"]


def wait_until_settled(charge_id, most=30.0):
    deadline = time.monotonic() + most
    pause = 0.2
    while time.monotonic() < deadline:
        if state(charge_id) == "settled":
            return True
        time.sleep(pause)
        pause = min(pause * 2, 5)
    return False
