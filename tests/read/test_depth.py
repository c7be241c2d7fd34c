"""Calls that nest deep, and what their memory costs."""

import resource
import sys

from datakeel.read.depth import DEEPEST, deep


def nested(depth: int, calls: int = 0) -> int:
    """Goes so deep, and from there on so often three calls deeper; gives the depth."""
    if depth:
        return 1 + nested(depth - 1, calls)
    for _ in range(calls):
        first()
    return 0


def first() -> None:
    second()


def second() -> None:
    third()


def third() -> None:
    pass


def faults() -> int:
    """How often a page of memory had to be put in place."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def test_calls_may_nest_deep() -> None:
    before = sys.getrecursionlimit()
    deeper = DEEPEST - 1_000
    assert deep(nested)(deeper) == deeper > before
    assert sys.getrecursionlimit() == before


def test_calls_to_and_fro_ask_for_no_memory() -> None:
    def everywhere() -> None:
        for depth in range(150):  # at some of them a piece of the interpreter's memory ends
            nested(depth, calls=1_000)

    before = faults()
    deep(everywhere)()
    assert faults() - before < 300
