"""The figure at which a decision changes, found by asking the decisions themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil, floor, log10, sqrt

from datakeel.decision import QUESTIONS, Decision, Flip
from datakeel.design.inputs import Input, changed, inputs
from datakeel.design.questions import choose
from datakeel.requirements import Requirements

DIGITS = 3  # of a figure at which a decision changes: rounded to the far side, where it has changed

Words = tuple[str, ...]  # what is chosen, in the order of the questions
At = Callable[[float], Words]


def flips(requirements: Requirements, decisions: tuple[Decision, ...]) -> Mapping[str, tuple[Flip, ...]]:
    """For each question the nearest changes, one for each input and direction, in the order of the inputs.

    A choice is monotone in each input (a test holds it), so that one which is the same at an end of the range is the
    same on the whole way there.
    """
    found: dict[str, list[Flip]] = {question: [] for question in QUESTIONS}
    base = tuple(decision.chosen for decision in decisions)
    for one in inputs(requirements):
        for question, flip in _of_words(requirements, one, base) if one.words else _of_numbers(requirements, one, base):
            found[question].append(flip)
    return {question: tuple(those) for question, those in found.items()}


def chosen(requirements: Requirements) -> Words:
    return tuple(choose(requirements).values())


def _of_words(requirements: Requirements, one: Input, base: Words) -> Iterator[tuple[str, Flip]]:
    for word in one.words:
        other = chosen(changed(requirements, one.path, word))
        for question, before, after in zip(QUESTIONS, base, other, strict=True):
            if before != after:
                said = word if isinstance(word, str) else "true" if word else "false"
                yield question, Flip(one.name, said, after)


def _of_numbers(requirements: Requirements, one: Input, base: Words) -> Iterator[tuple[str, Flip]]:
    known: dict[float, Words] = {}

    def at(figure: float) -> Words:
        if figure not in known:
            known[figure] = chosen(changed(requirements, one.path, int(figure) if one.whole else figure))
        return known[figure]

    for end in (one.most, one.least):
        for index, (question, before, after) in enumerate(zip(QUESTIONS, base, at(end), strict=True)):
            if before != after:
                yield question, _narrowed(one, before, _start(one), end, index, at)


def _start(one: Input) -> float:
    """What is now, or the end of the range that it lies beyond: nothing has no logarithm."""
    return min(max(one.now, one.least), one.most)


def _scaled(one: Input, figure: float) -> float:
    """A share counts by what it lacks to one: 99 %, 99.9 % and 99.99 % are even steps."""
    return 1 - figure if one.nines else figure


def _unscaled(one: Input, figure: float) -> float:
    plain = 1 - figure if one.nines else figure
    return float(round(plain)) if one.whole else plain


def _narrowed(one: Input, base: str, near: float, far: float, index: int, at: At) -> Flip:
    """Between a figure at which the choice is as now, and one at which it is another: where it changes."""
    while not _close(one, near, far):
        middle = _unscaled(one, sqrt(_scaled(one, near) * _scaled(one, far)))
        if at(middle)[index] == base:
            near = middle
        else:
            far = middle
    figure = _rounded(one, far, up=far > near)
    if at(figure)[index] == base:  # rounding left the range where it is another
        figure = far
    return Flip(one.name, one.said(figure), at(figure)[index], figure)


def _close(one: Input, near: float, far: float) -> bool:
    if one.whole and abs(near - far) < 1000:
        middle = _unscaled(one, sqrt(_scaled(one, near) * _scaled(one, far)))
        return middle in (near, far)
    one_scaled, other = sorted((_scaled(one, near), _scaled(one, far)))
    return other <= one_scaled * (1 + 10.0**-DIGITS / 2)


def _rounded(one: Input, figure: float, *, up: bool) -> float:
    """To the digits that are said, away from what is now."""
    if one.whole and figure < 10**DIGITS:
        return figure
    scaled = _scaled(one, figure)
    unit = 10.0 ** (floor(log10(scaled)) - DIGITS + 1)
    away = ceil if up != one.nines else floor
    return _unscaled(one, float(f"{away(round(scaled / unit, 6)) * unit:.{DIGITS}g}"))
