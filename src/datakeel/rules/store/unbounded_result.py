"""`unbounded-result`: a table that grows with everything that happens is read whole into memory."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.bounds import hardly_bounded, whole_table
from datakeel.rules.facts.cures import model_name
from datakeel.rules.facts.growth import appended, kept
from datakeel.rules.facts.running import one_off
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.facts.tables import MIGRATION
from datakeel.rules.rule import Hit, Record, rule

LITTLE = re.compile(r"^(big|small|tiny)?(int|serial)|^(boolean|date|uuid|timestamp)", re.I)


@rule(Severity.MAJOR, Record(3, 8), sure=False)
def unbounded_result(operation: Operation, system: System) -> Iterator[Hit]:
    """A table that grows with everything that happens is read whole into memory."""
    if operation.role != Role.PRODUCT or of_tests(operation.place.path):
        return
    for read in operation.of(Kind.READ):
        if read.chain or read.store != StoreKind.RELATIONAL or streamed(read):
            continue
        whole = whole_table(read)
        if not whole and not hardly_bounded(read):
            continue
        grown = appended(read.dataset, system.dataset_of(read), system)
        if grown is not None and kept(read.dataset, system):
            little = narrow(read, system) or once(operation, system)
            yield hit(read, grown, system, doubts=2 if little else 0 if whole else 1)


def once(operation: Operation, system: System) -> bool:
    """Whether it is run by hand, as a rule once: the rows of that day are read, and not those of each day to come."""
    return one_off(operation, system) or MIGRATION.search(operation.place.path) is not None


def narrow(read: Effect, system: System) -> bool:
    """Whether only one column is read that holds little: a number of each row takes long to fill the memory."""
    columns = read.selection.columns if read.selection is not None else None
    dataset = system.dataset_of(read)
    column = dataset.schema.column(columns[0]) if dataset is not None and columns is not None and columns else None
    return columns is not None and len(columns) == 1 and column is not None and bool(LITTLE.match(column.type))


def streamed(read: Effect) -> bool:
    """Whether its rows come a portion at a time."""
    option = read.option("stream")
    return (option is not None and option.value == "True") or read.technology == "sqlite"


def hit(read: Effect, grown: Effect, system: System, doubts: int) -> Hit:
    return Hit(
        place=read.place,
        message=f"all rows of {read.dataset} are read into memory, and there are more of them every day",
        story=(
            Step(grown.place, f"a row is added to {read.dataset} for each thing that happens"),
            Step(read.place, "all that there are by now are read, and held at once"),
            Step(read.place, "a year later the process needs gigabytes and minutes for it, or is killed"),
        ),
        rests_on=(read, grown),
        doubts=doubts,
        datasets=(read.dataset,),
        fix=Fix(title="read a page by its key at a time, or stream the rows", text=cure(read, system)),
    )


def cure(read: Effect, system: System) -> str:
    model = model_name(read, system)
    if read.technology == "django":
        return f"for row in {model}.objects.….iterator(chunk_size=500):\n    …"
    if read.technology == "sqlalchemy":
        return f"for row in session.scalars(select({model}).execution_options(yield_per=500)):\n    …"
    return f"SELECT … FROM {read.dataset} WHERE id > :last ORDER BY id LIMIT 500  -- again, until there are none"
