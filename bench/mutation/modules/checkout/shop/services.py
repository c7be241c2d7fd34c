"""Placing, paying and cancelling an order."""

from decimal import Decimal
from functools import partial

from django.db import transaction
from django.db.models import F

from shop.models import Coupon, Order, OrderLine, Product
from shop.tasks import send_confirmation


class OutOfStock(Exception):
    pass


class CouponUsedUp(Exception):
    pass


def place_order(customer_id, request_key, quantities):
    """`quantities`: SKU to amount. The same request key gives the same order."""
    with transaction.atomic():
        order, created = Order.objects.get_or_create(
            request_key=request_key,
            defaults={"customer_id": customer_id, "total": Decimal(0)},
        )
        if not created:
            return order
        products = list(Product.objects.select_for_update().filter(sku__in=quantities).order_by("pk"))
        lines = []
        for product in products:
            wanted = quantities[product.sku]
            if product.stock < wanted:
                raise OutOfStock(product.sku)
            product.stock -= wanted
            lines.append(OrderLine(order=order, product=product, quantity=wanted, price=product.price))
        Product.objects.bulk_update(products, ["stock"])
        OrderLine.objects.bulk_create(lines)
        order.total = sum((line.price * line.quantity for line in lines), Decimal(0))
        order.save(update_fields=["total"])
        transaction.on_commit(partial(send_confirmation.delay, order.pk))
    return order


def redeem(code):
    taken = Coupon.objects.filter(code=code, remaining__gt=0).update(remaining=F("remaining") - 1)
    if not taken:
        raise CouponUsedUp(code)


def mark_paid(order_id):
    """False where somebody else has already decided on the order."""
    changed = Order.objects.filter(pk=order_id, status=Order.Status.PENDING).update(status=Order.Status.PAID)
    return changed == 1


def cancel(order_id):
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.status != Order.Status.PENDING:
            return False
        order.status = Order.Status.CANCELLED
        order.save(update_fields=["status"])
        for line in order.lines.order_by("product_id"):
            Product.objects.filter(pk=line.product_id).update(stock=F("stock") + line.quantity)
    return True
