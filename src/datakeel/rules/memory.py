"""What rules found, kept for the next review: where what a rule judged is still the same, and so is all that it asked
of the rest of the system, what it found holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MethodType
from typing import Any

import msgspec
from msgspec import Struct

from datakeel.finding import Finding
from datakeel.model.effect import Effect
from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.model.system import System

Findings = tuple[Finding, ...]


class Part(Struct, frozen=True, array_like=True):
    """A part of the system that a rule asked for, by the name that the system has for it; of an index, what it has
    under one key."""

    name: str
    key: str | Place | None = None


Parts = frozenset[Part]


class Verdict(Struct, frozen=True, array_like=True):
    """What one rule found in what it judged, and the parts of the system that it asked for on the way (by their
    numbers); by the names of what it judged."""

    found: dict[str, Findings] = {}
    asked: dict[str, tuple[int, ...]] = {}


class Verdicts(Struct, frozen=True, array_like=True):
    """What a review's rules found, by rule; what tells all that they judged from what it may become; and the parts of
    the system that they asked for, each with its state."""

    nouns: dict[str, bytes] = {}
    rules: dict[str, Verdict] = {}
    parts: tuple[tuple[Part, bytes], ...] = ()


@dataclass(frozen=True)
class Held:
    """What a rule found that holds: the names of what it judged, what it found in which, and what it asked for."""

    names: Set[str] = frozenset()
    found: dict[str, Findings] = field(default_factory=dict)
    asked: dict[str, Parts] = field(default_factory=dict)


class Memory:
    """What the last review found `before`, as far as it holds in this one, and what this one finds. `functions` are
    those of this review, each with what tells it from any other state of it."""

    def __init__(self, system: System, functions: Mapping[str, bytes], before: Verdicts | None = None) -> None:
        self.nouns = dict(functions)
        self.names = {id(noun): f"{type(noun).__name__} {digest(noun).hex()}" for noun in described(system)}
        self.nouns |= dict.fromkeys(self.names.values(), b"")  # the name says all of it
        self.before = before or Verdicts()
        self.view = View(system, functions)
        self.same = {n for n, known in self.nouns.items() if self.before.nouns.get(n) == known}
        parts = enumerate(self.before.parts)
        self.changed = {n for n, (part, state) in parts if not state or self.view.state(part) != state}
        self.now: dict[str, Verdict] = {}
        self.numbers: dict[Part, int] = {}

    def name(self, noun: object) -> str:
        """The name under which what is found in it is kept; empty where nothing is."""
        if isinstance(noun, Operation):
            return noun.name if noun.name in self.nouns else ""
        return self.names.get(id(noun), "")

    def held(self, rule: str) -> Held:
        """What the last review's rule has to say of this one."""
        known = self.before.rules.get(rule)
        if known is None:
            return Held()
        parts = {numbers: frozenset(self.before.parts[n][0] for n in numbers) for numbers in set(known.asked.values())}
        fallen = {numbers for numbers in parts if not self.changed.isdisjoint(numbers)}
        names = self.same - {name for name, numbers in known.asked.items() if numbers in fallen}
        return Held(
            names,
            {name: found for name, found in known.found.items() if name in names},
            {name: parts[numbers] for name, numbers in known.asked.items() if name in names},
        )

    def take(self, rule: str, found: dict[str, Findings], asked: Mapping[str, Parts]) -> None:
        """Takes what a rule has found in this review, and the parts that it asked for, by the names of what it
        judged."""
        numbers = {parts: tuple(sorted(map(self.number, parts))) for parts in set(asked.values())}
        self.now[rule] = Verdict(found, {name: numbers[parts] for name, parts in asked.items()})

    def number(self, part: Part) -> int:
        return self.numbers.setdefault(part, len(self.numbers))

    def verdicts(self) -> Verdicts:
        """What the next review may use."""
        return Verdicts(self.nouns, self.now, tuple((part, self.view.state(part)) for part in self.numbers))


class View:
    """The parts of a system, and the state of each: what tells it from what it may become; empty where nothing does."""

    def __init__(self, system: System, functions: Mapping[str, bytes]) -> None:
        self.system = system
        self.functions = functions
        self.states: dict[Part, bytes] = {}

    def state(self, part: Part) -> bytes:
        if part not in self.states:
            whole = getattr(self.system, part.name)
            try:
                self.states[part] = digest(self.told(whole if part.key is None else whole.get(part.key)))
            except KeyError:  # a function of which nothing is known
                self.states[part] = b""
        return self.states[part]

    def told(self, value: object) -> object:
        """A value, each function in it by what tells it from any other state of it."""
        match value:
            case Operation(name=name):
                return name, self.functions[name]
            case (Operation() as operation, Effect(number=number)):
                return self.told(operation), number
            case tuple() | list():
                return [self.told(one) for one in value]
            case dict():
                return [(key, self.told(one)) for key, one in value.items()]
            case frozenset():
                return sorted(value)
        return value


class Watched:
    """The system as a rule is given it: notes the parts that the rule asks for."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.asked: set[Part] = set()

    def __getattr__(self, name: str) -> Any:
        of_all = System.__dict__.get(name)
        if callable(of_all):
            return MethodType(of_all, self)
        found = getattr(self._system, name)
        if isinstance(found, dict):
            return Looked(found, name, self.asked)
        self.asked.add(Part(name))
        return found


class Looked:
    """An index of the system as a rule is given it: notes the keys that the rule looks for."""

    def __init__(self, index: Mapping[Any, Any], name: str, asked: set[Part]) -> None:
        self.index = index
        self.name = name
        self.asked = asked

    def get(self, key: str | Place, default: object = None) -> Any:
        self.asked.add(Part(self.name, key))
        return self.index.get(key, default)


def described(system: System) -> Iterator[object]:
    """What rules judge that is kept by all that it says: it is little, and nothing else tells it apart."""
    yield from system.datasets
    yield from system.migrations


def digest(value: object) -> bytes:
    return blake2b(msgspec.msgpack.encode(value), digest_size=16).digest()


def identity(operation: Operation, text: bytes) -> bytes:
    """What tells a function from any other state of it; `text` stands for all that was followed in its file."""
    round_it = (operation.entries, operation.contexts, operation.recursive, operation.unused, operation.decorated)
    return blake2b(msgspec.msgpack.encode(round_it), digest_size=16, key=text).digest()
