"""From what are reads answered?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel.decision import Decision, Figure
from datakeel.design import needs
from datakeel.design.amounts import count
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate
from datakeel.design.overrides import asked_for
from datakeel.requirements import Requirements, View
from datakeel.technologies import known, value

QUESTION = "read-models"
PARTS = {"search": "search-view", "analytics": "analytics-view", "lookup": "lookup-view", "cache": "cache"}


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    elastic = asked_for(requirements, "search") == "elasticsearch" and _searches(requirements)
    return "search-engine" if elastic else _needed(requirements, estimate)


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    copies, searches = needs.copied(requirements, estimate), _searches(requirements)
    own = {table.name for table in requirements.domain.tables}
    asked = asked_for(requirements, "search")
    word = choose(requirements, estimate, chosen)
    return answer(
        QUESTION,
        word,
        CHOICES,
        lambda other: _cost(other, searches, estimate),
        because=_because(requirements, copies, word, estimate),
        figures=[_searched(view, estimate) for view in searches],
        title="" if word != "views-on-postgresql" or needs.followed(requirements, estimate) else OF_ROWS,
        sizes={f"{view.name}.copied": 1.0 for view in copies if own.intersection(view.sources)},
        parts=[PARTS[view.kind] for view in copies] + (["cluster-configuration"] if word == "search-engine" else []),
        products=["elasticsearch"] if word == "search-engine" else [],
        judgement=judged(asked, word, _needed(requirements, estimate), CHOICES, known()[asked].price if asked else ""),
    )


def _searches(requirements: Requirements) -> list[View]:
    return [view for view in requirements.domain.views if view.kind == "search"]


def _needed(requirements: Requirements, estimate: Estimate) -> str:
    if any(rows(view, estimate) > value("postgresql", "searched_rows") for view in _searches(requirements)):
        return "search-engine"
    return "views-on-postgresql" if needs.copied(requirements, estimate) else "the-tables"


def rows(view: View, estimate: Estimate) -> float:
    return sum(estimate.things_of(source) for source in view.sources)


def _searched(view: View, estimate: Estimate) -> Figure:
    return Figure(
        f"{view.name}: rows to search",
        count(rows(view, estimate), "rows"),
        f"a GIN index answers within a page's time up to {count(value('postgresql', 'searched_rows'), 'rows')}",
    )


def _because(requirements: Requirements, copies: tuple[View, ...], chosen: str, estimate: Estimate) -> Iterator[str]:
    reads = count(estimate.peak_reads, "reads/s")
    if not copies and chosen != "search-engine":
        yield (
            f"{reads} at peak go to the tables, each by an index for the way that is declared. A second model "
            "would only be later."
        )
    for view in copies:
        yield f"{view.name}: {WHY[view.kind]} ({count(rows(view, estimate), 'rows')} of {', '.join(view.sources)})."
    if chosen == "search-engine" and requirements.profile == "embedded":
        yield "This project's embedded profile searches in PostgreSQL; deploy/ has the index's mapping for production."


WHY = {
    "search": "words are looked up in a row of its own, denormalised, so that no search joins",
    "analytics": "sums and counts are kept by dimension and period, so that no page adds up the history",
    "lookup": "one read by key gives all that a page shows",
    "cache": "answers are kept nearer for a time; each is dropped by the event that changes it",
}


def _cost(word: str, searches: list[View], estimate: Estimate) -> str:
    if word == "search-engine":
        return known()["elasticsearch"].price
    if word == "views-on-postgresql":
        return "a table, a consumer and a lag for each view, where an index gives the same rows at once"
    most = max((rows(view, estimate) for view in searches), default=0.0)
    return f"joins and sums over the history in every request, over {count(most or estimate.rows, 'rows')}"


OF_ROWS = "Each way of reading that an index cannot serve has a copy of its own in PostgreSQL, made from the rows"
CHOICES = {
    "the-tables": Choice(
        title="Reads go to the tables, each by an index of its own",
        consistency="Current: a read after a commit sees it.",
        failure="The database is down: nothing is read.",
        scaling="Followers for reads that may be late, then views.",
        operation="Watch slow queries, and indexes that nobody uses.",
    ),
    "views-on-postgresql": Choice(
        title="Each way of reading has a view of its own in PostgreSQL, made from the log",
        consistency="Eventual, each view as of its own position, which it tells.",
        failure="A view is wrong or lost: it is made anew from what it is of, beside the old one, and switched.",
        scaling="A view moves to a server or a product of its own without the others noticing.",
        operation="Watch each view's lag; rebuild after each change of its shape.",
    ),
    "search-engine": Choice(
        title="Elasticsearch answers searches; PostgreSQL everything else",
        consistency=(
            "Eventual: a document is found after its event and the next refresh, 1 s later. Versions come "
            "from the log, so "
            "that an older one never wins."
        ),
        failure="The index is lost: it is made anew from the log behind an alias.",
        scaling="Shards of 10 to 50 GB, one replica each.",
        operation="Watch heap, shard sizes and slow searches; a new mapping is a new index.",
    ),
}
