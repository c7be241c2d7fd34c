"""What is known of Django's effects beyond that they happen: rows, columns, locks, transactions, guards, entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from datakeel.model.certainty import Answer
from datakeel.model.effect import Cardinality, Effect, Kind, When
from datakeel.model.operation import Operation, same_rows
from datakeel.model.system import System
from tests.pages import read_system

MODELS = """
from django.db import models

class Customer(models.Model):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=50)

class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    number = models.CharField(max_length=20)
    shop = models.CharField(max_length=20)
    status = models.CharField(max_length=20)
    total = models.IntegerField()
    data = models.JSONField()

    class Meta:
        unique_together = [("shop", "number")]

    def pay(self):
        self.status = "paid"
        self.save(update_fields=["status"])
"""

Reading = Callable[..., Operation]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Reads a function of a shop, with its models in a file of their own."""

    def read(text: str, name: str = "code.use", **files: str) -> Operation:
        system = whole(tmp_path, text, **files)
        found = system.operation(f"shop.{name}") or system.operation(name)
        assert found is not None, [o.name for o in system.operations]
        return found

    return read


def whole(folder: Path, text: str, **files: str) -> System:
    head = "from django.db import models, transaction\nfrom django.db.models import F, Q\nfrom shop.models import *\n"
    others = {f"shop/{name}.py": content for name, content in files.items()}
    return read_system(
        {"shop/__init__.py": "", "shop/models.py": MODELS, "shop/code.py": head + text, **others}, folder
    )


def effects(operation: Operation, *kinds: Kind) -> list[Effect]:
    return [e for e in operation.effects if e.kind in (kinds or (Kind.READ, Kind.WRITE))]


def columns(effect: Effect) -> dict[str, str]:
    return {a.column: a.how for a in effect.assigned}


def predicates(effect: Effect) -> list[tuple[str, str, str]]:
    assert effect.selection is not None
    return [(p.column, p.operator, p.value) for p in effect.selection.predicates]


# Rows and what is written to them -------------------------------------------------------------------------------------


def test_the_row_that_is_read_is_the_row_that_is_saved(reading: Reading) -> None:
    read, write = effects(
        reading("""
def use(number):
    order = Order.objects.get(pk=number)
    order.total = order.total + 1
    order.save()
""")
    )
    assert same_rows(read, write) == Answer.YES
    assert write.whole_row
    (total,) = write.assigned
    assert (total.column, total.how) == ("total", "value")
    assert [(s.kind, s.number, s.path) for s in total.sources] == [("read", read.number, ("total",))]
    assert total.place is not None
    assert total.place.line == 7


def test_a_helper_saves_what_its_caller_changed(reading: Reading) -> None:
    read, write = effects(
        reading("""
def store(order):
    order.save()

def use(number):
    order = Order.objects.get(pk=number)
    order.total += 1
    store(order)
""")
    )
    assert same_rows(read, write) == Answer.YES
    assert columns(write) == {"total": "value"}
    assert [s.number for s in write.assigned[0].sources] == [read.number]
    assert write.chain


def test_a_helper_changes_what_its_caller_saves(reading: Reading) -> None:
    read, write = effects(
        reading("""
def zero(order):
    order.total = 0

def use(number):
    order = Order.objects.get(pk=number)
    zero(order)
    order.save()
""")
    )
    assert same_rows(read, write) == Answer.YES
    assert columns(write) == {"total": "constant"}


def test_what_a_helper_has_saved_is_not_dirty_any_more(reading: Reading) -> None:
    _, first, second = effects(
        reading("""
def store(order):
    order.save(update_fields=["total"])

def use(number):
    order = Order.objects.get(pk=number)
    order.total = 1
    order.status = "new"
    store(order)
    order.save()
""")
    )
    assert columns(first) == {"total": "constant"}
    assert not first.whole_row
    assert columns(second) == {"status": "constant"}


def test_a_method_of_the_model_acts_on_its_caller_s_row(reading: Reading) -> None:
    read, write = effects(
        reading("""
def use(number):
    order = Order.objects.get(pk=number)
    order.pay()
""")
    )
    assert same_rows(read, write) == Answer.YES
    assert columns(write) == {"status": "constant"}
    assert not write.whole_row


def test_what_a_function_gives_back_is_known_to_be_saved_already(reading: Reading) -> None:
    insert, save = effects(
        reading("""
def make():
    order = Order(total=1)
    order.save()
    return order

def use():
    order = make()
    order.total = 2
    order.save()
""")
    )
    assert (insert.verb, save.verb) == ("insert", "save")
    assert same_rows(insert, save) == Answer.YES
    assert columns(insert) == {"total": "constant"}


def test_a_new_object_that_a_helper_saves_is_inserted(reading: Reading) -> None:
    (insert,) = effects(
        reading("""
def store(order):
    order.save()

def use():
    order = Order(total=1)
    store(order)
""")
    )
    assert (insert.verb, insert.whole_row) == ("insert", False)
    assert columns(insert) == {"total": "constant"}


def test_the_database_s_own_arithmetic_is_atomic(reading: Reading) -> None:
    operation = reading("""
def use(number, amount):
    Order.objects.filter(pk=number).update(total=F("total") + amount, status="x")
    order = Order.objects.get(pk=number)
    order.total = F("total") - amount
    order.save()
""")
    update, _, save = effects(operation)
    assert columns(update) == {"total": "atomic", "status": "constant"}
    assert columns(save) == {"total": "atomic"}


def test_rows_read_again_are_computed_from_the_later_read(reading: Reading) -> None:
    first, again, write = effects(
        reading("""
def use(number):
    order = Order.objects.get(pk=number)
    order.total = 5
    order.refresh_from_db()
    order.total += 1
    order.save()
""")
    )
    assert [s.number for s in write.assigned[0].sources] == [again.number]
    assert same_rows(first, again) == Answer.YES


def test_a_helper_that_reads_again_says_so(reading: Reading) -> None:
    _, again, write = effects(
        reading("""
def lock(order):
    order.refresh_from_db(from_queryset=Order.objects.select_for_update())

def use(order: Order):
    with transaction.atomic():
        Order.objects.count()
        lock(order)
        order.total += 1
        order.save()
""")
    )
    assert again.selection is not None
    assert again.selection.lock == "update"
    assert again.number in write.locks
    assert [s.number for s in write.assigned[0].sources] == [again.number]


def test_a_part_of_a_json_column_is_that_column(reading: Reading) -> None:
    read, write = effects(
        reading("""
def use(number):
    order = Order.objects.get(pk=number)
    order.data["seen"] = True
    order.save(update_fields=["data"])
""")
    )
    (data,) = write.assigned
    assert (data.column, data.how) == ("data", "value")
    assert read.number in [s.number for s in data.sources]


def test_a_foreign_key_is_assigned_as_its_column(reading: Reading) -> None:
    (insert,) = effects(reading("def use(customer: Customer):\n    Order.objects.create(customer=customer, total=1)"))
    assert columns(insert) == {"customer_id": "value", "total": "constant"}


def test_all_columns_of_an_unknown_mapping_are_written(reading: Reading) -> None:
    (insert,) = effects(reading("def use(values):\n    Order.objects.create(**values)"))
    assert columns(insert) == {"*": "value"}


def test_bulk_update_writes_the_named_columns_of_the_rows_read(reading: Reading) -> None:
    read, write = effects(
        reading("""
def use():
    orders = Order.objects.filter(status="new")
    for order in orders:
        order.total += 1
        order.status = "old"
    Order.objects.bulk_update(orders, ["total"])
""")
    )
    assert columns(write) == {"total": "value"}
    assert same_rows(read, write) == Answer.YES


def test_attributes_that_are_no_columns_are_not_written(reading: Reading) -> None:
    _, write = effects(
        reading("""
def use(number):
    order = Order.objects.get(pk=number)
    order._cache = 1
    order.comment = "x"
    order.total = 1
    order.save()
""")
    )
    assert columns(write) == {"total": "constant"}


# Selections -----------------------------------------------------------------------------------------------------------


def test_predicates_name_columns_and_values(reading: Reading) -> None:
    (read,) = effects(
        reading("""
def use(customer: Customer, number):
    return Order.objects.filter(Q(status="new"), customer=customer, pk=number, total__gte=1).exclude(shop="x").exists()
""")
    )
    assert predicates(read) == [
        ("status", "=", "const:'new'"),
        ("customer_id", "=", "parameter:customer.id"),
        ("id", "=", "parameter:number"),
        ("total", ">=", "const:1"),
    ]
    assert read.selection is not None
    assert (read.selection.aggregate, read.selection.complete) == ("exists", False)


def test_a_relation_s_condition_joins_its_table(reading: Reading) -> None:
    (read,) = effects(reading("def use(name):\n    Order.objects.filter(customer__name=name).count()"))
    assert read.selection is not None
    assert read.selection.joins == ("shop_customer",)
    assert predicates(read)[0][0] == "customer.name"


@pytest.mark.parametrize(
    ("call", "cardinality"),
    [
        ("Customer.objects.filter(email=x).update(name=1)", Cardinality.ONE),
        ("Customer.objects.filter(name=x).update(name=1)", Cardinality.MANY),
        ("Order.objects.filter(shop=x, number=1).update(total=1)", Cardinality.ONE),
        ("Order.objects.filter(shop=x).update(total=1)", Cardinality.MANY),
        ("Order.objects.filter(total=x).first()", Cardinality.AT_MOST),
        ("Order.objects.get(total=x)", Cardinality.ONE),
        ("list(Order.objects.all()[:10])", Cardinality.AT_MOST),
    ],
)
def test_how_many_rows_there_are(reading: Reading, call: str, cardinality: Cardinality) -> None:
    (effect,) = effects(reading(f"def use(x):\n    {call}"))
    assert effect.selection is not None
    assert effect.selection.cardinality == cardinality


def test_slices_orders_and_columns(reading: Reading) -> None:
    (read,) = effects(
        reading('def use():\n    list(Order.objects.order_by("-total").only("customer", "total")[20:30])')
    )
    found = read.selection
    assert found is not None
    assert (found.order, found.limit, found.offset, found.columns) == (("-total",), 10, True, ("customer_id", "total"))


def test_rows_of_a_related_manager_are_those_of_their_owner(reading: Reading) -> None:
    _, update = effects(
        reading("""
def use(number):
    customer = Customer.objects.get(pk=number)
    customer.orders.filter(status="new").update(status="old")
""")
    )
    assert predicates(update) == [("customer_id", "=", "parameter:number"), ("status", "=", "const:'new'")]


def test_a_foreign_key_and_what_it_leads_to_are_one_value(reading: Reading) -> None:
    operation = reading("""
def use(number):
    order = Order.objects.select_related("customer").get(pk=number)
    Order.objects.filter(customer=order.customer).count()
    Order.objects.filter(customer_id=order.customer_id).count()
    Order.objects.filter(customer=order.customer.pk).count()
""")
    read, one, two, _ = effects(operation)
    assert predicates(one) == predicates(two) == [("customer_id", "=", f"read:{read.number}.customer_id")]


def test_a_plan_that_is_passed_keeps_its_conditions(reading: Reading) -> None:
    (read,) = effects(
        reading("""
def locked(orders):
    return orders.select_for_update().first()

def use(number):
    return locked(Order.objects.filter(number=number))
""")
    )
    assert predicates(read) == [("number", "=", "parameter:number")]
    assert read.selection is not None
    assert read.selection.lock == "update"


def test_forwarded_keywords_keep_their_sources(reading: Reading) -> None:
    read, insert = effects(
        reading("""
def make(**values):
    return Order.objects.create(**values)

def use(number):
    total = Order.objects.get(pk=number).total
    make(total=total, number=number)
""")
    )
    assert {a.column: [(s.kind, s.number, s.name) for s in a.sources] for a in insert.assigned} == {
        "number": [("parameter", -1, "number")],
        "total": [("read", read.number, "")],
    }


def test_what_either_branch_adds_is_not_certain(reading: Reading) -> None:
    (read,) = effects(
        reading("""
def use(name, status):
    orders = Order.objects.filter(shop=name)
    if status:
        orders = orders.filter(status=status)
    return list(orders)
""")
    )
    assert [p[0] for p in predicates(read)] == ["shop"]
    assert read.selection is not None
    assert not read.selection.complete


def test_a_manager_adds_its_own_conditions(reading: Reading) -> None:
    (read,) = effects(
        reading("""
class Open(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(status="open")

class Task(models.Model):
    status = models.CharField(max_length=10)
    objects = Open()

def use():
    Task.objects.filter(pk=1).exists()
""")
    )
    assert [p[0] for p in predicates(read)] == ["status", "id"]


# Transactions and locks -----------------------------------------------------------------------------------------------


def test_effects_of_one_block_share_their_transaction(reading: Reading) -> None:
    operation = reading("""
def use(number):
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=number)
        with transaction.atomic():
            order.total = 1
            order.save()
    Order.objects.count()
""")
    read, write, after = effects(operation)
    assert operation.same_transaction(read, write)
    assert write.inside("savepoint") is not None
    assert write.locks == (read.number,)
    assert not after.locks
    assert after.transaction != read.transaction


def test_sql_and_orm_are_in_one_transaction(reading: Reading) -> None:
    operation = reading("""
from django.db import connection

def use(number):
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT total FROM shop_order WHERE id = %s FOR UPDATE", [number])
        Order.objects.filter(pk=number).update(total=1)
""")
    read, write = effects(operation)
    assert operation.same_transaction(read, write)
    assert write.locks == (read.number,)
    assert (read.connection, write.connection) == ("default", "default")


def test_another_connection_is_another_transaction(reading: Reading) -> None:
    operation = reading("""
def use():
    with transaction.atomic(using="archive"):
        Order.objects.using("archive").create(total=1)
        Order.objects.create(total=2)
""")
    archived, written = effects(operation)
    assert (archived.connection, written.connection) == ("archive", "default")
    assert operation.transaction_of(archived) is not None
    assert not operation.same_transaction(archived, written)


def test_a_row_is_saved_where_it_was_read(reading: Reading) -> None:
    read, write = effects(
        reading("""
def use():
    order = Order.objects.using("archive").get(pk=1)
    order.save()
""")
    )
    assert (read.connection, write.connection) == ("archive", "archive")


def test_a_follower_is_read(reading: Reading) -> None:
    replica, leader = effects(
        reading("""
def use():
    Order.objects.using("replica").count()
    Order.objects.count()
""")
    )
    assert replica.selection is not None
    assert leader.selection is not None
    assert (replica.selection.replica, leader.selection.replica) == (Answer.YES, Answer.NO)


def test_a_lock_that_a_plan_never_took_is_not_held(reading: Reading) -> None:
    read, write = effects(
        reading("""
def use(number):
    with transaction.atomic():
        Order.objects.select_for_update().filter(pk=number)
        order = Order.objects.get(pk=number)
        order.save()
""")
    )
    assert read.selection is not None
    assert not read.selection.lock
    assert not write.locks


def test_a_lock_taken_by_a_helper_is_held(reading: Reading) -> None:
    operation = reading("""
def order_qs_select_for_update():
    return Order.objects.order_by("pk").select_for_update(of=["self"], nowait=True)

def use(number):
    with transaction.atomic():
        order = order_qs_select_for_update().filter(pk=number).first()
        order.total = 1
        order.save()
""")
    read, write = effects(operation)
    assert read.selection is not None
    assert (read.selection.lock, read.selection.nowait, read.selection.order) == ("update", True, ("pk",))
    assert write.locks == (read.number,)


def test_a_count_locks_nothing(reading: Reading) -> None:
    _, write = effects(
        reading("""
def use():
    with transaction.atomic():
        Order.objects.select_for_update().count()
        Order.objects.create(total=1)
""")
    )
    assert not write.locks


def test_what_runs_after_the_commit_is_in_no_transaction(reading: Reading) -> None:
    operation = reading("""
from functools import partial

def tell(number):
    Order.objects.filter(pk=number).exists()

def use(number):
    with transaction.atomic():
        Order.objects.create(total=1)
        transaction.on_commit(partial(tell, number))
        transaction.on_commit(lambda: tell(number))
""")
    insert, first, second = effects(operation)
    assert insert.transaction is not None
    for later in (first, second):
        assert (later.when, later.transaction) == (When.AFTER_COMMIT, None)
        assert predicates(later) == [("id", "=", "parameter:number")]


def test_a_wrapper_of_the_project_opens_the_transaction(reading: Reading) -> None:
    operation = reading("""
from contextlib import contextmanager

@contextmanager
def traced():
    with transaction.atomic():
        yield

def use():
    with traced():
        Order.objects.create(total=1)
        Order.objects.create(total=2)
""")
    first, second = effects(operation)
    assert operation.same_transaction(first, second)


# Guards ---------------------------------------------------------------------------------------------------------------


def test_an_early_return_guards_what_follows(reading: Reading) -> None:
    read, write = effects(
        reading("""
def use(number):
    order = Order.objects.get(pk=number)
    if order.status != "new":
        return
    order.status = "paid"
    order.save(update_fields=["status"])
""")
    )
    (guard,) = write.guards
    assert (guard.test, guard.polarity, guard.text) == ("==", True, "'new'")
    assert [(s.number, s.path) for s in guard.sources] == [(read.number, ("status",))]


def test_rows_that_exist_guard(reading: Reading) -> None:
    read, write = effects(
        reading("""
def use(number):
    if not Order.objects.filter(number=number).exists():
        Order.objects.create(number=number)
""")
    )
    (guard,) = write.guards
    assert [s.number for s in guard.sources] == [read.number]
    assert not guard.polarity


def test_whether_it_was_created_guards(reading: Reading) -> None:
    made, write = effects(
        reading("""
def use(number):
    order, created = Order.objects.get_or_create(number=number, defaults={"total": 1})
    if created:
        order.total = 2
        order.save()
""")
    )
    assert [(s.kind, s.number, s.name) for g in write.guards for s in g.sources] == [("result", made.number, "created")]
    assert same_rows(made, write) == Answer.YES
    assert columns(made) == {"number": "value", "total": "constant"}
    assert made.conflict == "ignore"


def test_a_row_count_guards(reading: Reading) -> None:
    update, write = effects(
        reading("""
def use(number):
    if Order.objects.filter(pk=number, status="new").update(status="paid"):
        Order.objects.create(total=1)
""")
    )
    assert [(s.kind, s.number, s.name) for g in write.guards for s in g.sources] == [
        ("result", update.number, "rowcount")
    ]


# Signals and entries --------------------------------------------------------------------------------------------------


def test_a_handler_runs_in_the_sender_s_transaction_on_its_row(reading: Reading) -> None:
    operation = reading(
        """
def use():
    with transaction.atomic():
        Order.objects.create(total=1)
""",
        handlers="""
from django.db.models.signals import post_save
from django.dispatch import receiver
from shop.models import Order

@receiver(post_save, sender=Order)
def note(sender, instance, created, **kwargs):
    if created:
        instance.status = "new"
        instance.save()
""",
    )
    insert, save = effects(operation)
    assert operation.same_transaction(insert, save)
    assert same_rows(insert, save) == Answer.YES
    assert save.verb == "save"


def test_what_starts_django_s_code(tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
from django.contrib import admin
from django.core.management.base import BaseCommand
from django.views import View
from rest_framework.decorators import action, api_view
from rest_framework.viewsets import ModelViewSet

def index(request):
    return Order.objects.count()

class Page(View):
    def get(self, request):
        return helper()

def helper():
    return Order.objects.count()

class Command(BaseCommand):
    def handle(self, *args, **options):
        helper()

@api_view(["POST"])
def posted(request):
    pass

class Orders(ModelViewSet):
    queryset = Order.objects.all()

    @action(detail=True)
    def close(self, request, pk):
        pass

    def perform_create(self, serializer):
        serializer.save()

class OrderAdmin(admin.ModelAdmin):
    def save_model(self, request, obj, form, change):
        obj.save()
""",
        urls="""
from django.urls import path
from shop import code

urlpatterns = [path("orders/", code.index), path("page/", code.Page.as_view())]
""",
    )
    kinds = {o.name.removeprefix("shop.code."): {e.kind for e in o.entries} for o in system.operations if o.entries}
    assert kinds == {
        "index": {"request"},
        "Page.get": {"request"},
        "helper": {"request", "command"},
        "Command.handle": {"command"},
        "posted": {"request"},
        "Orders.close": {"request"},
        "Orders.perform_create": {"request"},
        "OrderAdmin.save_model": {"request"},
    }
    handle = system.operation("shop.code.Command.handle")
    saved = system.operation("shop.code.OrderAdmin.save_model")
    assert handle is not None
    assert saved is not None
    assert not handle.entries[0].concurrent
    assert all(c.transaction for c in saved.contexts)


@pytest.mark.parametrize(
    "settings",
    [
        "DATABASES = {'default': {'ATOMIC_REQUESTS': True}}",
        "MIDDLEWARE = ['django.middleware.common.CommonMiddleware', 'reversion.middleware.RevisionMiddleware']",
    ],
)
def test_requests_may_each_be_a_transaction(settings: str, tmp_path: Path) -> None:
    system = whole(
        tmp_path,
        """
from django.views import View

class Page(View):
    def post(self, request):
        Order.objects.create(total=1)
""",
        settings=f"INSTALLED_APPS = []\n{settings}\n",
    )
    post = system.operation("shop.code.Page.post")
    assert post is not None
    assert post.always_inside("transaction") == Answer.YES


def test_what_happens_only_outside_a_transaction_does_not_happen_in_one(tmp_path: Path) -> None:
    system = read_system(
        {
            "shop/orders.py": """
from celery import shared_task
from django.db import models, transaction

class Order(models.Model):
    total = models.IntegerField()

@shared_task
def announce(order):
    print(order)

def when_done(order):
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(lambda: announce.delay(order))
    else:
        announce.delay(order)

@transaction.atomic
def place(total):
    when_done(Order.objects.create(total=total))
"""
        },
        tmp_path,
    )
    place = next(o for o in system.operations if o.symbol == "place")
    assert [e.when.value for e in place.effects if e.kind.value == "publish"] == ["after-commit"]


RELATED = """
from django.db import models
from django.db.models import Prefetch

class Product(models.Model):
    name = models.CharField(max_length=9)

class Order(models.Model):
    total = models.IntegerField()

class Line(models.Model):
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)

def listed():
    for order in Order.objects.prefetch_related(Prefetch("lines", queryset=Line.objects.select_related("product"))):
        print(order.lines.count(), [line.product.name for line in order.lines.all()], order.lines.all()[0])

def backward(key):
    for line in Order.objects.get(pk=key).lines.all():
        print(line.order.total)

def chosen(whole, names):
    orders = Order.objects.prefetch_related("lines") if whole else Order.objects.filter(total=1)
    for order in orders.prefetch_related(*names):
        print([line.id for line in order.lines.all()])

def lazy():
    for order in Order.objects.all():
        print(order.lines.count())
"""


def test_what_was_read_along_is_not_read_again(tmp_path: Path) -> None:
    system = read_system({"shop/models.py": RELATED}, tmp_path)

    def looped(name: str) -> list[str]:
        operation = next(o for o in system.operations if o.symbol == name)
        return [e.dataset for e in operation.effects if e.inside("loop")]

    assert [looped(n) for n in ("listed", "backward", "chosen")] == [[], [], []]
    assert looped("lazy") == ["shop_line"]


def test_a_loop_says_which_rows_it_goes_through(tmp_path: Path) -> None:
    system = read_system({"shop/models.py": RELATED}, tmp_path)
    operation = next(o for o in system.operations if o.symbol == "lazy")
    rows, counted = operation.effects
    loop = counted.inside("loop")
    assert loop is not None
    assert loop.over == rows.rows


def test_a_model_that_extends_one_of_its_own_name_has_a_table(tmp_path: Path) -> None:
    system = read_system(
        {
            "shop/__init__.py": "",
            "shop/models.py": "from django.db import models\nfrom hub import models as hub\n\n"
            "class Remote(hub.Remote):\n    pass\n\n"
            "class A(models.Model):\n"
            "    b = models.OneToOneField('B', on_delete=models.CASCADE, primary_key=True)\n\n"
            "class B(models.Model):\n"
            "    a = models.OneToOneField(A, on_delete=models.CASCADE, primary_key=True)\n",
        },
        tmp_path,
    )
    assert {"shop_a", "shop_b"} <= {d.name for d in system.datasets}
    assert not system.remarks


OWN_FIELDS = """
from django.db import models

class QuietOneToOneField(models.OneToOneField):
    pass

QuietOneToOneOrField = QuietOneToOneField

class User(models.Model):
    name = models.TextField()

class Settings(models.Model):
    user = QuietOneToOneOrField(User, on_delete=models.CASCADE)

def chosen(user):
    return Settings.objects.filter(user=user).first()
"""


def test_another_name_of_a_relation_of_the_project_is_that_relation(tmp_path: Path) -> None:
    system = read_system({"shop/models.py": OWN_FIELDS}, tmp_path)
    read = next(e for o in system.operations if o.symbol == "chosen" for e in o.effects)
    assert read.selection is not None
    assert [p.column for p in read.selection.predicates] == ["user_id"]
    dataset = system.dataset_of(read)
    assert dataset is not None
    assert dataset.enforces_unique(frozenset(("user_id",))) == Answer.YES
