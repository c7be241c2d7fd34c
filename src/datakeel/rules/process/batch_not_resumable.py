"""`batch-not-resumable`: a job that is started again repeats what it has done already."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind, When
from datakeel.model.operation import Operation
from datakeel.rules.facts.guards import here, single_runner
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule

KEPT = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.KEY_VALUE, StoreKind.CACHE, StoreKind.WIDE_COLUMN)


@rule(Severity.MAJOR)
def batch_not_resumable(operation: Operation) -> Iterator[Hit]:
    """A job that is started again repeats what it has done already."""
    if not single_runner(operation):
        return
    for effect in operation.of(Kind.CALL):
        read = over(operation, effect) if lasting(effect) else None
        if read is not None and not remembered(operation, effect):
            yield hit(read, effect)
            return


def lasting(effect: Effect) -> bool:
    """Whether it does something outside that cannot be taken back, and does it again when it is asked again. (Of what
    plain requests send, most sets a state, or asks for a look at one: that is told at low confidence.)"""
    if effect.when != When.NOW or effect.store not in (StoreKind.MAIL, StoreKind.REMOTE):
        return False
    return effect.store == StoreKind.MAIL or effect.idempotent == Answer.NO


def over(operation: Operation, effect: Effect) -> Effect | None:
    """The read of many rows for each of which the effect happens."""
    loop = effect.inside("loop")
    if loop is None or loop.unbounded:
        return None
    for number in sorted({s.number for s in effect.payload if s.kind == "read"}):
        read = operation.effect(number)
        if read is not None and read.kind == Kind.READ and many(read) and loop not in read.scopes:
            return read
    return None


def many(read: Effect) -> bool:
    selection = read.selection
    one = (Cardinality.ONE, Cardinality.AT_MOST)
    return selection is not None and selection.cardinality not in one and read.store in KEPT


def remembered(operation: Operation, effect: Effect) -> bool:
    """Whether each turn notes somewhere what was done, or asks first whether it was."""
    loops = {s.number for s in effect.scopes if s.kind == "loop"}
    return any(
        e.store in KEPT and any(s.number in loops for s in e.scopes if s.kind == "loop")
        for e in operation.of(Kind.WRITE, Kind.READ, Kind.PUBLISH)
        if e.kind != Kind.READ or decides(e, effect)
    )


def decides(read: Effect, effect: Effect) -> bool:
    """Whether what was read in the same turn decides on the effect."""
    return any(s.number == read.number for g in effect.guards for s in g.sources)


def hit(read: Effect, effect: Effect) -> Hit:
    what = "the mail" if effect.store == StoreKind.MAIL else thing(effect)
    return Hit(
        place=here(effect),
        message=f"when this job is started again after a failure, {what} goes out again for the rows of {read.dataset} "
        "that were done",
        story=(
            Step(read.place, f"the job reads rows of {read.dataset}"),
            Step(effect.place, f"{what} goes out for the first thousand of them, and nothing notes for which"),
            Step(effect.place, "one fails, or the process is stopped"),
            Step(read.place, "the job is started again: it begins with the first row, and they get it twice"),
        ),
        rests_on=(read, effect),
        doubts=0 if effect.store == StoreKind.MAIL else 2 if effect.technology == "http" else 1,
        datasets=(read.dataset,) if read.dataset else (),
        fix=Fix(
            title="note for each row that it is done, and leave out what is noted",
            text="for row in rows.filter(notified_at=None):  # and set it after each, committed",
        ),
    )
