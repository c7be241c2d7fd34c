"""Calls that nest deep."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

DEEPEST = 10_000  # of Python's own calls: about twenty for each of the reviewed code's
ROOM = 1 << 20  # places for values, 8 MiB, that a frame asks for


def deep(function: Callable[P, T]) -> Callable[P, T]:
    """A function whose calls may nest deep, at no cost.

    Python takes memory for its calls in pieces of 16 KiB, and gives a piece back as soon as the calls that stand in it
    have returned. Whoever calls to and fro over the edge of one asks the system for memory each time: a tenth of the
    time of linking. A frame that asks for much room gets a large piece, and what it calls stands in the rest of that;
    memory that nothing was written to costs nothing.
    """

    def with_room(*args: P.args, **kwargs: P.kwargs) -> T:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, DEEPEST))
        try:
            return function(*args, **kwargs)
        finally:
            sys.setrecursionlimit(before)

    with_room.__code__ = with_room.__code__.replace(co_stacksize=ROOM)
    return wraps(function)(with_room)
