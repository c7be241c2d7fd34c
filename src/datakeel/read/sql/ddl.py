"""DDL text → changes of tables."""

from __future__ import annotations

from datakeel.read.schema import Change


def read_changes(text: str, dialect: str = "postgres") -> list[Change]:
    return []
