"""Whether the store refuses a second row of the same key, and whether the code is ready for that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from datakeel.model.certainty import Answer
from datakeel.model.dataset import Column, Dataset, Index
from datakeel.model.effect import Assignment, Effect, Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System

DUPLICATE = (
    "IntegrityError",
    "UniqueViolation",
    "DuplicateKey",
    "AlreadyExists",
    "UniqueConstraint",
    "DuplicateEntry",
    "NotUnique",
)
FORM = re.compile(r"(?:lower|upper|trim|casefold)\((\w+)\)", re.I)
WIDE = ("Exception", "BaseException", "Error", "DatabaseError", "SQLAlchemyError", "DBAPIError", "PyMongoError")


def refused_twice(write: Effect, columns: Iterable[str], system: System) -> Answer:
    """Whether the dataset refuses a second row that is equal in these columns.

    UNKNOWN when its keys are not known, one asks for further columns that both runs may fill alike, or a column is of
    another table.
    """
    dataset = system.dataset_of(write)
    if dataset is None:
        return Answer.UNKNOWN
    asked = frozenset(columns_meant(columns, dataset))
    asked |= derived(write, asked)
    values = constants(write, dataset)
    answer = dataset.enforces_unique(asked, values)
    if answer == Answer.NO and elsewhere(asked, dataset):
        return Answer.UNKNOWN
    if answer == Answer.UNKNOWN and any(filled_only(k, asked) for k in dataset.keys_within(asked, asked)):
        return Answer.YES
    if answer != Answer.NO:
        return answer
    alike = asked | {column for column, text in values.items() if text != "const:None"}
    further = (k for k in dataset.keys_within(alike, alike) if not k.primary and k.reads() & asked)
    if any(k.holds(values) == Answer.YES for k in further):
        return Answer.YES
    wide = asked | filled_alike(write, dataset)
    found = (k for k in dataset.keys_within(wide, wide) if not k.primary and k.reads() & asked)
    return Answer.UNKNOWN if any(found) else Answer.NO


def elsewhere(columns: frozenset[str], dataset: Dataset) -> bool:
    """Whether a column is none of a table's own: it stands in the table of a base class that is not in view."""
    known = {column.name for column in dataset.schema.columns}
    return bool(known) and any(c not in known and "." not in c and "(" not in c for c in columns)


def columns_meant(names: Iterable[str], dataset: Dataset) -> Iterator[str]:
    """The columns of a dataset for which names stand: a relation that only another table's model tells of, or a base
    class of a library, is known by its name alone, and kept in the column that refers to it. What is asked for in
    another form (``lower(name)``) stands for its column too: two runs of one input fill it alike."""
    known = {column.name for column in dataset.schema.columns}
    for name in names:
        yield f"{name}_id" if name not in known and f"{name}_id" in known else name
        if (inner := FORM.fullmatch(name)) and inner[1] in known:
            yield inner[1]


def derived(write: Effect, asked: frozenset[str]) -> frozenset[str]:
    """The columns that are computed from what some columns are given, and from nothing else: rows that are equal in
    these are equal in them."""
    given = {s for a in write.assigned if a.column in asked for s in a.sources}
    return frozenset(
        a.column
        for a in write.assigned
        if a.how == "value" and a.sources and not minted(a) and given.issuperset(a.sources)
    )


def filled_only(key: Index, asked: frozenset[str]) -> bool:
    """Whether a key leaves out nothing but rows with NULL in columns that were asked for by a value."""
    found = key.conditions()
    return bool(found) and all(c.operator == "not-null" and c.column in asked for c in found or ())


def constants(write: Effect, dataset: Dataset) -> dict[str, str]:
    """The columns to which each run gives one constant: in the insert, or, where a mapper makes the row, by what its
    model says for columns that are given nothing: NULL, where it says nothing."""
    own = set(columns_meant((a.column for a in write.assigned), dataset))
    model = {c.name: c.initial or "const:None" for c in dataset.schema.columns if c.name not in own and unset(c)}
    given = {a.column: a.text for a in write.assigned if a.how == "constant"}
    return given if write.text or "*" in own else model | given


def unset(column: Column) -> bool:
    """Whether a column that is given nothing holds a constant of the model, or NULL."""
    return bool(column.initial) or (
        column.nullable and column.default is None and not column.filled_by and not column.renewed
    )


def filled_alike(write: Effect, dataset: Dataset) -> frozenset[str]:
    """The columns that two runs may give the same value: those that are not minted, nor NULL, of which no two are
    equal, and those that the store fills."""
    own = {a.column for a in write.assigned}
    if "*" in own:
        return frozenset(c.name for c in dataset.schema.columns)
    alike = {a.column for a in write.assigned if not minted(a) and a.text != "const:None"}
    filled = {c.name for c in dataset.schema.columns if c.name not in own and c.default is not None}
    return frozenset(alike | filled)


def keyed(write: Effect, system: System) -> bool:
    """Whether the insert itself says which primary key the row gets, from something that both runs have: the second run
    meets the first one's row."""
    dataset = system.dataset_of(write)
    key = dataset.schema.primary_key() if dataset is not None else ("id",)
    given = {a.column for a in write.assigned if a.how == "value" and a.sources and not minted(a)}
    return bool(key) and set(key) <= given


def told_columns(write: Effect) -> frozenset[str]:
    """The columns to which two runs of one input give the same values: what each run mints, or leaves to the store, is
    another value each time."""
    return frozenset(a.column for a in write.assigned if a.how != "default" and not minted(a))


def minted(assignment: Assignment) -> bool:
    """Whether each run makes a value of its own: a random one, or a moment."""
    return any(s.kind in ("random", "clock", "new") for s in assignment.sources)


def violation_handled(operation: Operation, write: Effect) -> bool:
    """Whether a handler stands ready for the duplicate: round the insert, or round the flush or commit that sends
    it."""
    return any(catches_duplicate(names) for names in caught(operation, write))


def violation_expected(operation: Operation, write: Effect) -> bool:
    """`violation_handled`, by a handler that names the duplicate: one of all errors answers to none of them."""
    return any(d in names for names in caught(operation, write) for d in DUPLICATE)


def caught(operation: Operation, write: Effect) -> Iterator[str]:
    """The classes that are caught where an insert is made, flushed or committed: the text of each try."""
    sent = [
        write,
        *(e for e in operation.of(Kind.COMMIT) if e.number > write.number and e.connection == write.connection),
    ]
    return (s.text for e in sent for s in e.scopes if s.kind == "try" and s.arm == "body")


def catches_duplicate(names: str) -> bool:
    """Whether one of the caught classes (in a try's text, ``*`` for all) takes a unique key's refusal.

    >>> catches_duplicate("django.db.IntegrityError KeyError"), catches_duplicate("KeyError")
    (True, False)
    """
    return any(n == "*" or n.rpartition(".")[2] in WIDE or any(d in n for d in DUPLICATE) for n in names.split())
