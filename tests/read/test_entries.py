"""Ways into a system: what starts a function, for every framework that is known, and how often it may start."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.pages import read_system

# What a function does when it is entered is the same in all: it writes. Expected: function → kind, name, and whether
# its input may come again or a failure runs it again.
CASES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "a Django view that a path names": (
        """
        from django.urls import path
        def pay(request, number): pass
        urlpatterns = [path("pay/<int:number>", pay)]
        """,
        {"pay": ("request", "")},
    ),
    "a Django view class": (
        """
        from django.views import View
        class Pay(View):
            def post(self, request): pass
        """,
        {"Pay.post": ("request", "")},
    ),
    "a Django command, with what it does when it is made": (
        """
        from django.core.management.base import BaseCommand
        class Command(BaseCommand):
            def __init__(self, *args, **kwargs): super().__init__(*args, **kwargs)
            def handle(self, *args, **options): pass
            def other(self): pass
        """,
        {"Command.__init__": ("command", ""), "Command.handle": ("command", ""), "Command.other": ("", "")},
    ),
    "what a decorator of the project registers inside": (
        """
        import functools
        from celery import Celery, shared_task
        app = Celery("shop")
        def actor(name):
            def decorator(function):
                @functools.wraps(function)
                def inner(*args): return function(*args)
                shared_task(inner, name=name)
                return inner
            return decorator
        def task(function):
            @app.task
            def inner(*args): return function(*args)
            return inner
        def timed(function):
            def inner(*args): return function(*args)
            return inner
        @actor("shop.bill")
        def bill(number): pass
        @task
        def ship(number): pass
        @timed
        def count(number): pass
        """,
        {"bill": ("task", ""), "ship": ("task", ""), "count": ("", "")},
    ),
    "a router of a class that a function makes": (
        """
        from fastapi import APIRouter
        def made():
            class Router(APIRouter):
                pass
            return Router
        Ours = made()
        plain = Ours(prefix="/orders")
        @plain.post("/")
        def order(): pass
        """,
        {"order": ("request", "")},
    ),
    "a router that is made where it cannot be followed": (
        """
        from somewhere import routers
        router = routers.make()
        @router.get("/orders")
        def orders(): pass
        """,
        {"orders": ("request", "")},
    ),
    "what generic views and the admin call of forms and serializers, unless the project does": (
        """
        from django.forms import ModelForm
        from rest_framework.serializers import ModelSerializer
        class Form(ModelForm):
            def clean_name(self): pass
            def save(self): self.note()
            def note(self): pass
        class Order(ModelSerializer):
            def create(self, data): pass
            def _other(self): pass
        """,
        {
            "Form.clean_name": ("request", ""),
            "Form.save": ("request", ""),
            "Form.note": ("", ""),
            "Order.create": ("request", ""),
            "Order._other": ("", ""),
        },
    ),
    "a serializer that only a task of the project asks": (
        """
        from celery import shared_task
        from rest_framework.serializers import Serializer
        class Order(Serializer):
            def tidy(self): pass
        @shared_task
        def nightly():
            Order().tidy()
        """,
        {"Order.tidy": ("", ""), "nightly": ("task", "")},
    ),
    "classes and functions that settings name": (
        """
        INSTALLED_APPS = ["shop"]
        MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "shop.code.Basket"]
        TEMPLATES = [{"OPTIONS": {"context_processors": ["shop.code.basket"]}}]
        class Basket:
            def __init__(self, ask): pass
            def __call__(self, request): self.look()
            def look(self): pass
            def process_view(self, request): pass
        def basket(request): pass
        """,
        {
            "Basket.__init__": ("", ""),
            "Basket.__call__": ("request", ""),
            "Basket.look": ("", ""),
            "Basket.process_view": ("request", ""),
            "basket": ("request", ""),
        },
    ),
    "a program that picks a module by its name": (
        """
        import sys
        from importlib import import_module
        PROCESSES = {"relay": "shop.code"}
        def main(): pass
        def run(): import_module(PROCESSES[sys.argv[1]]).main()
        """,
        {"main": ("main", ""), "run": ("", "")},
    ),
    "rq-scheduler": (
        """
        from rq_scheduler import Scheduler
        def tidy(): pass
        def count(): pass
        def plan(connection, now):
            scheduler = Scheduler(connection=connection)
            scheduler.cron("0 3 * * *", func=tidy)
            scheduler.schedule(now, count, interval=60)
        """,
        {"tidy": ("schedule", ""), "count": ("schedule", "")},
    ),
    "REST framework": (
        """
        from rest_framework.decorators import api_view, action
        from rest_framework.viewsets import ModelViewSet
        from rest_framework.views import APIView
        @api_view(["POST"])
        def pay(request): pass
        class Orders(ModelViewSet):
            def create(self, request): pass
            @action(detail=True, methods=["post"])
            def cancel(self, request, pk=None): pass
        class Refund(APIView):
            def put(self, request): pass
        """,
        {n: ("request", "") for n in ("pay", "Orders.create", "Orders.cancel", "Refund.put")},
    ),
    "Flask": (
        """
        from flask import Flask, Blueprint
        from flask.views import MethodView
        app = Flask("shop")
        api = Blueprint("api", "shop", url_prefix="/api")
        @app.route("/pay", methods=["POST"])
        def pay(): pass
        @api.post("/refund")
        def refund(): pass
        class Orders(MethodView):
            def delete(self): pass
        def late(): pass
        app.add_url_rule("/late", view_func=late)
        @app.cli.command("close")
        def close(): pass
        """,
        {
            **{n: ("request", "") for n in ("pay", "refund", "Orders.delete", "late")},
            "close": ("command", ""),
        },
    ),
    "FastAPI": (
        """
        from fastapi import APIRouter, BackgroundTasks, FastAPI
        app = FastAPI()
        router = APIRouter(prefix="/orders")
        @app.post("/pay")
        async def pay(): pass
        @router.delete("/{number}")
        def cancel(number: int): pass
        @app.websocket("/prices")
        async def prices(socket): pass
        @app.on_event("startup")
        async def begin(): pass
        """,
        {"pay": ("request", ""), "cancel": ("request", ""), "prices": ("request", ""), "begin": ("event", "")},
    ),
    "Starlette": (
        """
        from starlette.applications import Starlette
        from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
        from starlette.routing import Mount, Route, Router, WebSocketRoute
        async def home(request): pass
        async def prices(socket): pass
        class Orders(HTTPEndpoint):
            async def post(self, request): pass
        class Chat(WebSocketEndpoint):
            async def on_receive(self, socket, data): pass
        async def begin(): pass
        inner = Router(routes=[Route("/home", endpoint=home)])
        routes = [Mount("/a", app=inner), Mount("/b", routes=[WebSocketRoute("/p", prices)])]
        app = Starlette(routes=routes, on_startup=[begin])
        @app.exception_handler(404)
        async def missing(request, error): pass
        """,
        {
            **{n: ("request", "") for n in ("home", "prices", "Orders.post", "Chat.on_receive", "missing")},
            "begin": ("event", ""),
        },
    ),
    "Litestar": (
        """
        from litestar import Controller, Litestar, get, post, websocket
        from litestar.di import Provide
        from litestar.events import listener
        async def session(): pass
        @get("/")
        async def home() -> None: pass
        @websocket("/prices")
        async def prices(socket) -> None: pass
        class Orders(Controller):
            path = "/orders"
            dependencies = {"session": Provide(session)}
            @post()
            async def place(self) -> None: pass
            def inner(self): pass
        @listener("placed")
        async def placed(order): pass
        async def begin(app): pass
        app = Litestar([home, prices, Orders], on_startup=[begin], listeners=[placed])
        """,
        {
            **{n: ("request", "") for n in ("home", "prices", "Orders.place")},
            **{n: ("event", "") for n in ("placed", "begin")},
            "Orders.inner": ("", ""),
        },
    ),
    "Sanic": (
        """
        from sanic import Blueprint, Sanic
        from sanic.views import HTTPMethodView
        app = Sanic("shop")
        orders = Blueprint("orders", url_prefix="/orders")
        @app.get("/")
        async def home(request): pass
        @orders.route("/<number>", methods=["POST"])
        async def pay(request, number): pass
        class Refund(HTTPMethodView):
            async def put(self, request): pass
        app.add_route(Refund.as_view(), "/refund")
        async def late(request): pass
        app.add_route(late, "/late")
        @app.on_request
        async def before(request): pass
        @app.listener("after_server_start")
        async def begin(app): pass
        @app.before_server_stop
        async def end(app): pass
        """,
        {
            **{n: ("request", "") for n in ("home", "pay", "Refund.put", "late", "before")},
            **{n: ("event", "") for n in ("begin", "end")},
        },
    ),
    "Falcon": (
        """
        import falcon, falcon.asgi
        class Base:
            def on_head(self, req, resp): pass
        class Orders(Base):
            def on_get(self, req, resp): pass
            def on_post_item(self, req, resp, number): pass
            def inner(self): pass
        class Rates:
            async def on_get(self, req, resp): pass
        class Watch:
            def process_request(self, req, resp): pass
        class Unrouted:
            def on_get(self, req, resp): pass
        app = falcon.App(middleware=[Watch()])
        orders = Orders()
        app.add_route("/orders", orders)
        app.add_route("/orders/{number}", orders, suffix="item")
        falcon.asgi.App().add_route("/rates", Rates())
        """,
        {
            **{n: ("request", "") for n in ("Base.on_head", "Orders.on_get", "Orders.on_post_item", "Rates.on_get")},
            "Watch.process_request": ("request", ""),
            "Orders.inner": ("", ""),
            "Unrouted.on_get": ("", ""),
        },
    ),
    "Bottle": (
        """
        from bottle import Bottle, get, hook, route
        app = Bottle()
        @route("/pay", method="POST")
        def pay(): pass
        @get("/")
        def home(): pass
        @app.delete("/<number>")
        def cancel(number): pass
        @hook("before_request")
        def before(): pass
        def late(): pass
        app.route("/late", ["POST"], late)
        """,
        {n: ("request", "") for n in ("pay", "home", "cancel", "before", "late")},
    ),
    "GraphQL": (
        """
        import graphene, strawberry
        from graphene_django import DjangoObjectType
        @strawberry.type
        class Mutation:
            @strawberry.mutation
            def pay(self, number: int) -> bool: pass
            @strawberry.field
            def rate(self) -> int: pass
            def inner(self): pass
        class Pay(graphene.Mutation):
            def mutate(self, info, number): pass
        class Refund(graphene.relay.ClientIDMutation):
            @classmethod
            def mutate_and_get_payload(cls, root, info): pass
        class Order(DjangoObjectType):
            def resolve_total(self, info): pass
            def inner(self): pass
        """,
        {
            **{n: ("request", "") for n in ("Mutation.pay", "Mutation.rate", "Pay.mutate", "Order.resolve_total")},
            "Refund.mutate_and_get_payload": ("request", ""),
            "Mutation.inner": ("", ""),
            "Order.inner": ("", ""),
        },
    ),
    "taskiq": (
        """
        from taskiq_aio_pika import AioPikaBroker
        from taskiq_redis import ListQueueBroker
        popped = ListQueueBroker("redis://queue")
        kept = AioPikaBroker("amqp://queue")
        @popped.task
        async def bill(order): pass
        @kept.task(retry_on_error=True)
        async def ship(order): pass
        """,
        {"bill": ("task", ""), "ship": ("task", "redelivered retried")},
    ),
    "procrastinate": (
        """
        import procrastinate
        from procrastinate.contrib.django import app as ours
        app = procrastinate.App(connector=None)
        blueprint = procrastinate.Blueprint()
        @app.task(queue="billing", retry=3)
        def bill(order): pass
        @blueprint.task
        def ship(order): pass
        @ours.task
        def mail(order): pass
        @app.periodic(cron="0 3 * * *")
        @app.task
        def close(timestamp): pass
        """,
        {
            "bill": ("task", "retried"),
            "ship": ("task", ""),
            "mail": ("task", ""),
            "close": ("schedule task", ""),
        },
    ),
    "Temporal": (
        """
        from temporalio import activity, workflow
        @activity.defn
        async def charge(order): pass
        class Stock:
            @activity.defn(name="take")
            def take(self, sku): pass
        @workflow.defn
        class Checkout:
            @workflow.run
            async def run(self, order): pass
            @workflow.signal
            def stop(self): pass
            @workflow.query
            def state(self): pass
        """,
        {
            "charge": ("task", "redelivered retried"),
            "Stock.take": ("task", "redelivered retried"),
            "Checkout.run": ("task", "redelivered"),
            "Checkout.stop": ("event", ""),
            "Checkout.state": ("request", ""),
        },
    ),
    "SAQ": (
        """
        from saq import CronJob, Queue, Worker
        queue = Queue.from_url("redis://queue")
        async def bill(ctx, order): pass
        async def close(ctx): pass
        worker = Worker(queue, functions=[bill], cron_jobs=[CronJob(close, cron="0 3 * * *")])
        """,
        {"bill": ("task", ""), "close": ("schedule", "")},
    ),
    "Django Ninja": (
        """
        from ninja import NinjaAPI, Router
        from ninja_extra import ControllerBase, api_controller, http_delete, route
        api = NinjaAPI()
        router = Router()
        @api.post("/pay")
        def pay(request, number: int): pass
        @router.put("/{number}")
        async def change(request, number: int): pass
        @api.api_operation(["POST", "PATCH"], "/mixed")
        def mixed(request): pass
        def late(request): pass
        router.add_api_operation("/late", ["POST"], late)
        @api_controller("/orders")
        class Orders(ControllerBase):
            @route.post("/")
            def place(self): pass
            @http_delete("/{number}")
            def cancel(self, number: int): pass
            def inner(self): pass
        """,
        {
            **{n: ("request", "") for n in ("pay", "change", "mixed", "late", "Orders.place", "Orders.cancel")},
            "Orders.inner": ("", ""),
        },
    ),
    "Celery": (
        """
        from celery import Celery, shared_task
        from celery.schedules import crontab
        app = Celery("shop")
        @shared_task
        def bill(order): pass
        @app.task(acks_late=True)
        def ship(order): pass
        @app.task
        def close(): pass
        @app.task
        def clean(): pass
        app.conf.beat_schedule = {"close": {"task": "shop.code.close", "schedule": crontab(hour=3)}}
        @app.on_after_configure.connect
        def setup_periodic_tasks(sender, **kwargs):
            sender.add_periodic_task(crontab(hour=4), clean.s())
        """,
        {
            "bill": ("task", ""),
            "ship": ("task", "redelivered"),
            "close": ("schedule task", ""),
            "clean": ("schedule task", ""),
        },
    ),
    "RQ": (
        """
        from rq import Queue, Retry
        queue = Queue()
        def bill(order): pass
        def ship(order): pass
        def mail(order): pass
        def run(order):
            queue.enqueue(bill, order)
            queue.enqueue(ship, order, retry=Retry(max=3))
            queue.enqueue("shop.code.mail", order)
        """,
        {"bill": ("task", ""), "ship": ("task", "retried"), "mail": ("task", "")},
    ),
    "Dramatiq": (
        """
        import dramatiq
        @dramatiq.actor
        def bill(order): pass
        @dramatiq.actor(max_retries=0)
        def ship(order): pass
        class Mail(dramatiq.GenericActor):
            def perform(self, order): pass
        """,
        {
            "bill": ("task", "redelivered retried"),
            "ship": ("task", "redelivered"),
            "Mail.perform": ("task", "redelivered retried"),
        },
    ),
    "Arq": (
        """
        from arq import cron, func
        from arq.connections import RedisSettings
        async def bill(ctx, order): pass
        async def ship(ctx, order): pass
        async def close(ctx): pass
        async def other(ctx): pass
        class Worker:
            functions = [bill, func(ship, max_tries=3)]
            cron_jobs = [cron(close, hour=3)]
            redis_settings = RedisSettings()
        class Menu:
            functions = [other]
        """,
        {
            "bill": ("task", "redelivered"),
            "ship": ("task", "redelivered"),
            "close": ("schedule", ""),
            "other": ("", ""),
        },
    ),
    "Huey": (
        """
        from huey import RedisHuey, crontab
        huey = RedisHuey()
        @huey.task(retries=2)
        def bill(order): pass
        @huey.periodic_task(crontab(hour="3"))
        def close(): pass
        """,
        {"bill": ("task", "retried"), "close": ("schedule", "")},
    ),
    "Kafka, polled": (
        """
        import confluent_kafka, kafka, aiokafka
        def bill():
            consumer = confluent_kafka.Consumer({"group.id": "billing"})
            consumer.subscribe(["orders"])
            while True:
                message = consumer.poll(1.0)
                print(message)
        def ship():
            for message in kafka.KafkaConsumer("orders", group_id="shipping"):
                print(message)
        async def index():
            consumer = aiokafka.AIOKafkaConsumer("orders", group_id="search")
            async for message in consumer:
                print(message)
        """,
        {n: ("consumer", "redelivered") for n in ("bill", "ship", "index")},
    ),
    "RabbitMQ": (
        """
        import pika, aio_pika
        connection = pika.BlockingConnection()
        channel = connection.channel()
        def bill(ch, method, properties, body): pass
        def ship(ch, method, properties, body): pass
        async def index(message): pass
        def run():
            channel.basic_consume(queue="orders", on_message_callback=bill)
            channel.basic_consume(queue="parcels", on_message_callback=ship, auto_ack=True)
            channel.start_consuming()
        async def listen():
            connection = await aio_pika.connect_robust("amqp://queue")
            channel = await connection.channel()
            queue = await channel.declare_queue("orders")
            await queue.consume(index)
        """,
        {"bill": ("consumer", "redelivered"), "ship": ("consumer", ""), "index": ("consumer", "redelivered")},
    ),
    "SQS": (
        """
        import boto3
        def bill():
            queue = boto3.client("sqs")
            while True:
                for message in queue.receive_message(QueueUrl="https://sqs/orders")["Messages"]:
                    print(message)
        """,
        {"bill": ("consumer", "redelivered")},
    ),
    "Pub/Sub": (
        """
        from google.cloud import pubsub_v1
        subscriber = pubsub_v1.SubscriberClient()
        def bill(message): pass
        subscriber.subscribe("projects/shop/subscriptions/billing", callback=bill)
        def ship():
            while True:
                print(subscriber.pull(subscription="projects/shop/subscriptions/shipping"))
        """,
        {"bill": ("consumer", "redelivered"), "ship": ("consumer", "redelivered")},
    ),
    "NATS": (
        """
        import nats
        async def bill(message): pass
        async def watch(message): pass
        async def run():
            connection = await nats.connect("nats://queue")
            await connection.jetstream().subscribe("orders", cb=bill)
            await connection.subscribe("prices", cb=watch)
        async def ship():
            connection = await nats.connect("nats://queue")
            pulling = await connection.jetstream().pull_subscribe("orders", "shipping")
            while True:
                for message in await pulling.fetch(10):
                    print(message)
        """,
        {"bill": ("consumer", "redelivered"), "watch": ("consumer", ""), "ship": ("consumer", "redelivered")},
    ),
    "Redis": (
        """
        import redis
        def bill():
            store = redis.Redis()
            while True:
                print(store.xreadgroup("billing", "one", {"orders": ">"}))
        def watch():
            listening = redis.Redis().pubsub()
            listening.subscribe("prices")
            for message in listening.listen():
                print(message)
        def work():
            store = redis.Redis()
            while True:
                print(store.blpop("jobs"))
        """,
        {"bill": ("consumer", "redelivered"), "watch": ("consumer", ""), "work": ("consumer", "")},
    ),
    "commands": (
        """
        import click, typer
        from django.core.management.base import BaseCommand
        class Command(BaseCommand):
            def handle(self, *args, **options): pass
        @click.command()
        def close(): pass
        app = typer.Typer()
        @app.command()
        def clean(): pass
        """,
        {"Command.handle": ("command", ""), "close": ("command", ""), "clean": ("command", "")},
    ),
    "scheduled jobs": (
        """
        import schedule
        from apscheduler.schedulers.background import BackgroundScheduler
        jobs = BackgroundScheduler()
        def bill(): pass
        def ship(): pass
        jobs.add_job("shop.code:bill", "interval", minutes=5)
        @jobs.scheduled_job("cron", hour=3)
        def close(): pass
        schedule.every(10).minutes.do(ship)
        @schedule.repeat(schedule.every().hour)
        def clean(): pass
        """,
        {n: ("schedule", "") for n in ("bill", "ship", "close", "clean")},
    ),
    "Airflow": (
        """
        from airflow.sdk import dag, task
        from airflow.models import BaseOperator
        from airflow.providers.standard.operators.python import PythonOperator
        @task
        def load(): pass
        @task(retries=3)
        def ship(): pass
        @task.branch
        def choose(): pass
        def close(): pass
        PythonOperator(task_id="close", python_callable=close)
        class Publish(BaseOperator):
            def execute(self, context): pass
        @dag
        def nightly():
            load()
        """,
        {
            "load": ("schedule", ""),
            "ship": ("schedule", "retried"),
            "choose": ("schedule", ""),
            "close": ("schedule", ""),
            "Publish.execute": ("schedule", ""),
            "nightly": ("schedule", ""),
        },
    ),
    "Prefect and Dagster": (
        """
        import dagster
        from prefect import flow, task
        @task(retries=2)
        def load(): pass
        @flow
        def nightly():
            load()
        @dagster.op
        def clean(): pass
        @dagster.asset(retry_policy=dagster.RetryPolicy(max_retries=3))
        def orders(): pass
        @dagster.job
        def tidy():
            clean()
        """,
        {
            "load": ("schedule", "retried"),
            "nightly": ("schedule", ""),
            "clean": ("schedule", ""),
            "orders": ("schedule", "retried"),
            "tidy": ("", ""),
        },
    ),
    "Lambda": (
        """
        def lambda_handler(event, context): pass
        def handler(event, context): pass
        def other(event, context): pass
        """,
        {
            "lambda_handler": ("event", "redelivered retried"),
            "handler": ("event", "redelivered retried"),
            "other": ("", ""),
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_starts_a_function_is_known(name: str, tmp_path: Path) -> None:
    code, expected = CASES[name]
    system = read_system({"shop/__init__.py": "", "shop/code.py": dedent(code)}, tmp_path)
    found = {}
    for symbol in expected:
        (operation,) = (o for o in system.operations if o.symbol == symbol)
        own = [e for e in operation.entries if e.place == operation.place]
        again = ["redelivered"] * any(e.redelivered for e in own) + ["retried"] * any(e.retried for e in own)
        found[symbol] = (" ".join(sorted({e.kind for e in own})), " ".join(again))
    assert found == expected


def test_who_names_a_function_starts_it_where_nobody_is_seen_to_call_it(tmp_path: Path) -> None:
    code = """
    from flask import Flask
    app = Flask(__name__)
    class Orders:
        def take_order(self): self.note()
        def note(self): pass
        def leave(self): pass
        def left_over(self): pass
    @app.post("/orders")
    def order():
        app.extensions["orders"].take_order()
        app.extensions["orders"].leave()
    """
    system = read_system({"shop/__init__.py": "", "shop/code.py": dedent(code)}, tmp_path)
    kinds = {o.symbol: [e.kind for e in o.entries] for o in system.operations}
    assert kinds["Orders.take_order"] == kinds["Orders.note"] == ["request"]
    assert kinds["Orders.leave"] == kinds["Orders.left_over"] == []  # one word may mean anything


def test_what_one_caller_hands_a_helper_in_a_list_is_not_started_by_its_other_callers(tmp_path: Path) -> None:
    code = """
    from celery import shared_task
    from flask import Flask
    app = Flask(__name__)
    def run_all(steps):
        for step in steps:
            step()
    def add_roles(): pass
    def add_lists(): pass
    @shared_task
    def set_up(): run_all([add_roles])
    @app.post("/lists")
    def lists(): run_all([add_lists])
    """
    system = read_system({"shop/__init__.py": "", "shop/code.py": dedent(code)}, tmp_path)
    kinds = {o.symbol: [e.kind for e in o.entries] for o in system.operations}
    assert (kinds["add_roles"], kinds["add_lists"]) == (["task"], ["request"])


def test_what_a_dag_puts_together_is_not_done_there(tmp_path: Path) -> None:
    code = """
    import requests
    from airflow.decorators import dag, task
    from dagster import job, op
    @task
    def load():
        requests.get("https://rates.example", timeout=5)
    @dag
    def nightly():
        load.override(task_id="first")()
        return load()
    @op
    def clean():
        requests.get("https://files.example", timeout=5)
    @job
    def tidy():
        clean()
    """
    system = read_system({"shop/__init__.py": "", "shop/code.py": dedent(code)}, tmp_path)
    effects = {o.symbol: len(o.effects) for o in system.operations}
    assert (effects["load"], effects["clean"], effects["nightly"], effects["tidy"]) == (1, 1, 0, 0)
