"""Django's migrations in the order in which they run, and whether an app's chain of them is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from datakeel.read.languages.python.names import Names
from datakeel.read.literals import Literals
from datakeel.read.orms.django.schema.labels import Labels, constant
from datakeel.read.program import Assign, Augment, Expression, Global
from datakeel.read.symbols import ClassInfo, Module

BASES = frozenset(("django.db.migrations.Migration", "django.db.migrations.migration.Migration"))
Name = tuple[str, str]  # an app's label, a migration's name


class Migration(Struct, frozen=True):
    """One migration: its class, what it stands on, what it replaces. `picked`: a condition picks one of several lists
    of operations."""

    name: Name
    cls: ClassInfo
    dependencies: tuple[Name, ...]
    replaces: tuple[Name, ...] = ()
    run_before: tuple[Name, ...] = ()
    atomic: bool = True
    picked: bool = False

    @property
    def module(self) -> Module:
        return self.cls.module

    @property
    def step(self) -> str:
        return ".".join(self.name)


class Graph:
    """All migrations of a project. `ordered` are those that run; `broken` the labels of apps whose chain has a gap."""

    def __init__(self, names: Names, literals: Literals, labels: Labels, within: Callable[[str], bool]) -> None:
        self.within = within
        self.names = names
        self.literals = literals
        self.labels = labels
        self.migrations = {m.name: m for m in self.read()}
        self.stands_for: dict[Name, Name] = {}
        self.chosen = self.without_replaced()
        self.broken = self.gaps()
        self.ordered = list(self.order())

    def read(self) -> Iterator[Migration]:
        for module in self.names.every_module():
            if any(c.name == "Migration" for c in module.file.classes) and self.within(module.path):
                cls = self.names.class_of(module, "Migration")
                if cls is not None and not BASES.isdisjoint(cls.externals()):
                    yield self.migration(cls)

    def migration(self, cls: ClassInfo) -> Migration:
        folder, _, file = cls.module.path.rpartition("/")
        label = self.labels.label(f"{folder.rpartition('/')[0]}/models.py")
        return Migration(
            (label, file.removesuffix(".py")),
            cls,
            self.listed(cls, "dependencies", label),
            self.listed(cls, "replaces", label),
            self.listed(cls, "run_before", label),
            constant(cls, "atomic") is not False,
            picked=sum(isinstance(f, Assign) and gives(f, "operations") for f in cls.facts.fields) > 1,
        )

    def listed(self, cls: ClassInfo, name: str, label: str) -> tuple[Name, ...]:
        """A list of migrations; a dependency on a swappable model counts as none."""
        found = []
        for module, item in items(self.literals, cls, name)[0]:
            value = self.literals.value(module, item)
            if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(v, str) for v in value):
                found.append((str(value[0]), str(value[1])))
        return tuple(found)

    def without_replaced(self) -> dict[Name, Migration]:
        """Of a squashed migration and those it replaces, the ones that are all there: the single steps tell more."""
        gone: set[Name] = set()
        for migration in sorted(self.migrations.values(), key=lambda m: m.name):
            if not migration.replaces:
                continue
            if all(r in self.migrations for r in migration.replaces):
                gone.add(migration.name)
                self.stands_for[migration.name] = migration.replaces[-1]
            else:
                gone |= {r for r in migration.replaces if r in self.migrations}
                self.stands_for |= dict.fromkeys(migration.replaces, migration.name)
        return {name: m for name, m in self.migrations.items() if name not in gone}

    def resolved(self, name: Name) -> Name | None:
        """The migration that a dependency means."""
        label, last = name
        for _ in range(8):
            if name not in self.stands_for:
                break
            name = self.stands_for[name]
        if name in self.chosen:
            return name
        own = sorted(n for n in self.chosen if n[0] == label)
        if last == "__first__" and own:
            return own[0]
        return own[-1] if last == "__latest__" and own else None

    def gaps(self) -> frozenset[str]:
        broken: set[str] = set()
        started: set[str] = set()
        for migration in self.chosen.values():
            label = migration.name[0]
            own = [d for d in migration.dependencies if d[0] == label]
            if not own:
                started.add(label)
            elif any(self.resolved(d) is None for d in own):
                broken.add(label)
        return frozenset(broken | ({n[0] for n in self.chosen} - started))

    def order(self) -> Iterator[Migration]:
        """Each after all that it stands on; otherwise by name."""
        before: dict[Name, list[Name]] = {}
        for migration in self.chosen.values():
            for other in migration.run_before:
                target = self.resolved(other)
                if target is not None:
                    before.setdefault(target, []).append(migration.name)
        done: set[Name] = set()
        for root in sorted(self.chosen):
            waiting = [(root, False)]
            while waiting:
                name, ready = waiting.pop()
                if ready:
                    yield self.chosen[name]
                    continue
                if name in done:
                    continue
                done.add(name)
                waiting.append((name, True))
                needed = [self.resolved(d) for d in self.chosen[name].dependencies]
                needed += before.get(name, ())
                waiting += [(n, False) for n in reversed(needed) if n is not None and n not in done]


def items(literals: Literals, cls: ClassInfo, name: str) -> tuple[list[tuple[Module, Expression]], bool]:
    """The elements of a list of a migration's class, also those that are added under a condition."""
    found: list[tuple[Module, Expression]] = []
    complete = True
    for owner in reversed(cls.ancestors()):
        for statement in owner.facts.fields:
            if isinstance(statement, Assign) and gives(statement, name):
                found, complete = literals.items(owner.module, statement.value)
            elif isinstance(statement, Augment) and last(statement.target) == name:
                more, whole = literals.items(owner.module, statement.value)
                found, complete = found + more, complete and whole
    return found, complete


def gives(statement: Assign, name: str) -> bool:
    return any(last(target) == name for target in statement.targets)


def last(target: Expression) -> str:
    return target.dotted.rpartition(".")[2] if isinstance(target, Global) else ""
