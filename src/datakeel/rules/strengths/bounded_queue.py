"""`bounded-queue`: what waits in memory has a limit."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("process", unless=("unbounded-buffer",), everywhere=True)
def bounded_queue(survey: Survey) -> Iterator[Seen]:
    """What waits in memory has a limit, and who brings more has to wait: load is felt where it comes from."""
    for operation, queue in survey.resources:
        limit = queue.option("maxsize")
        if queue.kind != "queue" or limit is None or not (queue.kept or queue.per == "process"):
            continue
        bounded = limit.given and limit.value.isdigit() and int(limit.value) > 0
        if bounded or (limit.value and not bounded):
            yield seen(operation, queue.place, f"at most {limit.value} wait here", holds=bounded)
