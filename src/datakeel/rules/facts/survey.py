"""A system as one who looks for what is done well goes over it: the product's functions, and what each does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property

from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Entry, Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System

Done = tuple[Operation, Effect]
TESTS = re.compile(
    r"(^|/)(tests?|testing|conftest|docs|benchmarks?|fixtures?|seeds?|random_data)(/|\.py$|_)|(^|/)test_[^/]*$"
    r"|(^|/)([^/]*_)?(test|dev|demo|dummy|fake|sample|seed)_([^/]*_)?(data|env)\.py$"
)


@cache
def of_tests(path: str) -> bool:
    """Whether a file is one for trying the program out."""
    return TESTS.search(path) is not None


class Survey:
    """The product's own code: tests, migrations and scripts are nobody's merit. All is gathered once, for all that
    look."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.operations = tuple(o for o in system.operations if o.role == Role.PRODUCT and not of_tests(o.place.path))

    def own(self, *kinds: Kind) -> Iterator[Done]:
        """What functions do in their own text, each with its function."""
        for kind in kinds:
            yield from self._own.get(kind, ())

    @cached_property
    def _own(self) -> dict[Kind, list[Done]]:
        found: dict[Kind, list[Done]] = {}
        for operation in self.operations:
            for effect in operation.effects:
                if not effect.chain:
                    found.setdefault(effect.kind, []).append((operation, effect))
        return found

    def all(self, *kinds: Kind) -> Iterator[Done]:
        """What functions do, in their own text and through what they call."""
        for operation in self.operations:
            for kind in kinds:
                yield from ((operation, effect) for effect in operation.of(kind))

    @cached_property
    def resources(self) -> tuple[tuple[Operation | None, Resource], ...]:
        """What is made: in functions, and with modules."""
        inside = [(o, r) for o in self.operations for r in o.resources if not r.chain]
        outside = [(None, r) for r in self.system.resources if not r.chain and not of_tests(r.place.path)]
        return (*inside, *outside)

    @cached_property
    def entries(self) -> tuple[tuple[Operation, Entry], ...]:
        """The ways in, each with the function that it starts."""
        return tuple((o, e) for o in self.operations for e in o.entries if e.place == o.place)

    @cached_property
    def callers(self) -> dict[Place, list[Done]]:
        """Effects by their place, as the functions have them that reach them by calls."""
        found: dict[Place, list[Done]] = {}
        for operation in self.operations:
            for effect in operation.effects:
                if effect.chain:
                    found.setdefault(effect.place, []).append((operation, effect))
        return found
