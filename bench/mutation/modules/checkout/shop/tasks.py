import requests
from celery import shared_task
from django.conf import settings

from shop.models import Order


@shared_task(
    bind=True,
    acks_late=True,
    autoretry_for=(requests.RequestException,),
    retry_backoff=True,
    retry_jitter=True,
    max_retries=8,
)
def send_confirmation(self, order_id):
    order = Order.objects.get(pk=order_id)
    lines = [
        {"sku": line.product.sku, "quantity": line.quantity}
        for line in order.lines.select_related("product")
    ]
    response = requests.post(
        f"{settings.MAIL_API}/messages",
        json={"template": "order-confirmed", "customer": order.customer_id, "lines": lines},
        headers={"Idempotency-Key": f"order-confirmed-{order.pk}"},
        timeout=(3, 10),
    )
    response.raise_for_status()
