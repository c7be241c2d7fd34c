"""`analytics-on-the-write-store`: a request sums up the whole of a table that grows with everything that happens."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.growth import appended, kept, started_by
from datakeel.rules.rule import Hit, rule

SUMS = ("sum", "avg", "count", "stddev", "variance")  # the greatest and least an index tells


@rule(Severity.MAJOR)
def analytics_on_the_write_store(operation: Operation, system: System) -> Iterator[Hit]:
    """A request sums up the whole of a table that grows with everything that happens."""
    if not started_by(operation, ("request",)):
        return
    for read in operation.of(Kind.READ):
        if sums_up_all(read):
            grown = appended(read.dataset, system.dataset_of(read), system)
            if grown is not None and kept(read.dataset, system):
                yield hit(read, grown)


def sums_up_all(read: Effect) -> bool:
    """Whether a statement of the function's own text computes something over all rows of a leader's table."""
    chosen = read.selection
    if read.chain or read.store != StoreKind.RELATIONAL or chosen is None or chosen.replica != Answer.NO:
        return False
    if not (chosen.aggregate.lower() in SUMS or (chosen.grouped and not chosen.aggregate)):
        return False
    return chosen.complete and not chosen.predicates and not chosen.joins


def hit(read: Effect, grown: Effect) -> Hit:
    chosen = read.selection
    what = "groups" if chosen is None or chosen.grouped else chosen.aggregate
    return Hit(
        place=read.place,
        message=f"each request reads all of {read.dataset} for its {what}, beside the writes that it competes with",
        story=(
            Step(grown.place, f"a row is added to {read.dataset} for each thing that happens"),
            Step(read.place, f"a request asks for {what} over all of them: no index answers that"),
            Step(
                read.place,
                "a few people looking at once read the whole table over and over; all writes wait for the disk",
            ),
        ),
        rests_on=(read, grown),
        doubts=2 if what == "count" else 1,  # it may be kept for the next request; counting takes the least
        datasets=(read.dataset,),
        fix=Fix(
            title="keep the figure up to date beside the table, or ask a replica or a column store",
            text=f"CREATE MATERIALIZED VIEW {read.dataset}_totals AS SELECT … FROM {read.dataset};",
        ),
    )
