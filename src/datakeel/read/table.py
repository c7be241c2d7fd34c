"""One table while changes run over it: what each does to its schema, and the names that a store gives by itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.dataset import Column, Constraint, Dataset, Index, Schema, Step
from datakeel.model.place import NOWHERE, Place
from datakeel.read.change import Change, foreign_key


class Table:
    """One table while changes run over it."""

    def __init__(self, name: str, complete: bool = True) -> None:
        self.name = name
        self.schema = Schema()
        self.complete = complete
        self.stands = True  # False: it may be one of those that were renamed or dropped without being named
        self.view = False
        self.viewed = False
        self.needs: tuple[Table, ...] = ()  # what a view reads, under whatever name it stands now
        self.technology = ""
        self.place: Place | None = None
        self.steps: list[Step] = []
        self.step: tuple[str, Schema | None, bool, Place] | None = None

    def enter(self, change: Change, before: Schema | None) -> None:
        """Open the change's step, where it is another than the open one."""
        self.stands = True
        if self.step is not None and self.step[0] == change.step:
            return
        self.leave()
        if change.step:
            self.step = (change.step, before, change.transactional, change.place or NOWHERE)

    def made_in(self, step: str) -> bool:
        """Whether this migration has made it: no row of it stood before."""
        return self.step is not None and self.step[:2] == (step, None)

    def leave(self, gone: bool = False) -> None:
        if self.step is not None:
            name, before, transactional, place = self.step
            self.steps.append(Step(name, before, None if gone else self.schema, transactional, place))
        self.step = None

    def dataset(self) -> Dataset:
        self.leave()
        return Dataset(
            name=self.name,
            technology=self.technology,
            schema=self.schema,
            steps=tuple(self.steps),
            place=self.place,
            columns_complete=self.complete and self.stands,
            origin=Origin.RESOLVED if self.stands else Origin.ASSUMED,
            view=self.view,
            viewed=self.viewed,
        )


# Schemas -------------------------------------------------------------------------------------------------------------


def same(a: str, b: str) -> bool:
    return a == b or (bool(a) and a.casefold() == b.casefold())


def altered(table: Table, change: Change) -> Schema:
    """The schema after a change that touches this table only."""
    schema = table.schema
    if change.kind == "add-column" and change.column is not None:
        return with_column(schema, change.column)
    if change.kind == "drop-column":
        return without_column(schema, change.name, shrink=table.technology == "mysql")
    if change.kind == "alter-column":
        return with_altered_column(schema, change)
    if change.kind == "add-index" and change.index is not None:
        return with_index(table, change.index)
    if change.kind == "drop-index" and change.index is not None and not change.name:
        return without_key(schema, change.index)
    if change.kind == "drop-constraint" and change.constraint is not None and not change.name:
        return without_constraint(schema, change.constraint)
    if change.kind in ("drop-index", "drop-constraint"):
        return without_named(schema, change.name)
    if change.kind in ("rename-index", "rename-constraint"):
        return with_renamed(schema, change.name, change.to)
    if change.kind == "validate-constraint":
        return with_validated(schema, change.name)
    if change.kind == "options":
        return replace(schema, options=tuple(dict((*schema.options, *change.options)).items()))
    if change.kind == "partition" and change.schema is not None:
        return replace(schema, partitioning=change.schema.partitioning)
    return schema


def has(schema: Schema, change: Change) -> bool:
    """Whether what a change would add is there already."""
    if change.kind == "add-column":
        return any(same(c.name, change.name) for c in schema.columns)
    return change.kind == "add-index" and any(same(i.name, change.name) for i in schema.indexes)


def with_column(schema: Schema, column: Column) -> Schema:
    if any(same(c.name, column.name) for c in schema.columns):
        columns = tuple(column if same(c.name, column.name) else c for c in schema.columns)
        return replace(schema, columns=columns)
    return replace(schema, columns=(*schema.columns, column))


def with_altered_column(schema: Schema, change: Change) -> Schema:
    old = next((c for c in schema.columns if same(c.name, change.name)), None)
    if change.column is not None:
        schema = renamed(schema, change.name, change.column.name) if old is not None else schema
        return with_column(schema, change.column)
    if old is None:
        return schema
    new = replace(
        old,
        type=old.type if change.type is None else change.type,
        nullable=old.nullable if change.nullable is None else change.nullable,
        default=old.default if change.default is None else change.default or None,
    )
    return replace(schema, columns=tuple(new if c is old else c for c in schema.columns))


def mentions(text: str, column: str) -> bool:
    return text == column or re.search(rf"(?<![\w'\"]){re.escape(column)}(?![\w'\"])", text, re.I) is not None


def without_column(schema: Schema, name: str, shrink: bool) -> Schema:
    """Without a column: its keys, indexes and constraints go with it; MySQL takes the column out of them instead."""
    indexes: list[Index] = []
    for index in schema.indexes:
        touched = [c for c in index.columns if mentions(c, name)]
        if shrink and touched and len(touched) < len(index.columns):
            indexes.append(replace(index, columns=tuple(c for c in index.columns if c not in touched)))
        elif not touched and not (index.predicate and mentions(index.predicate, name)):
            indexes.append(index)
    return Schema(
        tuple(c for c in schema.columns if not same(c.name, name)),
        tuple(indexes),
        tuple(c for c in schema.constraints if not mentions(_own_part(c), name)),
        schema.partitioning,
        schema.options,
    )


def _own_part(constraint: Constraint) -> str:
    """The part of a constraint's text that speaks of its own table."""
    return constraint.text.split(" references ", 1)[0] if constraint.kind == "foreign" else constraint.text


def renamed(schema: Schema, name: str, to: str) -> Schema:
    """The schema with a column renamed, also where expressions and conditions speak of it."""
    if not name or not to or same(name, to):
        return schema
    word = re.compile(rf"(?<![\w'\"]){re.escape(name)}(?![\w'\"])", re.I)

    def new(text: str) -> str:
        return to if same(text, name) else word.sub(lambda _: to, text)

    partitioning = schema.partitioning
    if partitioning is not None:
        partitioning = replace(partitioning, columns=tuple(map(new, partitioning.columns)))
    return Schema(
        tuple(replace(c, name=to) if same(c.name, name) else c for c in schema.columns),
        tuple(replace(i, columns=tuple(map(new, i.columns)), predicate=new(i.predicate)) for i in schema.indexes),
        tuple(replace(c, text=c.text.replace(_own_part(c), new(_own_part(c)), 1)) for c in schema.constraints),
        partitioning,
        schema.options,
    )


def without_key(schema: Schema, key: Index) -> Schema:
    """Without the whole key over just these columns: the unique one, or the plain index, as `key` is."""
    wanted = sorted(c.casefold() for c in key.columns)
    kept = [
        i
        for i in schema.indexes
        if i.primary or i.unique != key.unique or i.predicate or sorted(c.casefold() for c in i.columns) != wanted
    ]
    return replace(schema, indexes=tuple(kept))


def without_constraint(schema: Schema, constraint: Constraint) -> Schema:
    """Without the check or foreign key that says just this, whatever its name."""
    wanted = (constraint.kind, _own_part(constraint))
    return replace(schema, constraints=tuple(c for c in schema.constraints if (c.kind, _own_part(c)) != wanted))


def without_named(schema: Schema, name: str) -> Schema:
    gone = [c for c in schema.constraints if same(c.name, name)]
    columns = schema.columns
    for constraint in gone:
        own = re.match(r"\((\w+)\) references ", constraint.text) if constraint.kind == "foreign" else None
        if own:
            columns = tuple(replace(c, references="") if same(c.name, own[1]) else c for c in columns)
    return Schema(
        columns,
        tuple(i for i in schema.indexes if not same(i.name, name)),
        tuple(c for c in schema.constraints if not same(c.name, name)),
        schema.partitioning,
        schema.options,
    )


def with_renamed(schema: Schema, name: str, to: str) -> Schema:
    return replace(
        schema,
        indexes=tuple(replace(i, name=to) if same(i.name, name) else i for i in schema.indexes),
        constraints=tuple(replace(c, name=to) if same(c.name, name) else c for c in schema.constraints),
    )


def with_validated(schema: Schema, name: str) -> Schema:
    return replace(
        schema, constraints=tuple(replace(c, valid=True) if same(c.name, name) else c for c in schema.constraints)
    )


def with_index(table: Table, index: Index) -> Schema:
    """With one more index; a primary key makes its columns NOT NULL, ``USING INDEX`` makes an index a constraint."""
    schema = table.schema
    if any(told_again(index, i) for i in schema.indexes):
        return schema
    taken = {i.name for i in schema.indexes} | {c.name for c in schema.constraints}
    if not index.columns and index.method.startswith("using:"):
        source = next((i for i in schema.indexes if same(i.name, index.method.removeprefix("using:"))), None)
        if source is None:
            return schema
        schema = replace(schema, indexes=tuple(i for i in schema.indexes if i is not source))
        index = replace(source, name=index.name or source.name, unique=True, primary=index.primary)
    elif not index.name or (index.primary and table.technology == "mysql"):
        index = replace(index, name=index_name(table.name, index, taken, table.technology))
    else:
        schema = replace(schema, indexes=tuple(i for i in schema.indexes if not same(i.name, index.name)))
    if index.primary:
        keyed = {c.casefold() for c in index.columns}
        columns = tuple(replace(c, nullable=False) if c.name.casefold() in keyed else c for c in schema.columns)
        others = tuple(i for i in schema.indexes if not i.primary)
        schema = replace(schema, columns=columns, indexes=others)
    return replace(schema, indexes=(*schema.indexes, index))


def told_again(index: Index, other: Index) -> bool:
    """Whether an index without a name of its own is one that another file has told of: a script that upgrades a
    database, and the one that makes a new one, say the same, and a database sees one of the two."""
    if index.name or not index.columns or index.place is None or other.place is None:
        return False
    return index.place.path != other.place.path and replace(index, place=other.place, name=other.name) == other


_FOREIGN = re.compile(r"\(([^()]*)\) references ([^\s()]+)(?: \(([^()]*)\))?(.*)", re.S)


def with_constraint(table: Table, constraint: Constraint, key_of: Callable[[str], tuple[str, ...]]) -> Schema:
    """With one more constraint; a foreign key over one column stands at the column too."""
    schema = table.schema
    found = _FOREIGN.match(constraint.text) if constraint.kind == "foreign" else None
    columns = schema.columns
    if found:
        own = [c.strip() for c in found[1].split(",")]
        targets = [c.strip() for c in found[3].split(",")] if found[3] else []
        if not targets:
            targets = list(table.schema.primary_key() if same(found[2], table.name) else key_of(found[2]))
        if len(own) == 1:
            reference = f"{found[2]}.{targets[0]}" if targets else found[2]
            columns = tuple(replace(c, references=reference) if same(c.name, own[0]) else c for c in columns)
        constraint = replace(constraint, text=foreign_key(own, found[2], targets, rest=found[4].strip()).text)
    if not constraint.name:
        taken = {i.name for i in schema.indexes} | {c.name for c in schema.constraints}
        constraint = replace(constraint, name=constraint_name(table, constraint, taken))
    return replace(schema, columns=columns, constraints=(*schema.constraints, constraint))


def pointing(constraint: Constraint, old: str, new: str, column: str, to: str) -> Constraint:
    """A foreign key that pointed at `old` (and at `column` in it, if one is given) points at `new` and `to`."""
    found = _FOREIGN.match(constraint.text) if constraint.kind == "foreign" else None
    if found is None or found[2] != old:
        return constraint
    targets = [c.strip() for c in found[3].split(",")] if found[3] else []
    if column:
        targets = [to if t == column else t for t in targets]
    own = [c.strip() for c in found[1].split(",")]
    return replace(constraint, text=foreign_key(own, new, targets, rest=found[4].strip()).text)


# Names that the store gives ------------------------------------------------------------------------------------------


def index_name(table: str, index: Index, taken: set[str], technology: str) -> str:
    """The name of an index that was given none, as PostgreSQL and MySQL choose it (so that a later DROP finds it)."""
    if technology == "mysql":
        return _numbered("PRIMARY" if index.primary else index.columns[0] if index.columns else "", "_", taken, 2)
    if index.primary:
        return _chosen(table, "", "pkey", taken)
    # A plain CREATE UNIQUE INDEX without a name is told from UNIQUE by its method or expression.
    label = "key" if index.unique and not index.method else "idx"
    parts = [c if re.fullmatch(r"[\w$]+", c) else _function(c) for c in index.columns]
    return _chosen(table, "_".join(_numbered_parts(parts)), label, taken)


def _function(expression: str) -> str:
    """PostgreSQL names an expression's column after its function, or ``expr``."""
    found = re.match(r"(\w+)\(", expression)
    return found[1] if found else "expr"


def _numbered_parts(parts: list[str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        found.append(_numbered(part, "", set(found), 1))
    return found


def constraint_name(table: Table, constraint: Constraint, taken: set[str]) -> str:
    own = _own_part(constraint)
    columns = [c.name for c in table.schema.columns if mentions(own, c.name)]
    if constraint.kind == "foreign":
        if table.technology == "mysql":
            return _numbered(f"{table.name}_ibfk_1", "_", taken, 2)
        columns = [c.strip() for c in own.strip("()").split(",")]
        return _chosen(table.name, "_".join(columns), "fkey", taken)
    if constraint.kind == "exclude":
        return _chosen(table.name, "_".join(columns), "excl", taken)
    if table.technology == "mysql":
        return _numbered(f"{table.name}_chk_1", "_", taken, 2)
    return _chosen(table.name, columns[0] if len(columns) == 1 else "", "check", taken)


def _chosen(table: str, columns: str, label: str, taken: set[str]) -> str:
    """PostgreSQL's rule: ``table_columns_label`` in 63 bytes, the longer part cut, and a number where it is taken."""
    table = table.rsplit(".", 1)[-1]
    for number in range(1000):
        suffix = f"{label}{number or ''}"
        room = 63 - len(suffix) - 1 - (1 if columns else 0)
        first, second = table, columns
        while len(first) + len(second) > room:
            if len(first) > len(second):
                first = first[:-1]
            else:
                second = second[:-1]
        name = "_".join(p for p in (first, second, suffix) if p)
        if name not in taken:
            return name
    return ""


def _numbered(name: str, sign: str, taken: set[str], first: int) -> str:
    if name not in taken:
        return name
    number = first
    while f"{name}{sign}{number}" in taken:
        number += 1
    return f"{name}{sign}{number}"
