"""What several ask of a migration: which tables stood before it and are filled by the program, and what becomes of the
columns that it adds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from msgspec import Struct

from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect, StoreKind
from datakeel.model.migration import Alteration, Migration
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.growth import OUTSIDE, new, started_by, switched
from datakeel.rules.facts.running import serves, unstarted
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.facts.tables import MADE

ENGINES = ("postgresql", "mysql", "")  # of SQLite, one process holds the file, and stops for its migration
THINGS = re.compile(  # a row for each thing that there is: it grows with the business, or not at all
    r"(user|person|people|member|customer|client|contact|address|employee|staff|doctor|group|role|team|skill|"
    r"organi[sz]ation|company|tenant|account|profile|setting|config(uration)?|meta|preference|option|categor(y|ie)|tag|"
    r"type|kind|status|template|layout|form|survey|question(naire)?|choice|key|provider|plan|region|country|language|currenc(y|ie)|"
    r"project|program(me)?|course|query|filter|rule|webhook|hook|feature|flag|app(lication)?|site|venue|room|bed|location|"
    r"capacity|asset|device|vehicle|ambulance|dimension)s?$",
    re.I,
)
BUILT_IN = re.compile(
    r"(small|big|tiny|medium)?int(eger)?\b|numeric|decimal|real|double|float|(var)?char|(tiny|medium|long)?text|citext|jsonb?|"
    r"uuid|bool|date|time|interval|bytea|(medium|long)?blob|inet|cidr",
)
ADDS = ("insert", "copy", "upsert")
YOUNG = 3  # migrations: a table that was made within them is new
SIZED = re.compile(r"(?P<kind>varchar|char|numeric|varbit|bit)(?:\((?P<length>\d+)(?:,(?P<scale>\d+))?\))?$")


class Use(Struct, frozen=True, gc=False):
    """A table that stood before a migration, and a place where the program writes it, one that adds rows if any is
    seen; no `write` where no program is in view at all. `doubts`: 0 where it runs again and again, 1 where nothing is
    seen to start it, 2 where only a person starts it, or nothing at all is known."""

    dataset: Dataset | None
    write: Effect | None = None
    adds: bool = False
    outside: bool = False
    doubts: int = 0

    @property
    def grows(self) -> bool:
        """Whether it gets a row for what happens, or for what people bring: in time it is long."""
        things = self.dataset is None or bool(THINGS.search(self.dataset.name)) or switched(self.dataset)
        return self.adds and self.outside and not things


def in_use(migration: Migration, system: System) -> Iterator[tuple[Alteration, Use]]:
    """What a migration does to tables that stood before it and that the program writes."""
    if migration.technology not in ENGINES:
        return
    known: dict[str, Use | None] = {}
    for alteration in migration.alterations:
        name = alteration.to if alteration.kind == "rename-table" else alteration.table
        if alteration.fresh or alteration.kind == "create-table" or not name:
            continue
        if name not in known:
            known[name] = use_of(name, migration, system)
        use = known[name]
        if use is not None:
            yield alteration, use


def use_of(table: str, migration: Migration, system: System) -> Use | None:
    """How the program writes a table; None where it is not seen to, or the table is known to stay small."""
    if MADE.match(table.rpartition(".")[2]):
        return None
    if not system.written:
        return Use(None, doubts=2)
    dataset = system.dataset(table, migration.place.path)
    if dataset is None or dataset.bounded or dataset.kind != "table" or dataset.view:
        return None
    found = [use(o, w, dataset, system) for o, w in system.writers(dataset.name) if product(o) and stored(w)]
    return max(found, key=lambda one: (one.outside, -one.doubts, one.adds), default=None)


def use(operation: Operation, write: Effect, dataset: Dataset, system: System) -> Use:
    if any(serves(e) for e in operation.entries):
        doubts = 0
    else:
        doubts = 2 if operation.entries or operation.unused or unstarted(operation, system) else 1
    return Use(dataset, write, fills(write), started_by(operation, OUTSIDE), doubts)


def stored(write: Effect) -> bool:
    return write.store == StoreKind.RELATIONAL


def fills(write: Effect) -> bool:
    return write.verb in ADDS or (write.verb == "save" and new(write))


def product(operation: Operation) -> bool:
    return operation.role == Role.PRODUCT and not of_tests(operation.place.path)


def young(alteration: Alteration, migration: Migration, system: System) -> bool:
    """Whether one of the last migrations that run before it, of the same folder, has made the table: both are of one
    change, or it has few rows yet. The first of a folder makes all that there was, and tells nothing."""
    folder = migration.place.path.rpartition("/")[0]
    earlier = [m for m in takewhile(lambda m: m is not migration, system.migrations) if below(m, folder)]
    made = (a for m in earlier[1:][-YOUNG:] for a in m.alterations if a.kind == "create-table")
    return any(a.table == alteration.table for a in made)


def below(migration: Migration, folder: str) -> bool:
    return migration.place.path.rpartition("/")[0] == folder


# Types ----------------------------------------------------------------------------------------------------------------


def narrowed(was: Column | None, now: Column | None) -> bool:
    """Whether a column takes clearly less than before.

    >>> narrowed(Column("a", "varchar(80)"), Column("a", "varchar(40)"))
    True
    >>> narrowed(Column("a", "varchar(255)"), Column("a", "varchar(254)"))
    False
    """
    after = SIZED.match(now.type) if now is not None else None
    if was is None or after is None or not after["length"]:
        return False
    if was.type == "text":
        return after["kind"] in ("varchar", "char")
    before = SIZED.match(was.type)
    if before is None or before["kind"] != after["kind"] or not before["length"]:
        return False
    return 4 * whole(after) <= 3 * whole(before) or int(after["scale"] or 0) < int(before["scale"] or 0)


def whole(sized: re.Match[str]) -> int:
    """The characters, or the digits before the point."""
    return int(sized["length"]) - int(sized["scale"] or 0)
