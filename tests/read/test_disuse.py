"""Which functions nobody needs, in a program whose ways in are known."""

from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.model.system import MANY_WAYS
from datakeel.read.disuse import last
from tests.pages import read_system

# a program with enough ways in to be one; the last way calls `used`
WAYS = "from celery import shared_task\nfrom app.shop import used\n" + "".join(
    f"@shared_task\ndef way_{number}(): used()\n" for number in range(MANY_WAYS)
)

# Expected: of the functions that are named `unneeded…`, all; of those that are named `needed…`, none.
CASES = {
    "nothing names it": "def unneeded(): pass",
    "a function that somebody needs calls it": "def used(): needed()\ndef needed(): pass",
    "code of a module names it, in a lambda or a list": """
        def needed(): pass
        def needed_too(): pass
        STEPS = [needed for _ in range(3)]
        STEP = lambda: needed_too()
        """,
    "it is handed on": "def used(): apply(needed)\ndef needed(): pass",
    "only a method that nobody needs calls it": """
        class Till:
            def unneeded(self): return unneeded_too()
        def unneeded_too(): pass
        """,
    "only a function that nobody needs calls it": "def unneeded(): unneeded_too()\ndef unneeded_too(): pass",
    "only those call it that call each other": "def unneeded(): unneeded_too()\ndef unneeded_too(): unneeded()",
    "a configuration names it": "def needed_nightly(): needed()\ndef needed(): pass",
    "it calls itself": "def unneeded(rows): unneeded(rows[1:])",
    "it is imported, exported, and used nowhere": "from app.more import unneeded\n__all__ = ['unneeded']",
    "only a migration calls it": "def unneeded(): pass",
    "a string has its name": "def used(client): client.cast('needed')\ndef needed(): pass",
    "a string has its whole name": "JOB = 'app.shop.needed'\ndef needed(): pass",
    "a template begins its name": "def used(kind): globals()[f'needed_{kind}']()\ndef needed_card(): pass",
    "a format ends its name": "def used(kind): globals()['%s_by_card' % kind]()\ndef needed_by_card(): pass",
    "it is decorated": "from somewhere import hook\n@hook\ndef needed(): pass",
    "it is a model's, and a template has its name, or says it in its prose": """
        from django.db import models
        class Order(models.Model):
            def needed_total(self): pass
            def unneeded_prose(self): pass
            def get_absolute_url(self): pass
        """,
    "it is of a query's class": """
        from django.db import models
        class Orders(models.QuerySet):
            def unneeded(self): pass
            def needed(self): pass
            def get_queryset(self): pass
        def used(): Orders().needed()
        """,
    "its decorator is known to start nothing": """
        from functools import cache
        class Till(object):
            @cache
            def unneeded(self): pass
        def used(): Till()
        """,
    "another takes its name": """
        def needed(): return 1
        def unneeded(): return needed()
        def needed(): return 2
        if STRICT:
            def needed_too(): pass
        else:
            def needed_too(): return 1
        def used(): needed(), needed_too()
        """,
    "its class is told by name": """
        ROUTERS = ["app.shop.Router"]
        class Router(object):
            def needed(self, model): pass
        """,
    "it is a model's, and has to be handed something": """
        from django.db import models
        class Order(models.Model):
            def unneeded(self, card): pass
            def save(self, force_insert, **more): pass
        """,
    "it is a model's, and writes, as no template should": """
        from django.db import models
        class Order(models.Model):
            def unneeded(self): Order.objects.filter(open=True).delete()
        """,
    "a library's class may call it": """
        from somewhere import Handler
        class Mine(Handler):
            def needed(self, message): pass
        """,
    "it is what it overrides of another class": """
        class Mixin:
            def needed(self, response): return super().needed(response)
        class Page(Mixin):
            pass
        """,
    "a class that nobody but itself names": """
        class Parser:
            def unneeded_copy(self): return Parser()
            def unneeded_read(self): return unneeded_too()
        def unneeded_too(): pass
        class Reader:
            def needed_read(self): pass
        def used(parser): Reader(); parser.unneeded_read(); parser.needed_read()
        """,
    "a view that no route names": """
        from rest_framework.views import APIView
        class Orders(APIView):
            def unneeded_rows(self): pass
        class Bills(APIView):
            def needed_rows(self): pass
        urls = [Bills.as_view()]
        def used(view): view.unneeded_rows(); view.needed_rows()
        """,
    "classes that others may find": """
        from django.core.management.base import BaseCommand
        from somewhere import register
        class Base:
            def __init_subclass__(cls): REGISTRY.append(cls)
        class Plugin(Base):
            def needed_step(self): pass
        class Command(BaseCommand):
            def needed_work(self): pass
        @register
        class Hook:
            def needed_hook(self): pass
        JOBS = ["app.shop.Job"]
        class Job:
            def needed_job(self): pass
        def used(x): x.needed_step(); x.needed_work(); x.needed_hook(); x.needed_job()
        """,
    "a private method whose name another class has too": """
        class Till:
            def used(self): self.__needed_sum()
            def __needed_sum(self): pass
        class Shelf:
            def used(self): pass
            def __unneeded_sum(self): pass
        class Card:
            def used(self): self.__unneeded_sum()
        def used(): Till(), Shelf(), Card()
        """,
    "a task that nobody sends, and no plan could": """
        from celery import shared_task
        @shared_task
        def unneeded(number): pass
        @shared_task
        def sent(number): pass
        def used(): sent.delay(1)
        """,
}


TEMPLATE = "<p>unneeded_prose {{ order.needed_total|money }}</p>"
PROCESSES = """
worker: celery -A app.tasks worker
nightly: python -c 'from app.shop import needed_nightly; needed_nightly()'
"""


@pytest.mark.parametrize("case", CASES)
def test_what_nobody_needs_is_known(case: str, tmp_path: Path) -> None:
    shop = dedent(CASES[case])
    if "def used(" not in shop:
        shop += "\ndef used(): pass\n"
    files = {
        "app/tasks.py": WAYS,
        "app/shop.py": shop,
        "app/more.py": "def unneeded(): pass\n" if "app.more" in shop else "",
        "app/migrations/0002_pay.py": "from app.shop import unneeded\nclass Migration(object): run = unneeded\n"
        if "migration" in case
        else "",
        "app/templates/order.html": TEMPLATE,
        "Procfile": PROCESSES,
    }
    operations = [o for o in read_system(files, tmp_path).operations if o.place.path != "app/tasks.py"]

    words = {o.symbol: last(o.symbol).lstrip("_") for o in operations}
    named = {symbol for symbol, word in words.items() if word.startswith("unneeded") or word == "needed#2"}
    assert {o.symbol for o in operations if o.unused} == named
    assert named or any(word.startswith("needed") for word in words.values())


# Modules that are run (True) or not, beside `app/tasks.py`, which says that it is a program, and what it imports
MODULES = {
    "imported in a function": ({"app/shop.py": "def used():\n    import app.more\n"}, True),
    "imported relatively": ({"app/shop.py": "from . import more\ndef used(): pass\n"}, True),
    "named by a string": ({"app/shop.py": "PART = 'app.more'\ndef used(): pass\n"}, True),
    "named by a configuration": ({"deploy.yaml": "command: worker -m app.more\n"}, True),
    "imported by nothing": ({}, False),
    "imported by a test and a module that nothing imports": (
        {"tests/test_more.py": "import app.more\n", "app/other.py": "from app import more\n"},
        False,
    ),
    "loaded with all of its folder": (
        {"app/shop.py": "def used():\n    for name in os.listdir('app'): importlib.import_module(name)\n"},
        True,
    ),
    "one of many that nothing imports": ({f"app/more_{n}.py": "def step(): pass\n" for n in range(3)}, True),
    "a program": ({"app/more.py": "def step(): pass\nif __name__ == '__main__': step()\n"}, True),
    "a module that does something when it is run": ({"app/more.py": "def step(): pass\nstep()\n"}, True),
    "what a framework finds by its name": ({"app/admin.py": "from app import more\n"}, True),
}


@pytest.mark.parametrize("case", MODULES)
def test_what_stands_in_a_module_that_is_not_run_is_not_needed(case: str, tmp_path: Path) -> None:
    files, run = MODULES[case]
    given = {
        "app/__init__.py": "",
        "app/tasks.py": WAYS + "if __name__ == '__main__': way_0()\n",
        "app/shop.py": "def used(): pass\n",
        "app/more.py": "from celery import shared_task\n@shared_task\ndef step(): pass\n",
    }
    operations = read_system({**given, **files}, tmp_path).operations
    assert [o.unused for o in operations if o.place.path == "app/more.py"] == [not run]
