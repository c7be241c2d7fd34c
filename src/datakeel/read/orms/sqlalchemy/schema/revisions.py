"""Alembic's revisions in the order in which they run, and whether a chain of them is complete."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.read.languages.python.names import Names
from datakeel.read.literals import Literals
from datakeel.read.program import Assign, Global
from datakeel.read.symbols import FunctionInfo, Module


class Revision(Struct, frozen=True):
    """One revision: its name, what it stands on, the function that does it. `whole`: nothing before it is missing."""

    name: str
    below: tuple[str, ...]
    upgrade: FunctionInfo
    whole: bool = True

    @property
    def module(self) -> Module:
        return self.upgrade.module

    @property
    def step(self) -> str:
        return self.module.path.rpartition("/")[2].removesuffix(".py")


class Revisions:
    def __init__(self, names: Names, literals: Literals) -> None:
        self.names = names
        self.literals = literals

    def ordered(self) -> Iterator[Revision]:
        """Each after those that it stands on; otherwise by folder and file."""
        found = {r.name: r for r in self.read()}
        gaps = self.gaps(found)
        done: set[str] = set()
        for root in sorted(found, key=lambda n: found[n].module.path):
            waiting = [(root, False)]
            while waiting:
                name, ready = waiting.pop()
                if ready:
                    one = found[name]
                    yield Revision(one.name, one.below, one.upgrade, name not in gaps)
                    continue
                if name in done:
                    continue
                done.add(name)
                waiting.append((name, True))
                waiting += [(b, False) for b in reversed(found[name].below) if b in found and b not in done]

    def gaps(self, found: dict[str, Revision]) -> set[str]:
        """The revisions below which one is missing."""
        broken = {n for n, r in found.items() if any(b not in found for b in r.below)}
        above: dict[str, list[str]] = {}
        for name, revision in found.items():
            for below in revision.below:
                above.setdefault(below, []).append(name)
        waiting = sorted(broken)
        while waiting:
            for name in above.get(waiting.pop(), ()):
                if name not in broken:
                    broken.add(name)
                    waiting.append(name)
        return broken

    def read(self) -> Iterator[Revision]:
        for module in self.names.every_module():
            given = {}
            for statement in module.file.constants:
                if isinstance(statement, Assign) and isinstance(statement.targets[0], Global):
                    name = statement.targets[0].dotted.removeprefix(".")
                    if name in ("revision", "down_revision", "depends_on"):
                        given[name] = self.literals.value(module, statement.value)
            if not isinstance(given.get("revision"), str) or "down_revision" not in given:
                continue
            upgrade = self.names.functions(module).get("upgrade")
            if upgrade is not None:
                below = (*listed(given["down_revision"]), *listed(given.get("depends_on")))
                yield Revision(str(given["revision"]), below, upgrade)


def listed(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list | tuple) else ()
