"""How many rows a read may give: whether anything but the growth of the table bounds it."""

from __future__ import annotations

from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind


def whole_table(read: Effect) -> bool:
    """Whether a read gives all rows of a table, with no condition at all.

    Rows of one owner, in a state or of an age may be few however long the table grows.
    """
    selection = read.selection
    if read.kind != Kind.READ or read.store != StoreKind.RELATIONAL or selection is None or not read.dataset:
        return False
    if selection.cardinality != Cardinality.MANY or selection.limit is not None or selection.aggregate:
        return False
    return selection.complete and not selection.predicates
