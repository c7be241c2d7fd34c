from django.db import models


class Invoice(models.Model):
    number = models.CharField(max_length=20, unique=True)
    customer_id = models.BigIntegerField(db_index=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.CharField(max_length=10, default="open")
    due_on = models.DateField()
    charge_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [models.Index(fields=["status", "due_on"])]


class Reminder(models.Model):
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE)
    level = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invoice", "level"], name="one_reminder_per_level")]
