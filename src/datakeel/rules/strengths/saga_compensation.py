"""`saga-compensation`: what was done in another system is taken back when a later step fails."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.sagas import SAGA, costs, failing, idle, plans, steps, surely_undoes, undoings
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("distribute", unless=("saga-without-compensation",), rank=1)
def saga_compensation(survey: Survey) -> Iterator[Seen]:
    """Each step in another system has one that takes it back, and that is done when a later step fails."""
    for operation in survey.operations:
        for undoing, done in taken_back(operation):
            yield seen(operation, here(undoing), f"it takes back what line {here(done).line} has done")
        for move in operation.of(Kind.WRITE):
            if kept(move):
                yield seen(operation, move.place, f"{move.dataset} remembers which way each goes, and how far it is")
    for maker, resource in survey.resources:
        for _, planned in plans((resource,), survey.system):
            if sum(p.compensation is not None and not idle(p.compensation) for p in planned) > 1:
                yield seen(maker, planned[0].place, f"{len(planned)} steps, each with what takes it back")


def kept(move: Effect) -> bool:
    """Whether it notes where a saga stands, and a step's compensation decides which way it goes."""
    if move.verb != "update" or not SAGA.search(move.dataset):
        return False
    return any(SAGA.search(part) for g in move.guards for s in g.sources for part in s.path)


def taken_back(operation: Operation) -> Iterator[tuple[Effect, Effect]]:
    """What a handler takes back of a step, after which something else can fail."""
    for handler in operation.handlers:
        done = [s for s in steps(operation, handler) if costs(s)] if handler.calls else []
        for undoing in undoings(operation, handler) if done else ():
            step = next((s for s in done if surely_undoes(undoing, s)), None)
            if step is not None and failing(operation, handler, step) is not None:
                yield undoing, step
