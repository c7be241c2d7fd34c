"""Changes of tables, in order → one schema per table. SQL, Django and Alembic all speak in these changes."""

from __future__ import annotations

from msgspec import Struct

from datakeel.model.dataset import Column, Constraint, Index, Partitioning, Schema
from datakeel.model.place import Place


class Change(Struct, frozen=True, gc=False, kw_only=True):
    """One change of one table; see the constructors below for which fields a `kind` fills.

    `kind`: create-table, drop-table, rename-table, add-column, drop-column, alter-column, rename-column, add-index,
    drop-index, rename-index, add-constraint, drop-constraint, partition, attach, comment. `table` may be empty
    where only an index is named. `name` is the column, index or constraint; `to` a new name, or the parent that a
    partition is attached to. `step` names the migration; `transactional`: its runner holds a transaction round it.
    """

    kind: str
    table: str = ""
    name: str = ""
    to: str = ""
    column: Column | None = None
    index: Index | None = None
    constraint: Constraint | None = None
    schema: Schema | None = None
    partitioning: Partitioning | None = None
    type: str | None = None
    nullable: bool | None = None
    default: str | None = None
    if_exists: bool = False
    technology: str = ""
    step: str = ""
    transactional: bool = True
    concurrently: bool = False
    complete: bool = True
    place: Place | None = None
