from django.urls import path

from catalog import views

urlpatterns = [path("products/<slug:slug>/", views.product), path("products/<slug:slug>/rename/", views.rename)]
