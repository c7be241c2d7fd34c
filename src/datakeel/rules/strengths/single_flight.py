"""`single-flight`: of many who miss a cache entry, one does the work."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Kind, StoreKind
from datakeel.rules.facts.caching import costly, filling
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("derive", unless=("cache-stampede",))
def single_flight(survey: Survey) -> Iterator[Seen]:
    """When a cache entry is missed, one reader does the work behind it under a lock, after looking again."""
    for operation, read in survey.own(Kind.READ):
        if read.store != StoreKind.CACHE or not read.key:
            continue
        filled = filling(operation, read)
        if filled is None or not filled.locks or read.locks or costly(operation, read, filled) is None:
            continue
        again = any(
            r.key == read.key and set(r.locks) & set(filled.locks) and read.number < r.number < filled.number
            for r in operation.of(Kind.READ)
        )
        if again:
            yield seen(operation, read.place, "one reader fills the entry, and the others wait for it", read.dataset)
