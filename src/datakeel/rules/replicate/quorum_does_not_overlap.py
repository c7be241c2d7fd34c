"""`quorum-does-not-overlap`: what a flow reads back may be asked of copies that none of its writes has reached."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Option
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.quorums import COPIES, answering, copies_of, level, read_back
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way


@rule(Severity.CRITICAL)
def quorum_does_not_overlap(operation: Operation, system: System) -> Iterator[Hit]:
    """A flow reads what it wrote at levels that together are no more than the copies: it may miss its own write."""
    told: set[str] = set()
    for write, read in read_back(operation) if operation.role == Role.PRODUCT else ():
        known = copies_of(system)
        copies = COPIES if known is None else known
        written, asked = level(write), level(read)
        assert written is not None
        assert asked is not None
        if answering(written.value, copies) + answering(asked.value, copies) > copies or read.dataset in told:
            continue
        told.add(read.dataset)
        yield hit(write, read, copies, doubts=1 if known is None else 0)


def hit(write: Effect, read: Effect, copies: int, doubts: int) -> Hit:
    written, asked = level(write), level(read)
    assert written is not None
    assert asked is not None
    took, gives = answering(written.value, copies), answering(asked.value, copies)
    return Hit(
        place=here(read),
        message=f"what was just written to {read.dataset} may not be there yet: written at {said(written)} and read "
        f"at {said(asked)}, {took} + {gives} of {copies} copies need not meet",
        story=(
            *way(write),
            Step(write.place, f"{write.verb} {write.dataset} at {said(written)}: it is done when {several(took)} it"),
            *way(read),
            Step(read.place, f"the same rows are read at {said(asked)}: {gives} of them answers, another one"),
            Step(read.place, "it answers with the old row, or with none: the flow goes on with what is not true"),
        ),
        rests_on=(write, read),
        doubts=doubts,
        datasets=(read.dataset,),
        fix=Fix(
            title="write and read at levels that share a copy: w + r > n",
            text="consistency_level=ConsistencyLevel.LOCAL_QUORUM  # of both statements",
        ),
    )


def said(option: Option) -> str:
    return option.value if option.given else f"{option.value} (the default)"


def several(copies: int) -> str:
    return {0: "a hint alone has", 1: "one copy has"}.get(copies, f"{copies} copies have")
