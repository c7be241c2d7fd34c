"""Whether anybody asks what an effect gave: how many rows it changed, whether it made a new one, what it returned."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Guard, Source
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
        asking = (g for g in later.guards if not always(g))
        if later.number > effect.number and any(of(effect, s) for g in asking for s in g.sources):
            yield later


def always(guard: Guard) -> bool:
    """Whether a condition on a number of rows holds whatever the number is: no store changes fewer than none."""
    counted = any(s.kind == "result" and s.name == "rowcount" for s in guard.sources)
    return counted and guard.text == "0" and (guard.test, guard.polarity) in ((">=", True), ("<", False))


def of(effect: Effect, source: Source) -> bool:
    return source.kind in ("result", "read") and source.number == effect.number


def asked(survey: Survey, operation: Operation, effect: Effect) -> bool:
    """Whether the function itself, or one that calls it, asks what an effect gave."""
    if looked_at(operation, effect):
        return True
    return any(looked_at(o, e) for o, e in survey.callers.get(effect.place, ()) if e.kind == effect.kind)
