"""`data-in-table-name`: a month, a tenant or a region is part of the names of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.facts.words import HOLE
from datakeel.rules.rule import Hit, rule

TABLE = re.compile(
    rf"\b(?:from|into|update|join|table(?:\s+if\s+not\s+exists)?)\s+[\w.]*?[\"`]?([a-z]\w*_){HOLE}", re.I
)
DROPPING = re.compile(r"\s*drop\b", re.I)
PARTED = re.compile(r"\bpartition\b|\btemp(orary)?\s+table\b|\bunlogged\b", re.I)
PASSING = re.compile(r"^(tmp|temp|staging|stage|backup|bak|old|new|test|shard)_", re.I)


@rule(Severity.MINOR)
def data_in_table_name(system: System) -> Iterator[Hit]:
    """A value is part of the names of tables that code puts together."""
    found: dict[str, list[tuple[Operation, Effect]]] = {}
    parted: set[str] = set()
    for operation in system.operations:
        if operation.role != Role.PRODUCT or of_tests(operation.place.path):
            continue
        for effect in operation.of(Kind.READ, Kind.WRITE, Kind.ALTER):
            name = put_together(effect)
            if name and PARTED.search(effect.text):
                parted.add(name)
            elif name:
                found.setdefault(name, []).append((operation, effect))
    for name, uses in sorted(found.items()):
        if name not in parted and not PASSING.match(name) and not all(drops(effect) for _, effect in uses):
            yield hit(name, sorted(uses, key=lambda use: use[1].place))


def put_together(effect: Effect) -> str:
    """The beginning of the name of a table that goes on with a value: ``events_`` of ``events_{month}``."""
    if effect.store != StoreKind.RELATIONAL or effect.chain or HOLE not in effect.text:
        return ""
    named = TABLE.search(effect.text)
    return named.group(1).lower() if named is not None else ""


def drops(effect: Effect) -> bool:
    """Whether it only clears away what others have named."""
    return DROPPING.match(effect.text) is not None


def hit(name: str, uses: list[tuple[Operation, Effect]]) -> Hit:
    operation, first = uses[0]
    table = name.rstrip("_")
    return Hit(
        place=first.place,
        message=f"a value is part of the names of the tables {name}…: each new value is a new table, and no query, key "
        "or reference spans them",
        story=(
            *(Step(e.place, f"the table is {name} and a value") for _, e in uses[:3]),
            Step(first.place, "a report over all of them has to know every name; a unique key holds within each only"),
            Step(
                first.place, "a column that is added must be added to each, and the one that is forgotten fails later"
            ),
        ),
        rests_on=(first,),
        doubts=1,
        datasets=(table,),
        symbol=operation.symbol,
        fix=Fix(
            title="one table, with the value in a column; partitions where it is large",
            text=f"CREATE TABLE {table} (…) PARTITION BY LIST (…);",
        ),
    )
