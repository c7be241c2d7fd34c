"""Answers that are worked out once, also where questions go in circles, and whatever the order they are asked in."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec import Struct

from datakeel.read.ledger import ANSWER, Ledger

T = TypeVar("T")

DEEPEST = 200  # questions inside questions: deeper ones are answered with what is known without them

# Questions of a circle in which each is worked out as if it were the first, so n times n.
LARGE = 16


class TooLong(Exception):
    """Working out an answer takes longer than it may."""


class Settled(Struct, frozen=True, gc=False):
    """An answer that holds, and its number in the ledger."""

    found: object
    number: int


@dataclass(slots=True)
class Passing:
    """An answer that holds until its circle is settled, the place of the open question that it rests on, and how it is
    worked out."""

    found: object
    low: int
    work_out: Callable[[], object]


class Memo:
    """A question that is asked again while it is being worked out gets `unknown` for an answer. What was worked out
    with the help of such an answer is in a circle with the question, and holds only until the circle is settled: when
    the outermost of its questions is done, all are worked out anew in an order of their own (`rank`), wherever the
    circle was entered. So an answer never depends on what was asked before.

    >>> memo = Memo()
    >>> def even(n): return memo.answer(("even", n), lambda: n == 0 or odd(n - 1), None)
    >>> def odd(n): return memo.answer(("odd", n), lambda: n != 0 and even(n - 1), None)
    >>> even(4), odd(3)
    (True, True)
    """

    def __init__(self, ledger: Ledger | None = None, rank: Callable[[Hashable], str] = repr) -> None:
        self.ledger = ledger or Ledger()
        self.rank = rank
        self._known: dict[Hashable, Settled] = {}
        self._open: dict[Hashable, int] = {}  # the question and its place in the stack
        self._lowest: list[int] = []  # for each open question: the outermost open one that its answer rests on
        self._passing: dict[Hashable, Passing] = {}  # answers that rest on an open question, in the order they came
        self._settling: set[Hashable] = set()  # of a circle whose first question is settled: each answer holds at once
        self.until = math.inf  # when whoever asks gives up, by the monotonic clock

    @property
    def place(self) -> int:
        """Where the question that is being worked out stands among the open ones."""
        return len(self._lowest) - 1

    def known(self, key: Hashable) -> Any:
        """The answer to a question that is settled; None where it is not (or where that is the answer)."""
        settled = self._known.get(key)
        if settled is None:
            return None
        self.ledger.rests_on_number(settled.number)
        return settled.found

    def answer(self, key: Hashable, work_out: Callable[[], T], unknown: T) -> T:
        settled = self._known.get(key)
        if settled is not None:
            self.ledger.rests_on_number(settled.number)
            return settled.found  # type: ignore[return-value]
        self.ledger.rests_on(ANSWER, key)
        if key in self._passing:
            passing = self._passing[key]
            self.rests_on(passing.low)
            return passing.found  # type: ignore[return-value]
        place = self._open.get(key)
        if place is not None or len(self._open) >= DEEPEST:
            self.rests_on(place if place is not None else 0)
            return unknown
        return self.work(key, work_out)

    def work(self, key: Hashable, work_out: Callable[[], T]) -> T:
        place, before = len(self._lowest), len(self._passing)
        found, low = self.try_out(key, work_out)
        if low < place:
            self.pass_on(key, Passing(found, low, work_out), before)
            return found
        circle = self.since(before)
        if circle:
            return self.settle({**circle, key: Passing(found, low, work_out)}, key)  # type: ignore[return-value]
        self.keep(key, found)
        return found

    def keep(self, key: Hashable, found: object) -> None:
        """Settles a question."""
        self._known[key] = Settled(found, self.ledger.number((ANSWER, key)))

    def try_out(self, key: Hashable, work_out: Callable[[], T]) -> tuple[T, int]:
        """An answer as it comes out now, and the place of the outermost open question that it rests on: its own, where
        it rests on none outside."""
        if time.monotonic() > self.until:
            raise TooLong
        before = len(self._passing)
        self._open[key] = len(self._lowest)
        self._lowest.append(len(self._lowest))
        try:
            with self.ledger.answering(key):
                found = work_out()
        except BaseException:
            self.since(before)
            raise
        finally:
            del self._open[key]
            low = self._lowest.pop()
        return found, low

    def pass_on(self, key: Hashable, answer: Passing, before: int) -> None:
        """Keeps an answer for a while, and with it those that came in on the way to it: they are in the same circle."""
        for inner in list(self._passing.values())[before:]:
            inner.low = min(inner.low, answer.low)
        self.rests_on(answer.low)
        if key in self._settling:
            self.keep(key, answer.found)
        else:
            self._passing[key] = answer

    def since(self, before: int) -> dict[Hashable, Passing]:
        """The answers that came in since there were so many that hold for a while; they hold no longer."""
        gone = list(self._passing)[before:] if len(self._passing) > before else ()
        return {key: self._passing.pop(key) for key in gone}

    def settle(self, circle: dict[Hashable, Passing], entered: Hashable) -> object:
        """Settles all questions of a circle. Returns the answer to the one by which it was entered."""
        if len(circle) > LARGE:
            self.settle_in_order(circle)
        else:
            others = [key for key in circle if key != entered]
            answers = {key: self.alone(key, circle[key].work_out)[0] for key in others}
            for key, found in answers.items():
                self.keep(key, found)
            self.keep(entered, circle[entered].found)
        return self._known[entered].found

    def alone(self, key: Hashable, work_out: Callable[[], object]) -> tuple[object, dict[Hashable, Passing]]:
        """An answer as if nothing of its circle had been asked before, and what it met of the circle."""
        before = len(self._passing)
        found, low = self.try_out(key, work_out)
        self.rests_on(low)
        return found, self.since(before)

    def settle_in_order(self, circle: dict[Hashable, Passing]) -> None:
        """Settles a large circle, in which each question is worked out a few times at most: the first of a fixed order
        alone, then each of the others with the help of those that are settled, and of `unknown` for those that are
        open."""
        first = min(circle, key=self.rank)
        found, met = self.alone(first, circle[first].work_out)
        circle = met | circle
        others = sorted(circle.keys() - {first}, key=self.rank)
        self.keep(first, found)
        unsettled = set(others) - self._settling
        self._settling |= unsettled
        try:
            for key in others:
                if key not in self._known:
                    self.work(key, circle[key].work_out)
        finally:
            self._settling -= unsettled

    def rests_on(self, place: int) -> None:
        if self._lowest:
            self._lowest[-1] = min(self._lowest[-1], place)
