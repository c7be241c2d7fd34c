"""`rebuildable-view`: a view can be thrown away and made again from what it is derived from."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.event_store import event_log
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.survey import Survey
from datakeel.rules.facts.views import projects
from datakeel.rules.strength import Seen, seen, strength

BEGINNING = ("'earliest'", "'smallest'", "'beginning'", "'EARLIEST'")
CLEARS = ("delete", "truncate", "clear")


@strength("derive", unless=("view-not-rebuildable", "mutable-event-log"), rank=1)
def rebuildable_view(survey: Survey) -> Iterator[Seen]:
    """A view can be thrown away and built again from the events that it is made of."""
    for operation in survey.operations:
        for consume in operation.of(Kind.CONSUME):
            start = consume.option("start")
            if consume.chain or start is None or start.value not in BEGINNING or consume.store != StoreKind.LOG:
                continue
            view = next((e for e in operation.of(Kind.WRITE) if e.number > consume.number and projects(e)), None)
            if view is not None and kept(consume):
                said = f"{view.dataset or view.technology} is read from the beginning of {consume.dataset or 'the log'}"
                yield seen(operation, consume.place, said, view.dataset, consume.dataset)
        yield from begun_anew(operation, survey)


def kept(consume: Effect) -> bool:
    """Whether a group remembers how far it is: a feed without one keeps nothing."""
    group = consume.option("group")
    return group is not None and group.value != "None"


def begun_anew(operation: Operation, survey: Survey) -> Iterator[Seen]:
    """A function that empties a view and fills it from the events."""
    for clear in operation.of(Kind.WRITE):
        whole = clear.selection is None or not clear.selection.predicates
        if clear.verb not in CLEARS or not whole or not clear.dataset:
            continue
        events = next(
            (r for r in operation.of(Kind.READ) if r.dataset and event_log(survey.system.dataset_of(r))), None
        )
        fills = any(
            w.dataset == clear.dataset and w.verb not in CLEARS and w.number > clear.number
            for w in operation.of(Kind.WRITE)
        )
        if events is not None and fills and operation.meet_here(clear, events):
            said = f"{clear.dataset} is emptied and filled from {events.dataset}"
            yield seen(operation, here(clear), said, clear.dataset, events.dataset)
