"""`unbounded-buffer`: a queue without a limit grows until memory is gone, because nothing slows its producer down."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.operation import Resource
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def unbounded_buffer(resource: Resource) -> Iterator[Hit]:
    """A queue without a limit grows until memory is gone, because nothing slows its producer down."""
    # one that lives no longer than the call that makes it holds what that call has at hand
    if resource.kind != "queue" or not resource.complete or not (resource.kept or resource.per == "process"):
        return
    limit = resource.option("maxsize")
    if limit is None or limit.value not in ("0", "None", "-1"):
        return
    yield Hit(
        place=resource.place,
        message="this queue has no limit: when its consumer falls behind, it grows until the process is killed",
        story=(
            Step(resource.place, "the queue is made without a limit"),
            Step(
                resource.place,
                "its consumer stalls, or is slower than what comes in: nothing tells the producer to wait",
            ),
            Step(resource.place, "memory runs out, and everything in the queue is lost with the process"),
        ),
        rests_on=(resource,),
        fix=Fix(title="give it a limit, and let the producer wait or shed", text="maxsize=1000", safe=False),
    )
