"""Which effects speak of the same facts (a row, and the message, cache entry, document or file made from it), and which
of them commit together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Rows, Source, StoreKind, When
from datakeel.model.operation import Operation, Transaction
from datakeel.model.system import System
from datakeel.rules.facts.decisions import of_old_rows
from datakeel.rules.facts.guards import rows_of

RECORDS = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN)
CHANGES = ("insert", "update", "save", "upsert", "delete", "get-or-create", "merge", "replace", "copy", "form")
OUTBOX = re.compile(r"outbox|out_box|pending_(events?|messages?)|event_queue|message_queue|domain_event", re.I)
MARK = re.compile(r"sent|publish|deliver|dispatch|notified|processed|synced|indexed|status|state|enqueued|queued", re.I)
KEY = re.compile(r"(^|_)(id|pk|uuid|key|slug|code|number|name|email|token)$", re.I)
TIMES = ("clock", "span", "zone")  # two values may hold the same time and have nothing in common
LATER = (When.AFTER_COMMIT, When.AFTER_COMPLETION)
# parameters that hold everything: two values of one of them need have nothing in common
WHOLES = frozenset(
    ("self", "cls", "request", "req", "info", "context", "ctx", "session", "db", "app", "config", "settings")
)


def record_writes(operation: Operation) -> Iterator[Effect]:
    """What changes a system of record (an outbox is none: it is how a message joins the transaction)."""
    for write in operation.of(Kind.WRITE):
        if write.store in RECORDS and write.verb in CHANGES and not OUTBOX.search(write.dataset):
            yield write


def outbox_writes(operation: Operation) -> list[Effect]:
    return [w for w in operation.of(Kind.WRITE) if w.store in RECORDS and OUTBOX.search(w.dataset)]


# Of the same facts ----------------------------------------------------------------------------------------------------


def about(write: Effect, sources: Iterable[Source]) -> bool:
    """Whether values with these sources carry what a write wrote: its rows, or what it was computed from."""
    own = facts_of(write)
    roots = {root(s) for s in own} - {None}
    for source in sources:
        rows = rows_of(source) or whole(source)
        if rows is not None and write.rows is not None and same_object(rows, write.rows):
            return True
        if source in own and source.kind not in TIMES:
            return True
        if root(source) in roots:
            return True
        if source.kind == "result" and source.number == write.number:
            return True
    return False


def root(source: Source) -> tuple[str, int, str] | None:
    """The thing that a source is part of; None where parts of it need have nothing in common."""
    if source.kind not in ("read", "parameter", "result", "new", "loop") or source.name in WHOLES:
        return None
    return source.kind, source.number, source.name


def facts_of(write: Effect) -> frozenset[Source]:
    """What a write's values and its row's key were computed from."""
    found = set(write.computed_from)
    if write.selection is not None:
        found |= {s for p in write.selection.predicates for s in p.sources}
    return frozenset(found)


def whole(source: Source) -> Rows | None:
    """The object that a source is, where it is no attribute of one."""
    if source.kind in ("read", "new"):
        return Rows(f"{source.kind}:{source.number}", source.path)
    return Rows(f"parameter:{source.name}", source.path) if source.kind == "parameter" else None


def same_object(a: Rows, b: Rows) -> bool:
    return a.root == b.root and a.path[: len(b.path)] == b.path[: len(a.path)]


def copied(operation: Operation, write: Effect, entry: Effect) -> bool:
    """Whether an entry holds, under a key that names the row, what the write has changed of it."""
    return named_by(operation, write, entry) and any(holds(write, s) for s in entry.payload)


def named_by(operation: Operation, write: Effect, entry: Effect) -> bool:
    """Whether an entry's key names the row that is written: by what it is found by, or by the row's own key."""
    keys = found_by(operation, write)
    return any(
        s in keys or (same_rows_as(write, rows_of(s)) and bool(KEY.search(s.path[-1]))) for s in entry.key_sources
    )


def found_by(operation: Operation, write: Effect) -> frozenset[Source]:
    """The values by which the written row is found: by the write itself, or by the read that gave the row."""
    chosen = [write.selection]
    if write.rows is not None and write.rows.root.startswith("read:"):
        read = operation.effect(int(write.rows.root[5:]))
        chosen.append(read.selection if read is not None else None)
    predicates = [p for c in chosen if c is not None for p in c.predicates if p.operator == "="]
    return frozenset(s for p in predicates for s in p.sources)


def named_in(write: Effect, message: Effect) -> bool:
    """Whether a message names the row that is written: it carries the row's key, or the row."""
    return any(
        same_rows_as(write, whole(s)) or (same_rows_as(write, row_of(s)) and bool(KEY.search(s.path[-1])))
        for s in message.payload
    )


def row_of(source: Source) -> Rows | None:
    """`rows_of`, of a new row too."""
    if source.kind == "new" and source.path:
        return Rows(f"new:{source.number}", source.path[:-1])
    return rows_of(source)


def holds(write: Effect, source: Source) -> bool:
    """Whether a value is one that the write sets: the same value, the row's column, or the whole row."""
    if source.kind in TIMES:
        return False
    if source in write.computed_from:
        return True
    if same_rows_as(write, rows_of(source)):
        return write.whole_row or source.path[-1] in {a.column for a in write.assigned}
    return same_rows_as(write, whole(source))


def same_rows_as(write: Effect, rows: Rows | None) -> bool:
    return rows is not None and write.rows is not None and rows == write.rows


def answers(operation: Operation, a: Effect, b: Effect) -> bool:
    """Whether one of the two stands in a handler of the try that holds the other: it answers to the other's failure."""
    arms = {s.number: s.arm for s in a.scopes if s.kind == "try"}
    return any(
        s.kind == "try"
        and s.number in arms
        and {arms[s.number], s.arm} != {s.arm}
        and "handler" in arms[s.number] + s.arm
        for s in b.scopes
    )


# Of the same transaction ----------------------------------------------------------------------------------------------


def unit(operation: Operation, effect: Effect) -> int | None:
    """The transaction that an effect commits with: its number; 0: one that some caller holds; None: it stands alone."""
    number = effect.transaction
    if number is None:
        return None
    outer = operation.sometimes_inside("transaction") is not None
    if number == 0:
        return 0 if outer else None
    transaction = operation.transaction_of(effect)
    joins = transaction is not None and transaction.joins and transaction.kind == "atomic"
    return 0 if joins and outer else number


def together(operation: Operation, a: Effect, b: Effect) -> bool:
    """Whether both happen inside one transaction, their own or a caller's."""
    found = unit(operation, a)
    return found is not None and found == unit(operation, b)


def joined(operation: Operation, effect: Effect, system: System) -> bool:
    """Whether a transaction that a write belongs to is seen: its own function's, or one that a caller has open where it
    comes to the write; who holds one may hand in a row, or an argument, by which it never does."""
    number = unit(operation, effect)
    if number != 0 or any(entry.atomic for entry in operation.entries):
        return number is not None
    return any(e.transaction and not of_old_rows(o, e) for o, e in system.brought(effect))


def committed_before(operation: Operation, write: Effect, later: Effect) -> bool:
    """Whether what a write wrote is committed when a later effect happens."""
    if later.when in LATER:
        return True
    if later.number < write.number or operation.exclusive(write, later):
        return False
    found = unit(operation, write)
    if found is None:
        return True
    if found == 0 or found == unit(operation, later):
        return False
    transaction = operation.transaction_of(write)
    if transaction is None or transaction.kind == "atomic":
        return True
    return any(
        c.kind == Kind.COMMIT and write.number < c.number < later.number and c.connection == write.connection
        for c in operation.of(Kind.COMMIT)
    )


def surely_alone(operation: Operation, write: Effect) -> Answer:
    """Whether a write commits at once: UNKNOWN where nobody is known who calls it, and may hold a transaction; or where
    it is what a framework calls as well (an object's own ``delete``)."""
    if unit(operation, write) is not None:
        return Answer.NO
    unseen = not operation.contexts or own_method(operation, write)
    return Answer.UNKNOWN if write.transaction == 0 and unseen else Answer.YES


def own_method(operation: Operation, write: Effect) -> bool:
    """Whether the function is the method by which the written object itself is saved or deleted."""
    itself = operation.parameters[:1] and write.rows == Rows(f"parameter:{operation.parameters[0]}")
    return bool(itself) and operation.symbol.rpartition(".")[2] == write.verb


# What repairs a divergence --------------------------------------------------------------------------------------------


def marked_after(operation: Operation, publish: Effect) -> bool:
    """Whether a column of a record says afterwards that the message was sent: a sweep can then send what was not."""
    return any(w.number > publish.number and marks(w) for w in operation.of(Kind.WRITE) if w.store in RECORDS)


def marks(write: Effect) -> bool:
    """Whether a write does nothing but note what became of a message, or removes what is done."""
    if write.verb == "delete":
        return True
    return bool(write.assigned) and all(MARK.search(a.column) for a in write.assigned)


def run_again(operation: Operation) -> bool:
    """Whether whatever starts it starts it again when it has failed half way: a message that is not acknowledged."""
    begun = [
        e for e in operation.entries if e.kind != "main"
    ] or operation.entries  # a process only begins its consumer
    return bool(begun) and all(e.redelivered or e.retried for e in begun)


def committed_between(operation: Operation, write: Effect, later: Effect) -> bool:
    """Whether every run that comes from a write to what is later commits on the way: paths that did not write go on in
    the same session, but have nothing to commit."""
    transaction = operation.transaction_of(write)
    return (
        transaction is not None
        and transaction.kind == "session"
        and any(
            (c.transaction == write.transaction or may_be_one(operation, transaction, c))
            and c.number < later.number
            and operation.before_on_all_paths_after(write, c)
            for c in operation.of(Kind.COMMIT)
        )
    )


def may_be_one(operation: Operation, transaction: Transaction, commit: Effect) -> bool:
    """Whether a commit in the function's own text may be of the same session under another name: one that the caller
    gave (``request.db``), beside the one that mapped classes ask."""
    other = operation.transaction_of(commit)
    if other is None or other.kind != "session" or commit.chain:
        return False
    return any(t.connection.startswith("parameter:") for t in (transaction, other))
