"""`redundant-index`: an index is the beginning of another one, and is written with every row for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Dataset, Index
from datakeel.model.place import NOWHERE, Place
from datakeel.model.system import System
from datakeel.rules.facts.growth import appended
from datakeel.rules.rule import Hit, rule

SORTED = ("", "btree")
MYSQL = ("mysql", "mariadb")
ORDERS = ("desc", "nulls", "first", "last")
SHOWN = 8  # further tables that a story names

Twice = tuple[Dataset, Index, Index, bool]


@rule(Severity.MINOR)
def redundant_index(system: System) -> Iterator[Hit]:
    """An index is the beginning of another one, and is written with every row for nothing."""
    causes: dict[tuple[str, ...], list[Twice]] = {}
    for dataset in system.datasets:
        if dataset.kind == "table" and dataset.technology != "cassandra":
            for twice in doubled(dataset, system):
                causes.setdefault(cause(twice), []).append(twice)
    for tables in causes.values():
        yield hit(sorted(tables, key=standing), seldom=left_alone([t[0] for t in tables], system))


def doubled(dataset: Dataset, system: System) -> Iterator[Twice]:
    """An index of a table that is the beginning of another, with that one, and whether it hardly matters: once for each
    table, for who looks at one looks at all."""
    for index in sorted(dataset.schema.indexes, key=lambda i: len(i.columns), reverse=True):
        longer = next((other for other in dataset.schema.indexes if covers(other, index, dataset)), None)
        if longer is not None:
            yield dataset, index, longer, slight(dataset, index, longer, system)
            return


def cause(twice: Twice) -> tuple[str, ...]:
    """What brought it about: keys that are indexed once more in table after table are so by one habit, or one base
    class."""
    dataset, index, longer, slight = twice
    if longer.primary and index.columns == longer.columns and len(index.columns) == 1:
        return str(PurePosixPath(standing(twice).path).parent), str(slight)
    return dataset.name, str(dataset.place), str(slight)


def standing(twice: Twice) -> Place:
    dataset, index, longer, _ = twice
    return index.place or longer.place or dataset.place or NOWHERE


def covers(other: Index, index: Index, dataset: Dataset) -> bool:
    """Whether an index begins with all columns of another, which keeps no rule of its own."""
    if other is index or index.unique or index.primary or not (plain(index) and plain(other)):
        return False
    if not sorted_alike(other, index) or index.carried or (dataset.view and other.primary):
        return False  # a view has no primary key: its class only takes columns for one
    if dataset.technology in MYSQL and any(i.place is None and refers(dataset, i) for i in (index, other)):
        return False  # which makes an index for a foreign key only where there is none, and drops it for another
    if other.columns[: len(index.columns)] != index.columns:
        return False
    if len(other.columns) > len(index.columns) or other.unique:
        return True
    return dataset.schema.indexes.index(other) < dataset.schema.indexes.index(index)  # of two alike, the second


def sorted_alike(other: Index, index: Index) -> bool:
    """Whether the longer one finds and sorts rows in the way of the shorter: by the same operators, in the same order.
    An index on one column may be read backwards."""
    length = len(index.columns)
    ours, theirs = ((*i.sorting, *[""] * length)[:length] for i in (index, other))
    if length == 1:
        ours, theirs = (tuple(s for s in side[0].split() if s not in ORDERS) for side in (ours, theirs))
    return ours == theirs


def plain(index: Index) -> bool:
    return index.total and index.method in SORTED


def slight(dataset: Dataset, index: Index, longer: Index, system: System) -> bool:
    """Whether it hardly matters, or is not sure: it is a view's, which pays when it is refreshed; the class tells of
    one of the two and SQL of the other; a mapper made it of its own accord (for a foreign key); or it is another one's
    beginning, and not all of it, on a table that is written now and then."""
    if index.place is None or dataset.view or told_apart(index, longer):
        return True
    if index.columns == longer.columns:
        return False
    return refers(dataset, index) or appended(dataset.name, dataset, system) is None


def told_apart(index: Index, longer: Index) -> bool:
    """Whether files that know nothing of each other tell of them: a program's and one of SQL; or those of two folders,
    of which one makes a new database and the other brings an old one up to it."""
    places = [PurePosixPath(i.place.path) for i in (index, longer) if i.place is not None]
    return len({(p.suffix == ".py", p.parent) for p in places}) > 1


def refers(dataset: Dataset, index: Index) -> bool:
    """Whether it is the index of a foreign key, which a mapper may have made: not one that SQL makes by a name."""
    column = dataset.schema.column(index.columns[0])
    written = index.place is not None and index.place.path.endswith(".sql") and bool(index.name)
    return len(index.columns) == 1 and column is not None and bool(column.references) and not written


def left_alone(tables: list[Dataset], system: System) -> bool:
    """Whether the program writes other tables and none of these: what migrations fill once pays for an index once."""
    if any(True for d in tables for _ in system.writers(d.name)):
        return False
    return any(True for d in system.datasets for _ in system.writers(d.name))


def hit(tables: list[Twice], *, seldom: bool) -> Hit:
    first, *others = tables
    dataset, index, longer, slight = first
    place = standing(first)
    short, long = (", ".join(i.columns) for i in (index, longer))
    what = "the primary key" if longer.primary else f"the {'unique ' * longer.unique}index on ({long})"
    repeats = "repeats" if short == long else "is the beginning of"
    more = f", and so {'is' if len(others) == 1 else 'are'} {len(others)} more" if others else ""
    return Hit(
        place=place,
        message=f"the index on {dataset.name} ({short}) {repeats} {what}{more}: each write pays for both",
        story=(
            Step(place, f"an index on ({short}) is kept"),
            Step(longer.place or place, f"{what} finds the same rows as fast"),
            *(Step(standing(t), f"the same of {t[0].name}") for t in others[:SHOWN]),
            Step(place, "every insert, and every update of these columns, writes both; both take memory"),
        ),
        doubts=2 if slight or seldom else 0,
        datasets=tuple(t[0].name for t in (first, *others)),
        fix=Fix(title=f"drop the index on ({short})", text=cure(dataset, index)),
    )


def cure(dataset: Dataset, index: Index) -> str:
    name = index.name or "…"
    if dataset.technology in MYSQL:
        return f"DROP INDEX {name} ON {dataset.name};"
    if dataset.technology == "postgresql":
        return f"DROP INDEX CONCURRENTLY {name};"
    return f"DROP INDEX {name};  -- PostgreSQL: CONCURRENTLY, so that nobody waits"
