"""Where a thing stands in the user's files."""

from __future__ import annotations

from msgspec import Struct


class Place(Struct, frozen=True, order=True, gc=False):
    """A stretch of one file: `path` relative to the reviewed root with forward slashes, lines from 1, columns from
    0."""

    path: str
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


NOWHERE = Place("", 0)
