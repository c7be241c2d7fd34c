"""What a call starts elsewhere: the effects that a task, a job or an operator has, and the call that starts it."""

from __future__ import annotations

from datakeel.model.place import Place


def covers(outer: Place, inner: Place) -> bool:
    """Whether a call's text holds another's."""
    begins, ends = (inner.line, inner.column), (inner.end_line, inner.end_column)
    return outer.path == inner.path and (outer.line, outer.column) <= begins <= ends <= (
        outer.end_line,
        outer.end_column,
    )
