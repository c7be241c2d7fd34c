"""How many rows a read may give: whether anything but the growth of the table bounds it."""

from __future__ import annotations

from datakeel.model.effect import Cardinality, Effect, Kind, Predicate, StoreKind

FEW = (Cardinality.ONE, Cardinality.AT_MOST)


def whole_table(read: Effect) -> bool:
    """Whether a read gives all rows of a table, with no condition at all.

    Rows of one owner, in a state or of an age may be few however long the table grows; so may those that another
    table's rows are joined with, or groups.
    """
    selection = read.selection
    if read.kind != Kind.READ or read.store != StoreKind.RELATIONAL or selection is None or not read.dataset:
        return False
    if selection.cardinality in FEW or selection.limit is not None or selection.aggregate:
        return False
    joined = bool(selection.joins) and read.technology != "django"  # there, with no condition, they are what is loaded
    return selection.complete and not (selection.predicates or selection.grouped or joined)


def hardly_bounded(read: Effect) -> bool:
    """Whether a read of many rows leaves out hardly any: those of one kind (``!=``), those without a value, those of
    the last moments."""
    selection = read.selection
    if read.kind != Kind.READ or read.store != StoreKind.RELATIONAL or selection is None or not read.dataset:
        return False
    if selection.cardinality in FEW or selection.limit is not None or selection.aggregate:
        return False
    if selection.grouped or selection.joins or not selection.complete or not selection.predicates:
        return False
    return all(leaves_most(p) for p in selection.predicates)


def leaves_most(predicate: Predicate) -> bool:
    old = predicate.operator in ("<", "<=") and any(s.kind == "clock" for s in predicate.sources)
    return predicate.operator in ("!=", "not-null") or old
