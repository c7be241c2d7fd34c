"""`dual-write`: one operation writes the same facts to two systems, and a failure between the two leaves them apart."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Rows, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.derivation import (
    LATER,
    about,
    answers,
    committed_before,
    joined,
    marked_after,
    outbox_writes,
    record_writes,
    run_again,
    same_rows_as,
    surely_alone,
    together,
)
from datakeel.rules.facts.guards import rows_of
from datakeel.rules.facts.losable import kept_nowhere
from datakeel.rules.facts.running import only_jobs, unstarted
from datakeel.rules.facts.stakes import race
from datakeel.rules.rule import Hit, rule

COPIES = (StoreKind.SEARCH, StoreKind.DOCUMENT, StoreKind.KEY_VALUE, StoreKind.WIDE_COLUMN, StoreKind.GRAPH)
FILES = (StoreKind.OBJECT, StoreKind.FILE)
MESSAGES = (StoreKind.LOG, StoreKind.QUEUE)
HOLDERS = {
    StoreKind.SEARCH: "search index",
    StoreKind.DOCUMENT: "collection",
    StoreKind.OBJECT: "bucket",
    StoreKind.LOG: "topic",
}


@rule(Severity.CRITICAL, sure=False)
def dual_write(operation: Operation, system: System) -> Iterator[Hit]:
    """One operation writes the same facts to two systems, and a failure between the two leaves them apart."""
    others = [e for e in operation.of(Kind.WRITE, Kind.PUBLISH) if e.store in (*COPIES, *FILES, *MESSAGES)]
    if not others or outbox_writes(operation) or run_again(operation):
        return
    spoken: set[str] = set()
    for record in record_writes(operation):
        for copy in others:
            if str(copy.place) in spoken or not beside(operation, record, copy):
                continue
            doubts = apart(operation, record, copy)
            if doubts is not None:
                spoken.add(str(copy.place))
                unsure = rebuilt(copy, system) or kept_nowhere(copy) or met_again(operation, record, copy, system)
                unsure = unsure or left_to_jobs(operation, system)
                yield hit(record, copy, 2 if unsure else doubts)


def beside(operation: Operation, record: Effect, copy: Effect) -> bool:
    """Whether both are written on one path, meet in this function, and speak of the same facts."""
    if copy.store == record.store or operation.exclusive(record, copy) or not operation.meet_here(record, copy):
        return False
    if answers(operation, record, copy) or told_deeper(operation, copy):
        return False
    same = copy.rows is not None and copy.rows.path and record.rows is not None and copy.rows.root == record.rows.root
    if copy.store in FILES and copy.verb == "delete":  # a file belongs to the row whose field names it
        return bool(same)
    return bool(same) or about(record, (*copy.payload, *copy.key_sources, *copy.computed_from))


def left_to_jobs(operation: Operation, system: System) -> bool:
    """Whether only jobs do it, which somebody starts again or which begin again with what is left, or nothing that is
    seen, in a program whose ways in are known. (Of 21 such findings in public code seven were true; of ten that
    requests come to eight.)"""
    return only_jobs(operation) or unstarted(operation, system)


def met_again(operation: Operation, record: Effect, file: Effect, system: System) -> bool:
    """Whether nobody is seen to delete a file inside a transaction that may be undone, and what a crash leaves of the
    two is met again: the row that stays, or one of many that the next run looks for."""
    if file.store not in FILES or file.verb != "delete":
        return False
    return (record.verb != "delete" or one_of_many(file)) and not joined(operation, file, system)


def one_of_many(file: Effect) -> bool:
    """Whether a file is that of one of many rows that were looked for: without a transaction, a row that a crash keeps
    is found by the next run, and its file may be deleted twice."""
    found = file.rows is not None and file.rows.root.startswith(("read:", "element:"))
    return found and file.inside("loop") is not None


def told_deeper(operation: Operation, copy: Effect) -> bool:
    """Whether a function that is called deletes a file beside a write of its own to the file's row: told there."""
    if copy.store not in FILES or copy.verb != "delete" or not copy.chain or copy.rows is None:
        return False
    root = copy.rows.root
    return any(
        r.chain[:1] == copy.chain[:1] and r.rows is not None and r.rows.root == root for r in record_writes(operation)
    )


def apart(operation: Operation, record: Effect, copy: Effect) -> int | None:
    """Whether a failure between the two leaves them apart: the number of doubts, or None where it does no harm.

    A message behind the commit, or inside the transaction, is what `publish-after-commit` and `publish-before-commit`
    are about. A file may be put before its row is committed, and deleted after it: what is left over then is garbage.
    """
    if copy.kind == Kind.PUBLISH and copy.verb == "task":
        return None  # a job copies nothing: when it leaves is what `publish-before-commit` is about
    if copy.kind == Kind.PUBLISH:
        alone = not committed_before(operation, record, copy) and not together(operation, record, copy)
        return 0 if alone and not marked_after(operation, copy) else None
    if copy.store in FILES:
        return misfiled(operation, record, copy)
    return None if marked_after(operation, copy) else 0


def misfiled(operation: Operation, record: Effect, file: Effect) -> int | None:
    if file.verb == "delete":
        if file.when in LATER or committed_before(operation, record, file):
            unknown = file.when not in LATER and surely_alone(operation, record) == Answer.UNKNOWN
            return 1 if unknown and record.verb == "delete" else None
        return 0 if record.verb == "delete" or together(operation, record, file) else None
    if record.verb == "delete" or named_after(operation, file) or not names(record, file):
        return None
    return 0 if committed_before(operation, record, file) else None


def names(record: Effect, file: Effect) -> bool:
    """Whether the row says where the file is: it is the row whose field holds the file, or a new one whose own values
    the file's name is made of. A row that is made where there is none stands for no one file."""
    if record.verb == "get-or-create" or record.rows is None:
        return False
    if file.rows is not None and file.rows.root == record.rows.root:
        return True
    return record.verb == "insert" and any(of_row(record, s) for s in file.key_sources)


def of_row(record: Effect, source: Source) -> bool:
    """Whether a value is one of the written row, or what its insert gave."""
    if source.kind == "new" and source.path:
        return same_rows_as(record, Rows(f"new:{source.number}", source.path[:-1]))
    return same_rows_as(record, rows_of(source)) or (source.kind == "result" and source.number == record.number)


def rebuilt(copy: Effect, system: System) -> bool:
    """Whether a command or a plan fills the same search index anew: what was missed is there after its next run."""
    if copy.store != StoreKind.SEARCH:
        return False
    return any(
        e.store == StoreKind.SEARCH and e.technology == copy.technology and e.dataset == copy.dataset
        for other in system.operations
        if other.entries and all(entry.kind in ("command", "schedule", "main") for entry in other.entries)
        for e in other.of(Kind.WRITE)
    )


def named_after(operation: Operation, file: Effect) -> bool:
    """Whether the row whose field the file is gets its name afterwards: until then no row speaks of the file."""
    if file.rows is None or not file.rows.path:
        return False
    root = file.rows.root
    return any(
        e.number > file.number and e.rows is not None and e.rows.root == root and not e.rows.path
        for e in record_writes(operation)
    )


def hit(record: Effect, copy: Effect, doubts: int) -> Hit:
    where = copy.dataset or ("its file" if copy.store in FILES else copy.technology or copy.store.value)
    what = record.dataset or "the row"
    if what == where:  # one name in two stores
        what, where = f"the table {what}", f"the {HOLDERS.get(copy.store, copy.store.value)} {where}"
    first, second = (record, copy) if record.number < copy.number else (copy, record)
    names = (what, where) if first is record else (where, what)
    gone = copy.store in FILES and copy.verb == "delete"
    return Hit(
        place=copy.chain[0] if copy.chain else copy.place,
        message=f"{where} is deleted before {left(record, what)} for good: a rollback keeps a row without it"
        if gone
        else f"{what} and {where} are written one after the other: when the second fails, they differ for good",
        story=(
            Step(first.place, f"{names[0]} is {'deleted' if first.verb == 'delete' else 'written'}"),
            Step(second.place, f"the process dies, the transaction rolls back, or {names[1]} cannot be reached"),
            Step(second.place, f"{where} and {what} now say different things, and nothing repairs it"),
        ),
        rests_on=(record, copy),
        doubts=doubts,
        severity=None if copy.store not in (*FILES, StoreKind.SEARCH) and race(record) is None else Severity.MAJOR,
        datasets=tuple(d for d in (record.dataset, copy.dataset) if d),
        fix=cure(what, where, copy.dataset or where, copy),
    )


def left(record: Effect, what: str) -> str:
    return f"the row in {what} is gone" if record.verb == "delete" else f"what is written to {what} is there"


def cure(what: str, where: str, topic: str, copy: Effect) -> Fix:
    if copy.store in FILES:
        return Fix(
            title="delete the file after the commit"
            if copy.verb == "delete"
            else "put the file before the row is written",
            text="transaction.on_commit(lambda: …)",
        )
    return Fix(
        title=f"write an outbox row with {what}, in its transaction, and let a relay bring it to {where}",
        text=f"INSERT INTO outbox (topic, key, payload) VALUES ('{topic}', …)  -- with {what}",
    )
