"""What a real PostgreSQL has: its tables, columns, keys, indexes and constraints, in the words of the model."""

from __future__ import annotations

from typing import Any

import psycopg

from datakeel.model.dataset import Dataset, Index

TABLES = """
    SELECT c.oid, CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'"""
COLUMNS = """
    SELECT a.attname, a.attnotnull, format_type(a.atttypid, a.atttypmod), a.atthasdef OR a.attidentity <> ''
    FROM pg_attribute a WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
INDEXES = """
    SELECT c.relname, i.indisunique, i.indisprimary, i.indpred IS NOT NULL, i.indnullsnotdistinct, am.amname,
           array(SELECT coalesce((SELECT attname FROM pg_attribute
                                  WHERE attrelid = i.indrelid AND attnum = i.indkey[n] AND i.indkey[n] <> 0), '()')
                 FROM generate_series(0, i.indnkeyatts - 1) n)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
    WHERE i.indrelid = %s"""
CONSTRAINTS = "SELECT contype, conname FROM pg_constraint WHERE conrelid = %s AND contype IN ('c', 'f', 'x')"

TYPES = {"timestamptz(3)": "timestamp(3) with time zone", "timestamptz": "timestamp with time zone",
         "timestamp": "timestamp without time zone", "time(0)": "time(0) without time zone",
         "time": "time without time zone", "timetz": "time with time zone",
         "numeric(5)": "numeric(5,0)", "varbit(5)": "bit varying(5)", "char(4)": "character(4)"}  # fmt: skip
KINDS = {"check": "c", "foreign": "f", "exclude": "x"}

Seen = tuple[str, bool, bool, bool, bool, str, tuple[str, ...]]


def tables(connection: psycopg.Connection[Any]) -> dict[str, int]:
    return {name: oid for oid, name in connection.execute(TABLES)}


def columns(connection: psycopg.Connection[Any], oid: int) -> list[tuple[str, bool, str, bool]]:
    """Name, NOT NULL, type, and whether the store fills it."""
    return [tuple(row) for row in connection.execute(COLUMNS, [oid])]


def indexes(connection: psycopg.Connection[Any], oid: int) -> list[Seen]:
    """All but those of exclusion constraints."""
    return sorted(
        (name, unique, primary, partial, not distinct, method, tuple(keys))
        for name, unique, primary, partial, distinct, method, keys in connection.execute(INDEXES, [oid])
        if method != "gist"
    )


def constraints(connection: psycopg.Connection[Any], oid: int) -> list[tuple[str, str]]:
    return sorted(tuple(row) for row in connection.execute(CONSTRAINTS, [oid]))


def columns_of(table: Dataset) -> list[tuple[str, bool, str, bool]]:
    return [(c.name, not c.nullable, spelled(c.type), c.default is not None) for c in table.schema.columns]


def indexes_of(table: Dataset) -> list[Seen]:
    return sorted(map(seen, table.schema.indexes))


def constraints_of(table: Dataset) -> list[tuple[str, str]]:
    return sorted((KINDS[c.kind], c.name) for c in table.schema.constraints)


def spelled(kind: str) -> str:
    """The type as PostgreSQL spells it."""
    kind = TYPES.get(kind, kind).removesuffix(' collate "c"')
    return kind.replace("varchar", "character varying")


def seen(index: Index) -> Seen:
    keys = tuple(c if c.replace("_", "").isalnum() else "()" for c in index.columns)
    return (
        index.name,
        index.unique,
        index.primary,
        index.partial,
        index.nulls_distinct,
        index.method or "btree",
        keys,
    )
