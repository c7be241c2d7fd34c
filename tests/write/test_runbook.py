"""What a runbook names is there: metrics, tables and settings in the code, paths in the API, statements that the
database takes, commands that the program knows."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from datakeel.write.project import Project
from tests import postgres
from tests.projects import NAMES, generated

SPOKEN = re.compile(r"`([^`]+)`")
SYSTEM = ("pg_",)  # what PostgreSQL brings along
FULL = [name for name in NAMES if any(f.path == "docs/runbook.md" for f in generated(name)[1].files)]


@pytest.fixture(scope="module", params=FULL)
def project(request: pytest.FixtureRequest) -> Project:
    return generated(request.param)[1]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with postgres.running() as dsn:
            yield dsn
    except postgres.Unavailable as error:
        pytest.skip(str(error))


def spoken(project: Project) -> list[str]:
    return SPOKEN.findall(project.text("docs/runbook.md"))


def test_every_name_stands_in_the_code(project: Project) -> None:
    code = "\n".join(f.text for f in project.files if f.path.startswith(("src/", "migrations/")))
    named = {
        re.sub(r"(_total)?(\{.*)?$", "", word)
        for word in spoken(project)
        if re.fullmatch(r"[A-Za-z]+(_[a-z]+)+\S*", word)
    }
    assert {word for word in named if word not in code and not word.startswith(SYSTEM)} == set()


def test_every_path_is_one_of_the_api(project: Project) -> None:
    api = "\n".join(f.text for f in project.files if f.path.endswith(".py") and f.path.startswith("src/"))
    asked = {word.split()[1] for word in spoken(project) if re.match(r"(GET|POST|PUT) /", word)}
    assert {path for path in asked if f'"{path}"' not in api} == set()


def test_every_command_is_one_of_the_program(project: Project) -> None:
    main = next(f.text for f in project.files if f.path.endswith("__main__.py"))
    commands = [word.split() for word in spoken(project) if word.startswith("python -m ")]
    assert {command[2] for command in commands} == {re.findall(r"python -m (\w+)", main)[0]}
    called = {command[3] for command in commands}
    assert "migrate" in called
    assert {name for name in called if f'"{name}"' not in main} == set()


def test_the_database_takes_every_statement(project: Project, server: str) -> None:
    statements = [word for word in spoken(project) if word.startswith(("SELECT ", "WITH "))]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for path in sorted(f.path for f in project.files if re.fullmatch(r"migrations/[^/]+\.sql", f.path)):
            connection.execute(project.text(path).encode())
        for statement in statements:
            connection.execute(statement.encode())
