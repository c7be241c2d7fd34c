"""`migration-breaks-running-code`: a migration takes away what the release that still runs needs, or asks of rows what
that does not give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect
from datakeel.model.migration import Alteration, Migration
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.migrating import BUILT_IN, Use, in_use, narrowed, product
from datakeel.rules.rule import Hit, rule


@rule(Severity.CRITICAL)
def migration_breaks_running_code(migration: Migration, system: System) -> Iterator[Hit]:
    """A migration takes away what the running release still uses, or asks of each row what it does not give."""
    added: dict[tuple[str, str], Added] = {}
    narrower: dict[str, list[tuple[Alteration, Use]]] = {}
    for alteration, use in in_use(migration, system):
        own = (alteration.table, alteration.name) in added
        follow(alteration, use, added)
        if alteration.kind in ("rename-column", "rename-table") and use.dataset is not None and not own:
            yield from renamed(alteration, use, use.dataset)
        elif alteration.kind == "drop-column" and use.dataset is not None:
            yield from dropped(alteration, use, use.dataset, system)
        elif alteration.kind == "alter-column" and narrowed(alteration.was, alteration.column):
            narrower.setdefault(alteration.table, []).append((alteration, use))
    for (first, use), *others in narrower.values():
        if first.was is not None and first.column is not None:
            yield less(first, [a for a, _ in others], use, first.was, first.column)
    wanted: dict[str, list[Added]] = {}  # MySQL fills an enumeration with its first value
    for (table, _), one in added.items():
        if one.demanded and not (migration.technology == "mysql" and BUILT_IN.match(one.column.type) is None):
            wanted.setdefault(table, []).append(one)
    yield from (demanded(first, others, migration) for first, *others in wanted.values())


class Added(Struct, frozen=True):
    """A column that a migration adds, with what it does to it later; `demanded`: at its end, each new row must give
    it."""

    use: Use
    steps: tuple[Alteration, ...]

    @property
    def column(self) -> Column:
        return next(a.column for a in reversed(self.steps) if a.column is not None)

    @property
    def demanded(self) -> bool:
        return not self.column.nullable and self.column.default is None


def follow(alteration: Alteration, use: Use, added: dict[tuple[str, str], Added]) -> None:
    """Keeps up with the columns that are added. One that takes the name of a column that stood is none: the running
    release fills that."""
    key = alteration.table, alteration.name
    if alteration.kind == "add-column" and alteration.was is None:
        added[key] = Added(use, (alteration,))
    elif alteration.kind == "alter-column" and key in added:
        added[key] = Added(use, (*added[key].steps, alteration))
    elif alteration.kind in ("drop-column", "rename-column"):
        added.pop(key, None)


def demanded(one: Added, others: list[Added], migration: Migration) -> Hit:
    """One finding for each table: who mends one of its columns looks at the others."""
    first, last = one.steps[0], next(a for a in reversed(one.steps) if a.column is not None)
    name = f"{first.table}.{one.column.name}"
    more = and_so(o.column.name for o in others)
    insert = one.use.write
    return Hit(
        place=last.place,
        message=f"{name} is added {how(last)}{more}: until the new release has taken the place of the old one, "
        "inserts of that fail",
        story=(
            *(Step(a.place, told(a)) for a in one.steps[:-1]),
            Step(last.place, f"from here on, a row without {one.column.name} is refused; {gone(migration, one)}"),
            *inserts(
                insert,
                f"the running release writes {first.table} and knows nothing of {one.column.name}: new rows fail",
            ),
        ),
        rests_on=(insert,) if insert is not None else (),
        likely=not one.use.adds,
        doubts=one.use.doubts,
        datasets=(first.table,),
        fix=cure(one, migration),
    )


def how(last: Alteration) -> str:
    """How a column came to be demanded, by the last thing that was done to it."""
    if last.kind == "add-column":
        return "NOT NULL with no default"
    if last.sets == ("default",):
        return "NOT NULL, and its default is taken away in the same step"
    return "and filled, and made NOT NULL in the same step"


def and_so(columns: Iterable[str]) -> str:
    """What a message says of further columns.

    >>> and_so([]), and_so(["note"]), and_so(["note", "kind"])
    ('', ' (so is note)', ' (so are note, kind)')
    """
    further = list(columns)
    return f" (so {'are' if further[1:] else 'is'} {', '.join(further[:3])})" if further else ""


def told(alteration: Alteration) -> str:
    if alteration.kind == "add-column":
        return f"{alteration.name} is added to {alteration.table}"
    return f"{alteration.name} is changed"


def gone(migration: Migration, one: Added) -> str:
    if migration.tool == "django" and (one.column.initial or one.column.filled_by):
        return "Django gives the rows that stand their value, and takes the default out of the database again"
    return "the database has no value of its own for it"


def inserts(write: Effect | None, message: str) -> tuple[Step, ...]:
    return (Step(write.place, message),) if write is not None else ()


def cure(one: Added, migration: Migration) -> Fix:
    table, name = one.steps[0].table, one.column.name
    value = one.column.initial.removeprefix("const:").replace("None", "") or "…"
    if migration.tool == "django":
        text = f"db_default={value}  # Django 5; before that null=True now, and NOT NULL in a later release"
    elif migration.tool == "alembic":
        filled = value if value[0] in "'…" else f'sa.text("{value.lower()}")'
        text = f'op.add_column("{table}", sa.Column("{name}", …, nullable=False, server_default={filled}))'
    else:
        text = f"ALTER TABLE {table} ADD COLUMN {name} {one.column.type} NOT NULL DEFAULT {value};"
    return Fix(title=f"let the database fill {name} while the old release runs", text=text)


# What goes ------------------------------------------------------------------------------------------------------------


def renamed(alteration: Alteration, use: Use, dataset: Dataset) -> Iterator[Hit]:
    """A column or table under another name, which the code of this checkout has, and the running release has not."""
    table = alteration.kind == "rename-table"
    if not table and (dataset.declared is None or dataset.declared.column(alteration.to) is None):
        return
    if table and not dataset.model:
        return
    old = alteration.table if table else f"{alteration.table}.{alteration.name}"
    yield taken(
        alteration,
        use,
        f"{old} is renamed to {alteration.to}: each statement of the release that still runs names {old}, and fails",
        f"from here on there is no {old}",
        Fix(
            title="add the new name, and drop the old one in a later release",
            text="add the new one and write both; fill the old rows in batches; read the new one; drop the old",
        ),
    )


def dropped(alteration: Alteration, use: Use, dataset: Dataset, system: System) -> Iterator[Hit]:
    """A column that the code still names; or that only the release before this one may name, which the code of this
    checkout does not tell."""
    name = f"{alteration.table}.{alteration.name}"
    if dataset.schema.column(alteration.name) is not None:
        return  # it is made again
    where = still_named(alteration.name, dataset, system)
    fix = Fix(
        title=f"stop using {alteration.name} in one release, drop it in the next",
        text=f"a release without {alteration.name} in its code first; this migration with the one after it",
    )
    if where is not None:
        message = f"{name} is dropped, and the code still names it: its statements fail from here on"
        yield taken(alteration, use, message, "the column is gone", fix, where)
        return
    message = f"{name} is dropped: where the release before this one still names it, its statements fail"
    yield taken(alteration, use, message, "the column is gone", fix, doubts=2)


def still_named(column: str, dataset: Dataset, system: System) -> Place | None:
    """Where the code names a column: the class that maps its table, or where there is none, a statement."""
    if dataset.declared is not None:
        declared = dataset.declared.column(column)
        return (declared.place or dataset.place) if declared is not None else None
    for operation, effect in (*system.writers(dataset.name), *system.readers(dataset.name)):
        if product(operation) and column in names(effect):
            return effect.place
    return None


def names(effect: Effect) -> Iterable[str]:
    """The columns that a statement names."""
    yield from (a.column for a in effect.assigned)
    yield from (p.column for p in effect.predicates)
    yield from (effect.selection.columns or ()) if effect.selection is not None else ()


def less(alteration: Alteration, others: list[Alteration], use: Use, was: Column, now: Column) -> Hit:
    """One finding for each table: who looks at what is written to one of its columns looks at the others."""
    name = f"{alteration.table}.{alteration.name}"
    return taken(
        alteration,
        use,
        f"{name} takes less than before ({now.type}, it was {was.type}){and_so(a.name for a in others)}: "
        "what the running release writes may be refused",
        f"from here on a value that does not fit {now.type} is refused",
        Fix(
            title="let the code keep to the narrower form for a release, and narrow the column then",
            text=f"ALTER TABLE {alteration.table} ADD CHECK (…) NOT VALID;  -- for the rows to come, then the type",
        ),
        likely=True,
    )


def taken(
    alteration: Alteration,
    use: Use,
    message: str,
    step: str,
    fix: Fix,
    where: Place | None = None,
    *,
    doubts: int = 0,
    likely: bool = False,
) -> Hit:
    place = where or (use.write.place if use.write is not None else None)
    return Hit(
        place=alteration.place,
        message=message,
        story=(
            Step(alteration.place, step),
            *((Step(place, "the release that runs meanwhile does not know of it"),) if place is not None else ()),
        ),
        rests_on=(use.write,) if use.write is not None else (),
        doubts=max(doubts, use.doubts),
        likely=likely,
        datasets=(alteration.table,),
        fix=fix,
    )
