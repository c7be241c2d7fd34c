"""`timestamp-without-time-zone`: some instants of a database know their zone, others do not; or the program puts a time
without one where the others have one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from datakeel.finding import Change, Fix, Severity, Step
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect, Kind, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.tables import answered_for, stands
from datakeel.rules.rule import Hit, Record, rule

NAIVE = re.compile(r"^timestamp(\(\d\))?( without time zone)?$")
AWARE = re.compile(r"^(timestamptz|timestamp(\(\d\))? with time zone)")
LOCAL = re.compile(r"(^|_)(local|wall|naive|floating)(_|$)|^(opens|closes|departs|arrives)_")
OTHERS = ("mysql", "sqlite", "oracle", "mssql")  # theirs is another question: they keep no zone at all

Instant = tuple[Dataset, Column]


@rule(Severity.MINOR, Record(2, 7))
def timestamp_without_time_zone(system: System) -> Iterator[Hit]:
    """Instants are stored without a zone. Speaks once for each service."""
    naive: dict[str, list[Instant]] = {}
    aware: dict[str, list[Instant]] = {}
    for dataset in system.datasets:
        if not answered_for(dataset) or dataset.technology in OTHERS:
            continue
        for column in dataset.schema.columns:
            if AWARE.match(column.type):
                aware.setdefault(dataset.service, []).append((dataset, column))
            elif NAIVE.match(column.type) and not LOCAL.search(column.name):
                naive.setdefault(dataset.service, []).append((dataset, column))
    named = mentioned(system) if naive else None
    for service, found in sorted(naive.items()):
        used = [i for i in found if named is None or spoken_of(*i, named)]
        ordered = sorted(used or found, key=lambda i: (stands(*i), i[1].name))
        beside = [i for i in aware.get(service, []) if any(folder(i) == folder(n) for n in found)]
        yield hit(ordered, beside, unused=not used)
    for operation in system.operations:
        yield from unzoned(operation, system)


def folder(instant: Instant) -> PurePosixPath:
    """Where a column's schema is kept: what stands elsewhere may be of another database, or another rule."""
    return PurePosixPath(stands(*instant).path).parent


def mentioned(system: System) -> dict[str, set[str]] | None:
    """By each table that the program reads or writes, the columns that it names there; None: it touches no table."""
    found: dict[str, set[str]] = {}
    for effect in (e for o in system.operations for e in o.of(Kind.READ, Kind.WRITE)):
        dataset = system.dataset_of(effect)
        if dataset is None:
            continue
        names = found.setdefault(dataset.name, set())
        names.update(dataset.own(a.column) for a in effect.assigned)
        if effect.selection is not None:
            named = (p.column for p in effect.selection.predicates)
            names.update(map(dataset.own, (*named, *effect.selection.order, *(effect.selection.columns or ()))))
    return found or None


def spoken_of(dataset: Dataset, column: Column, named: dict[str, set[str]]) -> bool:
    """Whether the program fills, compares or sorts by it; the store or the mapper fills one that has a default."""
    filled = bool(column.default) or column.renewed or bool(column.filled_by)
    return dataset.name in named and (filled or column.name in named[dataset.name])


def hit(naive: list[Instant], aware: list[Instant], unused: bool) -> Hit:
    dataset, column = naive[0]
    place = stands(dataset, column)
    names = [f"{d.name}.{c.name}" for d, c in naive]
    more = f" and {len(names) - 1} more columns keep" if names[1:] else " keeps"
    also = f", while {aware[0][0].name}.{aware[0][1].name} has one" if aware else ""
    return Hit(
        place=place,
        message=f"{names[0]}{more} an instant without a zone{also}: which moment it is depends on who reads it",
        story=(
            *(
                Step(stands(d, c), f"{d.name}.{c.name} is a {c.type}: year to second, and no zone")
                for d, c in naive[:4]
            ),
            *(Step(stands(d, c), f"{d.name}.{c.name} is a {c.type}") for d, c in aware[:1]),
            Step(place, "a session, a job or a report in another zone compares or shows it: it is off by hours"),
            Step(place, "in autumn one hour comes twice: order and age of the rows of that hour are gone"),
        ),
        doubts=1 if len(naive) < len(aware) and not unused else 2,
        datasets=tuple(dict.fromkeys(d.name for d, _ in naive))[:6],
        fix=Fix(title="store instants with their zone", text=converted(dataset, column)),
    )


def converted(dataset: Dataset, column: Column) -> str:
    return (
        f"ALTER TABLE {dataset.name} ALTER COLUMN {column.name} TYPE timestamptz\n"
        f"  USING {column.name} AT TIME ZONE 'UTC';  -- in which zone they were written"
    )


# Readings of the clock ------------------------------------------------------------------------------------------------


def unzoned(operation: Operation, system: System) -> Iterator[Hit]:
    """The readings of the clock that have no zone and go where the others have one, each once."""
    told: set[Place] = set()
    for effect in operation.of(Kind.READ, Kind.WRITE):
        if effect.chain or effect.store != StoreKind.RELATIONAL:
            continue
        for column, sources in given(effect):
            clock = naive_reading(operation, sources)
            if clock is None or clock.place in told or not keeps_zone(effect, column, system):
                continue
            told.add(clock.place)
            yield without_zone(operation, clock, effect, column, system)


def given(effect: Effect) -> Iterator[tuple[str, tuple[Source, ...]]]:
    """The columns that an effect sets, or compares, with what."""
    yield from ((a.column, a.sources) for a in effect.assigned if a.how == "value")
    yield from ((p.column, p.sources) for p in effect.predicates)


def naive_reading(operation: Operation, sources: tuple[Source, ...]) -> Effect | None:
    """The reading in this function's own text that a time is, moved by a stretch of time at most, where it was asked
    for no zone and given none since."""
    clocks = [s for s in sources if s.kind == "clock"]
    if len(clocks) != 1 or any(s.kind not in ("clock", "span") for s in sources):
        return None
    found = operation.effect(clocks[0].number)
    zone = found.option("tz") if found is not None else None
    return found if found is not None and not found.chain and zone is not None and zone.value == "None" else None


def keeps_zone(effect: Effect, name: str, system: System) -> bool:
    """Whether the column is an instant. In a program of Django's it is one where the settings say so."""
    dataset = system.dataset_of(effect)
    column = dataset.column(name) if dataset is not None else None
    if dataset is None or column is None or dataset.technology in OTHERS or not answered_for(dataset):
        return False
    if not AWARE.match(column.type):
        return False
    return system.setting("django.USE_TZ") == "True" or all(use.name != "django" for use in system.uses)


def without_zone(operation: Operation, clock: Effect, effect: Effect, name: str, system: System) -> Hit:
    column = f"{effect.dataset}.{name}"
    django = effect.technology == "django"
    who = (
        "Django takes it for one of TIME_ZONE"
        if django
        else "the driver or the session takes it for one of its own zone"
    )
    done = "is compared with" if effect.kind == Kind.READ else "is put into"
    return Hit(
        place=clock.place,
        symbol=operation.symbol,
        message=f"a time without its zone {done} {column}, which keeps instants: it is off by hours where the process "
        "and the session are not in the same zone, and by one in autumn",
        story=(
            Step(clock.place, "the clock is read, and the time does not say of which zone it is"),
            Step(effect.place, f"it {done} {column}: {who}"),
        ),
        rests_on=(clock, effect),
        likely=True,
        apart=clock.option("utc") is not None,  # what was judged read the process's own time, whose zone was right
        doubts=2 * int(operation.unused),
        datasets=(effect.dataset,),
        fix=Fix(
            title="read the clock with its zone",
            text="timezone.now()" if django else "datetime.now(timezone.utc)",
            changes=(Change("zone", clock.place, effect.technology),),
        ),
    )
