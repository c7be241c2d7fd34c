"""The bank's interface."""

import requests

from shop import settings


class PaymentRefused(Exception):
    pass


def charge(order_id: int, amount_cents: int) -> str:
    answer = requests.post(settings.BANK_URL + "/charges", json={"order": order_id, "amount": amount_cents})
    if answer.status_code == 402:
        raise PaymentRefused(order_id)
    answer.raise_for_status()
    return answer.json()["reference"]


def refund(reference: str) -> None:
    for attempt in range(5):
        try:
            requests.post(settings.BANK_URL + "/refunds", json={"charge": reference}, timeout=10).raise_for_status()
            return
        except requests.RequestException:
            continue
    raise PaymentRefused(reference)


def status(reference: str) -> str:
    answer = requests.get(settings.BANK_URL + "/charges/" + reference, timeout=10)
    answer.raise_for_status()
    return answer.json()["status"]
