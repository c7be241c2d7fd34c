"""`projection`: reads have a model of their own, which follows the events."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.event_store import event_log
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.survey import Survey
from datakeel.rules.facts.views import projects
from datakeel.rules.strength import Seen, seen, strength


@strength("derive", unless=("non-idempotent-consumer", "view-not-rebuildable", "dual-write"), rank=1)
def projection(survey: Survey) -> Iterator[Seen]:
    """Reads have a view of their own, which nothing writes but the consumer of the events that it is made of."""
    following = {o.name: feed for o in survey.operations if (feed := fed(o, survey)) is not None}
    others = {w.dataset for o, w in survey.own(Kind.WRITE) if any(e.kind == "request" for e in o.entries)}
    told: set[str] = set()
    for operation in survey.operations if following else ():
        feed = following.get(operation.name)
        for write in operation.of(Kind.WRITE) if feed is not None else ():
            known = write.dataset in others or write.dataset in told or write.dataset == feed.dataset  # type: ignore[union-attr]
            if not write.dataset or known or not projects(write) or not read_by_requests(write, survey):
                continue
            told.add(write.dataset)
            said = f"{write.dataset} follows {feed.dataset or 'the events'}"  # type: ignore[union-attr]
            yield seen(operation, here(write), said, write.dataset)


def fed(operation: Operation, survey: Survey) -> Effect | None:
    """Where a function gets events from: a log or queue that it consumes, or a table of events that it goes through."""
    consume = next((c for c in operation.of(Kind.CONSUME) if c.store in (StoreKind.LOG, StoreKind.QUEUE)), None)
    if consume is not None:
        return consume
    for read in operation.of(Kind.READ):
        many = read.selection is not None and read.selection.cardinality != Cardinality.ONE
        names = (read.dataset, *read.selection.joins) if many and read.selection is not None else ()
        if any(n and event_log(survey.system.dataset(n, read.place.path)) for n in names):
            return read
    return None


def read_by_requests(write: Effect, survey: Survey) -> bool:
    """Whether what answers requests reads the view."""
    return write.store != StoreKind.RELATIONAL or any(
        e.dataset == write.dataset and any(n.kind == "request" for n in o.entries) for o, e in survey.own(Kind.READ)
    )
