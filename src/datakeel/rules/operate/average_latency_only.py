"""`average-latency-only`: how long things take is recorded as a sum and a count."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.operation import Resource
from datakeel.model.system import System
from datakeel.rules.facts.measures import of_time
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR, sure=False)
def average_latency_only(system: System) -> Iterator[Hit]:
    """Of how long things take only the mean is recorded."""
    made = [r for r in (*system.resources, *(r for o in system.operations for r in o.resources)) if not r.chain]
    told = {stem(of_time(r)) for r in made if r.kind == "histogram"}
    files: dict[str, list[Resource]] = {}
    for resource in sorted(made, key=lambda r: r.place):
        name = of_time(resource) if resource.kind == "summary" else ""
        if name and stem(name) not in told and not of_tests(resource.place.path):
            files.setdefault(resource.place.path, []).append(resource)
    for found in files.values():  # who chose it for one chose it for all of a file
        yield hit(found)


def stem(name: str) -> str:
    for ending in ("_summary", "_histogram", "_hist", "_seconds", "_ms", "_milliseconds"):
        name = name.removesuffix(ending)
    return name.lower()


def hit(found: list[Resource]) -> Hit:
    first, *others = found
    name = of_time(first)
    more = f" (so do {len(others)} more)" if others else ""
    return Hit(
        place=first.place,
        message=f"{name} keeps a sum and a count{more}: the mean is all that it can show, and the slow ones vanish",
        story=(
            Step(first.place, f"{name} adds up times and counts them; this client keeps no quantiles"),
            *(Step(r.place, f"so does {of_time(r)}") for r in others[:4]),
            Step(first.place, "one request in fifty takes ten seconds, the others twenty milliseconds"),
            Step(first.place, "the mean says 0.2 s: no alert rings, and those who wait leave"),
        ),
        rests_on=tuple(found),
        fix=Fix(
            title="make it a histogram, whose buckets lie round what you promise, and alert on a high percentile",
            text=f'Histogram("{name}", …, buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))',
        ),
    )
