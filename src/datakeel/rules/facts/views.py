"""What writes a view, and from where in the log it begins."""

from __future__ import annotations

import re

from datakeel.model.effect import Effect, Kind, StoreKind

END = ("'latest'", "'largest'", "'end'", "'LATEST'")
COPIES = (StoreKind.SEARCH, StoreKind.KEY_VALUE, StoreKind.GRAPH, StoreKind.WIDE_COLUMN)
NAME = re.compile(
    r"view|projection|read_model|readmodel|summary|totals|search|index|snapshot|stats|report|balances", re.I
)


def begins_at_end(consume: Effect) -> bool:
    """Whether a new group skips what the log holds; one without a group is a live feed that keeps nothing."""
    start, group = consume.option("start"), consume.option("group")
    return start is not None and start.value in END and not (group is not None and group.value == "None")


def projects(effect: Effect) -> bool:
    """Whether it writes a view: a copy in another kind of store, or a table that is named as one."""
    if effect.kind != Kind.WRITE or effect.verb == "delete":
        return False
    return effect.store in COPIES or bool(effect.store == StoreKind.RELATIONAL and NAME.search(effect.dataset))
