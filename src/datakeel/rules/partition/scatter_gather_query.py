"""`scatter-gather-query`: a query that people wait for names no partition, and every node must answer it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.partitions import FIXED, SERVING, compared, hashed, scans
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def scatter_gather_query(operation: Operation, system: System) -> Iterator[Hit]:
    """A query that people wait for names no partition, and every node must answer it."""
    if operation.role != Role.PRODUCT or not served(operation):
        return
    for read in operation.of(Kind.READ):
        if read.chain or not read.dataset or read.store not in (StoreKind.WIDE_COLUMN, StoreKind.DOCUMENT):
            continue
        dataset = system.dataset_of(read)
        if dataset is not None and dataset.bounded:
            continue
        if scans(read) and filtered(read):
            yield hit(operation, read, ())
        elif read.store == StoreKind.WIDE_COLUMN and lacks(read, hashed(dataset)):
            yield hit(operation, read, hashed(dataset))


def served(operation: Operation) -> bool:
    """Whether somebody waits for it, as far as is known: it is not only run by hand or at times."""
    return not operation.entries or any(e.kind in SERVING for e in operation.entries)


def filtered(read: Effect) -> bool:
    """Whether it looks for some rows: a job that needs all of them must go through all partitions."""
    return read.selection is not None and bool(read.selection.predicates)


def lacks(read: Effect, key: tuple[str, ...]) -> bool:
    selection = read.selection
    if not key or selection is None or not selection.complete or not selection.predicates:
        return False
    return not set(key) <= compared(read, FIXED) and "token(" not in read.text.lower()


def hit(operation: Operation, read: Effect, key: tuple[str, ...]) -> Hit:
    what = f"without its partition key ({', '.join(key)})" if key else "by a scan that filters"
    by = ", ".join(sorted({p.column for p in read.selection.predicates})) if read.selection is not None else ""
    return Hit(
        place=read.place,
        message=f"every partition of {read.dataset} is asked for a few rows: it is read by {by} {what}",
        story=(
            Step(read.place, f"{read.dataset} is read {what}"),
            Step(read.place, "the query goes to all nodes, and each reads what it has: more nodes make it no faster"),
            Step(read.place, "it takes as long as the slowest of them, and costs what the whole table weighs"),
        ),
        rests_on=(read,),
        doubts=0 if operation.entries else 1,
        datasets=(read.dataset,),
        fix=Fix(title=f"keep a table or index that is keyed by {by}", text=f"PRIMARY KEY (({by or 'key'}), …)"),
    )
