"""`collect-to-driver`: a data set that many machines hold is brought into the memory of one."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.rule import Hit, Record, rule


@rule(Severity.MAJOR, Record(1, 3))
def collect_to_driver(operation: Operation) -> Iterator[Hit]:
    """A data set that many machines hold is brought into the memory of one."""
    for read in operation.of(Kind.READ):
        if read.verb == "collect" and not read.chain:
            yield hit(read)


def hit(read: Effect) -> Hit:
    """A frame that somebody hands in may be small: only of one that is read here is it known that all of it comes."""
    what = read.dataset.replace("\ufffc", "…") or "the data frame"
    return Hit(
        place=read.place,
        message=f"all rows of {what} are brought into the memory of the driver: the job dies when they have grown",
        story=(
            Step(read.place, f"the executors send every row of {what}, which nothing here limits, to the driver"),
            Step(read.place, "the data have grown: the driver runs out of memory, and the whole job with it"),
            Step(read.place, "it begins anew, and dies at the same place"),
        ),
        rests_on=(read,),
        doubts=0 if read.dataset else 2,
        datasets=(read.dataset,) if read.dataset else (),
        fix=Fix(
            title="compute and write where the data are; bring only what is small",
            text="frame.write.mode('overwrite').parquet(…)  # or aggregate or limit first, or frame.toLocalIterator()",
        ),
    )
