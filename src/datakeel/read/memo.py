"""Answers that are worked out once, also where questions go in circles, and whatever the order they are asked in."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from datakeel.read.ledger import ANSWER, Ledger

T = TypeVar("T")

OFTEN = 2  # how often a question in a circle is worked out anew: in large circles more would take for ever

DEEPEST = 200  # questions inside questions: deeper ones are answered with what is known without them


class TooLong(Exception):
    """Working out an answer takes longer than it may."""


class Memo:
    """A question that is asked again while it is being worked out gets `unknown` for an answer; what was worked out
    with the help of such an answer is kept only until the question at the circle's head is done. So the answer to a
    question is the one that it gets when it is asked first, and never depends on what was asked before.

    >>> memo = Memo()
    >>> def even(n): return memo.answer(("even", n), lambda: n == 0 or odd(n - 1), None)
    >>> def odd(n): return memo.answer(("odd", n), lambda: n != 0 and even(n - 1), None)
    >>> even(4), odd(3)
    (True, True)
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self._known: dict[Hashable, object] = {}
        self._open: dict[Hashable, int] = {}  # the question and its place in the stack
        self._lowest: list[int] = []  # for each open question: the outermost open one that its answer rests on
        self._times: dict[Hashable, int] = {}
        self._passing: dict[Hashable, tuple[int, object]] = {}  # answers that rest on an open question, and on which
        self.until = math.inf  # when whoever asks gives up, by the monotonic clock

    @property
    def place(self) -> int:
        """Where the question that is being worked out stands among the open ones."""
        return len(self._lowest) - 1

    def known(self, key: Hashable) -> Any:
        """The answer to a question that is settled; None where it is not (or where that is the answer)."""
        found = self._known.get(key)
        if found is not None:
            self.ledger.rests_on(ANSWER, key)
        return found

    def answer(self, key: Hashable, work_out: Callable[[], T], unknown: T) -> T:
        self.ledger.rests_on(ANSWER, key)
        if key in self._known:
            return self._known[key]  # type: ignore[return-value]
        if key in self._passing:
            low, found = self._passing[key]
            self.rests_on(low)
            return found  # type: ignore[return-value]
        place = self._open.get(key)
        if place is not None or len(self._open) >= DEEPEST:
            self.rests_on(place if place is not None else 0)
            return unknown
        return self.work(key, work_out)

    def work(self, key: Hashable, work_out: Callable[[], T]) -> T:
        if time.monotonic() > self.until:
            raise TooLong
        place = len(self._lowest)
        self._open[key] = place
        self._lowest.append(place)
        try:
            with self.ledger.answering(key):
                found = work_out()
        finally:
            del self._open[key]
            low = self._lowest.pop()
        self._times[key] = self._times.get(key, 0) + 1
        if low < place and self._times[key] < OFTEN:
            self._passing[key] = (low, found)
            self.rests_on(low)
            return found
        self._known[key] = found
        if self._passing:
            self._passing = {k: v for k, v in self._passing.items() if v[0] < place}
        return found

    def rests_on(self, place: int) -> None:
        if self._lowest:
            self._lowest[-1] = min(self._lowest[-1], place)
