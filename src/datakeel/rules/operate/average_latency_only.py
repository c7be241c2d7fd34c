"""`average-latency-only`: how long things take is recorded as a sum and a count."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.operation import Resource
from datakeel.model.system import System
from datakeel.rules.facts.measures import of_time
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def average_latency_only(resource: Resource, system: System) -> Iterator[Hit]:
    """Of how long things take only the mean is recorded."""
    name = of_time(resource) if resource.kind == "summary" else ""
    if name and not beside(name, system):
        yield hit(resource, name)


def beside(name: str, system: System) -> bool:
    """Whether a histogram tells the same: its name says the same thing."""
    said = stem(name)
    others = (*system.resources, *(r for o in system.operations for r in o.resources))
    return any(r.kind == "histogram" and stem(of_time(r)) == said for r in others)


def stem(name: str) -> str:
    for ending in ("_summary", "_histogram", "_hist", "_seconds", "_ms", "_milliseconds"):
        name = name.removesuffix(ending)
    return name.lower()


def hit(resource: Resource, name: str) -> Hit:
    return Hit(
        place=resource.place,
        message=f"{name} is a sum and a count: the mean is all that it can show, and the slow ones vanish in it",
        story=(
            Step(resource.place, f"{name} adds up times and counts them; this client keeps no quantiles"),
            Step(resource.place, "one request in fifty takes ten seconds, the others twenty milliseconds"),
            Step(resource.place, "the mean says 0.2 s: no alert rings, and those who wait leave"),
        ),
        rests_on=(resource,),
        fix=Fix(
            title="make it a histogram, whose buckets lie round what you promise, and alert on a high percentile",
            text=f'Histogram("{name}", …, buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))',
        ),
    )
