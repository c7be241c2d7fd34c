"""`table-without-primary-key`: nothing names a single row of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset, Index
from datakeel.model.effect import Kind
from datakeel.model.system import System
from datakeel.rules.facts.parts import keyless
from datakeel.rules.facts.tables import answered_for, made_elsewhere, own_name, stands
from datakeel.rules.rule import Hit, rule

CHANGES = ("update", "delete", "truncate")  # they make no row
PASSING = re.compile(r"(^|_)(tmp|temp|staging|stage|import|backup|bak|old|archive|raw|load)(_|$|\d)", re.I)
PLACED = re.compile(r"(^|_)(order|ordering|position|sequence|seq|rank|sort|index|idx|weight)(_|$)", re.I)


@rule(Severity.MAJOR, sure=False)
def table_without_primary_key(dataset: Dataset, system: System) -> Iterator[Hit]:
    """A table has no primary key: no row of it can be named, replicated or deduplicated."""
    if not unnamed(dataset, system):
        return
    unsure = 0 if pairs(dataset) else rarely(dataset, system)
    if unsure is None:
        return
    alike = [d for d in system.datasets if pairs(d) and unnamed(d, system) and d.service == dataset.service]
    if not pairs(dataset):
        yield hit(dataset, [dataset], unsure)
    elif dataset is min(alike, key=lambda d: (stands(d), d.name)):
        yield hit(dataset, alike)


def unnamed(dataset: Dataset, system: System) -> bool:
    """Whether it is a whole table that lives on, and nothing in its schema names a row."""
    schema = dataset.schema
    if not answered_for(dataset) or not schema.columns or not dataset.columns_complete or schema.primary_key():
        return False
    if schema.partitioning is not None and not keyless(dataset, system):
        return False
    if dataset.parent or PASSING.search(own_name(dataset)):
        return False
    keys = schema.unique_keys()
    return not any(k.total and (pairs(dataset) or never_null(dataset, k)) for k in keys) and not parted(keys)


def parted(keys: tuple[Index, ...]) -> bool:
    """Whether one key holds where a column is NULL, and another where it is not: the two refuse every second row."""
    rests = {k.predicate.casefold() for k in keys}
    return any(r.replace(" is null", " is not null") in rests for r in rests if r.endswith(" is null"))


def never_null(dataset: Dataset, key: Index) -> bool:
    return all((c := dataset.schema.column(name)) is not None and not c.nullable for name in key.columns)


def pairs(dataset: Dataset) -> bool:
    """Whether it only says what belongs to what: the pair is the key, and a pair that stands twice does little harm. A
    third reference, or a place in an order, may stand twice for one pair."""
    references = [c for c in dataset.schema.columns if c.references]
    more = [c.name for c in dataset.schema.columns if not c.references]
    return len(references) == 2 and len(more) <= 1 and not any(PLACED.search(name) for name in more)


def rarely(dataset: Dataset, system: System) -> int | None:
    """How much speaks against a row that stands in it twice, and harms: nothing where this program adds rows; that
    nobody fills it, or something else, where it only maps it (of eleven such findings in public code one was true);
    that it may be filled once, or by what knows its rows, where it is only read. None: it is nobody's, as far as is
    known (a copy that was kept, a left-over)."""
    if dataset.model and made_elsewhere(dataset, system):
        return 2
    if touched(dataset, system, (Kind.WRITE,), adding=True):
        return 0
    return 2 if dataset.model or dataset.viewed or touched(dataset, system, (Kind.READ,)) else None


def touched(dataset: Dataset, system: System, kinds: tuple[Kind, ...], adding: bool = False) -> bool:
    """Whether some part of the program writes it (or adds rows); or reads it, also beside another table."""
    for effect in (e for o in system.operations for e in o.of(*kinds)):
        if effect.technology == "sqlite" != dataset.technology:
            continue  # a table of that name in a file of its own
        if not (adding and effect.verb in CHANGES) and system.dataset_of(effect) is dataset:
            return True
        joins = effect.selection.joins if effect.selection is not None else ()
        if any(system.dataset(name, effect.place.path) is dataset for name in joins):
            return True
    return False


def hit(dataset: Dataset, alike: list[Dataset], unsure: int = 0) -> Hit:
    place = stands(dataset)
    key = ", ".join(c.name for c in dataset.schema.columns if c.references) if pairs(dataset) else ""
    if not key:  # a unique key that only a NULL slips past would do
        key = next((", ".join(k.columns) for k in dataset.schema.unique_keys() if k.total), "")
    more = f", nor have {len(alike) - 1} more tables of pairs" if len(alike) > 1 else ""
    return Hit(
        place=place,
        message=f"{dataset.name} has no primary key{more}: a row can stand in it twice, and nothing tells the two "
        "apart",
        story=(
            Step(place, f"{dataset.name} is made without a primary key, or any unique key that is never NULL"),
            *(Step(stands(d), f"{d.name} too") for d in alike[:6] if d is not dataset),
            Step(
                place,
                "a load or a retry that runs again inserts a row again: nothing refuses it, and nothing can delete "
                "just one of the two",
            ),
            Step(place, "logical replication and change capture refuse its updates and deletes, or scan it for each"),
        ),
        doubts=max(int(dataset.origin), int(pairs(dataset)), unsure),
        severity=Severity.MINOR if pairs(dataset) or unsure else None,
        datasets=tuple(d.name for d in alike),
        fix=Fix(title="name its rows", text=cure(dataset, key)),
    )


def cure(dataset: Dataset, key: str) -> str:
    """A key over what names a row. An id of its own would only tell two equal rows apart."""
    if key:
        return f"ALTER TABLE {dataset.name} ADD PRIMARY KEY ({key});"
    return (
        f"ALTER TABLE {dataset.name} ADD PRIMARY KEY (…);  -- the columns that name a row; where none do, an id:\n"
        f"ALTER TABLE {dataset.name} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;"
    )
