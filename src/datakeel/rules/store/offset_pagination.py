"""`offset-pagination`: each page of a table is found by going through all the pages before it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.cures import model_name
from datakeel.rules.facts.growth import appended
from datakeel.rules.facts.listings import in_turns
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.rule import Hit, rule


@rule(Severity.MINOR)
def offset_pagination(operation: Operation, system: System) -> Iterator[Hit]:
    """Each page of a table is found by going through all the pages before it."""
    if operation.role != Role.PRODUCT or of_tests(operation.place.path):
        return
    for read in operation.of(Kind.READ):
        chosen = read.selection
        if read.chain or read.store != StoreKind.RELATIONAL or chosen is None or not chosen.offset:
            continue
        if in_turns(read):  # all pages are gone through, to the last
            yield hit(read, system, doubts=0)
        elif not chosen.predicates and appended(read.dataset, system.dataset_of(read), system) is not None:
            yield hit(read, system, doubts=2)  # who pages by hand rarely goes deep


def hit(read: Effect, system: System, doubts: int) -> Hit:
    table = read.dataset or "the table"
    unordered = (
        ""
        if read.selection is not None and read.selection.order
        else "; without an order, rows come twice or not at all"
    )
    return Hit(
        place=read.place,
        message=f"{table} is gone through by OFFSET: the last page reads all rows before it{unordered}",
        story=(
            Step(read.place, f"page n of {table} is asked for by skipping n pages"),
            Step(
                read.place,
                "the store reads and throws away all rows before it: the work grows with the square of the table",
            ),
            Step(read.place, "a row that is removed meanwhile moves the others up: one of them is never read"),
        ),
        rests_on=(read,),
        doubts=doubts,
        datasets=(read.dataset,) if read.dataset else (),
        fix=Fix(title="begin each page behind the last key of the one before", text=cure(read, system)),
    )


def cure(read: Effect, system: System) -> str:
    model = model_name(read, system)
    if read.technology == "django":
        return f"{model}.objects.filter(pk__gt=last).order_by('pk')[:500]"
    if read.technology == "sqlalchemy":
        return f"select({model}).where({model}.id > last).order_by({model}.id).limit(500)"
    return f"SELECT … FROM {read.dataset or '…'} WHERE id > :last ORDER BY id LIMIT 500"
