from django.urls import path

from accounts.views import TransferView

urlpatterns = [path("accounts/<int:account_id>/transfers/", TransferView.as_view())]
