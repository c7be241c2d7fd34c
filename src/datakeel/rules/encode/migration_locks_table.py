"""`migration-locks-table`: a migration holds a lock on a table in use for as long as it takes to read or write all of
it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Column, Constraint, Index
from datakeel.model.migration import Alteration, Migration
from datakeel.model.system import System
from datakeel.rules.facts.growth import HAPPENS
from datakeel.rules.facts.migrating import BUILT_IN, SIZED, Use, in_use, narrowed, whole, young
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import and_so_in, further

VOLATILE = re.compile(
    r"(?:nextval|identity|auto_increment|generated)\b"
    r"|.*\b(?:gen_random_uuid|uuid_generate_v\w+|uuidv\d|random|clock_timestamp|timeofday)\s*\(",
    re.I | re.S,
)
KEPT = (  # types whose stored form is one: a column goes from one to the other without a rewrite
    frozenset(("varchar", "text", "citext")),
    frozenset(("timestamp", "timestamptz")),
    frozenset(("inet", "cidr")),
)
ONLINE = frozenset(("btree", "hash", ""))  # kinds of index that InnoDB builds while rows are written


class Danger(Struct, frozen=True, gc=False):
    """What a statement does under its lock, who waits meanwhile, and the way round it. `scan`: rows are only read,
    which is slow where there are very many."""

    alteration: Alteration
    what: str
    waits: str
    fix: Fix
    scan: bool = False

    def lasts(self, use: Use) -> bool:
        """Whether the table is so long that it is noticed."""
        return use.grows and (not self.scan or HAPPENS.search(self.alteration.table) is not None)


@rule(Severity.MAJOR)
def migration_locks_table(migration: Migration, system: System) -> Iterator[Hit]:
    """A migration keeps writers off a table for as long as it takes to read all of it."""
    found: dict[str, list[tuple[Danger, Use]]] = {}
    for alteration, use in in_use(migration, system):
        danger = danger_of(alteration, migration)
        if danger is not None and not young(alteration, migration, system):
            found.setdefault(alteration.table if alteration.kind != "alter-column" else "", []).append((danger, use))
    for dangers in found.values():
        lasting = [(danger, use) for danger, use in dangers if danger.lasts(use)]
        (first, use), *others = lasting or dangers
        yield hit(first, [d for d, _ in others], use, migration, doubts=0 if lasting else 2)


def hit(danger: Danger, others: list[Danger], use: Use, migration: Migration, *, doubts: int) -> Hit:
    """One finding for each table, and one for all columns that are altered: who mends one looks at the others."""
    table, place = danger.alteration.table, danger.alteration.place
    places = further(place, (d.alteration.place for d in others))
    write = use.write
    return Hit(
        place=place,
        message=f"{danger.what}: nobody can {danger.waits} {table} until that is done"
        f"{and_so_in(places, 'statement', ' of this migration')}",
        story=(
            *((Step(write.place, f"{table} is written here, also while the migration runs"),) if write else ()),
            Step(place, f"{danger.what}: the longer the table, the longer it takes, and a lock is held all the time"),
            *(
                (Step(write.place, "this write waits, and with it whoever called; so does what comes behind it"),)
                if write
                else ()
            ),
        ),
        rests_on=(write,) if write is not None else (),
        likely=not migration.technology,
        doubts=doubts,
        datasets=(table,),
        fix=danger.fix,
    )


def danger_of(alteration: Alteration, migration: Migration) -> Danger | None:
    """What a statement does to a table in use that takes as long as the table is large."""
    mysql = migration.technology == "mysql"
    if alteration.kind == "add-index" and alteration.index is not None:
        return index(alteration, alteration.index, migration, mysql=mysql)
    if alteration.kind == "add-constraint" and alteration.constraint is not None:
        return constraint(alteration, alteration.constraint, migration, mysql=mysql)
    if alteration.kind == "add-column" and alteration.column is not None and not mysql:
        return default(alteration, alteration.column)
    if alteration.kind == "alter-column" and "type" in alteration.sets:
        return retyped(alteration, mysql=mysql)
    if alteration.kind == "alter-column" and "nullable" in alteration.sets and not mysql:
        return not_null(alteration, migration)
    return None


# Keys and constraints -------------------------------------------------------------------------------------------------


def index(alteration: Alteration, index: Index, migration: Migration, *, mysql: bool) -> Danger | None:
    if alteration.concurrently or index.method.startswith("using:") or (mysql and index.method in ONLINE):
        return None
    columns = ", ".join(index.columns)
    kind = "a primary key" if index.primary else "a unique index" if index.unique else "an index"
    constrains = index.primary or (index.unique and not index.method)
    return Danger(
        alteration,
        f"{kind} on {alteration.table} ({columns}) is built",
        "read or write" if constrains and not mysql else "write",
        concurrent(alteration, index, migration) if not mysql else elsewhere(alteration),
    )


def concurrent(alteration: Alteration, index: Index, migration: Migration) -> Fix:
    """The index, built while the table is written, in the words of the migration's tool."""
    title = "build the index concurrently, outside the migration's transaction"
    name = index.name or "_".join((alteration.table.rpartition(".")[2], *index.columns, "idx"))
    table, unique = alteration.table, "UNIQUE " if index.unique else ""
    statement = f"CREATE {unique}INDEX CONCURRENTLY {name} ON {table} ({', '.join(index.columns)})"
    if index.unique and not index.method:
        kind = "PRIMARY KEY" if index.primary else "UNIQUE"
        after = f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name};"
        return Fix(title=title, text=f"{statement};\n{after}")
    if migration.tool == "alembic":
        listed = ", ".join(f'"{c}"' for c in index.columns)
        also = ", unique=True" if index.unique else ""
        call = f'op.create_index("{name}", "{table}", [{listed}]{also}, postgresql_concurrently=True)'
        return Fix(title=title, text=f"with op.get_context().autocommit_block():\n    {call}")
    if migration.tool == "django":
        call = f'AddIndexConcurrently("…", models.Index(fields=[…], name="{name}"))'
        kept = "" if not implied(alteration) else "  # and db_index=False at the field"
        return Fix(title=title, text=f"atomic = False\noperations = [{call}]{kept}")
    return Fix(title=title, text=f"{statement};")


def implied(alteration: Alteration) -> bool:
    """Whether a field brings its index along."""
    return alteration.index is not None and alteration.index.place is None


def constraint(alteration: Alteration, made: Constraint, migration: Migration, *, mysql: bool) -> Danger | None:
    if made.kind == "exclude":
        what = f"the index of an exclusion constraint on {alteration.table} is built"
        return Danger(alteration, what, "read or write", elsewhere(alteration))
    if not made.valid or (mysql and made.kind != "foreign"):
        return None
    if of_new_columns(alteration, made, migration) or renamed(alteration, migration):
        return None
    kind = "a foreign key" if made.kind == "foreign" else "a check"
    what = f"all rows of {alteration.table} are checked against {kind} that is new"
    if mysql:
        return Danger(alteration, what, "write", elsewhere(alteration))
    waits = "write" if made.kind == "foreign" else "read or write"
    return Danger(alteration, what, waits, later(alteration, made), scan=True)


def of_new_columns(alteration: Alteration, made: Constraint, migration: Migration) -> bool:
    """Whether it speaks only of a column that this migration adds: there is no value yet to be looked up."""
    new = {a.name for a in migration.alterations if a.kind == "add-column" and a.table == alteration.table}
    own = made.text.split(" references ", 1)[0]
    return any(re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", own) for name in new)


def renamed(alteration: Alteration, migration: Migration) -> bool:
    """Whether it is made anew along with a name: of that, migration-breaks-running-code speaks."""
    kinds = ("rename-column", "rename-table")
    return any(a.place == alteration.place and a.kind in kinds for a in migration.alterations)


def later(alteration: Alteration, made: Constraint) -> Fix:
    name = made.name or f"{alteration.table.rpartition('.')[2]}_{made.kind}"
    says = (
        f"CHECK ({made.text})"
        if made.kind == "check"
        else f"FOREIGN KEY {made.text.replace('references', 'REFERENCES')}"
    )
    return Fix(
        title="add it for the rows to come, and check those that stand in a migration of its own",
        text=f"ALTER TABLE {alteration.table} ADD CONSTRAINT {name} {says} NOT VALID;\n"
        f"ALTER TABLE {alteration.table} VALIDATE CONSTRAINT {name};  -- in the next migration, beside writers",
    )


# Columns --------------------------------------------------------------------------------------------------------------


def default(alteration: Alteration, column: Column) -> Danger | None:
    if column.default is None or not VOLATILE.match(column.default):
        return None
    return Danger(
        alteration,
        f"{alteration.table} is written anew, for {column.name} has another default in each row",
        "read or write",
        Fix(
            title="add the column without a default, set the default for rows to come, and fill the others in batches",
            text=f"ALTER TABLE {alteration.table} ADD COLUMN {column.name} {column.type};\n"
            f"ALTER TABLE {alteration.table} ALTER COLUMN {column.name} SET DEFAULT {column.default};",
        ),
    )


def not_null(alteration: Alteration, migration: Migration) -> Danger | None:
    column = alteration.column
    if column is None or column.nullable or checked(alteration) or added(alteration, migration):
        return None  # of a column that it adds and demands at once, migration-breaks-running-code speaks
    table, name = alteration.table, column.name
    return Danger(
        alteration,
        f"all rows of {table} are read, to see that none is without {name}",
        "read or write",
        Fix(
            title="let a check that is validated apart show it first",
            text=f"ALTER TABLE {table} ADD CONSTRAINT {name}_given CHECK ({name} IS NOT NULL) NOT VALID;\n"
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}_given;  -- in the next migration\n"
            f"ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL;  -- takes the check's word for it",
        ),
        scan=True,
    )


def added(alteration: Alteration, migration: Migration) -> bool:
    """Whether its column is one that the migration adds itself."""
    wanted = "add-column", alteration.table, alteration.name
    return any((a.kind, a.table, a.name) == wanted for a in migration.alterations)


def checked(alteration: Alteration) -> bool:
    """Whether a check that holds of all rows says that the column is not NULL."""
    wanted = f"{alteration.name} is not null".casefold()
    known = alteration.before.constraints if alteration.before is not None else ()
    return any(c.kind == "check" and c.valid and wanted in c.text.casefold().replace('"', "") for c in known)


def retyped(alteration: Alteration, *, mysql: bool) -> Danger | None:
    was, now = alteration.was, alteration.column
    if was is None or now is None or not rewritten(was, now, mysql=mysql):
        return None
    return Danger(
        alteration,
        f"{alteration.table} is written anew, for {now.name} becomes {now.type} (it was {was.type})",
        "write" if mysql else "read or write",
        elsewhere(alteration),
    )


def rewritten(was: Column, now: Column, *, mysql: bool) -> bool:
    """Whether rows are stored otherwise under another type."""
    if BUILT_IN.match(was.type) is None or BUILT_IN.match(now.type) is None:
        return False  # a type of its own: what it is stored as is not known
    before, after = SIZED.match(was.type), SIZED.match(now.type)
    one, other = base(was.type), base(now.type)
    if before is not None and after is not None and one == other:
        if not before["length"] or not after["length"]:
            return False
        longer_length = mysql and int(before["length"]) < 64 <= int(after["length"])  # it takes two bytes then
        return whole(after) < whole(before) or before["scale"] != after["scale"] or longer_length
    if one == other:
        return False
    if mysql:
        return True
    return not any({one, other} <= kinds for kinds in KEPT) or narrowed(was, now)


def base(type_: str) -> str:
    """A type without its length."""
    return type_.partition("(")[0].strip()


def elsewhere(alteration: Alteration) -> Fix:
    return Fix(
        title="do it beside the table in use",
        text=f"add a new column (or table) beside {alteration.table}, write both, fill the old rows in batches, "
        "and switch over; MySQL: pt-online-schema-change or gh-ost do just that",
    )
