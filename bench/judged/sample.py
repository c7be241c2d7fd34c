"""Which findings are judged: a draw that a seed alone decides, with at most so many of a repository and of a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

from bench.judged.judgement import Found, Round


def draw(found: Iterable[Found], seed: str, limits: Round) -> list[Found]:
    """The findings that are judged, in the order of repository, path and line. Whatever order they are given in, the
    seed puts them into one of its own; each is taken in turn, unless its repository or its rule has enough."""
    repositories: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    drawn: list[Found] = []
    for one in sorted(found, key=lambda one: _turn(one, seed)):
        if len(drawn) == limits.at_most:
            break
        if repositories[one.repository] < limits.of_a_repository and rules[one.rule] < limits.of_a_rule:
            repositories[one.repository] += 1
            rules[one.rule] += 1
            drawn.append(one)
    return sorted(drawn, key=lambda one: (one.repository, one.path, one.line, one.rule, one.fingerprint))


def _turn(one: Found, seed: str) -> str:
    named = (seed, one.repository, one.rule, one.path, str(one.line), one.fingerprint)
    return sha256("\0".join(named).encode()).hexdigest()


def shared_out(drawn: Iterable[Found], packets: int) -> list[list[str]]:
    """The repositories of each packet: whole ones, so that a reader gets to know few, and about as many findings in
    each packet."""
    counts = Counter(one.repository for one in drawn)
    shares: list[list[str]] = [[] for _ in range(packets)]
    for repository, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        least = min(shares, key=lambda share: sum(counts[name] for name in share))
        least.append(repository)
    return shares
