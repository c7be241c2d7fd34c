"""Answers do not depend on the order in which their questions are asked, also where questions go in circles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import pytest

from datakeel.read.machine import Trace
from datakeel.read.memo import LARGE, Memo
from datakeel.read.symbols import FunctionInfo
from datakeel.read.values import Value
from datakeel.read.world import World
from tests.pages import read_system

Graph = Mapping[str, str]  # each question with those that its answer rests on, in order


def reaches(memo: Memo, graph: Graph, name: str) -> str:
    """All that is met on the way, in order: what is being worked out adds a dash."""
    return memo.answer(
        (name,), lambda: name + "".join(f"({reaches(memo, graph, other)})" for other in graph[name]), "-"
    )


def asked(graph: Graph, names: tuple[str, ...]) -> dict[str, str]:
    memo = Memo()
    return {name: reaches(memo, graph, name) for name in names}


CIRCLES = {
    "two": {"a": "b", "b": "a"},
    "three, entered from outside": {"a": "bd", "b": "c", "c": "a", "d": ""},
    "two that share a question": {"a": "bc", "b": "a", "c": "a"},
    "one inside another": {"a": "b", "b": "ca", "c": "b"},
    "one behind another": {"a": "b", "b": "ac", "c": "d", "d": "c"},
}


@pytest.mark.parametrize("graph", CIRCLES.values(), ids=CIRCLES)
def test_answers_are_the_same_in_whatever_order_they_are_asked(graph: Graph) -> None:
    alone = {name: asked(graph, (name,))[name] for name in graph}
    for order in permutations(graph):
        assert asked(graph, order) == alone


def test_a_large_circle_is_settled_in_one_order_and_each_question_worked_out_a_few_times() -> None:
    names = [chr(ord("A") + n) for n in range(LARGE + 4)]
    graph = {name: names[(n + 1) % len(names)] + names[n - 1] for n, name in enumerate(names)}
    times = dict.fromkeys(names, 0)

    def depth(memo: Memo, name: str) -> int:
        def work_out() -> int:
            times[name] += 1
            return 1 + max(depth(memo, other) for other in graph[name])

        return memo.answer((name,), work_out, 0)

    def answers(order: list[str]) -> dict[str, int]:
        memo = Memo()
        return {name: depth(memo, name) for name in order}

    forth = answers(names)
    assert max(times.values()) <= 3
    assert answers(names[::-1]) == forth == answers(names[7:] + names[:7])


def test_a_function_inside_itself_is_not_followed_for_each_path_that_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = "abcdef"
    calls = "\n".join(f"    part(node['{step}'], path + ['{step}'], session)" for step in steps)
    text = f"""
def whole(node, session):
    part(node, [], session)

def part(node, path, session):
    other(node, path, session)

def other(node, path, session):
    session.execute("INSERT INTO notes (path) VALUES (:path)", {{"path": path[0]}})
{calls}
"""
    followed: Counter[str] = Counter()
    follow = World.follow

    def counted(self: World, info: FunctionInfo, bound: dict[str, Value]) -> Trace:
        followed[info.name] += 1
        return follow(self, info, bound)

    monkeypatch.setattr(World, "follow", counted)
    read_system({"shop/__init__.py": "", "shop/notes.py": text}, tmp_path)
    assert 1 <= followed["shop.notes.part"] <= 2 * len(steps) ** 2
