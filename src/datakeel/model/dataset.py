"""Datasets and their schema: tables, collections, topics, queues, indexes, key families, buckets, streams."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from datakeel.model.certainty import Answer, Origin
from datakeel.model.condition import Condition, columns_of, conditions
from datakeel.model.place import Place

_NAME = re.compile(r"[\w$]+\Z")


class Column(Struct, frozen=True, gc=False):
    """`type` is the declared type in lower case SQL words (``bigint``, ``varchar(20)``, ``timestamptz``), empty when it
    is not known; `references` is ``table.column`` or empty; `filled_by` is the function by which the code fills it
    where it is given no value (``uuid4``), `initial` the constant (``const:True``)."""

    name: str
    type: str = ""
    nullable: bool = True
    default: str | None = None
    references: str = ""
    place: Place | None = None
    renewed: bool = False  # the mapper sets it whenever the row is saved: the time of its last change
    filled_by: str = ""
    initial: str = ""


class Index(Struct, frozen=True, gc=False):
    """An index or a unique constraint. An expression stands as its text. `predicate` is a partial index's condition.
    `nulls_distinct`: rows with NULL in a key column do not collide (SQL's default).

    A key is *total* (it speaks of every row, by columns alone), *functional* (by an expression over them: rows that are
    equal in the columns collide all the same, and others may too), *partial* (of rows that meet its predicate only).
    """

    columns: tuple[str, ...]
    name: str = ""
    unique: bool = False
    primary: bool = False
    predicate: str = ""
    method: str = ""
    nulls_distinct: bool = True
    place: Place | None = None
    sorting: tuple[str, ...] = ()  # behind each column: ``desc``, ``text_pattern_ops``, ``?`` for something
    carried: tuple[str, ...] = ()  # further columns that it holds without sorting by them (INCLUDE)

    @property
    def partial(self) -> bool:
        return bool(self.predicate)

    @property
    def functional(self) -> bool:
        return any(_NAME.match(c) is None for c in self.columns)

    @property
    def total(self) -> bool:
        return not self.partial and not self.functional

    def reads(self) -> frozenset[str]:
        """The columns that its columns and expressions speak of.

        >>> sorted(Index(("lower(email)", "org_id", "data ->> 'kind'")).reads())
        ['data', 'email', 'org_id']
        """
        return frozenset(name for c in self.columns for name in columns_of(c))

    def within(self, columns: frozenset[str]) -> bool:
        """Whether rows that are equal in `columns` (names, or the texts of expressions) are equal in the key."""
        return all(c in columns or columns_of(c) <= columns for c in self.columns)

    def conditions(self) -> tuple[Condition, ...] | None:
        """The predicate's conjuncts; None where one is not of a simple kind.

        >>> [c.operator for c in Index(("a",), predicate="deleted_at is null and kind = 'x' and not b").conditions()]
        ['is-null', '=', '=']
        """
        return conditions(self.predicate)

    def holds(self, values: Mapping[str, str]) -> Answer:
        """Whether a row with these values (column → canonical value) is one that the key speaks of.

        >>> Index(("email",), predicate="deleted_at is null").holds({"deleted_at": "const:None"})
        <Answer.YES: 'yes'>
        """
        if not self.predicate:
            return Answer.YES
        found = self.conditions()
        if found is None:
            return Answer.UNKNOWN
        answers = [c.holds(values.get(c.column, "")) for c in found]
        if Answer.NO in answers:
            return Answer.NO
        return Answer.UNKNOWN if Answer.UNKNOWN in answers else Answer.YES


class Constraint(Struct, frozen=True, gc=False):
    """A check, exclusion or foreign key constraint, as text; `kind` is check, exclude or foreign. Not `valid`: rows
    that stood before it are not checked (NOT VALID)."""

    kind: str
    text: str
    name: str = ""
    place: Place | None = None
    valid: bool = True


class Partitioning(Struct, frozen=True, gc=False):
    """`kind` is range, list, hash or key."""

    kind: str
    columns: tuple[str, ...]


class Schema(Struct, frozen=True, gc=False):
    """What is known of a dataset's shape at one time. `options` are those of its table that rules ask for, in the
    store's words: Cassandra's ``compaction`` (the strategy's class) and ``default_time_to_live``."""

    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    partitioning: Partitioning | None = None
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str:
        return next((value for known, value in self.options if known == name), "")

    @property
    def expires(self) -> bool:
        """Whether rows go by themselves some time after they were written."""
        return bool(self.option("default_time_to_live").strip("0"))

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    def primary_key(self) -> tuple[str, ...]:
        return next((i.columns for i in self.indexes if i.primary), ())

    def unique_keys(self) -> tuple[Index, ...]:
        return tuple(i for i in self.indexes if i.unique or i.primary)

    def keys_within(self, columns: frozenset[str], not_null: frozenset[str] = frozenset()) -> tuple[Index, ...]:
        """The unique keys that speak of nothing but `columns`, the strongest first: total, functional, partial.

        Two rows that are equal in `columns` (and that meet a partial key's predicate) cannot both exist. A key over a
        nullable column counts only if its nulls collide, or the column is in `not_null` (a comparison by ``=`` finds no
        NULL), or the key's own predicate leaves its nulls out.
        """
        found = [i for i in self.unique_keys() if i.within(columns) and self.collides(i, not_null)]
        return tuple(sorted(found, key=lambda i: (i.partial, i.functional)))

    def unique_within(self, columns: frozenset[str], not_null: frozenset[str] = frozenset()) -> Index | None:
        """The strongest of `keys_within`: the caller asks it whether it is `total`, `functional` or `partial`."""
        return next(iter(self.keys_within(columns, not_null)), None)

    def collides(self, index: Index, not_null: frozenset[str] = frozenset()) -> bool:
        """Whether no NULL lets rows slip past a unique key."""
        if index.primary or not index.nulls_distinct:
            return True
        left_out = {c.column for c in index.conditions() or () if c.operator in ("=", "in", "not-null", "!=")}
        for part in index.columns:
            if part in not_null or part.startswith("coalesce("):
                continue
            names = columns_of(part) - not_null - left_out
            if any(c is not None and c.nullable for c in map(self.column, sorted(names))):
                return False
        return True

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
    """`kind`: table, collection, topic, queue, index, key-family, bucket, stream. `name` as the store knows it.

    `schema` is what the store has, as far as files tell: the end of a complete chain of migrations, else what its model
    says with the keys that migrations add to it. `declared` is what the model says, where a model maps it: what the
    code believes. A row of a table that inherits from another (multi-table inheritance, joined inheritance) stands in
    that one too: `parent` names it, `inherited` is its schema with its own parents'.
    """

    name: str
    kind: str = "table"
    store: str = ""
    technology: str = ""
    service: str = ""  # the folder of the code that owns it, where several services have one of this name
    schema: Schema = Schema()
    declared: Schema | None = None
    parent: str = ""
    inherited: Schema | None = None
    partitions: tuple[str, ...] = ()  # further names that mean it
    steps: tuple[Step, ...] = ()
    place: Place | None = None
    model: str = ""  # the class that maps it
    version_column: str = ""  # an optimistic lock that its mapper checks by itself
    columns_complete: bool = True  # False: there may be columns and keys that were not seen
    origin: Origin = Origin.RESOLVED
    losable: bool = False  # declared: its content may be lost
    bounded: bool = False  # declared: it stays small
    view: bool = False  # a query under a name, or its stored result: only its own statements give it an index
    viewed: bool = False  # a view that stands reads it
    distributed: bool = False  # declared: load, availability or teams need it between them

    def own(self, name: str) -> str:
        """A column's name without the table's before it."""
        return name.removeprefix(self.name + ".") if "." in name else name

    def column(self, name: str) -> Column | None:
        """A column of its rows, its parents' included; the table's name may stand before it."""
        name = self.own(name)
        return self.schema.column(name) or (self.inherited.column(name) if self.inherited is not None else None)

    def keys_within(self, columns: frozenset[str], not_null: frozenset[str] = frozenset()) -> tuple[Index, ...]:
        """`Schema.keys_within`, of the parents' keys too: a row that they refuse is not inserted here either."""
        columns, not_null = frozenset(map(self.own, columns)), frozenset(map(self.own, not_null))
        found = self.schema.keys_within(columns, not_null)
        if self.inherited is not None:
            found += self.inherited.keys_within(columns, not_null)
        return tuple(sorted(found, key=lambda i: (i.partial, i.functional)))

    def unique_within(self, columns: frozenset[str], not_null: frozenset[str] = frozenset()) -> Index | None:
        return next(iter(self.keys_within(columns, not_null)), None)

    def enforces_unique(self, columns: Iterable[str], values: Mapping[str, str] | None = None) -> Answer:
        """Whether the store refuses a second row that is equal in `columns`, none of which is NULL.

        `values` are what is known of the row (column → canonical value): they tell whether it falls under a partial
        key. UNKNOWN where only a partial key stands that may not speak of the row, or keys may be unseen.
        """
        wanted = frozenset(columns)
        keys = self.keys_within(wanted, wanted)
        answers = [key.holds(values or {}) for key in keys]
        if Answer.YES in answers:
            return Answer.YES
        return Answer.UNKNOWN if Answer.UNKNOWN in answers or not self.columns_complete else Answer.NO
