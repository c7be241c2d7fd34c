"""Which effects speak of the same facts: a row and the message, cache entry or index document that is made from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from datakeel.model.effect import Effect, Kind, Rows, Source, StoreKind, When
from datakeel.model.operation import Operation
from datakeel.rules.facts.guards import rows_of

RECORDS = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN)
CHANGES = ("insert", "update", "save", "upsert", "delete", "get-or-create", "merge", "replace", "copy", "form")
OUTBOX = re.compile(r"outbox|out_box|pending_(events?|messages?)|event_queue|message_queue|domain_event", re.I)


def record_writes(operation: Operation) -> Iterator[Effect]:
    """What changes a system of record (an outbox is none: it is how a message joins the transaction)."""
    for write in operation.of(Kind.WRITE):
        if write.store in RECORDS and write.verb in CHANGES and not OUTBOX.search(write.dataset):
            yield write


def outbox_writes(operation: Operation) -> list[Effect]:
    return [w for w in operation.of(Kind.WRITE) if w.store in RECORDS and OUTBOX.search(w.dataset)]


def facts_of(write: Effect) -> frozenset[Source]:
    """What a write's values and its row's key were computed from."""
    found = set(write.computed_from)
    if write.selection is not None:
        found |= {s for p in write.selection.predicates for s in p.sources}
    return frozenset(found)


def about(write: Effect, sources: Iterable[Source]) -> bool:
    """Whether values with these sources carry what a write wrote: its rows, or what it was computed from."""
    own = facts_of(write)
    roots = {(s.kind, s.number, s.name) for s in own if s.kind in ("read", "parameter", "result") and s.name != "self"}
    for source in sources:
        rows = rows_of(source) or whole(source)
        if rows is not None and write.rows is not None and same_object(rows, write.rows):
            return True
        if source in own or (source.kind, source.number, source.name) in roots:
            return True
        if source.kind == "result" and source.number == write.number:
            return True
    return False


def whole(source: Source) -> Rows | None:
    """The object that a source is, where it is no attribute of one."""
    if source.kind == "read":
        return Rows(f"read:{source.number}", source.path)
    return Rows(f"parameter:{source.name}", source.path) if source.kind == "parameter" else None


def same_object(a: Rows, b: Rows) -> bool:
    return a.root == b.root and a.path[: len(b.path)] == b.path[: len(a.path)]


def committed_before(operation: Operation, write: Effect, later: Effect) -> bool:
    """Whether what a write wrote is committed when a later effect happens."""
    if later.when == When.AFTER_COMMIT:
        return True
    if later.number < write.number or operation.exclusive(write, later):
        return False
    if write.transaction is None:
        return True
    if write.transaction == later.transaction:
        return False
    return any(
        c.kind == Kind.COMMIT and write.number < c.number < later.number and c.connection == write.connection
        for c in operation.of(Kind.COMMIT)
    )


def marked_after(operation: Operation, publish: Effect) -> bool:
    """Whether a column of a record says afterwards that the message was sent: a sweep can then send what was not."""
    return any(
        w.number > publish.number and any(MARK.search(a.column) for a in w.assigned) for w in operation.of(Kind.WRITE)
    )


MARK = re.compile(r"sent|publish|deliver|dispatch|notified|processed|synced|indexed|status|state|enqueued|queued", re.I)
