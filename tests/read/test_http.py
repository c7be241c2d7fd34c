"""What is known of calls over the network: how long they wait, where that was decided, whether they may be repeated."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Option
from tests.pages import read_system


def calls(folder: Path, text: str, **files: str) -> list[Effect]:
    """The calls of `call`, in their order."""
    texts = {f"shop/{name}.py": dedent(content) for name, content in files.items()}
    system = read_system({"shop/__init__.py": "", "shop/code.py": dedent(text), **texts}, folder)
    operation = next(o for o in system.operations if o.symbol.rpartition(".")[2] == "call")
    return list(operation.of(Kind.CALL))


def limit(effect: Effect) -> Option:
    found = effect.option("timeout")
    assert found is not None
    return found


LIMITS = {
    "requests.get(url)": "None",
    "requests.get(url, timeout=5)": "5",
    "requests.get(url, timeout=None)": "None",
    "requests.get(url, timeout=(3, None))": "(3, None)",
    "requests.get(url, timeout=LIMIT)": "(3.05, 27)",
    "requests.get(url, timeout=other)": "",
    "requests.post(url, **options)": "",
    "requests.Session().get(url)": "None",
    "requests.request('GET', url)": "None",
    "httpx.get(url)": "5",
    "httpx.post(url, timeout=None)": "None",
    "httpx.Client().get(url)": "5",
    "httpx.Client(timeout=30).get(url)": "30",
    "httpx.Client(timeout=None).get(url)": "None",
    "httpx.Client(timeout=httpx.Timeout(10, connect=3)).get(url)": "10",
    "httpx.Client(timeout=httpx.Timeout(None, connect=3)).get(url)": "None",
    "httpx.Client(timeout=httpx.Timeout(connect=3, read=20, write=3, pool=3)).get(url)": "20",
    "httpx.Client(**options).get(url)": "",
    "aiohttp.ClientSession().get(url)": "300",
    "aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=9)).get(url)": "9",
    "aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(connect=9)).get(url)": "None",
    "aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_read=8)).get(url)": "8",
    "urllib.request.urlopen(url)": "None",
    "urllib.request.urlopen(url, None, 3)": "3",
    "urllib3.PoolManager().request('GET', url)": "None",
    "urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=7)).request('GET', url)": "7",
    "http.client.HTTPSConnection(url, timeout=4).request('GET', '/')": "4",
    "smtplib.SMTP('mail.example')": "None",
    "smtplib.SMTP('mail.example', timeout=3)": "3",
    "socket.create_connection((url, 80))": "None",
    "stripe.Charge.create(amount=1)": "80",
}


@pytest.mark.parametrize("expression", LIMITS)
def test_how_long_a_call_waits(expression: str, tmp_path: Path) -> None:
    text = f"""
        import http.client
        import smtplib
        import socket
        import urllib.request

        import aiohttp
        import httpx
        import requests
        import stripe
        import urllib3

        LIMIT = (3.05, 27)

        def call(url, other, **options):
            {expression}
        """
    (effect,) = calls(tmp_path, text)
    assert limit(effect).value == LIMITS[expression]


SESSIONS = {
    "it overrides request": (
        """
        import requests

        class Session(requests.Session):
            def request(self, method, url, **options):
                options.setdefault("timeout", 10)
                return super().request(method, url, **options)
        """,
        "10",
    ),
    "it overrides send": (
        """
        import requests

        class Session(requests.Session):
            def send(self, request, **options):
                return super().send(request, timeout=7)
        """,
        "7",
    ),
    "it adds a header": (
        """
        import requests

        class Session(requests.Session):
            def request(self, method, url, **options):
                self.headers["x-shop"] = "1"
                return super().request(method, url, **options)
        """,
        "None",
    ),
}


@pytest.mark.parametrize("case", SESSIONS)
def test_a_session_of_the_projects_own(case: str, tmp_path: Path) -> None:
    web, expected = SESSIONS[case]
    text = """
        from shop.web import Session

        def call(url):
            Session().get(url, params={"a": 1})
        """
    (effect,) = calls(tmp_path, text, web=web)
    assert limit(effect).value == expected


def test_an_adapter_of_the_projects_own_may_set_a_limit(tmp_path: Path) -> None:
    text = """
        import requests
        from requests.adapters import HTTPAdapter

        class Patient(HTTPAdapter):
            def send(self, request, **options):
                options.setdefault("timeout", 10)
                return super().send(request, **options)

        session = requests.Session()
        session.mount("https://", Patient())

        def call(url):
            session.get(url)
        """
    (effect,) = calls(tmp_path, text)
    assert limit(effect).value == ""


def test_the_default_of_all_sockets(tmp_path: Path) -> None:
    text = """
        import urllib.request
        import requests

        def call(url):
            urllib.request.urlopen(url)
            requests.get(url)
        """
    opened, asked = calls(tmp_path, text, settings="import socket\nsocket.setdefaulttimeout(20)\n")
    assert limit(opened).value == "20"
    assert limit(asked).value == "None"  # requests says None itself: no limit, whatever sockets have


def test_a_default_of_the_process_is_a_setting(tmp_path: Path) -> None:
    text = "import socket\n\nsocket.setdefaulttimeout(20)\n"
    assert read_system({"shop/code.py": text}, tmp_path).setting("socket.timeout") == "20"


GCM = """
    import requests

    class Gcm:
        def __init__(self, key, **options):
            self.key = key
            self.options = options

        def call(self, payload):
            return requests.post("https://push.example", json=payload, **self.options)
    """


def test_what_constructions_pass_on_is_known_where_they_agree(tmp_path: Path) -> None:
    (effect,) = calls(tmp_path, GCM, router="from shop.code import Gcm\n\ndef make(key):\n    return Gcm(key)\n")
    assert limit(effect).value == "None"
    place = limit(effect).place
    assert place is not None
    assert (place.path, place.line) == ("shop/router.py", 4)


CONSTRUCTIONS = {
    "one gives a limit": "def make(key):\n    return Gcm(key, timeout=10)\n",
    "one hands options on": "def make(key, **options):\n    return Gcm(key, **options)\n",
    "they differ": "def make(key):\n    return Gcm(key), Gcm(key, timeout=10)\n",
    "the class is handed on": "def make(key):\n    Gcm(key)\n    return Gcm\n",
    "a subclass has its own": (
        "class Own(Gcm):\n    def __init__(self, key):\n        super().__init__(key, timeout=3)\n\n"
        "def make(key):\n    return Gcm(key), Own(key)\n"
    ),
    "nobody makes one": "",
    "it is changed elsewhere": "def make(key):\n    gcm = Gcm(key)\n    gcm.options = {'timeout': 5}\n    return gcm\n",
}


@pytest.mark.parametrize("case", CONSTRUCTIONS)
def test_what_constructions_pass_on_is_never_guessed(case: str, tmp_path: Path) -> None:
    text = GCM + "\n"
    (effect,) = calls(tmp_path, text, router="from shop.code import Gcm\n\n" + CONSTRUCTIONS[case])
    assert limit(effect).value in ("", "10")


def test_a_parameter_that_no_construction_gives_is_its_default(tmp_path: Path) -> None:
    text = """
        import requests

        class Client:
            def __init__(self, base, timeout=None):
                self.base = base
                self.timeout = timeout

            def call(self):
                return requests.get(self.base, timeout=self.timeout)

        client = Client("https://a")
        """
    (effect,) = calls(tmp_path, text)
    assert limit(effect).value == "None"
    place = limit(effect).place
    assert place is not None
    assert place.line == 12


AROUND = {
    "async with asyncio.timeout(5):\n        await client.get(url)": "5",
    "async with asyncio.timeout(None):\n        await client.get(url)": "None",
    "await asyncio.wait_for(client.get(url), timeout=3)": "3",
    "await asyncio.wait_for(fetch(url), 3)": "3",
    "async with async_timeout.timeout(limit):\n        await client.get(url)": "",
    "with anyio.fail_after(2):\n        await client.get(url)": "2",
}


@pytest.mark.parametrize("statement", AROUND)
def test_the_limit_round_a_call(statement: str, tmp_path: Path) -> None:
    text = (
        "import asyncio\nimport anyio\nimport async_timeout\nimport httpx\n\n"
        "client = httpx.AsyncClient(timeout=None)\n\n"
        "async def fetch(url):\n    return await client.get(url)\n\n"
        f"async def call(url, limit):\n    {statement}\n"
    )
    (effect,) = calls(tmp_path, text)
    scope = effect.inside("timeout")
    assert scope is not None
    assert scope.text == AROUND[statement]


def test_a_call_is_idempotent_by_its_method_or_its_key(tmp_path: Path) -> None:
    text = """
        import requests
        import stripe

        def call(url, order):
            requests.get(url)
            requests.put(url)
            requests.post(url)
            stripe.Charge.create(amount=1)
            stripe.Charge.create(amount=1, idempotency_key=f"order-{order}")
            stripe.Charge.create(amount=1, idempotency_key=order.key)
            stripe.Charge.retrieve(order.charge)
        """
    expected = [Answer.YES, Answer.YES, Answer.NO, Answer.NO, Answer.YES, Answer.UNKNOWN, Answer.YES]
    assert [e.idempotent for e in calls(tmp_path, text)] == expected


def test_what_holds_the_thread(tmp_path: Path) -> None:
    text = """
        import asyncio
        import httpx
        import requests

        client = httpx.AsyncClient()

        async def call(url):
            requests.get(url)
            await client.get(url)
            await asyncio.to_thread(requests.get, url)
            await asyncio.get_running_loop().run_in_executor(None, requests.get, url)
        """
    assert [e.blocking for e in calls(tmp_path, text)] == [True, False, False, False]


def test_a_generated_stub_calls_and_a_servicer_is_called(tmp_path: Path) -> None:
    text = """
        import grpc
        from shop.stock_pb2_grpc import OrdersServicer, StockStub

        class Orders(OrdersServicer):
            def __init__(self, address):
                self.stock = StockStub(grpc.insecure_channel(address))

            def call(self, request, context):
                return self.stock.Reserve(request, timeout=2)
        """
    generated = """
        class StockStub(object):
            def __init__(self, channel):
                self.Reserve = channel.unary_unary("/shop.Stock/Reserve")

        class OrdersServicer(object):
            def call(self, request, context):
                raise NotImplementedError()
        """
    files = {"shop/__init__.py": "", "shop/code.py": dedent(text), "shop/stock_pb2_grpc.py": dedent(generated)}
    system = read_system(files, tmp_path)
    operation = system.operation("shop.code.Orders.call")
    assert operation is not None
    assert [(e.verb, e.text, limit(e).value) for e in operation.of(Kind.CALL)] == [("rpc", "Reserve", "2")]
    assert [e.kind for e in operation.entries] == ["request"]
