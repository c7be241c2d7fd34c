"""Which tables a project answers for, what their columns' types mean, and where to point."""

from __future__ import annotations

import re
from functools import cache

from datakeel.model.dataset import Column, Dataset
from datakeel.model.place import NOWHERE, Place
from datakeel.model.system import System
from datakeel.rules.facts.survey import of_tests

MADE = re.compile(
    r"^(alembic_version|schema_migrations|flyway_schema_history|spatial_ref_sys|"
    r"(django|auth|celery|djcelery|social_auth|oauth2_provider|account_email|socialaccount|reversion|silk|sessions?)_.+)$"
)
OTHERS = (
    "cassandra",
    "cql",
    "scylla",
    "clickhouse",
    "bigquery",
    "snowflake",
    "mongodb",
)  # other rules of keys and types
MIGRATION = re.compile(r"(^|/)(migrations|versions|alembic)/")
BINARY = re.compile(r"^(double|real|float)")
NARROW = re.compile(r"^(small|medium|tiny)?(int|integer|serial)(2|4)?\b|^(small|medium)(int|serial)")


def answered_for(dataset: Dataset) -> bool:
    """Whether it is a relational table that the project itself made: no library's, no framework's own, no test's."""
    place = dataset.place
    if dataset.kind != "table" or place is None or MADE.match(own_name(dataset)) is not None:
        return False
    return dataset.technology not in OTHERS and not of_tests(place.path)


def made_elsewhere(dataset: Dataset, system: System) -> bool:
    """Whether no migration makes a table, while migrations make others beside it: a class or an object describes it, so
    that it can be asked, and something else keeps it, if anything does."""
    return not dataset.steps and any(d.steps and d.service == dataset.service for d in system.datasets)


def own_name(dataset: Dataset) -> str:
    """A table's name without its namespace."""
    return dataset.name.rpartition(".")[2]


def named(dataset: Dataset) -> tuple[str, ...]:
    """The words of a table's name; of its class's, which a framework runs together (``shop_webhookevent``)."""
    return words(dataset.model.rpartition(".")[2] or own_name(dataset))


def stands(dataset: Dataset, column: Column | None = None) -> Place:
    """Where a column, or the table, is said to be: where its model says so, rather than the migration that made it."""
    place = column.place if column is not None else None
    if place is not None and dataset.model and MIGRATION.search(place.path):
        place = None
    return place or dataset.place or NOWHERE


def words(name: str) -> tuple[str, ...]:
    """The words that a name is made of.

    >>> words("unitPrice_min"), words("deposit_fee_percent")
    (('unit', 'price', 'min'), ('deposit', 'fee', 'percent'))
    """
    return tuple(w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name))


@cache
def snake(name: str) -> str:
    """A name with its words parted by underscores, in small letters.

    >>> snake("shop.lastModified")
    'shop.last_modified'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
