"""What a job needs of what was written: whether it looks for the row, or at the columns, that a transaction writes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Source
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.derivation import KEY, TIMES, named_in, same_rows_as
from datakeel.rules.facts.guards import rows_of
from datakeel.rules.facts.trails import is_trail

SAVES = ("update", "save")
ALL = "*"
IDENTITY = (("id",), ("pk",))
INNER = (Kind.LOG, Kind.COMMIT, Kind.ROLLBACK, Kind.LOCK, Kind.UNLOCK, Kind.CLOCK)


def needs(publish: Effect, write: Effect, system: System) -> Answer:
    """Whether who takes the message looks for what a write wrote: the row, where it is new and the message names it, or
    the job reads its table; or a column that it changes.

    NO where nothing that the job is seen to do has to do with it, or the row only keeps a trail, which the message does
    not name. UNKNOWN where nobody is known who takes it, or he is not seen to do anything with the row that he reads.
    """
    job = taker(publish, system) if publish.verb == "task" else None
    reads = [] if job is None else [e for e in job.of(Kind.READ) if of_table(e, write)]
    if not renews(write):
        return looked_for(publish, write, job, bool(reads))
    if job is None:
        return Answer.UNKNOWN
    return Answer.NO if not reads else looked_at(job, reads, write)


def taker(publish: Effect, system: System) -> Operation | None:
    """The job that a message starts: by the function's name, or by the name that it is registered under."""
    return system.operation(publish.dataset) or system.task(publish.dataset)


def of_table(read: Effect, write: Effect) -> bool:
    joins = read.selection.joins if read.selection is not None else ()
    return read.store == write.store and (read.dataset in (write.dataset, "") or write.dataset in joins)


def renews(write: Effect) -> bool:
    """Whether a write changes a row that was there before."""
    return write.verb in SAVES and not (write.rows is not None and write.rows.root.startswith("new:"))


def looked_for(publish: Effect, write: Effect, job: Operation | None, read: bool) -> Answer:
    """`needs`, of a row that is made or taken away."""
    given = any(s.kind == "result" and s.number == write.number for s in publish.payload)
    if read or given or named_in(write, publish):
        return Answer.YES
    if is_trail(write.dataset):
        return Answer.NO
    return Answer.UNKNOWN if job is None or carried(publish, write) or not busy(job) else Answer.NO


def carried(publish: Effect, write: Effect) -> bool:
    """Whether a message carries what a new row is made of: more than the key of a row that both belong to."""
    own_values = write.computed_from if write.verb != "delete" else frozenset()
    return any(s in own_values and s.kind not in TIMES and s.path[-1:] not in IDENTITY for s in publish.payload)


def looked_at(job: Operation, reads: list[Effect], write: Effect) -> Answer:
    """`needs`, of columns that are changed, by what the job does with the rows of their table."""
    seen = uses(job)
    used = {column for read in reads for column in (*given(read), *seen.get(read.number, ()))}
    chosen = {column for read in reads for column in chosen_by(read)}
    changed = changed_columns(write)
    if (used | chosen) & changed or (ALL in changed and (used or not all(map(KEY.search, chosen)))):
        return Answer.YES
    if may_be_new(write):
        return Answer.UNKNOWN
    return Answer.NO if busy(job) and any(read.number in seen for read in reads) else Answer.UNKNOWN


def busy_taker(publish: Effect, system: System) -> bool:
    """Whether the job that a message starts is known, and seen to do more than to find one row."""
    job = taker(publish, system)
    return job is not None and busy(job)


def may_be_new(write: Effect) -> bool:
    """Whether an object that was handed in is saved as it is: it may be a new one, or changed by who handed it in."""
    rows = write.rows
    handed = rows is not None and rows.root.startswith("parameter:") and not rows.path
    return handed and write.whole_row and not (changed_columns(write) - {ALL})


def busy(job: Operation) -> bool:
    """Whether a job is seen to do more than to find one row: then it is seen what it uses, as like as not."""
    effects = [e for e in job.effects if e.kind not in INNER]
    return len(effects) > 1 or any(e.kind != Kind.READ for e in effects)


def changed_columns(write: Effect) -> frozenset[str]:
    """The columns that a write gives values that are not their own; `ALL` where they are not known."""
    found = {a.column for a in write.assigned if not (a.sources and all(own(write, a.column, s) for s in a.sources))}
    return frozenset(found or {ALL})


def own(write: Effect, column: str, source: Source) -> bool:
    """Whether a value is made of what stands in the column already: an address in small letters."""
    return bool(source.path) and source.path[-1] == column and same_rows_as(write, rows_of(source))


def chosen_by(read: Effect) -> Iterator[str]:
    """The columns by which a read finds and orders its rows."""
    if read.selection is not None:
        yield from (p.column for p in read.selection.predicates)
        yield from read.selection.order


def given(read: Effect) -> tuple[str, ...]:
    """The columns that a read asks for."""
    return (read.selection.columns if read.selection is not None else None) or ()


def uses(job: Operation) -> dict[int, set[str]]:
    """The reads of which a job is seen to use something, by their numbers, each with the columns that it uses beside
    the key that the row is found by."""
    found: dict[int, set[str]] = {}
    for effect in job.effects:
        for source in sources_of(effect):
            if source.kind == "read":
                columns = found.setdefault(source.number, set())
                if source.path and source.path not in IDENTITY:
                    columns.add(source.path[0])
    return found


def sources_of(effect: Effect) -> Iterator[Source]:
    selected = effect.predicates
    return chain(
        effect.payload,
        effect.key_sources,
        effect.computed_from,
        (s for p in selected for s in p.sources),
        (s for g in effect.guards if g.test != "exception" for s in g.sources),
    )
