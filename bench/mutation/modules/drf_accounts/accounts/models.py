from django.db import models


class Account(models.Model):
    owner = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="accounts")
    number = models.CharField(max_length=34, unique=True)
    balance = models.DecimalField(max_digits=14, decimal_places=2, default=0)


class Transfer(models.Model):
    key = models.UUIDField(unique=True)
    source = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="outgoing")
    target = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="incoming")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    booked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["source", "-booked_at", "-id"])]
