"""Windows of a stream: which go by the clock of who computes them, and whether the events carry a time of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, Source
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.clocks import is_time, reading

BUCKET = re.compile(r"bucket|window|slot|period|(^|_)(minute|hour|day|date|week|month|quarter|year)($|_)", re.I)
LIMITS = re.compile(r"limit|throttl|quota|budget|rate|lock|lease", re.I)  # of what happens now, by right


def counted_by_arrival(operation: Operation, system: System) -> Iterator[tuple[Effect, Source]]:
    """What a consumer adds up in a window that the clock names, with the time that the message itself carries."""
    consumed = {e.number for e in operation.of(Kind.CONSUME)}
    writes = [w for w in operation.of(Kind.WRITE) if named_by_clock(w, system)] if consumed else []
    carried = next(own_times(operation, consumed), None) if writes else None
    if carried is not None:
        yield from ((w, carried) for w in writes)


def named_by_clock(write: Effect, system: System) -> bool:
    """Whether a write adds to a counter of which a reading of the clock is part of the name."""
    if LIMITS.search(f"{write.dataset} {write.key or ''}"):
        return False
    if write.verb == "increment":
        return any(reading((s,)) for s in write.key_sources)
    if not any(a.how == "atomic" for a in write.assigned):
        return False
    chosen = write.predicates
    if any(p.operator == "=" and reading(p.sources) for p in chosen):
        return True
    dataset = system.dataset_of(write)
    keys = {c for key in dataset.schema.unique_keys() for c in key.columns} if dataset is not None else set()
    named = (a.column for a in write.assigned if a.how == "value" and reading(a.sources))
    return write.verb == "upsert" and any(c in keys or BUCKET.search(c) for c in named)


def own_times(operation: Operation, consumed: set[int]) -> Iterator[Source]:
    """The times that messages carry, as far as the function reads them."""
    for effect in operation.effects:
        sources = (*effect.payload, *effect.key_sources, *effect.computed_from)
        sources += tuple(s for p in effect.predicates for s in p.sources)
        sources += tuple(s for g in effect.guards for s in g.sources)
        yield from (s for s in sources if s.path and is_time(s.path[-1]) and of_a_message(s, consumed))


def of_a_message(source: Source, consumed: set[int]) -> bool:
    if source.kind == "parameter":  # what a callback is given is message number 0
        return 0 in consumed and source.name not in ("self", "cls")
    return source.kind == "read" and source.number in consumed
