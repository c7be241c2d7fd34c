"""What migrations do is written down in order, with each table as it stood, in Django, Alembic and SQL alike."""

from pathlib import Path

import pytest

from datakeel.model.migration import Alteration, Migration
from datakeel.model.system import System
from tests.pages import read_system

CREATE = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

def upgrade():
    op.create_table("orders", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("note", sa.String(80)))
    op.create_index("orders_note", "orders", ["note"])
"""
CHANGE = """
import sqlalchemy as sa
from alembic import op
from psycopg2 import errors

revision = "0002"
down_revision = "0001"

def upgrade():
    op.add_column("orders", sa.Column("channel", sa.String(), nullable=True))
    op.execute("UPDATE orders SET channel = 'web'; ALTER TABLE orders DROP COLUMN IF EXISTS gone")
    op.alter_column("orders", "channel", nullable=False, server_default="web")
    constrain()
    with op.get_context().autocommit_block():
        op.create_index("orders_channel", "orders", ["channel"], postgresql_concurrently=True)

def constrain():
    op.create_check_constraint("channels", "orders", "channel <> ''", postgresql_not_valid=True)
    op.execute("ALTER TABLE orders VALIDATE CONSTRAINT channels")
"""
DJANGO = """
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("Order", "gift", models.BooleanField(default=False)),
        migrations.RunSQL("UPDATE shop_order SET gift = true"),
        AddIndexConcurrently("Order", models.Index(fields=["gift"], name="gifts")),
        AddConstraintNotValid("Order", models.CheckConstraint(check=models.Q(gift=True), name="all_gifts")),
        ValidateConstraint("Order", "all_gifts"),
        migrations.AlterField("Order", "gift", models.BooleanField(null=True)),
    ]
"""
INITIAL = """
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel("Order", [("id", models.BigAutoField(primary_key=True))])]
"""
PICKED = """
from django.conf import settings
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    if settings.BY_HAND:
        operations = []
    else:
        operations = [migrations.AddField("Order", "gift", models.BooleanField(default=False))]
"""


def read(files: dict[str, str], folder: Path) -> System:
    return read_system(files, folder)


def said(alteration: Alteration) -> tuple[str, str, int]:
    return alteration.kind, alteration.name, alteration.place.line


def last(system: System) -> Migration:
    return system.migrations[-1]


def test_an_alembic_revision(tmp_path: Path) -> None:
    system = read({"migrations/versions/0001_a.py": CREATE, "migrations/versions/0002_b.py": CHANGE}, tmp_path)
    first, second = system.migrations
    assert [(a.kind, a.fresh) for a in first.alterations] == [("create-table", False), ("add-index", True)]
    assert (second.name, second.tool, second.technology, second.place.line) == ("0002_b", "alembic", "postgresql", 9)
    assert [said(a) for a in second.alterations] == [
        ("add-column", "channel", 10),
        ("rows", "", 11),
        ("drop-column", "gone", 11),
        ("alter-column", "channel", 12),
        ("add-constraint", "channels", 18),
        ("validate-constraint", "channels", 19),
        ("add-index", "orders_channel", 15),
    ]
    added, _, _, altered, checked, validated, indexed = second.alterations
    assert not any(a.fresh for a in second.alterations)
    assert added.before is not None
    assert [c.name for c in added.before.columns] == ["id", "note"]
    assert (altered.was, altered.sets) == (added.column, ("nullable", "default"))
    assert altered.column is not None
    assert (altered.column.nullable, altered.column.default) == (False, "'web'")
    assert validated.before is not None
    assert indexed.before is not None
    assert checked.constraint is not None
    assert [c.constraints[0].valid for c in (validated.before, indexed.before)] == [False, True]
    assert (indexed.concurrently, indexed.transactional, added.transactional) == (True, False, True)


def test_a_migration_of_djangos(tmp_path: Path) -> None:
    files = {"shop/__init__.py": "", "shop/migrations/__init__.py": "", "shop/migrations/0001_initial.py": INITIAL}
    second = last(read(files | {"shop/migrations/0002_gift.py": DJANGO}, tmp_path))
    assert (second.name, second.tool, second.place.line) == ("shop.0002_gift", "django", 5)
    assert [said(a) for a in second.alterations] == [
        ("add-column", "gift", 9),
        ("rows", "", 10),
        ("add-index", "gifts", 11),
        ("add-constraint", "all_gifts", 12),
        ("validate-constraint", "all_gifts", 13),
        ("alter-column", "gift", 14),
    ]
    assert [a.concurrently for a in second.alterations] == [False, False, True, False, False, False]
    assert second.alterations[-1].sets == ("nullable",)
    assert not any(a.transactional for a in second.alterations)


def test_where_a_setting_picks_the_operations_nothing_is_judged(tmp_path: Path) -> None:
    files = {"shop/__init__.py": "", "shop/migrations/__init__.py": "", "shop/migrations/0001_initial.py": INITIAL}
    system = read(files | {"shop/migrations/0002_gift.py": PICKED}, tmp_path)
    assert [m.name for m in system.migrations] == ["shop.0001_initial"]
    assert [c.name for d in system.datasets for c in d.schema.columns] == ["id", "gift"]


def test_a_migration_in_sql(tmp_path: Path) -> None:
    files = {
        "migrations/V1__a.sql": "CREATE TABLE orders (id bigint PRIMARY KEY, note text);\n",
        "migrations/V2__b.sql": "ALTER TABLE orders ALTER note SET NOT NULL;\nDELETE FROM orders WHERE id = 1;\n"
        "CREATE INDEX IF NOT EXISTS n ON orders (note);\nCREATE INDEX IF NOT EXISTS n ON orders (note);\n",
        "schema.sql": "CREATE TABLE others (id int);\nCREATE INDEX o ON others (id);\n",
    }
    second = last(read(files, tmp_path))
    assert [said(a) for a in second.alterations] == [
        ("alter-column", "note", 1),
        ("rows", "", 2),
        ("add-index", "n", 3),
    ]
    assert (second.name, second.tool, second.technology) == ("V2__b", "sql", "")
    assert second.alterations[0].sets == ("nullable",)


def test_a_dialect_of_its_own_tells_the_product(tmp_path: Path) -> None:
    files = {"migrations/V1__a.sql": "CREATE TABLE `orders` (id int) ENGINE=InnoDB;\n"}
    assert last(read(files, tmp_path)).technology == "mysql"


@pytest.mark.parametrize(
    ("code", "engine"),
    [
        ("DATABASE_URI = 'postgresql+asyncpg://shop@db/shop'", "postgresql"),
        ("class Settings:\n    db_url = environ.get('DB', 'sqlite:///shop.db')", "sqlite"),
        ("import aiomysql\nDATABASE = 'sqlite:///:memory:'", "mysql"),
        ("import psycopg\nimport pymysql", ""),
        ("TITLE = 'mysql://is.no.database'", ""),
    ],
)
def test_drivers_and_addresses_tell_the_product(code: str, engine: str, tmp_path: Path) -> None:
    files = {
        "shop/config.py": f"from os import environ\n{code}\n",
        "migrations/V1__a.sql": "CREATE TABLE a (id int);\n",
    }
    assert last(read(files, tmp_path)).technology == engine


def test_what_runs_over_a_view_is_left_out(tmp_path: Path) -> None:
    files = {
        "migrations/V1__a.sql": "CREATE TABLE a (id int);\nCREATE MATERIALIZED VIEW many AS SELECT id FROM a;\n",
        "migrations/V2__b.sql": "CREATE UNIQUE INDEX m ON many (id);\nDROP MATERIALIZED VIEW many;\n",
    }
    assert last(read(files, tmp_path)).alterations == ()
