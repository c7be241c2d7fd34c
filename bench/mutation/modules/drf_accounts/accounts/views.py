from django.db import IntegrityError, transaction
from rest_framework import status
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Account, Transfer
from accounts.serializers import TransferRequest, TransferSerializer


class TransferPages(CursorPagination):
    ordering = ("-booked_at", "-id")
    page_size = 50


class TransferView(APIView):
    def get(self, request, account_id):
        transfers = Transfer.objects.filter(source_id=account_id, source__owner=request.user).select_related("target")
        pages = TransferPages()
        page = pages.paginate_queryset(transfers, request, view=self)
        return pages.get_paginated_response(TransferSerializer(page, many=True).data)

    def post(self, request, account_id):
        wanted = TransferRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            transfer = move(**wanted.validated_data)
        except IntegrityError:
            transfer = Transfer.objects.get(key=wanted.validated_data["key"])
            return Response(TransferSerializer(transfer).data, status=status.HTTP_200_OK)
        if transfer is None:
            return Response({"detail": "insufficient funds"}, status=status.HTTP_409_CONFLICT)
        return Response(TransferSerializer(transfer).data, status=status.HTTP_201_CREATED)


def move(key, source, target, amount):
    """None where the source does not have so much. Both rows are locked in the order of their keys."""
    with transaction.atomic():
        locked = Account.objects.select_for_update().filter(pk__in=[source, target]).order_by("pk")
        accounts = {account.pk: account for account in locked}
        payer, payee = accounts[source], accounts[target]
        if payer.balance < amount:
            return None
        payer.balance -= amount
        payee.balance += amount
        payer.save(update_fields=["balance"])
        payee.save(update_fields=["balance"])
        return Transfer.objects.create(key=key, source=payer, target=payee, amount=amount)
