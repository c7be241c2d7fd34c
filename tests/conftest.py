"""Fixtures: `postgres`, a real server for the whole run, and `database`, an empty database for one test."""

import os
from collections.abc import Iterator
from itertools import count
from typing import NoReturn

import hypothesis
import psycopg
import pytest

from tests.postgres import Unavailable, first_programs, running

# The same examples in every run, and no failure because a machine is slow.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DSN of a running PostgreSQL; without one the test is skipped, and fails in continuous integration."""
    try:
        programs = first_programs()
    except Unavailable as missing:
        stop_without_server(str(missing))
    with running(programs) as dsn:
        yield dsn


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The DSN of an empty database that lives as long as the test."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgres.rsplit("/", 1)[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def stop_without_server(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
