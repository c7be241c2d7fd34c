"""Which reads a follower answers, and what a flow wrote before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Operation, same_rows

STORES = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN)
BEHIND = re.compile(r"SECONDARY|NEAREST", re.I)
WAITED = re.compile(r"wal_replay_lsn|wal_lsn_diff|wait_for_executed_gtid|wal_replay|wait_for_lsn|causal", re.I)
CHANGES = ("insert", "update", "save", "upsert", "delete", "replace", "get-or-create")


def follower(read: Effect) -> bool:
    """Whether a follower may answer a read: by the connection that it names, or by what the read allows."""
    if read.selection is not None and read.selection.replica == Answer.YES:
        return True
    preference, consistent = read.option("read-preference"), read.option("consistent")
    if preference is not None and BEHIND.search(preference.value):
        return True
    return consistent is not None and consistent.value == "False" and read.selection is not None


def behind_own_writes(operation: Operation) -> Iterator[tuple[Effect, Effect]]:
    """What a flow writes at the leader and then reads of the same rows where a follower answers."""
    answered = (r for r in operation.of(Kind.READ) if r.store in STORES and r.dataset and r.when == When.NOW)
    for read in (r for r in answered if follower(r)):
        written = (w for w in operation.of(Kind.WRITE) if w.dataset == read.dataset and w.number < read.number)
        before = (w for w in written if w.when == When.NOW and w.verb in CHANGES and same(operation, w, read))
        write = next((w for w in before if reached(operation, w, read)), None)
        if write is not None:
            yield write, read


def same(operation: Operation, write: Effect, read: Effect) -> bool:
    """Whether a read asks for what was written: the same rows, as they were asked for before, or all that are there."""
    if same_rows(write, read) == Answer.YES:
        return True
    selection = read.selection
    if selection is None or not selection.complete:
        return False
    first = asked_for(operation, write)
    asked = first.selection.predicates if first is not None and first.selection is not None else ()
    if first is not None and first.dataset == read.dataset and asked and asked == selection.predicates:
        return True
    written = {a.column: {(s.kind, s.number, s.name, s.path) for s in a.sources} for a in write.assigned}
    keys = [p for p in selection.predicates if p.operator == "=" and p.sources]
    return bool(keys) and all(
        {(s.kind, s.number, s.name, s.path) for s in p.sources} & written.get(p.column, set()) for p in keys
    )


def asked_for(operation: Operation, write: Effect) -> Effect | None:
    """The read that gave the very row that is written."""
    root, _, number = (write.rows.root if write.rows is not None and not write.rows.path else "").partition(":")
    return operation.effect(int(number)) if root == "read" else None


def reached(operation: Operation, write: Effect, read: Effect) -> bool:
    """Whether this function brings the two together, on one path, with nothing that waits for the follower between."""
    if not operation.meet_here(write, read) or not operation.before_on_some_path(write, read):
        return False
    return not any(WAITED.search(e.text) for e in operation.between(write, read) if e.text)
