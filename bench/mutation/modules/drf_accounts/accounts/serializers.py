from rest_framework import serializers

from accounts.models import Transfer


class TransferSerializer(serializers.ModelSerializer):
    target_number = serializers.CharField(source="target.number", read_only=True)

    class Meta:
        model = Transfer
        fields = ["key", "target_number", "amount", "booked_at"]


class TransferRequest(serializers.Serializer):
    key = serializers.UUIDField()
    source = serializers.IntegerField()
    target = serializers.IntegerField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0)
