"""Mail by the provider's interface."""

import requests


def send_mail(address: str, subject: str) -> None:
    requests.post("https://mail.example/send", json={"to": address, "subject": subject}, timeout=10).raise_for_status()
