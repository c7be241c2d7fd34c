from django.urls import path

from shop import views

urlpatterns = [
    path("orders/", views.place),
    path("orders/<int:order_id>/paid/", views.paid),
    path("orders/<int:order_id>/cancel/", views.cancel),
    path("coupons/<str:code>/redeem/", views.redeem),
]
