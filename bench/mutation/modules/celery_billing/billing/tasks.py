"""Invoices are charged when they are due; who does not pay is reminded, once for each level."""

import logging

import requests
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.models import Invoice, Reminder

log = logging.getLogger(__name__)


@shared_task
def charge_due_invoices():
    due = Invoice.objects.filter(status="open", due_on__lte=timezone.localdate())
    for pk in due.values_list("pk", flat=True).iterator(chunk_size=500):
        charge.delay(pk)


@shared_task(bind=True, acks_late=True, max_retries=6)
def charge(self, invoice_id):
    invoice = Invoice.objects.get(pk=invoice_id)
    if invoice.status != "open":
        return
    try:
        response = requests.post(
            f"{settings.PAYMENTS}/charges",
            json={"customer": invoice.customer_id, "amount": str(invoice.amount)},
            headers={"Idempotency-Key": f"invoice-{invoice.number}"},
            timeout=10,
        )
        response.raise_for_status()
    except requests.RequestException as problem:
        raise self.retry(exc=problem, countdown=min(2**self.request.retries * 5, 600))
    paid = Invoice.objects.filter(pk=invoice_id, status="open").update(
        status="paid", charge_id=response.json()["id"]
    )
    if not paid:
        log.warning("invoice %s was decided on meanwhile", invoice.number)


@shared_task(acks_late=True)
def remind(invoice_id, level):
    with transaction.atomic():
        _, first = Reminder.objects.get_or_create(invoice_id=invoice_id, level=level)
        if first:
            transaction.on_commit(lambda: send_reminder.delay(invoice_id, level))


@shared_task(bind=True, acks_late=True, max_retries=5)
def send_reminder(self, invoice_id, level):
    try:
        requests.put(
            f"{settings.MAIL}/reminders/{invoice_id}/{level}",
            json={"template": f"reminder-{level}"},
            timeout=10,
        ).raise_for_status()
    except requests.RequestException as problem:
        raise self.retry(exc=problem, countdown=min(2**self.request.retries * 5, 600))
