"""`no-metrics`: a process shows neither how much it does, nor how often it fails, nor how long it takes."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.system import System
from datakeel.rules.facts.measures import measured
from datakeel.rules.facts.processes import Process, processes
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def no_metrics(system: System) -> Iterator[Hit]:
    """A process measures nothing of what it does."""
    if not measured(system):
        for process in processes(system):
            yield hit(process)


def hit(process: Process) -> Hit:
    what, lag = ("request", "") if process.kind == "web" else ("message", ", nor how far it lags")
    return Hit(
        place=process.place,
        message=f"this process shows neither how many {what}s it takes, nor how many fail, nor how long they take{lag}",
        story=(
            Step(process.place, "the process starts, and measures nothing"),
            Step(process.place, f"since the last release every tenth {what} fails"),
            Step(process.place, "no curve rises and no alert rings: the users tell you"),
        ),
        doubts=2,  # an agent, a mesh or the platform may measure
        symbol=process.ways[0].symbol if process.kind == "consumer" else "",
        fix=Fix(
            title=f"count {what}s and failures, and take their times as a histogram",
            text=f'TOOK = Histogram("{what}_seconds", "…", ["kind", "outcome"])\nstart_http_server(9100)',
        ),
    )
