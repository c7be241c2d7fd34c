"""What is told of a retry: how often, how long between, after what; by hand, by a library, by a client's option."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from datakeel.model.operation import Operation, Retry
from tests.pages import read_system

HEAD = """
import itertools
import random
import threading
import time

import backoff
import requests
import retrying
import tenacity
from retry import retry

def pause(state):
    return state.attempt_number
"""


def traced(text: str, folder: Path, name: str = "code.call") -> Operation:
    system = read_system({"shop/code.py": HEAD + dedent(text)}, folder)
    found = system.operation(name) or system.operation(f"shop.{name}")
    assert found is not None, [o.name for o in system.operations]
    return found


def told(text: str, folder: Path) -> tuple[str, str, tuple[str, ...]]:
    """Attempts, wait and exceptions of the only retry of `call`, whose scope holds its call."""
    operation = traced(text, folder)
    (retry,) = operation.retries
    assert inside(operation, retry)
    return retry.attempts, retry.wait, retry.on


def inside(operation: Operation, retry: Retry) -> bool:
    return all(
        any(s.kind == "retry" and s.number == retry.number for s in e.scopes)
        for e in operation.effects
        if e.technology == "http"
    )


def loop(head: str, body: str = "", *, before: str = "") -> str:
    """A loop round a call, with what its handler does."""
    return (
        "def call(limit=None):\n"
        + indent(before or "pass", "    ")
        + f"\n    {head}\n"
        + "        try:\n            return requests.get('https://a', timeout=5)\n"
        + "        except requests.Timeout:\n"
        + indent(body or "pass", "            ")
        + "\n"
    )


BY_HAND = {
    "for ever, and at once": (loop("while True:"), "unbounded", "none"),
    "for ever, every five seconds": (loop("while True:", "time.sleep(5)"), "unbounded", "constant"),
    "three times": (loop("for turn in range(3):", "time.sleep(1)"), "3", "constant"),
    "from one to four": (loop("for turn in range(1, 5):", "time.sleep(1)"), "4", "constant"),
    "as often as asked": (loop("for turn in range(limit):", "time.sleep(1)"), "bounded", "constant"),
    "without a count": (loop("for turn in itertools.count():", "time.sleep(1)"), "unbounded", "constant"),
    "a count that is compared": (
        loop("while turn < 3:", "turn += 1", before="turn = 0"),
        "3",
        "none",
    ),
    "a count that falls": (loop("while left > 0:", "left -= 1", before="left = 4"), "4", "none"),
    "a deadline": (
        loop("while time.monotonic() < until:", "time.sleep(1)", before="until = time.monotonic() + 60"),
        "bounded",
        "constant",
    ),
    "an event that somebody else sets": (
        loop("while not stop.is_set():", "stop.wait(5)", before="stop = threading.Event()"),
        "unbounded",
        "constant",
    ),
    "gives up inside the handler": (
        loop("while True:", "turn += 1\nif turn > 7:\n    raise\ntime.sleep(1)", before="turn = 0"),
        "7",
        "constant",
    ),
    "gives up when none is left": (
        loop("while True:", "left -= 1\nif not left:\n    raise\ntime.sleep(1)", before="left = 3"),
        "3",
        "constant",
    ),
    "a count that the caller names": (
        loop("while limit > 0:", "limit -= 1\ntime.sleep(1)"),
        "bounded",
        "constant",
    ),
    "gives up when the caller's count is used up": (
        loop("while True:", "limit -= 1\nif limit == 0:\n    raise\ntime.sleep(1)"),
        "bounded",
        "constant",
    ),
    "a count of either": (
        loop("while True:", "left = left - 1\nif left == 0:\n    raise", before="left = 3 if limit else 1"),
        "bounded",
        "none",
    ),
    "a power of the turn": (loop("for turn in range(3):", "time.sleep(2**turn)"), "3", "growing"),
    "doubles": (
        loop("while True:", "time.sleep(pause)\npause = min(pause * 2, 60)", before="pause = 1"),
        "unbounded",
        "growing",
    ),
    "a list of pauses": (loop("for pause in (1, 5, 30):", "time.sleep(pause)"), "3", "growing"),
    "with jitter": (
        loop("for turn in range(3):", "time.sleep(2**turn + random.random())"),
        "3",
        "jittered",
    ),
    "a pause that the caller names": (loop("for turn in range(3):", "time.sleep(limit)"), "3", "constant"),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_a_loop_that_tries_again(case: str, tmp_path: Path) -> None:
    text, attempts, wait = BY_HAND[case]
    assert told(text, tmp_path) == (attempts, wait, ("requests.Timeout",))


OTHER_FORMS = {
    "the success leaves in the else": """
        def call():
            for turn in range(3):
                try:
                    requests.get("https://a", timeout=5)
                except ValueError:
                    time.sleep(1)
                else:
                    break
        """,
    "a flag ends it": """
        def call():
            done = False
            while not done:
                try:
                    requests.get("https://a", timeout=5)
                    done = True
                except ValueError:
                    time.sleep(1)
        """,
    "the handler goes on, the rest leaves": """
        def call():
            while True:
                try:
                    answer = requests.get("https://a", timeout=5)
                except ValueError:
                    time.sleep(1)
                    continue
                return answer
        """,
    "inside a with": """
        def call(lock):
            while True:
                with lock:
                    try:
                        return requests.get("https://a", timeout=5)
                    except ValueError:
                        time.sleep(1)
        """,
}


@pytest.mark.parametrize("case", OTHER_FORMS)
def test_other_forms_of_a_loop(case: str, tmp_path: Path) -> None:
    operation = traced(OTHER_FORMS[case], tmp_path)
    assert [(r.wait, r.on) for r in operation.retries] == [("constant", ("builtins.ValueError",))]


NO_RETRY = {
    "each of several is tried": """
        def call(parsers, text):
            for parser in parsers:
                try:
                    return parser(text)
                except ValueError:
                    continue
        """,
    "each message is handled": """
        def call(messages):
            for message in messages:
                try:
                    requests.post("https://a", json=message, timeout=5)
                except ValueError:
                    continue
        """,
    "a failure ends it": """
        def call():
            while True:
                try:
                    return requests.get("https://a", timeout=5)
                except ValueError:
                    return None
        """,
    "each of several is prepared and tried": """
        def call(guards):
            for guard in guards:
                one = guard.cast()
                try:
                    return one.permit()
                except PermissionError:
                    print("no")
        """,
    "the next of several is taken": """
        def call(urls):
            urls = iter(urls)
            url = next(urls)
            while True:
                try:
                    return requests.get(url, timeout=5)
                except requests.Timeout:
                    if url := next(urls, None):
                        continue
                    raise
        """,
    "batches until none is left": """
        def call():
            more = True
            while more:
                try:
                    more = requests.delete("https://a", timeout=5).json() > 0
                except ValueError:
                    print("one by one")
        """,
    "a failure ends it by the flag": """
        def call():
            many = 100
            while many == 100:
                try:
                    many = requests.get("https://a", timeout=5).json()
                except InterruptedError:
                    many = 0
        """,
    "pages until one is missing": """
        def call():
            page = 0
            while True:
                try:
                    found = requests.get(f"https://a/{page}", timeout=5)
                except ValueError:
                    break
                page += 1
        """,
}


@pytest.mark.parametrize("case", NO_RETRY)
def test_a_loop_that_does_not_repeat_a_failure_is_no_retry(case: str, tmp_path: Path) -> None:
    assert traced(NO_RETRY[case], tmp_path).retries == ()


DECORATED = {
    "@tenacity.retry": ("unbounded", "none", ("builtins.Exception",)),
    "@tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(2))": (
        "3",
        "constant",
        ("builtins.Exception",),
    ),
    "@tenacity.retry(stop=tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(9))": (
        "3",
        "none",
        ("builtins.Exception",),
    ),
    "@tenacity.retry(wait=tenacity.wait_exponential(), retry=tenacity.retry_if_exception_type(ValueError))": (
        "unbounded",
        "growing",
        ("builtins.ValueError",),
    ),
    "@tenacity.retry(wait=tenacity.wait_exponential() + tenacity.wait_random(0, 2))": (
        "unbounded",
        "jittered",
        ("builtins.Exception",),
    ),
    "@tenacity.retry(wait=pause)": ("unbounded", "", ("builtins.Exception",)),
    "@backoff.on_exception(backoff.expo, ValueError, max_tries=4)": ("4", "jittered", ("builtins.ValueError",)),
    "@backoff.on_exception(backoff.expo, ValueError, max_time=60, jitter=None)": (
        "bounded",
        "growing",
        ("builtins.ValueError",),
    ),
    "@backoff.on_exception(backoff.constant, (ValueError, KeyError), jitter=None)": (
        "unbounded",
        "constant",
        ("builtins.ValueError", "builtins.KeyError"),
    ),
    "@retrying.retry(stop_max_attempt_number=7, wait_fixed=2000)": ("7", "constant", ("builtins.Exception",)),
    "@retrying.retry(wait_exponential_multiplier=1000)": ("unbounded", "growing", ("builtins.Exception",)),
    "@retry(ValueError, tries=3, delay=2)": ("3", "constant", ("builtins.ValueError",)),
    "@retry(delay=1, backoff=2)": ("unbounded", "growing", ("builtins.Exception",)),
}


@pytest.mark.parametrize("decorator", DECORATED)
def test_a_decorator_that_tries_again(decorator: str, tmp_path: Path) -> None:
    text = f"{decorator}\ndef call():\n    return requests.get('https://a', timeout=5)\n"
    assert told(text, tmp_path) == DECORATED[decorator]


def test_a_decorator_of_the_project_that_loops(tmp_path: Path) -> None:
    text = """
        def stubborn(function):
            def wrapper(*args, **kwargs):
                for turn in range(2):
                    try:
                        return function(*args, **kwargs)
                    except ValueError:
                        time.sleep(1)
            return wrapper

        @stubborn
        def call():
            return requests.get("https://a", timeout=5)
        """
    assert told(text, tmp_path) == ("2", "constant", ("builtins.ValueError",))


def test_the_iteration_of_a_library(tmp_path: Path) -> None:
    text = """
        def call():
            for attempt in tenacity.Retrying(stop=tenacity.stop_after_attempt(4)):
                with attempt:
                    return requests.get("https://a", timeout=5)
        """
    assert told(text, tmp_path) == ("4", "none", ("builtins.Exception",))


def test_a_callable_that_a_library_tries_again(tmp_path: Path) -> None:
    text = """
        def ask():
            return requests.get("https://a", timeout=5)

        def call():
            return tenacity.Retrying(wait=tenacity.wait_fixed(1))(ask)
        """
    operation = traced(text, tmp_path)
    assert [(r.attempts, r.wait) for r in operation.retries] == [("unbounded", "constant")]
    assert [e.inside("retry") is not None for e in operation.effects] == [True]


ADAPTER = """
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    def call():
        session = requests.Session()
        session.mount("https://", HTTPAdapter(max_retries=Retry({retry})))
        return session.{method}("https://a", timeout=5)
    """


def test_a_client_that_tries_again_by_its_adapter(tmp_path: Path) -> None:
    text = ADAPTER.format(retry="total=3, backoff_factor=0.5", method="get")
    assert told(text, tmp_path) == ("3", "growing", ())


def test_what_is_not_idempotent_is_left_out_unless_it_is_named(tmp_path: Path) -> None:
    spared = traced(ADAPTER.format(retry="total=3", method="post"), tmp_path / "a")
    assert spared.retries == ()
    named = traced(ADAPTER.format(retry="total=3, allowed_methods=None", method="post"), tmp_path / "b")
    assert [(r.attempts, r.wait) for r in named.retries] == [("3", "none")]
