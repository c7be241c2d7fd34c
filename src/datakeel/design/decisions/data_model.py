"""How is the data modelled?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel.decision import Decision, Figure, Option
from datakeel.design import needs
from datakeel.design.amounts import count
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements

OPTIONS = ("relational", "document", "graph", "time-series", "event-log", "replicated-records")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    models = tuple(_models(requirements))
    chosen = max((word for word, _, _ in models), key=OPTIONS.index, default="relational")
    return Decision(
        question="data-model",
        chosen=chosen,
        title=f"{', '.join(dict.fromkeys(word for word, _, _ in models)) or 'relational'}: by what each construct is",
        because=tuple(why for _, _, why in models),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word not in {m[0] for m in models})[:3],
        parts=tuple(dict.fromkeys(part for _, parts, _ in models for part in parts)),
    )


COSTS = {
    "relational": (
        "rows of the current state alone: what happened, and when, would be lost, and views have nothing to follow"
    ),
    "document": "whole documents: a value that two share is kept twice and must be changed in both",
    "graph": "edges as the model of all: no walk of more than one step is asked for",
    "time-series": "measurements by time: nothing here is measured at intervals",
    "event-log": (
        "a history of events: each read of the state replays or keeps a second copy; nobody here asks what "
        "happened before"
    ),
    "replicated-records": (
        "records with many writers: each field needs a rule of merging; here one database takes all writes"
    ),
}


def _models(requirements: Requirements) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """For each construct its model, the parts that it asks for, and why."""
    domain = requirements.domain
    for aggregate in domain.aggregates:
        growing = not needs.ends(aggregate)
        why = (
            f"{aggregate.name}: {count(len(aggregate.events), 'events')} tell what happened, and state and "
            "views follow from them"
        )
        yield "event-log", ("event-store", "snapshots") if growing else ("event-store",), why
    for table in needs.tables(requirements):
        yield "relational", ("tables",), f"{table.name}: rows with constraints, read by more than one path"
    for document in domain.documents:
        yield "document", ("documents",), f"{document.name}: read and written whole, its shape varies"
    for series in domain.series:
        parts = ("time-series", "rollups") if series.rollups else ("time-series",)
        yield "time-series", parts, f"{series.name}: measurements of each {series.key.name} in order of time"
    for graph in domain.graphs:
        yield "graph", ("graph",), f"{graph.name}: walks of {count(graph.depth, 'edges')}, as one recursive query"
    for replicated in domain.replicated:
        yield (
            "replicated-records",
            ("replicated",),
            f"{replicated.name}: {replicated.writers} write while cut off, merged by {replicated.merge}",
        )


def figures(requirements: Requirements, estimate: Estimate) -> Iterator[Figure]:
    yield from estimate.figures()
