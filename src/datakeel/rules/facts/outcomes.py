"""Whether anybody asks what an effect gave: how many rows it changed, whether it made a new one, what it returned."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Source
from datakeel.model.operation import Operation
from datakeel.rules.facts.survey import Survey


def looked_at(operation: Operation, effect: Effect) -> bool:
    """Whether a condition in the function asks what an effect gave."""
    return next(decided_by(operation, effect), None) is not None or any(
        of(effect, s) for x in operation.exits for g in x.guards for s in g.sources
    )


def decided_by(operation: Operation, effect: Effect) -> Iterator[Effect]:
    """The later effects that happen only where an effect gave this or that."""
    for later in operation.effects:
        if later.number > effect.number and any(of(effect, s) for g in later.guards for s in g.sources):
            yield later


def of(effect: Effect, source: Source) -> bool:
    return source.kind in ("result", "read") and source.number == effect.number


def asked(survey: Survey, operation: Operation, effect: Effect) -> bool:
    """Whether the function itself, or one that calls it, asks what an effect gave."""
    if looked_at(operation, effect):
        return True
    return any(looked_at(o, e) for o, e in survey.callers.get(effect.place, ()) if e.kind == effect.kind)
