"""What a migration does to tables, change by change, and how each table stood before."""

from __future__ import annotations

from msgspec import Struct

from datakeel.model.dataset import Column, Constraint, Index, Schema
from datakeel.model.place import Place


class Alteration(Struct, frozen=True, gc=False, kw_only=True):
    """One thing that a migration does to one table.

    `kind`: create-table, drop-table, rename-table, add-column, drop-column, alter-column, rename-column, add-index,
    drop-index, rename-index, add-constraint, drop-constraint, rename-constraint, validate-constraint, or rows (rows
    that stand are changed or deleted). `name` is the column, index or constraint, `to` its new name, or the table's;
    `index` and `constraint` are what is added. `was` is the column before and `column` the column from now on, as far
    as they are known; `sets` names what of it changes: type, nullable, default. `before` is the whole table as it
    stood; None where the migration has made it itself (`fresh`), or nothing tells. `transactional`: a transaction is
    held round it.
    """

    kind: str
    table: str
    place: Place
    name: str = ""
    to: str = ""
    column: Column | None = None
    was: Column | None = None
    sets: tuple[str, ...] = ()
    index: Index | None = None
    constraint: Constraint | None = None
    before: Schema | None = None
    fresh: bool = False
    concurrently: bool = False
    transactional: bool = True


class Migration(Struct, frozen=True, gc=False, kw_only=True):
    """One migration: its name, as its tool has it, where it begins, and what it does, in order. `tool` is django,
    alembic or sql; `technology` the product that it changes, where its tool or its dialect tells."""

    name: str
    place: Place
    tool: str
    technology: str = ""
    alterations: tuple[Alteration, ...] = ()
