"""What an update adds leads every database to the schema that a fresh project makes, with the rows that are in it."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from datakeel import generator, requirements
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements
from datakeel.write import disk, update
from datakeel.write.evolution import contract, evolve
from datakeel.write.project import File, Project
from datakeel.write.schema import schema, statements
from datakeel.write.targets.service.write import HERE
from datakeel.write.update import Steps, steps_between
from datakeel.write.written import made_by
from tests.projects import NAMES, wanted
from tests.write.changes import FOLLOWED, REFUSED, SHOP, TOLD

COLUMNS = """
    SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated, attidentity,
           pg_get_expr(adbin, adrelid)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND NOT relispartition
      AND relnamespace = 'public'::regnamespace ORDER BY 1, 2
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(pg_constraint.oid), convalidated
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE connamespace = 'public'::regnamespace AND NOT relispartition ORDER BY 1, 2
"""
INDEXES = """
    SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = 'public'::regnamespace AND NOT relispartition ORDER BY 1
"""
ROUTINES = "SELECT proname, prosrc, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
TRIGGERS = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"


@pytest.fixture(scope="module")
def migrations(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module of generated projects that applies migrations."""
    template = HERE / "full/src/[package]/platform/migrations.py.jinja"
    file = tmp_path_factory.mktemp("platform") / "migrations.py"
    file.write_text(template.read_text().replace("{{ lock }}", "1"))
    spec = importlib.util.spec_from_file_location("migrations_under_test", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def change(system: str, changes: list[str], folder: Path) -> tuple[Requirements, Requirements]:
    file = folder / "system.yaml"
    file.write_text(system)
    return generator.read(file), generator.changed(file, changes)


@cache
def fresh(system: str) -> Project:
    """The project of a system before it changes."""
    return generator.generated(requirements.read(system, "system.yaml"))[1]


@pytest.fixture(scope="module")
def place(postgres: str) -> Iterator[str]:
    """A database that is emptied before each use: that is quicker than one for each."""
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute("CREATE DATABASE evolution")
        yield postgres.rsplit("/", 1)[0] + "/evolution"
        server.execute("DROP DATABASE evolution WITH (FORCE)")


def empty(connection: psycopg.Connection) -> None:
    connection.execute("DROP SCHEMA public CASCADE")
    connection.execute("CREATE SCHEMA public")


@pytest.mark.parametrize(("system", "changes"), [c[1:] for c in FOLLOWED], ids=[c[0] for c in FOLLOWED])
def test_a_project_that_follows_has_the_schema_of_a_fresh_one(
    system: str, changes: list[str], tmp_path: Path, place: str, migrations: ModuleType
) -> None:
    old, new = change(system, changes, tmp_path)
    before, after = fresh(system), generator.generated(new)[1]
    steps = steps_between(before, after, old, new)
    assert steps.refused == ()
    put(after, tmp_path / "fresh")
    put(before, tmp_path / "updated")
    with psycopg.connect(place, autocommit=True) as connection:
        empty(connection)
        migrations.migrate(place, tmp_path / "fresh/migrations")
        wanted_catalog = catalog(connection)
        empty(connection)
        migrations.migrate(place, tmp_path / "updated/migrations")
        fill(connection)
        rows = counted(connection)
        put_steps(steps, tmp_path / "updated")
        applied = migrations.migrate(place, tmp_path / "updated/migrations")
        assert applied == sorted(Path(f.path).name for f in steps.files if f.path.startswith("migrations/"))
        assert (catalog(connection) == wanted_catalog) == (not steps.left)
        put_steps(Steps(files=tuple(dropping(steps, after))), tmp_path / "updated")
        migrations.migrate(place, tmp_path / "updated/migrations")
        assert catalog(connection) == wanted_catalog
        kept = counted(connection)
    still = [table for table in rows if table in kept and table not in emptied(steps)]
    assert {t: kept[t] for t in still} == {t: rows[t] for t in still}


@pytest.mark.parametrize(("system", "changes", "why", "remedy"), REFUSED, ids=[c[1][0] for c in REFUSED])
def test_what_is_stored_does_not_bear(system: str, changes: list[str], why: str, remedy: str, tmp_path: Path) -> None:
    old, new = change(system, changes, tmp_path)
    before, after = fresh(system), generator.generated(new)[1]
    said = "\n".join(steps_between(before, after, old, new).refused)
    assert why in said
    assert remedy in said
    with pytest.raises(Mistake, match="Nothing was written"):
        update.refuse([said])


@pytest.mark.parametrize(("system", "changes", "told"), TOLD, ids=[c[1][0] for c in TOLD])
def test_what_is_to_be_known_of_a_change_is_told(system: str, changes: list[str], told: str, tmp_path: Path) -> None:
    old, new = change(system, changes, tmp_path)
    found = steps_between(fresh(system), generator.generated(new)[1], old, new)
    assert found.refused == ()
    assert told in "\n".join(found.notes) if told else found.notes == ()


def test_a_step_that_was_broken_off_can_be_run_again(database: str, tmp_path: Path, migrations: ModuleType) -> None:
    old = "CREATE TABLE bills (id uuid PRIMARY KEY, number text, memo text);"
    new = "CREATE TABLE bills (id uuid PRIMARY KEY, number text, memo text NOT NULL, CONSTRAINT once UNIQUE (number));"
    new += "CREATE INDEX bills_memo ON bills (memo);"
    found = evolve(schema(statements(old)), {"0001_bills.sql": new}, {})
    (_, online), *more = [(n, sql) for n, sql in found.files if n.endswith("_online")]
    assert more == []
    parts = [part for part in online.split(";\n") if part.strip()]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(old.encode())
        for done in range(1, len(parts) + 1):
            for part in (*parts[:done], *parts):
                connection.execute(part.encode())
        expected = "CREATE UNIQUE INDEX once ON public.bills USING btree (number)"
        assert (expected, True) in connection.execute(INDEXES).fetchall()


def test_two_who_migrate_at_once_do_not_wait_for_each_other_for_ever(
    database: str, tmp_path: Path, migrations: ModuleType
) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (b integer);\n")
    (tmp_path / "0002_a_online.sql").write_text("-- no transaction\nCREATE INDEX CONCURRENTLY a_b ON a (b);\n")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: migrations.migrate(database, tmp_path), range(4)))
    assert sorted(name for names in done for name in names) == ["0001_a.sql", "0002_a_online.sql"]


def test_a_light_project_applies_both_kinds_of_migration(database: str, tmp_path: Path) -> None:
    changes = [
        "domain.tables.Bill.access=[{by: customer}, {by: number}]",
        "domain.tables.Bill.fields.gift=text optional",
    ]
    old, new = change(SHOP, changes, tmp_path)
    disk.put(fresh(SHOP), tmp_path / "shop")
    put_steps(steps_between(fresh(SHOP), generator.generated(new)[1], old, new), tmp_path / "shop")
    program = "import sys; from corner_shop.database import migrate; migrate(sys.argv[1]); migrate(sys.argv[1])"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "shop/src")}
    subprocess.run([sys.executable, "-c", program, database], env=environment, check=True, timeout=120)
    with psycopg.connect(database) as connection:
        expected = "CREATE INDEX bills_number ON public.bills USING btree (number, id)"
        assert (expected, True) in connection.execute(INDEXES).fetchall()
        applied = connection.execute("SELECT name FROM schema_migrations ORDER BY name").fetchall()
    assert [name for (name,) in applied][-2:] == ["0006_bills_expand.sql", "0007_bills_online.sql"]


def test_what_is_dropped_comes_back_as_it_is_asked_for_again(tmp_path: Path) -> None:
    """A column that was to go, and is wanted after all, is there still."""
    old = schema(statements("CREATE TABLE t (id uuid PRIMARY KEY, note text NOT NULL);"))
    without = evolve(old, {"0001_t.sql": "CREATE TABLE t (id uuid PRIMARY KEY);"}, {})
    assert without.left == ("column t.note",)
    again = evolve(without.schema, {"0001_t.sql": "CREATE TABLE t (id uuid PRIMARY KEY, note text);"}, {})
    assert again.files == ()
    assert again.left == ()
    assert contract(again.schema, again.schema) == ()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_that_does_not_change_gets_nothing(name: str) -> None:
    same = generator.understood(wanted(name))
    _, made = generator.generated(same)
    assert made_by({f.path: f.text for f in made.files})
    assert steps_between(made, made, same, same).files == ()


def put(project: Project, folder: Path) -> None:
    for file in project.files:
        if file.path.startswith("migrations/"):
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.path).write_text(file.text)


def put_steps(steps: Steps, folder: Path) -> None:
    for file in steps.files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        assert not (folder / file.path).exists()
        (folder / file.path).write_text(file.text)


def dropping(steps: Steps, after: Project) -> Iterator[File]:
    new = made_by({f.path: f.text for f in after.files})
    for folder, had in steps.schemas.items():
        for name, sql in contract(had, new[folder]):
            yield File(f"{folder}/9000_{name}.sql", sql)


def emptied(steps: Steps) -> set[str]:
    """The tables that are made anew."""
    return {name for f in steps.files for name in re.findall(r"DROP TABLE IF EXISTS (\w+)", f.text)}


def catalog(connection: psycopg.Connection) -> list[list[tuple[object, ...]]]:
    found = [connection.execute(q.encode()).fetchall() for q in (COLUMNS, CONSTRAINTS, INDEXES, ROUTINES, TRIGGERS)]
    return [[row for row in rows if "schema_migrations" not in str(row)] for rows in found]


def tables(connection: psycopg.Connection) -> list[str]:
    query = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
    query += " AND relnamespace = 'public'::regnamespace AND relname <> 'schema_migrations' ORDER BY oid"
    return [name for (name,) in connection.execute(query.encode())]


def counted(connection: psycopg.Connection) -> dict[str, int]:
    return {t: connection.execute(f"SELECT count(*) FROM {t}".encode()).fetchone()[0] for t in tables(connection)}  # type: ignore[index]


VALUES = {
    "uuid": "md5('{table}{n}')::uuid",
    "text": "'{column} {n}'",
    "timestamp with time zone": "timestamptz '2026-01-01' + interval '1 day' * {n} + interval '1 hour' * {position}",
    "date": "date '2026-01-01' + {n}",
    "jsonb": "jsonb_build_object('patient', 'p{n}', 'topic', 't', 'family', 'f', 'name', 'n', 'labels', '[]'::jsonb)",
    "boolean": "true",
    "xid8": "'{n}'",
    "bytea": "'\\x00'",
    "tsvector": "to_tsvector('simple', 'word')",
}


def fill(connection: psycopg.Connection) -> None:
    """Two rows in each table that is empty, which satisfy its constraints."""
    for table in tables(connection):
        if connection.execute(f"SELECT FROM {table} LIMIT 1".encode()).fetchone() is not None:
            continue
        if (
            connection.execute(
                f"SELECT FROM pg_partitioned_table WHERE partrelid = '{table}'::regclass".encode()
            ).fetchone()
            is not None
        ):
            connection.execute(f"CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT".encode())
        for n in (1, 2):
            given = dict(values(connection, table, n))
            into = f"INSERT INTO {table} ({', '.join(given)}) VALUES ({', '.join(given.values())})"
            connection.execute(into.encode())


def values(connection: psycopg.Connection, table: str, n: int) -> Iterator[tuple[str, str]]:
    constraints = [row for row in connection.execute(CONSTRAINTS.encode()) if row[0] == table]
    for position, row in enumerate(connection.execute(COLUMNS.encode()).fetchall()):
        owner, column, type_, _, generated, identity, default = row
        if owner != table or generated or identity or default:
            continue
        known = re.search(rf"\({column} = ANY \(ARRAY\['([^']*)'", " ".join(str(c[2]) for c in constraints))
        parent = re.search(rf"FOREIGN KEY \({column}\) REFERENCES (\w+)", " ".join(str(c[2]) for c in constraints))
        if known:
            yield column, f"'{known[1]}'"
        elif parent:
            yield column, f"(SELECT id FROM {parent[1]} ORDER BY id LIMIT 1 OFFSET {n - 1})"
        elif type_.endswith("[]"):
            yield column, "'{}'"
        else:
            begin = position if column != "ends_at" else 99
            template = VALUES.get(type_, "{n}")
            yield (
                column,
                template.replace("{table}", table)
                .replace("{column}", column)
                .replace("{n}", str(n))
                .replace("{position}", str(begin)),
            )
