"""Small projects on the disk, which tests of patches run on a real PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

# Django is set up, and its database has no more than the migrations make.
MIGRATED = """
    import json, os, sys
    sys.path.insert(0, "../broker")
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    import django
    from django.conf import settings
    from psycopg.conninfo import conninfo_to_dict
    given = conninfo_to_dict(os.environ["SERVER"])
    keys = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    settings.DATABASES["default"].update({keys[k]: v for k, v in given.items() if k in keys})
    django.setup()
    from django.core.management import call_command
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    call_command("migrate", verbosity=0)
    """

no_changes = (
    MIGRATED
    + """
    from io import StringIO
    told = StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=told)
        changes = ""
    except SystemExit:
        changes = told.getvalue()
    print(json.dumps(changes))
    """
)

# A Django project that has yet to get its models.
DJANGO_BASE = {
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
    "shop/__init__.py": "",
    "shop/settings.py": """
        SECRET_KEY = "x"
        INSTALLED_APPS = ["shop"]
        USE_TZ = True
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop"}}
        """,
}

ALEMBIC = {
    "alembic/versions/1a2b_accounts.py": """
        import sqlalchemy as sa
        from alembic import op

        revision = "1a2b"
        down_revision = None


        def upgrade() -> None:
            op.create_table(
                "accounts",
                sa.Column("id", sa.BigInteger, primary_key=True),
                sa.Column("balance", sa.Integer, nullable=False),
            )
        """,
}


def laid_out(files: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in files.items():
        place = folder / "project" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    (folder / "project" / ".git").mkdir()
    monkeypatch.chdir(folder / "project")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return folder / "project"


def line_of(file: Path, mark: str) -> int:
    """The line that ends in a mark: ``# mark``."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {mark}"))


def run(project: Path, code: str, database: str = "") -> object:
    """What a program that runs in the project prints, as JSON."""
    environment = {
        **os.environ,
        "SERVER": database,
        "DATABASE": database.replace("postgresql://", "postgresql+psycopg://"),
    }
    words = [sys.executable, "-c", dedent(code)]
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def migrate(project: Path, database: str) -> None:
    """Runs Alembic's revisions in their order on an empty database."""
    code = """
    import importlib.util, json, os, pathlib
    import sqlalchemy as sa
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    engine = sa.create_engine(os.environ["DATABASE"])
    modules = {}
    for path in pathlib.Path("alembic/versions").glob("*.py"):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        modules[module.down_revision] = module
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
        with Operations.context(MigrationContext.configure(connection)):
            revision = None
            while revision in modules:
                modules[revision].upgrade()
                revision = modules[revision].revision
    print(json.dumps(revision))
    """
    run(project, code, database)


def played(project: Path, server: str) -> str:
    """What pytest says of the project's proof, on databases of a server."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_proof.py"]
    environment = {**os.environ, "PROOF_DATABASE": server}
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, timeout=200, check=False)
    return done.stdout
