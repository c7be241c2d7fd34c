"""One schema per store: what models declare, what migrations have done and what SQL files say, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Mapping as Map
from heapq import merge
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.dataset import Column, Dataset, Index, Schema
from datakeel.model.effect import Effect, Kind
from datakeel.model.migration import Migration
from datakeel.model.operation import Operation, Role
from datakeel.model.place import Place
from datakeel.read.change import Change, Home, change_rows
from datakeel.read.engine import engine_of
from datakeel.read.history import History
from datakeel.read.literals import Literals
from datakeel.read.mapping import Mapping
from datakeel.read.orms.django.schema.declared import Declared as DjangoModels
from datakeel.read.orms.django.schema.fields import ENDINGS, Fields
from datakeel.read.orms.django.schema.migrations import EDITS, PASSED_ON
from datakeel.read.orms.django.schema.migrations import Migrations as DjangoMigrations
from datakeel.read.orms.django.schema.tortoise import TortoiseModels
from datakeel.read.orms.document_schema import DocumentModels
from datakeel.read.orms.peewee_schema import PeeweeModels
from datakeel.read.orms.sqlalchemy.schema.alembic import EDITORS
from datakeel.read.orms.sqlalchemy.schema.alembic import Migrations as AlembicRevisions
from datakeel.read.orms.sqlalchemy.schema.declared import COLUMNS, RELATIONS
from datakeel.read.orms.sqlalchemy.schema.declared import Declared as MappedClasses
from datakeel.read.orms.sqlalchemy.schema.elements import Elements
from datakeel.read.schema import apply
from datakeel.read.scripts import SqlFiles
from datakeel.read.sql.ddl import TECHNOLOGIES
from datakeel.read.sql.migration import migration_order

if TYPE_CHECKING:
    from datakeel.read.formats.sql import SqlFacts
    from datakeel.read.world import World

OWN = (Role.PRODUCT, Role.SCRIPT, Role.GENERATED)  # whose classes speak for the product
ENGINES = {
    "postgresql": "postgresql",
    "postgis": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite3": "sqlite",
}
REWRITING = ("update", "delete")
FIRST = ("postgres", "mysql", "sqlite", "cql")  # of SQL for several stores, the one that is believed

# the names that decide whether a function's text says anything of tables
TELLING = EDITS | PASSED_ON | COLUMNS | RELATIONS | EDITORS | {f"*{ending}" for ending in ENDINGS}

Where = Callable[[str], str]  # a file's service, by the folder of its code


class Said(Struct, frozen=True):
    """What the files of one service say of its tables, by name: `declared` by the code, with the mapping of each;
    `migrated` by a program's migrations; `scripted` by migrations in SQL; `loose` by any other SQL."""

    declared: dict[str, Dataset]
    mappings: dict[str, Mapping]
    migrated: dict[str, Dataset]
    scripted: dict[str, Dataset]
    loose: dict[str, Dataset]


class Tables(Struct, frozen=True):
    """Every table that is known, by name and service, and what changes them, in the order in which it runs."""

    datasets: tuple[Dataset, ...] = ()
    migrations: tuple[Migration, ...] = ()


def tables(world: World, sql: Map[str, SqlFacts], role: Callable[[str], Role], root: Where = lambda path: "") -> Tables:
    """What models, migrations and SQL say. `root` gives the folder that a file's code begins below."""
    reading = Reading(world, sql, role, root)
    found: dict[str, dict[str, Dataset]] = {}
    for home in reading.homes:
        for name, dataset in joined(reading.said(home)).items():
            found.setdefault(name, {})[home] = dataset
    several = len(reading.homes) > 1
    made = [d for by_home in found.values() for d in kept(by_home, reading.made_in, several)]
    technology = reading.technology()
    made = [d if d.technology else replace(d, technology=technology) for d in made]
    engine = engine_of((m for m in world.names.every_module() if role(m.path) is not Role.TEST), made)
    migrations = (replace(m, technology=reading.engine(m) or engine) for m in reading.history.migrations())
    return Tables(tuple(sorted(made, key=lambda d: (d.name, d.service))), tuple(migrations))


def with_own_keys(datasets: tuple[Dataset, ...], operations: Iterable[Operation]) -> tuple[Dataset, ...]:
    """The datasets with the unique keys that the program itself makes (``orders.create_index("number", unique=True)``),
    and collections that nothing else tells of."""
    made: dict[str, Dataset] = {}
    for effect in (e for o in operations if o.role in OWN for e in o.of(Kind.ALTER)):
        key = unique_key(effect)
        if effect.dataset and key is not None:
            told = made.get(effect.dataset) or Dataset(
                name=effect.dataset,
                kind="collection",
                store=effect.store,
                technology=effect.technology,
                columns_complete=False,
                place=effect.place,
            )
            made[told.name] = replace(told, schema=Schema(indexes=(*told.schema.indexes, key)))
    known = [with_keys(d, made[d.name]) if d.name in made else d for d in datasets]
    new = [made[name] for name in made.keys() - {d.name for d in datasets}]
    return tuple(sorted((*known, *new), key=lambda d: (d.name, d.service)))


def unique_key(effect: Effect) -> Index | None:
    """The unique key of every row that a call makes; None where it makes another index."""
    said = {o.name: o.value for o in effect.options}
    whole = said.get("partialFilterExpression") in (None, "None") and said.get("sparse") in (None, "False")
    columns = tuple(a.column for a in effect.assigned)
    if effect.chain or effect.verb != "create-index" or said.get("unique") != "True" or not whole or not columns:
        return None
    return Index(columns, unique=True, nulls_distinct=False, place=effect.place)


def kept(by_home: dict[str, Dataset], made_in: dict[str, set[str]], several: bool) -> Iterator[Dataset]:
    """The datasets of one name. They stay apart where each service makes its own, or none does; what one service makes
    and another only maps is one."""
    makers = [h for h in by_home if next(iter(by_home.values())).name in made_in.get(h, ())]
    if len(by_home) > 1 and len(makers) == 1:
        by_home = {makers[0]: by_home[makers[0]]}
    for home, dataset in by_home.items():
        yield replace(dataset, service=home) if several else dataset


class Reading:
    """One pass over the project's models, migrations and SQL."""

    def __init__(self, world: World, sql: Map[str, SqlFacts], role: Callable[[str], Role], root: Where) -> None:
        self.world = world
        self.sql = sql
        self.role = role
        self.root = root
        literals = Literals(world.names)
        self.files = SqlFiles(sql)
        self.fields = Fields(world, literals)
        self.django = sorted({c.module.path for m in self.django_models() if (c := world.class_named(m))})
        elements = Elements(world, literals)
        self.classes = MappedClasses(world, elements, self.owns)
        self.mapped = list(self.classes.mappings())
        self.revisions = AlembicRevisions(world, elements, self.classes.conventions, self.files)
        self.others = [
            *TortoiseModels(world, self.owns).mappings(),
            *PeeweeModels(world, world.orms.peewee.models, self.owns).mappings(),
            *DocumentModels(world, world.orms.mongo.models, self.owns).mappings(),
        ]
        roots = {root(p) for p in (*self.django, *(m.path for m in self.others), *(m.path for m in self.mapped))}
        self.apart = self.scripts_apart()
        self.homes = sorted({*(roots or {""}), *self.apart.values()})
        self.made_in: dict[str, set[str]] = {}
        self.history = History()

    def technology(self) -> str:
        """The product behind Django's default connection."""
        default = (self.world.setting("DATABASES").entries or {}).get("default")
        engine = (default.entries or {}).get("ENGINE") if default is not None else None
        text = engine.text if engine is not None and engine.text is not None else ""
        return ENGINES.get(text.rpartition(".")[2], "")

    def engine(self, migration: Migration) -> str:
        """The product that a migration changes; SQL that is of no dialect of its own may be meant for several."""
        if migration.tool == "django":
            return self.technology()
        file = self.sql.get(migration.place.path)
        return TECHNOLOGIES.get(file.dialect, "") if file is not None and file.dialect != FIRST[0] else ""

    def owns(self, path: str) -> bool:
        return self.role(path) in OWN

    def django_models(self) -> list[str]:
        return [m.name for m in self.world.orms.django.models.models() if m.library == "django"]

    def home(self, path: str) -> str:
        """The service that a file belongs to: its own root's, or the one that shares most folders with it."""
        own = self.apart.get(path, self.root(path))
        if own in self.homes:
            return own
        return max(self.homes, key=lambda h: (shared(f"{h}/", path), -len(h)))

    def scripts_apart(self) -> dict[str, str]:
        """The service of each file of SQL that stands in a folder of one, where two such folders make a table of one
        name: these are two tables, each in its service's own database."""
        makers: dict[str, set[str]] = {}
        files = [p for p in self.sql if p not in self.files.used and self.role(p) is not Role.TEST]
        for path in files:
            for change in self.sql[path].changes:
                if change.kind == "create-table" and not change.if_absent:
                    makers.setdefault(change.table, set()).add(folder(path))
        several = {f for folders in makers.values() if len(folders) > 1 for f in folders}
        if not several:
            return {}
        code = sorted({folder(m.path) for m in self.world.names.every_module() if self.role(m.path) is Role.PRODUCT})
        served = {f: of for f in several if (of := served_by(f, several, code))}
        return {p: served[folder(p)] for p in files if folder(p) in served} if len({*served.values()}) > 1 else {}

    def said(self, home: str) -> Said:
        mappings = list(self.mappings(home))
        migrated = apply(self.migrated(home), self.history)
        scripted, loose = self.scripts(home, bool(migrated or mappings))
        self.made_in[home] = {*migrated, *scripted, *(loose if home in self.apart.values() else ())}
        main = {m.table: m for m in sorted(mappings, key=columns)}
        declared = apply(c for m in mappings for c in m.changes if main[m.table] is m)
        return Said(declared, main, migrated, scripted, loose)

    def mappings(self, home: str) -> Iterator[Mapping]:
        if any(self.home(p) == home for p in self.django):
            owned = DjangoModels(self.world, self.fields, lambda p: self.owns(p) and self.home(p) == home)
            yield from owned.mappings()
        yield from (m for m in (*self.others, *self.mapped) if self.home(m.path) == home)

    def migrated(self, home: str) -> Iterator[Change]:
        within = DjangoMigrations(self.world, self.fields, self.files, lambda p: self.home(p) == home)
        if within.graph.ordered:
            yield from within.changes()
        yield from self.revisions.changes(lambda p: self.home(p) == home)

    def scripts(self, home: str, told: bool) -> tuple[dict[str, Dataset], dict[str, Dataset]]:
        """What SQL files say, those of migrations and the others; files that a program runs are the program's. A dump
        with its rows shows some database of some day: it counts only where nothing else tells the schema (`told`)."""
        scripted: dict[str, Dataset] = {}
        loose: dict[str, Dataset] = {}
        paths = [p for p in self.sql if p not in self.files.used and self.home(p) == home]
        if told or any(self.is_migration(p) for p in paths):
            paths = [p for p in paths if not self.sql[p].dump]
        for dialect in FIRST:
            for into, wanted in ((scripted, True), (loose, False)):
                chosen = sorted(
                    (p for p in paths if self.speaks(p, dialect) and self.is_migration(p) is wanted),
                    key=migration_order,
                )
                if into is loose:  # no name says in which order they run: what stands by itself adds to what is made
                    chosen.sort(key=lambda p: all(c.kind != "create-table" for c in self.sql[p].changes))
                changes = (c for p in chosen for c in (self.steps(p) if wanted else self.sql[p].changes))
                for name, dataset in apply(changes, self.history).items():
                    into.setdefault(name, dataset)
        return scripted, loose

    def steps(self, path: str) -> Iterator[Change]:
        """The changes of one migration in SQL, those of rows among them."""
        file, home = self.sql[path], Home("sql", Place(path, 1))
        rows = (change_rows(s.table, Place(path, s.line)) for s in file.statements if s.verb in REWRITING and s.table)
        for change in merge(file.changes, rows, key=lambda c: c.place.line if c.place is not None else 0):
            yield replace(change, step=change.step or file.migration.name or path, home=home)

    def speaks(self, path: str, dialect: str) -> bool:
        return self.sql[path].dialect == dialect and self.role(path) is not Role.TEST

    def is_migration(self, path: str) -> bool:
        return self.role(path) is Role.MIGRATION or bool(self.sql[path].migration.tool)


def columns(mapping: Mapping) -> tuple[int, str]:
    """How much of its table a mapping knows: of several for one table, the last in this order is believed."""
    first = mapping.changes[0].schema if mapping.changes else None
    return len(first.columns) if first is not None else 0, mapping.model


def folder(path: str) -> str:
    return path.rpartition("/")[0]


def served_by(scripts: str, several: Collection[str], code: Collection[str]) -> str:
    """The folder of the code whose tables a folder of SQL makes: the nearest round it, where no other of `several` is
    in that; or the only one of its name. Empty, where none is known."""
    around = scripts
    while around and not any(f.startswith(f"{around}/") for f in several if f != scripts):
        if any(f"{c}/".startswith(f"{around}/") for c in code):
            return around
        around = folder(around)
    alike = [c for c in code if c.rpartition("/")[2] == scripts.rpartition("/")[2]]
    return alike[0] if len(alike) == 1 else ""


def shared(path: str, other: str) -> int:
    """How many leading folders two paths share."""
    count = 0
    for a, b in zip(path.split("/")[:-1], other.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count


# Joining -------------------------------------------------------------------------------------------------------------


def joined(said: Said) -> dict[str, Dataset]:
    """One dataset for each table: what the store has, with what the code believes."""
    said = whole_names(said)
    names = dict.fromkeys((*said.declared, *said.migrated, *said.scripted, *said.loose))
    names = {n: None for n in names if not unasked(said, n)}
    found: dict[str, Dataset] = {}
    partitions: dict[str, list[str]] = {}
    for name in names:
        dataset = chosen(said, name)
        if dataset.name != name:
            partitions.setdefault(dataset.name, []).append(name)
        else:
            found[name] = with_model(dataset, said.declared.get(name), said.mappings.get(name))
    typed = Typed(found)
    found = {n: typed.dataset(replace(d, partitions=tuple(partitions.get(n, ())))) for n, d in found.items()}
    return {n: with_parents(d, found) for n, d in found.items()}


def unasked(said: Said, name: str) -> bool:
    """Whether a name is a view's that no class maps, and that has no index of its own: nothing to say of it; or that of
    a table that may have another by now, and that no class maps, where classes map tables."""
    if name in said.declared:
        return False
    found = [a[name] for a in (said.migrated, said.scripted, said.loose) if name in a]
    gone = bool(said.declared) and all(d.origin is Origin.ASSUMED for d in found)
    return gone or all(d.view and not d.schema.indexes for d in found)


def whole_names(said: Said) -> Said:
    """The same, where migrations that only alter a table name it without the namespace that the code gives it; or where
    SQL gives it a namespace (the ``search_path``) and the code, which has it from its connection, does not."""
    namespaced: dict[str, list[str]] = {}
    names = dict.fromkeys((*said.declared, *said.migrated, *said.scripted, *said.loose))
    for name in names:
        if "." in name and (name in said.declared or name in said.migrated or name in said.scripted):
            namespaced.setdefault(name.rpartition(".")[2], []).append(name)
    made = {n for account in (said.migrated, said.scripted, said.loose) for n in account}
    bare = {n for n in said.declared if "." not in n and n not in made}
    plain: dict[str, list[str]] = {}
    for name in names:
        if name.rpartition(".")[2] in bare and name not in said.declared:
            plain.setdefault(name.rpartition(".")[2], []).append(name)
    shortened = {whole: last for last, (whole, *more) in plain.items() if not more}

    def named(account: dict[str, Dataset]) -> dict[str, Dataset]:
        found = {shortened.get(n, n): replace(d, name=shortened.get(d.name, d.name)) for n, d in account.items()}
        for name, dataset in account.items():
            (whole, *more) = namespaced.get(name, [""])
            if whole and not more and name not in said.declared and not dataset.columns_complete:
                del found[name]
                found.setdefault(whole, replace(dataset, name=whole))
        return found

    if not namespaced and not shortened:
        return said
    return replace(said, migrated=named(said.migrated), scripted=named(said.scripted), loose=named(said.loose))


def chosen(said: Said, name: str) -> Dataset:
    """The most trustworthy account of a table: migrations that made it, else the code with the keys that SQL and
    migrations add, else whatever there is."""
    declared = said.declared.get(name)
    others = [a[name] for a in (said.migrated, said.scripted) if name in a]
    whole = next((d for d in others if d.columns_complete), None)
    if whole is not None:
        return whole
    others += [said.loose[name]] if name in said.loose else []
    if declared is None:
        return others[0]
    view = next((d for d in others if d.view), None)
    if view is not None:
        return mapped_view(declared, view)
    for other in others:
        declared = with_keys(declared, other)
    return declared


def mapped_view(declared: Dataset, view: Dataset) -> Dataset:
    """A class over a view: its columns and what it takes for the key; but the class makes no index there."""
    indexes = (*(i for i in declared.schema.indexes if i.primary or i.unique), *view.schema.indexes)
    return replace(declared, schema=replace(declared.schema, indexes=indexes), view=True, viewed=view.viewed)


def with_keys(dataset: Dataset, other: Dataset) -> Dataset:
    """The dataset with the keys and indexes of another account that it has not, as far as its columns allow."""
    known = {(i.columns, i.unique, i.predicate) for i in dataset.schema.indexes}
    names = {c.name for c in dataset.schema.columns}

    def new(index: Index) -> bool:
        plain = (index.columns, index.unique, index.predicate) not in known and not index.primary
        return plain and (index.functional or set(index.columns) <= names)

    added = tuple(i for i in other.schema.indexes if new(i))
    partitioning = dataset.schema.partitioning or other.schema.partitioning
    schema = replace(dataset.schema, indexes=(*dataset.schema.indexes, *added), partitioning=partitioning)
    return replace(dataset, schema=schema, steps=dataset.steps or other.steps)


def with_model(dataset: Dataset, declared: Dataset | None, mapping: Mapping | None) -> Dataset:
    """The dataset with what its class says: its name and place, where its columns stand, its optimistic lock."""
    if declared is None:
        return dataset
    places = {c.name: c for c in declared.schema.columns}
    schema = replace(dataset.schema, columns=tuple(placed(c, places.get(c.name)) for c in dataset.schema.columns))
    if mapping is None:
        return replace(dataset, schema=schema, declared=declared.schema)
    return replace(
        dataset,
        schema=schema,
        declared=declared.schema,
        model=mapping.model,
        parent=mapping.parent,
        version_column=mapping.version,
        place=mapping.place or dataset.place,
        origin=max(dataset.origin, mapping.origin) if dataset is declared else dataset.origin,
    )


def placed(column: Column, declared: Column | None) -> Column:
    if declared is None:
        return column
    place, filler = declared.place or column.place, column.filled_by or declared.filled_by
    type_ = column.type or declared.type
    renewed = column.renewed or declared.renewed
    return replace(column, place=place, type=type_, filled_by=filler, initial=declared.initial, renewed=renewed)


class Typed:
    """Gives columns that are references the type of what they refer to."""

    def __init__(self, found: dict[str, Dataset]) -> None:
        self.found = found
        self.last = {n.rpartition(".")[2]: n for n in found}

    def dataset(self, dataset: Dataset) -> Dataset:
        declared = self.schema(dataset.declared) if dataset.declared is not None else None
        return replace(dataset, schema=self.schema(dataset.schema), declared=declared)

    def schema(self, schema: Schema) -> Schema:
        if all(c.type or not c.references for c in schema.columns):
            return schema
        return replace(schema, columns=tuple(self.column(c) for c in schema.columns))

    def column(self, column: Column, depth: int = 5) -> Column:
        if column.type or not column.references or depth <= 0:
            return column
        table, _, name = column.references.rpartition(".")
        other = self.found.get(table) or self.found.get(self.last.get(table.rpartition(".")[2], ""))
        target = other.schema.column(name) if other is not None else None
        return replace(column, type=self.column(target, depth - 1).type) if target is not None else column


def with_parents(dataset: Dataset, found: Map[str, Dataset]) -> Dataset:
    """The dataset with the schema of the tables that hold a part of its rows."""
    if not dataset.parent:
        return dataset
    above: list[Dataset] = []
    parent = found.get(dataset.parent)
    while parent is not None and parent not in above and len(above) < 8:
        above.append(parent)
        parent = found.get(parent.parent)
    inherited = Schema(
        tuple(c for d in above for c in d.schema.columns),
        tuple(i for d in above for i in d.schema.indexes),
        tuple(c for d in above for c in d.schema.constraints),
    )
    complete = dataset.columns_complete and all(d.columns_complete for d in above)
    return replace(dataset, inherited=inherited, columns_complete=complete)
