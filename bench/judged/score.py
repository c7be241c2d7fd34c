"""Figures of judged findings: as they were drawn, and of what a review says of the same code now."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.judged.judgement import Found, Judgement

NORMAL = 1.959964  # how many standard deviations hold 95 of 100


@dataclass(frozen=True)
class Figures:
    """Of so many findings, those that are true, and those of them that are worth a change."""

    findings: int
    true: int
    worth: int

    @property
    def precision(self) -> float | None:
        return self.true / self.findings if self.findings else None

    @property
    def worth_share(self) -> float | None:
        return self.worth / self.findings if self.findings else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.true, self.findings)


@dataclass(frozen=True)
class Scored:
    """What became of the judged findings in another review of the same code.

    `speaking`: those that are said still. `mended`: false ones that are gone. `lost`: true ones that are gone. `new`:
    findings that were not among those of the first review. `unjudged`: those of the first review that nobody judged.
    """

    speaking: tuple[Judgement, ...]
    mended: tuple[Judgement, ...]
    lost: tuple[Judgement, ...]
    new: tuple[Found, ...]
    unjudged: tuple[Found, ...]


def figures(judged: Iterable[Judgement]) -> Figures:
    judged = list(judged)
    return Figures(len(judged), sum(one.true for one in judged), sum(one.worthy for one in judged))


def by(judged: Iterable[Judgement], key: Callable[[Judgement], str]) -> dict[str, Figures]:
    """The figures of each group, by name."""
    groups: dict[str, list[Judgement]] = {}
    for one in judged:
        groups.setdefault(key(one), []).append(one)
    return {name: figures(groups[name]) for name in sorted(groups)}


def wilson(true: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share of which so many were seen.

    >>> [round(end, 3) for end in wilson(270, 300)]
    [0.861, 0.929]
    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if not of:
        return 0.0, 1.0
    share, square = true / of, NORMAL**2
    middle = share + square / (2 * of)
    half = NORMAL * math.sqrt(share * (1 - share) / of + square / (4 * of**2))
    return max(0.0, (middle - half) / (1 + square / of)), min(1.0, (middle + half) / (1 + square / of))


def scored(judged: Sequence[Judgement], undrawn: Sequence[Found], now: Sequence[Found]) -> Scored:
    """Compares with what a review says `now`. A finding is the same where its fingerprint is, or else its rule and
    line: the code is that of the same commit."""
    known: list[Found] = [*judged, *undrawn]
    met = _met(known, now)
    same = {id(known[place]) for place in met.values()}
    gone = [one for one in judged if id(one) not in same]
    return Scored(
        speaking=tuple(one for one in judged if id(one) in same),
        mended=tuple(one for one in gone if not one.true),
        lost=tuple(one for one in gone if one.true),
        new=tuple(one for place, one in enumerate(now) if place not in met),
        unjudged=tuple(one for one in undrawn if id(one) in same),
    )


def _met(known: Sequence[Found], now: Sequence[Found]) -> dict[int, int]:
    """Which of those that are known each finding of now is, by their places in the lists; a known one meets one."""
    met: dict[int, int] = {}
    for name in (_exact, _print, _spot):
        free: dict[tuple[str, ...], list[int]] = {}
        taken = set(met.values())
        for place, one in enumerate(known):
            if place not in taken:
                free.setdefault(name(one), []).append(place)
        for place, one in enumerate(now):
            if place not in met and free.get(name(one)):
                met[place] = free[name(one)].pop(0)
    return met


def _exact(one: Found) -> tuple[str, ...]:
    return (*_print(one), *_spot(one))


def _print(one: Found) -> tuple[str, ...]:
    return one.repository, one.fingerprint


def _spot(one: Found) -> tuple[str, ...]:
    return one.repository, one.rule, one.path, str(one.line)
