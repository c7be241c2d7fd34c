"""Where something is decided: in a function's own text, or where the object that it uses was made."""

from __future__ import annotations

from datakeel.model.operation import Operation
from datakeel.model.place import Place


def elsewhere(operation: Operation, place: Place) -> bool:
    """Whether a place is outside of the operation's own text."""
    own = operation.place
    return place.path != own.path or not own.line <= place.line <= own.end_line
