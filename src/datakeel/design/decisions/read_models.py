"""From what are reads answered?"""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.decision import Decision, Option
from datakeel.design import needs
from datakeel.design.estimate import Estimate
from datakeel.requirements import Requirements
from datakeel.technologies import value

OPTIONS = ("the-tables", "views-on-postgresql", "search-engine")


def decide(requirements: Requirements, estimate: Estimate, decided: Mapping[str, Decision]) -> Decision:
    views = requirements.domain.views
    asked = needs.asked_for(requirements, "search", "read-models")
    large = any(
        _rows(view.sources, estimate) > value("postgresql", "searched_rows")
        for view in needs.views(requirements, "search")
    )
    searching = bool(needs.views(requirements, "search"))
    chosen = (
        "search-engine"
        if searching and (large or asked == "elasticsearch")
        else "views-on-postgresql"
        if views
        else "the-tables"
    )
    parts = tuple(PARTS[kind] for kind in PARTS if needs.views(requirements, kind))
    return Decision(
        question="read-models",
        chosen=chosen,
        title=TITLES[chosen],
        because=(TITLES[chosen] + ".",),
        rejected=tuple(Option(word, COSTS[word]) for word in OPTIONS if word != chosen),
        parts=parts + (("cluster-configuration",) if chosen == "search-engine" else ()),
        product="elasticsearch" if chosen == "search-engine" else "",
    )


def _rows(sources: tuple[str, ...], estimate: Estimate) -> float:
    return sum(load.keys for load in estimate.loads if load.name in sources)


PARTS = {"search": "search-view", "analytics": "analytics-view", "lookup": "lookup-view", "cache": "cache"}
TITLES = {
    "the-tables": "Reads go to the tables, by the indexes that they need",
    "views-on-postgresql": "Each way of reading has its own view in PostgreSQL",
    "search-engine": "Elasticsearch answers searches, views in PostgreSQL the rest",
}
COSTS = {
    "the-tables": "joins and scans in every request",
    "views-on-postgresql": "one server answers all searches",
    "search-engine": "3 nodes and an index that is a second behind",
}
