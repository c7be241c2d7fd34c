"""What protects a read–write pair against a second writer: a lock, a version, an atomic update, an isolation level with
retry."""

from __future__ import annotations

from itertools import islice

from msgspec.structs import replace

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Rows, Source, When
from datakeel.model.operation import Entry, Operation, Role, Transaction, same_rows
from datakeel.model.place import Place
from datakeel.model.system import System

STRONG = ("repeatable-read", "serializable", "snapshot")
# their REPEATABLE READ lets two transactions write from the same old value
WEAK_SNAPSHOTS = ("mysql", "mariadb", "pymysql", "aiomysql", "mysqlclient", "asyncmy")
WAYS = 20  # ways in of a program that is surely one, and no library
JOBS = ("jobs", "job", "cron", "crons", "cronjobs", "scripts", "bin", "tools")
KEYS = ("id", "pk", "uuid")
HOLDING = ("=", "is-null", "in", "<", ">", "<=", ">=", "!=", "not-null")  # what a predicate may compare an old value by


def stopped(operation: Operation, read: Effect | None, write: Effect, system: System) -> Answer:
    """Whether something keeps a second run from coming between a read and a write.

    `read` None: it happened before the function began. UNKNOWN: some callers hold a lock, or none is known that hands
    the row in.
    """
    if single_runner(operation) or versioned(operation, write, system) or outer_guard(operation) == Answer.YES:
        return Answer.YES
    if read is None:
        return handed_in(operation, write, system)
    if serialised(operation, read, write, system) or isolated(operation, read, write):
        return Answer.YES
    return Answer.UNKNOWN if any(c.locks for c in operation.contexts) else Answer.NO


def excluded(operation: Operation, read: Effect, write: Effect, system: System) -> Answer:
    """`stopped`, for a decision over a set of rows: a lock on each of them keeps no new one out, and a snapshot alone
    does not see the other run."""
    if single_runner(operation) or outer_guard(operation) == Answer.YES or serializable(operation, read, write):
        return Answer.YES
    own = (read.number,) if write.verb == "insert" else ()
    if serialised(operation, read, replace(write, locks=tuple(n for n in write.locks if n not in own))):
        return Answer.YES
    held = bool(own) and read.number in write.locks
    return Answer.UNKNOWN if held or any(c.locks for c in operation.contexts) else Answer.NO


def serializable(operation: Operation, read: Effect, write: Effect) -> bool:
    transaction = operation.transaction_of(write) if operation.same_transaction(read, write) else None
    return transaction is not None and "serializable" in transaction.isolation


def handed_in(operation: Operation, write: Effect, system: System) -> Answer:
    """`stopped`, for a row that the caller hands in: what the known callers did to get it decides."""
    if write.locks or reread(operation, write) is not None:
        return Answer.YES
    found = given(write, system)
    if not found:  # what a call brings twice alike stands once: the callers may have another write of the same row
        alike = (e for e in operation.of(Kind.WRITE) if e.rows == write.rows and not e.chain)
        found = [pair for e in alike for pair in given(e, system)]
    if not found:
        return Answer.UNKNOWN
    return Answer.YES if all(held_by_caller(o, e) for o, e in found) else Answer.NO


def given(write: Effect, system: System) -> list[tuple[Operation, Effect]]:
    """A write of a row that is handed in as those callers have it that know which row it is."""
    return [
        (o, e)
        for o, e in system.brought(write)
        if e.rows is not None and not e.rows.root.startswith("parameter:") and o.role != Role.TEST
    ]


def held_by_caller(operation: Operation, write: Effect) -> bool:
    """Whether the row that a caller hands in is new, locked since it was read, or nobody else's."""
    assert write.rows is not None
    kind, _, number = write.rows.root.partition(":")
    if kind == "new" or single_runner(operation) or outer_guard(operation) == Answer.YES:
        return True
    read = operation.effect(int(number)) if kind in ("read", "element") else None
    return read is not None and (serialised(operation, read, write) or isolated(operation, read, write))


def rows_of(source: Source) -> Rows | None:
    """The rows whose column a value was computed from, or None when it is no column of a row."""
    if not source.path:
        return None
    if source.kind == "read":
        return Rows(f"read:{source.number}", source.path[:-1])
    if source.kind == "parameter":
        return Rows(f"parameter:{source.name}", source.path[:-1])
    return None


def serialised(operation: Operation, read: Effect, write: Effect, system: System | None = None) -> bool:
    """Whether one lock is held from the read to the write. A read that locks its own rows counts as the lock; one
    that is let go before the commit is the fault of `lock-released-by-non-owner`."""
    for number in write.locks:
        lock = operation.effect(number)
        if number != read.number and number not in read.locks:
            continue
        if lock is not None and system is not None and one_of_many(lock, read, system):
            continue
        if lock is None or not locks_nothing(lock):
            return True
    return False


def one_of_many(lock: Effect, read: Effect, system: System) -> bool:
    """Whether a locked row only leads to the one that is read, as many others do: each run locks its own seat, and they
    meet at the show."""
    asked = read.predicates
    by = [p for p in asked if p.operator == "=" and p.sources]
    leading = [s for p in by for s in p.sources if lock.gave(s) and len(s.path) == 1]
    if not leading or len(leading) != len(asked) or lock.dataset == read.dataset:
        return False
    held = system.dataset_of(lock)
    keys = {i.columns for i in held.schema.unique_keys()} if held is not None else set()
    return all(s.path[0].endswith("_id") and s.path not in keys for s in leading)


def locks_nothing(lock: Effect) -> bool:
    """Whether a lock is asked for where none is taken: an aggregate locks no rows, nor does a statement outside any
    transaction keep them."""
    if lock.kind != Kind.READ:
        return False
    return lock.transaction is None or (lock.selection is not None and bool(lock.selection.aggregate))


def isolated(operation: Operation, read: Effect, write: Effect) -> bool:
    """Whether both stand in one transaction whose isolation makes the database refuse the second writer."""
    if not operation.same_transaction(read, write):
        return False
    transaction = operation.transaction_of(write)
    if transaction is None or not strong(transaction):
        return False
    return "serializable" in transaction.isolation or write.technology not in WEAK_SNAPSHOTS


def strong(transaction: Transaction) -> bool:
    return any(level in transaction.isolation for level in STRONG)


def versioned(operation: Operation, write: Effect, system: System) -> bool:
    """Whether the write checks that the row is still as it was read: a mapper's version column, or a predicate that
    compares a column which it also sets, or which was read, with the old value. A part of the key names the row, and so
    does what a request gives (``payload.sku``), where nothing else names it."""
    dataset = system.dataset_of(write)
    if dataset is not None and dataset.version_column and kept_by_mapper(write):
        return True
    if write.selection is None:
        return False
    own = {a.column for a in write.assigned}
    key = dataset.schema.primary_key() if dataset is not None else ()
    asked = [p for p in write.selection.predicates if p.operator in HOLDING]
    named = any(p.column in key or not read_before(p.column, p.sources) for p in asked)
    return any(
        p.column not in key
        and (p.column in own or read_before(p.column, p.sources, ("read", "parameter") if named else ("read",)))
        for p in asked
    )


def kept_by_mapper(write: Effect) -> bool:
    """Whether an object's own change is written when its unit of work is: a statement that is sent by itself goes past
    the mapper, and past its version."""
    return write.verb == "save" or not (write.blocking or write.awaited)


def read_before(column: str, sources: tuple[Source, ...], kinds: tuple[str, ...] = ("read", "parameter")) -> bool:
    """Whether a predicate compares a column with what was read of that column (a key, which never changes, does not
    count): of a row that was read, or that is handed in."""
    if column.rpartition(".")[2] in KEYS or column.endswith(("_id", "_uuid", "_key")):
        return False
    return any(s.kind in kinds and s.path[-1:] == (column,) for s in sources)


def reread(operation: Operation, write: Effect) -> Effect | None:
    """The last locking read of the same rows before the write, on every path to it."""
    found = None
    for read in operation.of(Kind.READ):
        if read.selection is None or not read.selection.lock or not operation.before_on_all_paths(read, write):
            continue
        if same_rows(read, write) == Answer.YES and read.number in write.locks:
            found = read
    return found


def single_runner(operation: Operation) -> bool:
    """Whether nothing runs it beside itself: a migration, a command started by hand, a declared single job."""
    if operation.role == Role.SCRIPT and not operation.entries:
        return True
    return bool(operation.entries) and not any(e.concurrent and not is_job(e) for e in operation.entries)


def by_hand(operation: Operation) -> bool:
    """Whether somebody starts it and sees how it goes on: a script that nothing else runs."""
    return operation.role == Role.SCRIPT and all(e.kind == "main" for e in operation.entries)


def is_job(entry: Entry) -> bool:
    """Whether an entry is a program that a scheduler starts, and that ends: it stands among jobs."""
    folders = entry.place.path.split("/")[:-1]
    return entry.kind == "main" and any(f in JOBS or f.endswith(("-scripts", "_scripts")) for f in folders)


def outer_guard(operation: Operation) -> Answer:
    """Whether callers hold a lock round it: YES when all known ones do, UNKNOWN when none is known or only some do."""
    if not operation.contexts:
        return Answer.UNKNOWN
    if all(c.locks for c in operation.contexts):
        return Answer.YES
    return Answer.UNKNOWN if any(c.locks for c in operation.contexts) else Answer.NO


def now(effect: Effect) -> bool:
    """Whether an effect happens where it stands: a deferred one belongs to another run of control."""
    return effect.when == When.NOW


def here(effect: Effect) -> Place:
    """Where an effect stands in this function's own text: a callee's is at its call."""
    return effect.chain[0] if effect.chain else effect.place


def led_to(operation: Operation, system: System) -> bool:
    """Whether a way in is seen to lead to a function, or may lead there: a framework calls it (a serializer's), or it
    is a library's, whose ways in are its callers'."""
    if operation.entries or "validated_data" in operation.parameters:
        return True
    ways = (e for o in system.operations for e in o.entries if e.kind == "request")
    return sum(1 for _ in islice(ways, WAYS)) < WAYS
