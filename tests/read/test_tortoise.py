"""Tortoise: its models' tables, and when its queries run."""

from pathlib import Path

from datakeel.model.effect import Kind
from datakeel.model.system import System
from tests.pages import read_system

MODELS = """
from tortoise import fields
from tortoise.models import Model

class Customer(Model):
    email = fields.CharField(max_length=200, unique=True)

class Order(Model):
    number = fields.BigIntField(pk=True)
    customer = fields.ForeignKeyField("models.Customer", related_name="orders")
    place = fields.IntField(source_field="position", null=True)
    total = fields.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        table = "orders"
        unique_together = (("customer", "place"),)
"""


def system(tmp_path: Path, code: str) -> System:
    return read_system({"shop/models.py": MODELS, "shop/code.py": code}, tmp_path)


def test_the_tables_of_the_models_are_known(tmp_path: Path) -> None:
    found = {d.name: d.schema for d in system(tmp_path, "").datasets}
    assert found["customer"].primary_key() == ("id",)
    assert [k.columns for k in found["customer"].unique_keys()] == [("id",), ("email",)]
    orders = {c.name: c for c in found["orders"].columns}
    assert {name: column.type for name, column in orders.items()} == {
        "number": "bigint",
        "customer_id": "integer",
        "position": "integer",
        "total": "numeric(10,2)",
    }
    assert orders["customer_id"].references == "customer.id"
    assert orders["position"].nullable
    assert [k.columns for k in found["orders"].unique_keys()] == [("number",), ("customer_id", "position")]


def test_a_query_runs_where_it_is_awaited_and_holds_no_thread(tmp_path: Path) -> None:
    code = """
from shop.models import Order

async def late(order: Order):
    plan = Order.filter(customer=1)
    if order.total > 0:
        return await plan
"""
    (operation,) = system(tmp_path, code).operations
    (read,) = operation.of(Kind.READ)
    assert (read.dataset, read.place.line, read.blocking, read.technology) == ("orders", 7, False, "tortoise")


def test_a_relation_is_read_where_it_is_awaited_and_not_where_it_came_along(tmp_path: Path) -> None:
    code = """
from shop.models import Order

async def both():
    order = await Order.get(number=1)
    there = await Order.get(number=2).select_related("customer")
    return (await order.customer).email, there.customer.email
"""
    (operation,) = system(tmp_path, code).operations
    reads = [(e.verb, e.dataset, e.place.line) for e in operation.of(Kind.READ)]
    assert reads == [("select", "orders", 5), ("select", "orders", 6), ("relation", "customer", 7)]
