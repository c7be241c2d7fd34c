"""Datasets and their schema: tables, collections, topics, queues, indexes, key families, buckets, streams."""

from __future__ import annotations

from msgspec import Struct

from datakeel.model.certainty import Origin
from datakeel.model.place import Place


class Column(Struct, frozen=True, gc=False):
    """`type` is the declared type in lower case SQL words (``bigint``, ``varchar(20)``, ``timestamptz``); `references`
    is ``table.column`` or empty."""

    name: str
    type: str = ""
    nullable: bool = True
    default: str | None = None
    references: str = ""
    place: Place | None = None


class Index(Struct, frozen=True, gc=False):
    """An index or a unique constraint. An expression stands as its text. `predicate` is a partial index's condition.
    `nulls_distinct`: rows with NULL in a key column do not collide (SQL's default)."""

    columns: tuple[str, ...]
    name: str = ""
    unique: bool = False
    primary: bool = False
    predicate: str = ""
    method: str = ""
    nulls_distinct: bool = True
    place: Place | None = None


class Constraint(Struct, frozen=True, gc=False):
    """A check or exclusion constraint, as text."""

    kind: str
    text: str
    name: str = ""
    place: Place | None = None


class Partitioning(Struct, frozen=True, gc=False):
    """`kind` is range, list, hash or key."""

    kind: str
    columns: tuple[str, ...]


class Schema(Struct, frozen=True, gc=False):
    """What is known of a dataset's shape at one time."""

    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    partitioning: Partitioning | None = None

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    def primary_key(self) -> tuple[str, ...]:
        return next((i.columns for i in self.indexes if i.primary), ())

    def unique_keys(self) -> tuple[Index, ...]:
        return tuple(i for i in self.indexes if i.unique or i.primary)

    def unique_within(self, columns: frozenset[str], not_null: frozenset[str] = frozenset()) -> Index | None:
        """A unique key all of whose columns are among `columns`: two rows equal in these cannot both exist.

        A key over a nullable column counts only if its nulls collide, or the column is in `not_null` (a comparison by
        ``=`` finds no NULL). A partial key is given back where there is no whole one, for the caller to judge.
        """
        for index in sorted(self.unique_keys(), key=lambda i: bool(i.predicate)):
            if not set(index.columns) <= columns:
                continue
            found = [self.column(c) for c in index.columns if c not in not_null]
            nullable = any(c is not None and c.nullable for c in found) and not index.primary
            if not (nullable and index.nulls_distinct):
                return index
        return None

    def index_serving(self, columns: tuple[str, ...]) -> Index | None:
        """An index whose first column is among `columns`, the longest prefix first."""
        best: tuple[int, Index] | None = None
        for index in self.indexes:
            length = 0
            while length < len(index.columns) and index.columns[length] in columns:
                length += 1
            if length and (best is None or length > best[0]):
                best = (length, index)
        return best[1] if best else None


class Step(Struct, frozen=True, gc=False):
    """One migration's change of one dataset: what it was and became, and whether its runner holds a transaction."""

    name: str
    before: Schema | None
    after: Schema | None
    transactional: bool
    place: Place


class Dataset(Struct, frozen=True, gc=False, kw_only=True):
    """`kind`: table, collection, topic, queue, index, key-family, bucket, stream. `name` as the store knows it."""

    name: str
    kind: str = "table"
    store: str = ""
    technology: str = ""
    schema: Schema = Schema()
    steps: tuple[Step, ...] = ()
    place: Place | None = None
    model: str = ""  # the class that maps it
    version_column: str = ""  # an optimistic lock that its mapper checks by itself
    columns_complete: bool = True  # False: there may be columns and keys that were not seen
    origin: Origin = Origin.RESOLVED
    losable: bool = False  # declared: its content may be lost
