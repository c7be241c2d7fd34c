"""Rows that a worker takes for a time by what it writes into them: until when, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind, Predicate, StoreKind, When
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System

WHOSE = re.compile(r"lock|lease|claim|reserv|own(er|ed)|holder|held|worker|fenc|token|visib|picked", re.I)
COUNT = re.compile(
    r"(^|_)(attempts?|tries|retries)(_?(count|made|done|number|no|index))?$|^(try|retry)_?(count|number|no)$", re.I
)

TIMES = re.compile(r"_at$|^(updated|touched|seen|heartbeat|beat)|(heartbeat|beat|seen)$", re.I)


class Claim(Struct, frozen=True, gc=False):
    """`taken` writes into rows of a table that they are taken until the time in the column `until`; who looks for rows
    after that takes them again. `marks` are the columns that it writes besides: they differ for the next holder."""

    taken: Effect
    until: str
    marks: tuple[str, ...]

    @property
    def seconds(self) -> float | None:
        """How long the rows are taken, where that is known."""
        option = next((o for o in self.taken.options if o.word == "ahead" and o.name == self.until), None)
        return option.seconds() if option is not None else None

    @property
    def mark(self) -> str:
        """The column that tells its holder best."""
        return next((m for m in self.marks if WHOSE.search(m)), self.until)


def claims(operation: Operation) -> Iterator[Claim]:
    """The rows that a function takes for a time, by a statement of its own."""
    for taken in operation.of(Kind.WRITE):
        claim = claim_of(operation, taken) if statement(taken) else None
        if claim is not None:
            yield claim


def claim_of(operation: Operation, taken: Effect) -> Claim | None:
    """What an update takes for a time, here or in a function that is called; None where it takes nothing."""
    columns = tuple(a.column for a in taken.assigned)
    if not updates(taken) or not any(map(WHOSE.search, columns)):
        return None
    over = {p.column.rpartition(".")[2] for p in looked_for(operation, taken) if passed(p)}
    until = next((a.column for a in taken.assigned if a.column in over and a.how != "constant"), "")
    return Claim(taken, until, tuple(c for c in columns if c != until)) if until else None


def claimed_for(operation: Operation, call: Effect) -> Iterator[Claim]:
    """The claims for whose rows another service is called."""
    if call.store != StoreKind.REMOTE or call.when not in (When.NOW, When.CONCURRENT):
        return
    told = (*call.payload, *call.key_sources, *call.computed_from)
    for number in sorted({s.number for s in told if s.kind in ("read", "result")}):
        taken = operation.effect(number)
        claim = claim_of(operation, taken) if taken is not None and taken.kind == Kind.WRITE else None
        if claim is not None:
            yield claim


def told_below(call: Effect, system: System) -> bool:
    """Whether the function that is called to make a call takes the rows as well."""
    callee = system.operation(call.callee)
    alike = [e for e in callee.of(Kind.CALL) if e.place == call.place] if callee is not None else []
    return callee is not None and any(True for e in alike for _ in claimed_for(callee, e))


def prolonged(claim: Claim, system: System) -> bool:
    """Whether some statement does nothing but move the end of a claim: the holder is still at work."""
    for _, write in system.writers(claim.taken.dataset):
        columns = {a.column for a in write.assigned}
        ends = any(a.column == claim.until and a.how not in ("constant", "derived") for a in write.assigned)
        if write.place != claim.taken.place and ends and all(c == claim.until or TIMES.search(c) for c in columns):
            return True
    return False


def counted(claim: Claim) -> str:
    """The column in which a claim itself counts how often a row was taken; empty where it counts nothing."""
    return next((a.column for a in claim.taken.assigned if a.how == "atomic" and COUNT.search(a.column)), "")


def updates(effect: Effect) -> bool:
    return effect.store == StoreKind.RELATIONAL and effect.verb == "update"


def statement(effect: Effect) -> bool:
    """Whether it is an update of rows that stands in the function's own text."""
    return not effect.chain and updates(effect)


def looked_for(operation: Operation, taken: Effect) -> Iterator[Predicate]:
    """What decides which rows are taken: of the statement, and of the read that locks them for it."""
    reads = [e for e in operation.of(Kind.READ) if e.number < taken.number and e.dataset == taken.dataset]
    for effect in (taken, *(e for e in reads if e.transaction == taken.transaction)):
        if effect.selection is not None and (effect is taken or effect.selection.lock):
            yield from effect.selection.predicates


def passed(predicate: Predicate) -> bool:
    """Whether a column is to lie before what the clock shows."""
    clock = predicate.value == "" or any(s.kind in ("clock", "parameter") for s in predicate.sources)
    return predicate.operator in ("<", "<=") and clock


def blind_ends(claim: Claim, dataset: Dataset, system: System) -> Iterator[tuple[Operation, Effect]]:
    """The statements by which a holder ends or prolongs its claim, and that do not ask whether it is its own still."""
    key = dataset.schema.primary_key() or ("id",)
    for operation in system.operations:
        if operation.role != Role.PRODUCT or {e.kind for e in operation.entries} == {"request"}:
            continue  # whoever asks from outside holds nothing: it decides for all
        for write in operation.of(Kind.WRITE):
            if not statement(write) or write.place == claim.taken.place or system.dataset_of(write) is not dataset:
                continue
            asked = [dataset.own(p.column) for p in write.selection.predicates] if write.selection is not None else []
            ends = any(a.column == claim.until for a in write.assigned)
            if ends and asked and set(asked) <= set(key) and not looked_at(operation, claim, write):
                yield operation, write


def looked_at(operation: Operation, claim: Claim, write: Effect) -> bool:
    """Whether it is asked before whose the row is: the row is locked for that, or a condition depends on a mark."""
    if write.transaction is not None:
        earlier = [e for e in operation.of(Kind.READ) if e.number < write.number and e.dataset == write.dataset]
        if any(e.transaction == write.transaction and e.selection is not None and e.selection.lock for e in earlier):
            return True
    marks = {claim.until, *claim.marks}
    sources = [s for g in write.guards for s in g.sources]
    return any(s.kind == "clock" or (s.path and s.path[-1] in marks) for s in sources)


def in_one_transaction(claim: Claim, write: Effect, system: System) -> bool:
    """Whether somewhere the rows are taken and given back in one transaction: they are locked all that time."""
    for operation in system.operations:
        taken = [e for e in operation.of(Kind.WRITE) if e.place == claim.taken.place and e.transaction is not None]
        ended = [e for e in operation.of(Kind.WRITE) if e.place == write.place] if taken else []
        if any(a.transaction == b.transaction and a.number < b.number for a in taken for b in ended):
            return True
    return False
