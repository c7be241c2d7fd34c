import json

from django.http import JsonResponse
from django.views.decorators.http import require_POST

from shop import services


@require_POST
def place(request):
    wanted = json.loads(request.body)
    try:
        order = services.place_order(request.user.pk, wanted["request_key"], wanted["quantities"])
    except services.OutOfStock as problem:
        return JsonResponse({"out_of_stock": str(problem)}, status=409)
    return JsonResponse({"order": order.pk}, status=201)


@require_POST
def redeem(request, code):
    try:
        services.redeem(code)
    except services.CouponUsedUp:
        return JsonResponse({"detail": "used up"}, status=409)
    return JsonResponse({"code": code})


@require_POST
def paid(request, order_id):
    return JsonResponse({"changed": services.mark_paid(order_id)})


@require_POST
def cancel(request, order_id):
    return JsonResponse({"changed": services.cancel(order_id)})
