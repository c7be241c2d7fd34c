"""How many rows a read may give: whether anything but the growth of the table bounds it."""

from __future__ import annotations

from datakeel.model.effect import Cardinality, Effect, Kind, Predicate, StoreKind

NARROW = ("id", "pk", "uuid")


def unbounded(read: Effect) -> bool:
    """Whether a read gives all rows of a table that meet a condition which says nothing of whose rows they are.

    Rows of one owner (a foreign key, a key, a list of keys) count as bounded: a page of an order's lines is short.
    """
    selection = read.selection
    if read.kind != Kind.READ or read.store != StoreKind.RELATIONAL or selection is None or not read.dataset:
        return False
    if selection.cardinality != Cardinality.MANY or selection.limit is not None or selection.aggregate:
        return False
    return selection.complete and not any(narrows(p) for p in selection.predicates)


def narrows(predicate: Predicate) -> bool:
    """Whether a predicate asks for rows of something, rather than for rows in a state or of an age."""
    if predicate.operator in ("in", "between"):
        return True
    if predicate.operator != "=":
        return False
    return not predicate.value.startswith("const:")
