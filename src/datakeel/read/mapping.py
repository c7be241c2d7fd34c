"""A class or table object of the code → the table that it maps: what every object-relational mapper gives alike."""

from __future__ import annotations

from msgspec import Struct

from datakeel.model.certainty import Origin
from datakeel.model.place import Place
from datakeel.read.change import Change


class Mapping(Struct, frozen=True):
    """`changes` make the table, and the link tables that come with it, as the code has it. `parent` is the table that
    holds a part of each row (multi-table and joined inheritance); `version` a column that the mapper checks."""

    table: str
    model: str
    path: str
    changes: tuple[Change, ...]
    parent: str = ""
    version: str = ""
    place: Place | None = None
    origin: Origin = Origin.RESOLVED
