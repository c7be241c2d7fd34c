"""How is the data modelled?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from datakeel.decision import Decision, Figure
from datakeel.design import needs
from datakeel.design.amounts import count, several, size
from datakeel.design.choice import Choice, answer
from datakeel.design.estimate import Estimate
from datakeel.requirements import Aggregate, Requirements
from datakeel.technologies import value

QUESTION = "data-model"


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    return max(_words(requirements), key=list(CHOICES).index, default="relational")


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    models = tuple(_models(requirements, estimate))
    words = list(dict.fromkeys(model.word for model in models)) or ["relational"]
    heaviest = choose(requirements, estimate, chosen)
    return answer(
        QUESTION,
        heaviest,
        CHOICES,
        lambda word: "used here as well, for what is said above" if word in words else COSTS[word],
        title=CHOICES[heaviest].title if len(words) == 1 else f"Each construct by its kind: {', '.join(words)}",
        because=[model.why for model in models] or ["Nothing is said of the domain yet."],
        figures=[*_figures(estimate), *estimate.assumptions],
        parts=[part for model in models for part in model.parts],
    )


def _words(requirements: Requirements) -> Iterator[str]:
    domain = requirements.domain
    kinds = {
        "relational": needs.tables(requirements),
        "document": domain.documents,
        "graph": domain.graphs,
        "time-series": domain.series,
        "event-log": domain.aggregates,
        "replicated-records": domain.replicated,
    }
    return (word for word, those in kinds.items() if those)


class Model(Struct, frozen=True):
    """How one construct is kept, the parts that this asks for, and why."""

    word: str
    parts: tuple[str, ...]
    why: str


def _models(requirements: Requirements, estimate: Estimate) -> Iterator[Model]:
    domain = requirements.domain
    for table in needs.tables(requirements):
        kept = count(estimate.things_of(table.name), "rows")
        yield Model(
            "relational",
            ("tables",),
            f"{table.name}: {kept} that are changed in place, and read by more than one path.",
        )
    for document in domain.documents:
        kept = count(estimate.things_of(document.name), "documents")
        yield Model("document", ("documents",), f"{document.name}: {kept}, read and written whole, whose shape varies.")
    for graph in domain.graphs:
        steps = count(graph.depth, "steps")
        yield Model(
            "graph", ("graph",), f"{graph.name}: walks of {steps} from one {graph.vertex}, in one recursive query."
        )
    for series in domain.series:
        viewed = any(series.name in view.sources for view in domain.views)
        parts = ("time-series", "rollups") if series.rollups or viewed else ("time-series",)
        keys = count(estimate.things_of(series.name))
        why = f"{series.name}: measurements of each {series.key.name} ({keys} of them), read in spans of time."
        yield Model("time-series", parts, why)
    for aggregate in domain.aggregates:
        yield Model("event-log", _parts(aggregate, estimate), _why(aggregate, estimate))
    for one in domain.replicated:
        why = (
            f"{one.name}: {one.writers} write it while they are cut off from each other; {one.merge} merges "
            "what they wrote."
        )
        yield Model("replicated-records", ("replicated",), why)


def _parts(aggregate: Aggregate, estimate: Estimate) -> tuple[str, ...]:
    return ("event-store", "snapshots") if _grows(aggregate, estimate) else ("event-store",)


def _why(aggregate: Aggregate, estimate: Estimate) -> str:
    kinds = several(len(aggregate.events), "kind of event", "kinds of event")
    said = f"{aggregate.name}: {kinds} say what happened to it; its state follows from them."
    most = count(value("postgresql", "replayed_events"), "events")
    if _grows(aggregate, estimate):
        return f"{said} One may come to more than {most}, so a snapshot saves the replay."
    return f"{said} One comes to {count(_events(aggregate, estimate), 'events')} at most, under {most}: no snapshots."


def _events(aggregate: Aggregate, estimate: Estimate) -> float:
    """How many events one aggregate comes to."""
    load = estimate.load(aggregate.name)
    if needs.ends(aggregate) or load is None:
        return float(len(aggregate.events))
    return load.rows / max(load.things, 1.0)


def _grows(aggregate: Aggregate, estimate: Estimate) -> bool:
    """Whether streams get long: a life that has no end, of things whose number is not said or is too small."""
    if needs.ends(aggregate):
        return False
    counted = aggregate.workload is not None and aggregate.workload.records is not None
    return not counted or _events(aggregate, estimate) > value("postgresql", "replayed_events")


def _figures(estimate: Estimate) -> Iterator[Figure]:
    for load in estimate.loads:
        yield Figure(
            f"{load.name}: bytes of a row",
            size(load.row + load.entries),
            f"record {size(load.record)}, with its header {size(load.row)}, index entries {size(load.entries)}",
        )


COSTS = {
    "relational": "rows of the present state alone: what happened before is lost, and a view has nothing to follow",
    "document": (
        "whole documents: what two of them share is kept twice and changed twice, with no constraint between them"
    ),
    "graph": "all as vertices and edges: constraints in code, for walks that nobody here asks for",
    "time-series": "everything by time: nothing here but what is named above is measured at intervals",
    "event-log": "a history for every record: its state is kept a second time, and nobody here asks what was before",
    "replicated-records": "a rule of merging for every field, where one database can refuse the second of two writes",
}
CHOICES = {
    "relational": Choice(
        title="Relational tables",
        consistency="Constraints hold at every commit, over all tables of the database.",
        failure="A transaction that fails leaves nothing behind.",
        scaling="Reads by followers, writes by a larger server, then by partitions of the largest table.",
        operation="Migrations forward only; each works with the release before it.",
    ),
    "document": Choice(
        title="Documents in jsonb columns",
        consistency="One document changes as a whole; its version refuses the second of two writers.",
        failure="A document that lacks a field is read with the field's default; a wrong one is refused on writing.",
        scaling="By an index for each field that is looked up, then by the hash of the key.",
        operation="Watch the size of documents: one over 2 KB is stored out of line and read in pieces.",
    ),
    "graph": Choice(
        title="Vertices and edges in two tables",
        consistency="An edge's two ends exist, by foreign keys; a walk sees one snapshot.",
        failure="A walk is bounded in depth and in rows, so that a vertex with many edges cannot stop the others.",
        scaling=(
            "By depth: each step multiplies the rows by the edges of a vertex; beyond, keep the result of the walk."
        ),
        operation="Watch the vertices with the most edges.",
    ),
    "time-series": Choice(
        title="Time series: rows by what is measured and when",
        consistency="A measurement is written once; the same one again is the same row.",
        failure="A batch is written whole or not at all, and sent again.",
        scaling="By partitions of time; old ones are dropped in one step.",
        operation="Create partitions ahead of time, drop them after the retention, watch the newest's size.",
    ),
    "event-log": Choice(
        title="Events, append-only, one stream for each aggregate",
        consistency="One stream is in one order: an event is appended only to the version that its author had read.",
        failure="A command that fails appends nothing; the same command again is recognised by its key.",
        scaling="Streams do not know of each other: the log is split by the hash of their ids.",
        operation="Events are never changed. A wrong one is followed by one that corrects it.",
    ),
    "replicated-records": Choice(
        title="Records with several writers, merged",
        consistency="Eventual: replicas that have seen the same writes agree, in whatever order they came.",
        failure="A writer that is cut off goes on, and what it wrote is merged later; nothing is refused afterwards.",
        scaling="Each writer keeps what it works with; what travels are the changes.",
        operation="Watch how long writers stay away: deletions are remembered that long.",
    ),
}
