"""What stands round a function when it is called: by all who call it, however far away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.model.certainty import Answer
from datakeel.model.effect import Kind
from datakeel.model.system import System
from datakeel.read.machine import Trace
from datakeel.read.symbols import FunctionInfo
from datakeel.read.values import Value
from datakeel.read.world import World
from tests.pages import read_system


def system(folder: Path, text: str) -> System:
    return read_system({"shop/__init__.py": "", "shop/code.py": dedent(text)}, folder)


def test_what_is_held_by_all_who_begin_is_held_at_the_end_of_a_chain(tmp_path: Path) -> None:
    found = system(
        tmp_path,
        """
        import threading

        import requests

        lock = threading.Lock()

        def a_last(url):
            requests.get(url)

        def b_middle(url):
            a_last(url)

        def z_first(url):
            with lock:
                b_middle(url)
        """,
    )
    for name in ("a_last", "b_middle"):
        operation = found.operation(f"shop.code.{name}")
        assert operation is not None
        assert operation.always_inside("locks") == Answer.YES
    first = found.operation("shop.code.z_first")
    assert first is not None
    assert first.always_inside("locks") == Answer.UNKNOWN


def test_a_circle_that_nobody_enters_is_entered_somewhere(tmp_path: Path) -> None:
    found = system(
        tmp_path,
        """
        import requests

        def ping(url):
            requests.get(url)
            pong(url)

        def pong(url):
            ping(url)
            last(url)

        def last(url):
            requests.get(url)
        """,
    )
    for name in ("ping", "pong", "last"):
        operation = found.operation(f"shop.code.{name}")
        assert operation is not None
        assert operation.always_inside("locks") == Answer.NO


def test_a_function_that_counts_its_own_calls_is_followed_a_few_times_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: Counter[str] = Counter()
    follow = World.follow

    def counted(world: World, info: FunctionInfo, bound: dict[str, Value]) -> Trace:
        followed[info.name] += 1
        return follow(world, info, bound)

    monkeypatch.setattr(World, "follow", counted)
    found = system(
        tmp_path,
        """
        import requests

        def wait(url):
            poll(url)

        def poll(url, tries=0):
            if requests.get(url, timeout=3).status_code == 404:
                return poll(url, tries=tries + 1)
            return True
        """,
    )
    assert 2 <= followed["shop.code.poll"] <= 10
    waiting = found.operation("shop.code.wait")
    assert waiting is not None
    assert list(waiting.of(Kind.CALL))


def test_what_a_helper_is_handed_is_called_by_those_who_handed_it_over(tmp_path: Path) -> None:
    found = system(
        tmp_path,
        """
        import threading

        import requests

        lock = threading.Lock()

        def attempt(work):
            return once(work)

        def once(work):
            return work()

        def held():
            requests.get("https://one.example")

        def free():
            requests.get("https://two.example")

        def a_first():
            with lock:
                attempt(held)

        def b_second():
            attempt(free)

        def c_third(url):
            attempt(lambda: told(url))

        def told(url):
            requests.get(url)
        """,
    )
    inside = {
        name: operation.always_inside("locks")
        for name in ("held", "free", "told", "once")
        if (operation := found.operation(f"shop.code.{name}")) is not None
    }
    assert inside == {"held": Answer.YES, "free": Answer.NO, "told": Answer.NO, "once": Answer.NO}


def test_what_an_object_is_made_with_runs_where_the_object_is_handed_on(tmp_path: Path) -> None:
    found = system(
        tmp_path,
        """
        from dataclasses import dataclass
        import subprocess
        from typing import Callable

        import requests

        @dataclass(frozen=True)
        class View:
            name: str
            apply: Callable[[str], None]

        def follow(view: View, url):
            view.apply(url)

        def search(url):
            requests.get(url)

        def totals(url):
            subprocess.run(["totals", url])

        def first():
            follow(View("search", search), "https://one.example")

        TOTALS = View("totals", apply=totals)

        def second():
            follow(TOTALS, "https://two.example")
        """,
    )
    calls = {
        name: [e.verb for e in operation.of(Kind.CALL)]
        for name in ("first", "second", "follow")
        if (operation := found.operation(f"shop.code.{name}")) is not None
    }
    assert calls == {"first": ["http"], "second": ["run"], "follow": ["hand-over"]}


def test_a_closure_that_calls_itself_from_many_places_is_followed_once(tmp_path: Path) -> None:
    """Followed at each of its calls to the usual depth, this one would be 9⁸ bodies."""
    found = system(
        tmp_path,
        """
        import requests

        def walk(schema):
            def below(part):
                requests.get(part.url)
                below(part.a); below(part.b); below(part.c)
                below(part.d); below(part.e); below(part.f)
                below(part.g); below(part.h); below(part.i)

            below(schema)
        """,
    )
    walk = found.operation("shop.code.walk")
    assert walk is not None
    assert [e.kind for e in walk.effects if e.kind == Kind.CALL and e.technology == "http"] == [Kind.CALL]


def test_no_way_goes_twice_through_one_call(tmp_path: Path) -> None:
    """Methods that call each other, for several kinds of receivers, brought all they do twice as often in each round:
    awx took 8 GiB."""
    found = system(
        tmp_path,
        """
        import queue

        from django.db import models

        class Job(models.Model):
            state = models.CharField(max_length=20)
            why = models.TextField(default="")
            stopping = models.BooleanField(default=False)

            def after(self):
                return []

            def save(self, *args, **kwargs):
                queue.Queue()
                return super().save(*args, **kwargs)

            def cancel(self, why=None, chained=False):
                if not chained:
                    for job in self.after():
                        job.cancel(why=self.why, chained=True)
                if not self.stopping:
                    self.stopping = True
                    self.save()
                return self.stopping

        class Update(Job):
            def after(self):
                return list(self.syncs.all())

            def cancel(self, why=None, chained=False):
                done = super().cancel(why=why, chained=chained)
                if done:
                    for sync in self.syncs.filter(state="running"):
                        sync.cancel(why="the update was cancelled")
                return done

        class Sync(Job):
            update = models.ForeignKey(Update, related_name="syncs", on_delete=models.CASCADE)

            def cancel(self, why=None, chained=False):
                done = super().cancel(why=why, chained=chained)
                if done and self.update:
                    self.update.cancel(why=why)
                return done
        """,
    )
    ways = [e.chain for o in found.operations for e in o.effects]
    ways += [r.chain for o in found.operations for r in o.resources]
    assert max(map(len, ways)) > 2
    assert not [way for way in ways if len(set(way)) < len(way)]


def test_what_is_come_to_in_many_ways_is_told_by_the_nearest(tmp_path: Path) -> None:
    """Each function calls the next one three times, and each call has a transaction of its own: 3⁹ writes."""
    steps = "\n".join(
        f"def step_{n}(key):\n    step_{n + 1}(key.a)\n    step_{n + 1}(key.b)\n    step_{n + 1}(key.c)\n"
        for n in range(9)
    )
    found = system(
        tmp_path,
        "from django.db import models, transaction\n"
        "class Note(models.Model):\n"
        "    text = models.TextField()\n"
        f"{steps}\n"
        "def step_9(key):\n"
        "    with transaction.atomic():\n"
        "        Note.objects.create(text=key)\n",
    )
    first = found.operation("shop.code.step_0")
    assert first is not None
    writes = list(first.of(Kind.WRITE))
    assert 1 <= len(writes) <= 1_000
    assert len({e.transaction for e in writes}) == len(writes)


def test_long_texts_that_one_helper_is_handed_are_kept_apart(tmp_path: Path) -> None:
    columns = ", ".join(f"column_{number}" for number in range(20))
    found = system(
        tmp_path,
        f"""
        import psycopg

        def rows(connection: psycopg.Connection, text):
            return connection.execute(text).fetchall()

        def orders(connection: psycopg.Connection):
            return rows(connection, "SELECT {columns} FROM orders WHERE id = 1")

        def payments(connection: psycopg.Connection):
            return rows(connection, "SELECT {columns} FROM payments WHERE id = 1")
        """,
    )
    for name in ("orders", "payments"):
        reading = found.operation(f"shop.code.{name}")
        assert reading is not None
        assert [e.dataset for e in reading.of(Kind.READ)] == [name]
