"""`view-not-rebuildable`: a view is filled by a consumer that begins at the end of the log, and can never be built
again."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.views import END, begins_at_end, projects
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def view_not_rebuildable(operation: Operation, system: System) -> Iterator[Hit]:
    """A view is filled by a consumer that begins at the end of the log, and can never be built again."""
    for consume in operation.of(Kind.CONSUME):
        if consume.chain or consume.store != StoreKind.LOG or not begins_at_end(consume) or replayed(consume, system):
            continue
        view = next((e for e in operation.effects if e.number > consume.number and projects(e)), None)
        if view is not None and not operation.exclusive(consume, view):
            yield hit(consume, view)


def replayed(consume: Effect, system: System) -> bool:
    """Whether another consumer reads the same topic from its beginning."""
    for operation in system.operations:
        for other in operation.of(Kind.CONSUME):
            start = other.option("start")
            same = not other.dataset or not consume.dataset or other.dataset == consume.dataset
            if same and start is not None and start.value not in END:
                return True
    return False


def hit(consume: Effect, view: Effect) -> Hit:
    name = view.dataset or view.technology or "the view"
    start = consume.option("start")
    assert start is not None
    place = start.place or consume.place
    return Hit(
        place=consume.place,
        message=f"{name} cannot be built again: its consumer begins at the end of the log",
        story=(
            Step(place, f"{start.name} is {start.value}: a group without offsets begins at the end"),
            Step(view.place, f"{name} is lost, changes its shape, or its group's offsets expire"),
            Step(
                consume.place, "the consumer goes on with what comes next: all that was before is missing from the view"
            ),
        ),
        rests_on=(consume, view),
        doubts=0 if start.given else 1,
        datasets=tuple(d for d in (consume.dataset, view.dataset) if d),
        fix=Fix(title="begin at the beginning of the log", text=f'"{start.name}": "earliest"'),
    )
