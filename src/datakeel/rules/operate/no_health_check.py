"""`no-health-check`: nothing can ask a web process whether it works."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.system import System
from datakeel.rules.facts.health import ANSWERS
from datakeel.rules.facts.processes import Process, lasting, webs
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def no_health_check(system: System) -> Iterator[Hit]:
    """A web process has no way in that says whether it can work."""
    answered = any(ANSWERS.search(f"{e.name} {o.name}") for o in system.operations for e in o.entries)
    if answered or any(ANSWERS.search(use.name) for use in system.uses):
        return
    for process in webs(system):
        yield hit(process)


def hit(process: Process) -> Hit:
    first = next(e for e in map(lasting, process.ways) if e is not None)
    return Hit(
        place=process.place,
        message="nothing can ask this process whether it works: one that hangs, or has lost its database, gets "
        "requests as before",
        story=(
            Step(process.place, f"the process starts; {len(process.ways)} of its ways in need a store"),
            Step(first.place, "the connections of one replica are dead: what it is asked fails"),
            Step(process.place, "it runs, so nothing restarts it, and nothing sends its requests elsewhere"),
        ),
        rests_on=(process.made,) if process.made is not None else (),
        doubts=1,  # what a probe asks may be any path
        symbol="",
        fix=Fix(
            title="say whether it lives, and whether what it needs answers, and let the deployment ask",
            text='@app.get("/health/ready")\ndef ready():\n    …  # SELECT 1, with a short time-out',
        ),
    )
