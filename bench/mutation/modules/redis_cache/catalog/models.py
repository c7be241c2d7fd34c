from django.db import models


class Product(models.Model):
    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    views = models.PositiveBigIntegerField(default=0)
