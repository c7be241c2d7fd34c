"""The same Django project, read here and migrated on a real PostgreSQL, gives the same columns, keys and indexes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse

import psycopg
import pytest

from tests import catalog
from tests.pages import read_system

SETTINGS = """
    import os
    SECRET_KEY = "x"
    USE_TZ = True
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.postgres", "shop"{apps}]
    DATABASES = {{"default": {{
        "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["NAME"], "USER": os.environ["USER_NAME"],
        "HOST": os.environ["HOST"], "PORT": os.environ["PORT"],
    }}}}
"""
USUAL = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions", "auth_user",
         "auth_user_groups", "auth_user_user_permissions"}  # fmt: skip

MODELS = {
    "fields of every kind": """
        import uuid
        from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
        from django.db import models
        from django.db.models.functions import Now

        class Thing(models.Model):
            a = models.CharField(max_length=20, unique=True)
            b = models.TextField(blank=True, default="")
            c = models.IntegerField(null=True)
            d = models.PositiveIntegerField(default=0)
            e = models.DecimalField(max_digits=10, decimal_places=2)
            f = models.DateTimeField(auto_now_add=True, db_index=True)
            g = models.UUIDField(default=uuid.uuid4, editable=False)
            h = models.JSONField(default=dict)
            i = models.SlugField()
            j = models.EmailField(null=True, unique=True)
            k = models.BooleanField(default=False)
            m = models.DurationField(null=True)
            n = models.GenericIPAddressField(null=True)
            o = models.FileField()
            p = ArrayField(models.CharField(max_length=5), default=list)
            q = models.BinaryField()
            r = models.FloatField(db_column="ratio")
            s = models.DateField()
            t = models.TimeField()
            u = DateTimeRangeField(null=True)
            v = models.DateTimeField(db_default=Now())
            w = models.IntegerField(db_default=3)
            x = models.GeneratedField(expression=models.F("w") + 1, output_field=models.IntegerField(), db_persist=True)
            y = models.URLField(unique=True, max_length=300)
        """,
    "relations": """
        from django.contrib.auth.models import User
        from django.db import models

        class Shop(models.Model):
            code = models.CharField(max_length=8, primary_key=True)
            owner = models.ForeignKey(User, models.CASCADE)
            number = models.IntegerField(unique=True)

        class Profile(models.Model):
            user = models.OneToOneField("auth.User", on_delete=models.CASCADE, primary_key=True)
            shop = models.OneToOneField(Shop, models.SET_NULL, null=True)

        class Item(models.Model):
            shop = models.ForeignKey("Shop", on_delete=models.PROTECT, related_name="items")
            by_number = models.ForeignKey(Shop, models.CASCADE, to_field="number", db_index=False, related_name="+")
            parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE)
            loose = models.ForeignKey(Profile, models.CASCADE, db_constraint=False, db_column="profile")
            friends = models.ManyToManyField("self")
            tags = models.ManyToManyField("Tag", db_table="item_tag")
            fans = models.ManyToManyField(User, through="Fan")

        class Tag(models.Model):
            name = models.CharField(max_length=9)

        class Fan(models.Model):
            item = models.ForeignKey(Item, models.CASCADE)
            user = models.ForeignKey(User, models.CASCADE)

            class Meta:
                unique_together = [("item", "user")]
        """,
    "keys of every kind": """
        from django.contrib.postgres.indexes import GinIndex
        from django.db import models
        from django.db.models import F, Q
        from django.db.models.functions import Lower

        class Account(models.Model):
            class State(models.TextChoices):
                NEW = "new", "New"
                SHUT = "shut", "Shut"

            org = models.IntegerField()
            email = models.EmailField()
            name = models.CharField(max_length=50)
            state = models.CharField(max_length=9, choices=State.choices, default=State.NEW)
            deleted_at = models.DateTimeField(null=True)
            age = models.IntegerField(null=True)
            data = models.JSONField(default=dict)

            class Meta:
                unique_together = (("org", "name"), ("org", "age"))
                indexes = [
                    models.Index(fields=["org", "-name"]),
                    models.Index(Lower("name"), "org", name="lower_name"),
                    models.Index(fields=["state"], name="open_ones", condition=~Q(state="shut") & Q(age__gt=3)),
                    GinIndex(fields=["data"], name="data_gin"),
                    models.Index(fields=["age"], name="covering", include=["name"]),
                ]
                constraints = [
                    models.UniqueConstraint(fields=["org", "email"], name="once"),
                    models.UniqueConstraint(Lower("email"), name="once_lower"),
                    models.UniqueConstraint(fields=["email"], condition=Q(deleted_at__isnull=True), name="live"),
                    models.UniqueConstraint(fields=["age"], nulls_distinct=False, name="one_null"),
                    models.UniqueConstraint(
                        fields=["name"], name="late", deferrable=models.Deferrable.DEFERRED
                    ),
                    models.CheckConstraint(condition=Q(age__gte=0) | Q(age=None), name="not_negative"),
                    models.CheckConstraint(condition=~Q(name=F("email")), name="differ"),
                ]
        """,
    "inheritance": """
        from django.db import models

        class Stamped(models.Model):
            created = models.DateTimeField(auto_now_add=True)
            code = models.CharField(max_length=5)

            class Meta:
                abstract = True
                unique_together = ("created", "code")
                indexes = [models.Index(fields=["code"], name="%(app_label)s_%(class)s_code")]

        class Base(Stamped):
            code = models.CharField(max_length=9, db_index=True)

        class Child(Base):
            size = models.IntegerField(unique=True)

            class Meta:
                verbose_name = "child"

        class Grandchild(Child):
            link = models.OneToOneField(Child, models.CASCADE, parent_link=True, primary_key=True)
            weight = models.IntegerField()

            class Meta:
                indexes = [models.Index(fields=["weight"])]

        class Other(Stamped):
            code = None

            class Meta:
                db_table = "others"

        class Third(Stamped):
            class Meta(Stamped.Meta):
                db_table = "third"

        class OtherProxy(Other):
            class Meta:
                proxy = True

        class Points(models.Model):
            other = models.ForeignKey(OtherProxy, models.CASCADE)
            grandchild = models.ForeignKey(Grandchild, models.CASCADE)

            class Meta:
                order_with_respect_to = "other"
        """,
    "a key of several columns": """
        from django.db import models

        class Order(models.Model):
            pk = models.CompositePrimaryKey("shop", "number")
            shop = models.IntegerField()
            number = models.IntegerField()
        """,
    "fields of its own": """
        from functools import partial
        from django.db import models

        class Code(models.CharField):
            def __init__(self, *args, **kwargs):
                kwargs["max_length"] = 12
                kwargs.setdefault("unique", True)
                super().__init__(*args, **kwargs)

            def deconstruct(self):
                name, path, args, kwargs = super().deconstruct()
                return name, path, args, kwargs

        Money = partial(models.DecimalField, max_digits=12, decimal_places=3)
        LONG = dict(max_length=300, null=True)
        WIDTH = 40

        class Row(models.Model):
            code = Code()
            price = Money()
            text = models.CharField(**LONG)
            narrow = models.CharField(max_length=WIDTH)
        """,
}


def project(models: str, migrations: dict[str, str] | None = None, apps: str = "") -> dict[str, str]:
    files = {"settings.py": SETTINGS.format(apps=apps), "shop/__init__.py": "", "shop/models.py": models}
    if migrations is not None:
        files["shop/migrations/__init__.py"] = ""
    files |= {f"shop/migrations/{name}.py": text for name, text in (migrations or {}).items()}
    return {path: dedented(text) for path, text in files.items()}


def dedented(text: str) -> str:
    lines = text.strip("\n").splitlines()
    indent = min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)
    return "\n".join(x[indent:] for x in lines) + "\n"


def migrated(folder: Path, database: str) -> None:
    """Runs Django's own migrations on the database."""
    url = urlparse(database)
    environment = {
        **os.environ,
        **{"HOST": url.hostname or "", "PORT": str(url.port), "USER_NAME": url.username or "", "NAME": url.path[1:]},
        **{"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
    }
    commands = [["migrate", "--verbosity", "0"]]
    if not (folder / "shop" / "migrations").exists():
        commands.insert(0, ["makemigrations", "shop", "--verbosity", "0"])
    for command in commands:
        words = [sys.executable, "-m", "django", *command]
        done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]


def compare(files: dict[str, str], folder: Path, database: str) -> None:
    system = read_system(files, folder)
    migrated(folder, database)
    with psycopg.connect(database, autocommit=True) as connection:
        real = catalog.tables(connection)
        del real["django_migrations"]
        assert sorted(d.name for d in system.datasets) == sorted(real)
        for table, oid in real.items():
            ours = system.dataset(table)
            assert ours is not None
            assert ours.columns_complete, table
            same(table, catalog.columns_of(ours), catalog.columns(connection, oid))
            keys = [i for i in catalog.indexes(connection, oid) if not i[0].endswith("_like")]
            if table in USUAL:  # their migrations are Django's own: the names of their keys are those of the first
                same(table, [i[1:] for i in catalog.indexes_of(ours)], [i[1:] for i in keys])
                continue
            same(table, catalog.indexes_of(ours), keys)
            same(table, catalog.constraints_of(ours), catalog.constraints(connection, oid))


def same(table: str, ours: Sequence[object], real: Sequence[object]) -> None:
    """Both hold the same; what only one of them holds is told."""
    assert [x for x in ours if x not in real] == [x for x in real if x not in ours] == [], table
    assert len(ours) == len(real), table


@pytest.mark.parametrize("name", MODELS)
def test_the_models_read_are_the_tables_that_django_makes(name: str, tmp_path: Path, database: str) -> None:
    compare(project(MODELS[name]), tmp_path, database)


START = """
    from django.db import migrations, models

    class Migration(migrations.Migration):
        initial = True
        dependencies = []
        operations = [
            migrations.CreateModel(
                name="Customer",
                fields=[
                    ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                    ("email", models.EmailField(max_length=254, unique=True)),
                    ("name", models.CharField(max_length=100, db_index=True)),
                    ("org", models.IntegerField()),
                ],
                options={"unique_together": {("org", "name")}},
            ),
            migrations.CreateModel(
                name="Order",
                fields=[
                    ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False)),
                    ("number", models.PositiveIntegerField()),
                    ("customer", models.ForeignKey(on_delete=models.CASCADE, to="shop.customer")),
                    ("agent", models.ForeignKey("shop.customer", models.SET_NULL, null=True, related_name="+")),
                    ("watchers", models.ManyToManyField(related_name="watched", to="shop.customer")),
                ],
            ),
        ]
    """

CHAINS = {
    "fields come, change and go": {
        "0001_initial": START,
        "0002_fields": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0001_initial")]
                operations = [
                    migrations.AddField("order", "code", models.CharField(max_length=9, unique=True, null=True)),
                    migrations.AddField("order", "note", models.TextField(db_index=True, default="")),
                    migrations.AddField("order", "payer", models.ForeignKey(
                        "shop.Customer", null=True, on_delete=models.SET_NULL, related_name="paid")),
                    migrations.AlterField("customer", "email", models.EmailField(max_length=254)),
                    migrations.AlterField("customer", "name", models.CharField(max_length=120, null=True)),
                    migrations.AlterField("order", "number", models.IntegerField(unique=True)),
                    migrations.RenameField("customer", "org", "organization"),
                ]
            """,
        "0003_gone": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0002_fields")]
                operations = [
                    migrations.RemoveField("order", "note"),
                    migrations.RemoveField("order", "watchers"),
                    migrations.AlterField("order", "code", models.CharField(max_length=9, db_index=True, null=True)),
                    migrations.AlterField("order", "payer", models.OneToOneField(
                        "shop.Customer", null=True, on_delete=models.SET_NULL, related_name="paid")),
                    migrations.AlterUniqueTogether("customer", {("organization", "email")}),
                ]
            """,
    },
    "a key becomes wider, and what refers to it with it": {
        "0001_initial": START,
        "0002_profile": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0001_initial")]
                operations = [
                    migrations.CreateModel("Profile", fields=[
                        ("customer", models.OneToOneField("shop.customer", models.CASCADE, primary_key=True)),
                    ]),
                    migrations.CreateModel("Picture", fields=[
                        ("id", models.BigAutoField(primary_key=True)),
                        ("profile", models.ForeignKey("shop.profile", models.CASCADE)),
                    ]),
                ]
            """,
        "0003_wider": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0002_profile")]
                operations = [migrations.AlterField("customer", "id", models.BigAutoField(primary_key=True))]
            """,
    },
    "models and tables under other names": {
        "0001_initial": START,
        "0002_names": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0001_initial")]
                operations = [
                    migrations.RenameModel("Customer", "Buyer"),
                    migrations.AlterModelTable("order", "purchases"),
                    migrations.RenameField("order", "customer", "buyer"),
                    migrations.AddField("buyer", "vip", models.BooleanField(default=False)),
                    migrations.AddConstraint("order", models.UniqueConstraint(
                        fields=["buyer", "number"], name="numbered")),
                    migrations.AddIndex("order", models.Index(fields=["number"], name="by_number")),
                ]
            """,
        "0003_more": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0002_names")]
                operations = [
                    migrations.RemoveConstraint("order", "numbered"),
                    migrations.RenameIndex("order", new_name="numbers", old_name="by_number"),
                    migrations.AddConstraint("order", models.UniqueConstraint(
                        fields=["buyer"], condition=models.Q(("number__gt", 5)), name="big")),
                    migrations.AddConstraint("order", models.CheckConstraint(
                        condition=models.Q(("number__gt", 0), ("buyer__isnull", False), _connector="OR"), name="some")),
                ]
            """,
    },
    "SQL and Python between": {
        "0001_initial": START,
        "0002_sql": """
            from django.contrib.postgres.operations import AddIndexConcurrently
            from django.db import migrations, models

            LOWER = "CREATE UNIQUE INDEX CONCURRENTLY lower_email ON shop_customer (lower(email)) WHERE org > 0"

            class Migration(migrations.Migration):
                atomic = False
                dependencies = [("shop", "0001_initial")]
                operations = [
                    migrations.RunSQL(LOWER, "DROP INDEX lower_email"),
                    migrations.RunSQL([
                        "ALTER TABLE shop_order ADD COLUMN extra integer NOT NULL DEFAULT 0",
                        ("CREATE INDEX extra_index ON shop_order (extra)", None),
                    ]),
                    AddIndexConcurrently("order", models.Index(fields=["number"], name="numbers")),
                ]
            """,
        "0003_python": """
            from django.db import migrations, models

            def forwards(apps, schema_editor):
                schema_editor.execute("ALTER TABLE shop_order ADD CONSTRAINT positive CHECK (number > 0)")

            class Migration(migrations.Migration):
                dependencies = [("shop", "0002_sql")]
                operations = [
                    migrations.RunPython(forwards, migrations.RunPython.noop),
                    migrations.SeparateDatabaseAndState(
                        state_operations=[
                            migrations.AddField("order", "extra", models.IntegerField(default=0)),
                        ],
                        database_operations=[
                            migrations.RunSQL("ALTER TABLE shop_order ALTER COLUMN extra DROP DEFAULT"),
                        ],
                    ),
                    migrations.AlterField("order", "extra", models.BigIntegerField(unique=True)),
                ]
            """,
    },
    "a column that takes its key along": {
        "0001_initial": START,
        "0002_swap": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0001_initial")]
                operations = [
                    migrations.AddField("customer", "new_org", models.BigIntegerField(default=0)),
                    migrations.RemoveField("customer", "org"),
                    migrations.RenameField("customer", "new_org", "org"),
                ]
            """,
    },
    "branches, a merge and a squashed migration": {
        "0001_initial": START,
        "0002_a": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0001_initial")]
                operations = [migrations.AddField("order", "a", models.IntegerField(default=0, unique=True))]
            """,
        "0002_b": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0001_initial")]
                operations = [migrations.AddField("order", "b", models.IntegerField(default=0))]
            """,
        "0003_merge": """
            from django.db import migrations

            class Migration(migrations.Migration):
                dependencies = [("shop", "0002_a"), ("shop", "0002_b")]
                operations = []
            """,
        "0002_squashed_0003": """
            from django.db import migrations, models

            class Migration(migrations.Migration):
                replaces = [("shop", "0002_a"), ("shop", "0002_b"), ("shop", "0003_merge")]
                dependencies = [("shop", "0001_initial")]
                operations = [
                    migrations.AddField("order", "b", models.IntegerField(default=0)),
                    migrations.AddField("order", "a", models.IntegerField(default=0, unique=True)),
                ]
            """,
        "0004_unique": """
            from django.db import migrations

            class Migration(migrations.Migration):
                dependencies = [("shop", "0002_squashed_0003")]
                operations = [migrations.AlterUniqueTogether("order", {("b", "number")})]
            """,
    },
    "multi-table inheritance, and a model that goes": {
        "0001_initial": START,
        "0002_child": """
            import django.db.models.deletion
            from django.db import migrations, models

            class Migration(migrations.Migration):
                dependencies = [("shop", "0001_initial")]
                operations = [
                    migrations.CreateModel(
                        name="Gift",
                        fields=[
                            ("order_ptr", models.OneToOneField(auto_created=True, on_delete=models.CASCADE,
                                parent_link=True, primary_key=True, serialize=False, to="shop.order")),
                            ("wrapping", models.CharField(max_length=20, unique=True)),
                        ],
                        bases=("shop.order",),
                    ),
                    migrations.CreateModel(
                        name="Card",
                        fields=[
                            ("id", models.BigAutoField(primary_key=True, serialize=False)),
                            ("gift", models.ForeignKey("shop.Gift", models.CASCADE)),
                        ],
                        options={"constraints": [models.UniqueConstraint(models.F("gift"), name="one_card")]},
                    ),
                    migrations.CreateModel(
                        name="Temporary", fields=[("id", models.BigAutoField(primary_key=True, serialize=False))]),
                    migrations.DeleteModel("Temporary"),
                ]
            """,
    },
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_migrations_read_leave_the_tables_that_django_leaves(name: str, tmp_path: Path, database: str) -> None:
    compare(project("from django.db import models\n", CHAINS[name]), tmp_path, database)
