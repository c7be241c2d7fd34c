"""What rules found in single functions, kept for the next review: where a function is still the same, what a rule found
in it without asking for the rest of the system holds."""

from __future__ import annotations

from collections.abc import Mapping, Set
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from datakeel.finding import Finding
from datakeel.model.operation import Operation
from datakeel.model.system import System


class Verdict(Struct, frozen=True, array_like=True):
    """What one rule found, by function; and the functions for which it asked for the rest of the system, of which
    nothing is kept."""

    found: dict[str, tuple[Finding, ...]] = {}
    asked: frozenset[str] = frozenset()


class Verdicts(Struct, frozen=True, array_like=True):
    """What a review's rules found, by rule, and what tells each function from what it may become."""

    functions: dict[str, bytes] = {}
    rules: dict[str, Verdict] = {}


class Memory:
    """What the last review found `before`, as far as it holds in this one, and what this one finds. `functions` are
    those of this review, each with what tells it from any other state of it."""

    def __init__(self, functions: Mapping[str, bytes] | None = None, before: Verdicts | None = None) -> None:
        self.functions = dict(functions or {})
        self.before = before or Verdicts()
        self.same = {n for n, known in self.functions.items() if self.before.functions.get(n) == known}
        self.now: dict[str, Verdict] = {}

    def held(self, rule: str) -> tuple[Set[str], Mapping[str, tuple[Finding, ...]]]:
        """The functions of which what a rule found holds, and what it found, by function."""
        known = self.before.rules.get(rule)
        return (self.same - known.asked, known.found) if known is not None else (frozenset(), {})

    def verdicts(self) -> Verdicts:
        """What the next review may use."""
        return Verdicts(self.functions, self.now)


class Watched:
    """The system as a rule is given it: tells whether the rule has asked it for anything."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.asked = False

    def __getattr__(self, name: str) -> Any:
        self.asked = True
        return getattr(self._system, name)


def identity(operation: Operation, text: bytes) -> bytes:
    """What tells a function from any other state of it; `text` stands for all that was followed in its file."""
    round_it = (operation.entries, operation.contexts, operation.recursive, operation.unused, operation.decorated)
    return blake2b(msgspec.msgpack.encode(round_it), digest_size=16, key=text).digest()
