"""`error-swallowed-in-transaction`: a failure is caught inside the transaction, which then commits half done, or is
dead."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from msgspec.structs import replace

from datakeel.finding import Change, Fix, Severity
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Handler, Operation, Transaction
from datakeel.model.system import System
from datakeel.rules.facts.dependence import amends, moves, owns, replaces
from datakeel.rules.facts.duplicates import WIDE
from datakeel.rules.facts.guards import now
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import half_done

DATABASE_ERRORS = (
    "IntegrityError",
    "UniqueViolation",
    "UniqueViolationError",
    "ForeignKeyViolation",
    "ForeignKeyViolationError",
    "NotNullViolation",
    "CheckViolation",
    "ExclusionViolation",
    "IntegrityConstraintViolationError",
    "DatabaseError",
    "OperationalError",
    "DataError",
    "InternalError",
    "DBAPIError",
    "SQLAlchemyError",
)
DRIVERS = (
    "MySQLdb",
    "aiomysql",
    "aiopg",
    "aiosqlite",
    "asyncpg",
    "cx_Oracle",
    "databases",
    "django",
    "mysql",
    "oracledb",
    "peewee",
    "psycopg",
    "psycopg2",
    "pymssql",
    "pymysql",
    "pyodbc",
    "sqlalchemy",
    "sqlite3",
    "tortoise",
)
GOING_ON = frozenset(("mysql", "mariadb", "sqlite"))  # whose transaction goes on where one statement of it was refused
SENT = (Kind.READ, Kind.WRITE)
NEAR = 3  # calls to a change that a handler is for
FEW = 12  # writes of one try that are held against each other
NAMED = 3  # datasets that a message names


@rule(Severity.CRITICAL, sure=False)
def error_swallowed_in_transaction(operation: Operation, system: System) -> Iterator[Hit]:
    """An exception is caught inside a transaction, and the transaction goes on as if nothing had happened."""
    for handler in operation.handlers:
        if "raise" in handler.does or not (narrow(handler) or wide(handler)):
            continue
        writes = [e for e in operation.effects if sends(e) and within(e, handler) and now(e) and not saved(e, handler)]
        if narrow(handler):
            writes = [e for e in writes if refusable(e, handler, system)]
        transaction = outer_transaction(operation, writes, handler)
        if transaction is None or rolled_back(operation, handler, transaction):
            continue
        if narrow(handler):
            failed = refused(operation, writes[0])
            goes_on = later(operation, transaction, handler, {failed.number}) or next_turn(failed, transaction, handler)
            if goes_on is not None:
                yield aborted(operation, transaction, handler, failed, goes_on)
            continue
        pairs = [(a, b) for a, b in combinations(writes[:FEW], 2) if belong(operation, a, b)]
        if pairs:
            yield half(operation, transaction, handler, writes, moved=any(moves(a, b) for a, b in pairs))


def sends(effect: Effect) -> bool:
    """Whether an effect sends a change to the database, which may refuse it: a write, or the flush of those before
    it."""
    return effect.store == StoreKind.RELATIONAL and (effect.kind == Kind.WRITE or effect.verb == "flush")


def refusable(sent: Effect, handler: Handler, system: System) -> bool:
    """Whether the database may refuse a change whose failure the handler is for: one near by, and where it waits for a
    broken constraint, one that some constraint speaks of. (Those that Django makes of references are asked at the
    commit.)"""
    dataset = system.dataset_of(sent)
    if len(sent.chain) > NEAR or {sent.technology, dataset.technology if dataset is not None else ""} & GOING_ON:
        return False
    if any("Integrity" not in name for name in handler.exceptions):
        return True
    if sent.verb == "delete":
        return sent.technology != "django"
    if sent.verb not in ("update", "save") or sent.whole_row or dataset is None or not dataset.columns_complete:
        return True
    held = {c for key in dataset.schema.unique_keys() for c in key.reads()}
    return any(a.column in held or plain(dataset, a.column) is None for a in sent.assigned)


def plain(dataset: Dataset, name: str) -> Column | None:
    """A column that no constraint speaks of, but for what type it is of."""
    column = dataset.column(name)
    told = any(name in c.text for c in dataset.schema.constraints)
    return column if column is not None and column.nullable and not column.references and not told else None


def refused(operation: Operation, sent: Effect) -> Effect:
    """The write that the database refuses: for a flush, the last one before it."""
    if sent.kind == Kind.WRITE:
        return sent
    earlier = [e for e in operation.of(Kind.WRITE) if e.number < sent.number and e.transaction == sent.transaction]
    return earlier[-1] if earlier else sent


def narrow(handler: Handler) -> bool:
    """Whether it catches an error of the database by name: the transaction is broken by then. A project has a
    ``DataError`` of its own, for what a form gives."""
    return any(
        n.rpartition(".")[2] in DATABASE_ERRORS and n.partition(".")[0] in (*DRIVERS, "?", n)
        for n in handler.exceptions
    )


def wide(handler: Handler) -> bool:
    return not handler.exceptions or any(n.rpartition(".")[2] in WIDE for n in handler.exceptions)


def within(effect: Effect, handler: Handler) -> bool:
    return any(s.number == handler.number and s.arm == "body" for s in effect.scopes)


def saved(effect: Effect, handler: Handler) -> bool:
    """Whether a savepoint, or a transaction of its own, stands between the try and the effect."""
    inside = False
    for scope in effect.scopes:
        if inside and scope.kind in ("savepoint", "transaction"):
            return True
        inside = inside or scope.number == handler.number
    return False


def outer_transaction(operation: Operation, writes: list[Effect], handler: Handler) -> Transaction | None:
    """The transaction that is open round the try, and goes on behind it."""
    for write in writes:
        found = operation.transaction_of(write)
        if found is not None and found.number > 0 and outlasts(operation, found, handler):
            return found
    return None


def outlasts(operation: Operation, transaction: Transaction, handler: Handler) -> bool:
    """Whether a transaction is still open behind the try: its scope stands round it, or it is used there."""
    if any(s.kind == "transaction" and s.number == transaction.number for s in handler.scopes):
        return True
    mine = [e for e in operation.effects if e.transaction == transaction.number]
    last = max((e.number for e in mine if within(e, handler)), default=0)
    if any(e.kind == Kind.COMMIT and within(e, handler) for e in mine):
        return False
    return any(e.number > last and (handler.falls or in_handler(e, handler)) for e in mine)


def rolled_back(operation: Operation, handler: Handler, transaction: Transaction) -> bool:
    """Whether the handler undoes the transaction, or its part of it."""
    partly = [e for e in operation.of(Kind.CALL) if e.verb == "rollback-to-savepoint"]
    return any(in_handler(e, handler) for e in (*operation.of(Kind.ROLLBACK), *partly))


def in_handler(effect: Effect, handler: Handler) -> bool:
    return any(s.number == handler.number and s.arm == handler.arm for s in effect.scopes)


def later(operation: Operation, transaction: Transaction, handler: Handler, given: set[int]) -> Effect | None:
    """What the transaction still does after the failure, in the handler or behind the try, or before it and then
    loses."""
    for effect in operation.effects:
        if effect.transaction != transaction.number or effect.store != StoreKind.RELATIONAL or within(effect, handler):
            continue
        if effect.number in given or effect.kind not in ((Kind.WRITE,) if effect.number < min(given) else SENT):
            continue
        if in_handler(effect, handler) or handler.falls:
            return effect
    return None


def next_turn(failed: Effect, transaction: Transaction, handler: Handler) -> Effect | None:
    """The refused write itself, where a loop inside the transaction sends it once more, for its next element."""
    turns = (s for s in handler.scopes if s.kind == "loop" and s.number > transaction.number)
    on = handler.falls or "continue" in handler.does
    return failed if on and any(s in failed.scopes for s in turns) else None


def aborted(operation: Operation, transaction: Transaction, handler: Handler, failed: Effect, other: Effect) -> Hit:
    begin = transaction.place or operation.place
    before = other.number < failed.number
    what = other.dataset or "its other work"
    if other is failed:
        what = f"the next row of {what}"
    message = (
        f"when {failed.dataset or 'the write'} is refused, what was written to {what} before is lost "
        "without a word: the "
        "transaction is aborted, and its commit is a rollback"
        if before
        else f"when {failed.dataset or 'the write'} is refused, the transaction is aborted: {what} "
        "fails behind it, and all is lost"
    )
    return Hit(
        place=handler.place,
        message=message,
        story=half_done(begin, failed, handler.place, other),
        rests_on=(failed,),
        datasets=tuple(dict.fromkeys(d for d in (failed.dataset, other.dataset) if d)),
        fix=replace(cure(failed), changes=(Change("savepoint", handler.place, failed.technology),)),
    )


def half(operation: Operation, transaction: Transaction, handler: Handler, writes: list[Effect], *, moved: bool) -> Hit:
    begin = transaction.place or operation.place
    names = list(dict.fromkeys(w.dataset for w in writes if w.dataset))
    said = ", ".join(names[:NAMED]) or "this block"
    return Hit(
        place=handler.place,
        message=f"a failure between the writes of {said} is caught inside the transaction, which then commits half",
        story=half_done(begin, writes[-1], handler.place, writes[0]),
        rests_on=tuple(writes[:2]),
        doubts=1 if moved else 2,  # an amount is gone; other halves are mostly made good, or the database refuses both
        datasets=tuple(names),
        fix=cure(writes[0]),
    )


def belong(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether the one write without the other is wrong: of rows that have nothing to do with each other, those that are
    written are right by themselves."""
    return bool(
        replaces(operation, first, second) or moves(first, second) or owns(first, second) or amends(first, second)
    )


def cure(failed: Effect) -> Fix:
    texts = {
        "django": "try:\n    with transaction.atomic():  # a savepoint: only this is undone\n        "
        "…\nexcept IntegrityError:\n    …",
        "sqlalchemy": "try:\n    with session.begin_nested():  # a savepoint\n        …\nexcept "
        "IntegrityError:\n    …\n"
        "# or, in the handler: session.rollback()",
    }
    sql = "SAVEPOINT before_it; …; -- on failure: ROLLBACK TO SAVEPOINT before_it"
    return Fix(title="put the part that may fail into a savepoint, or let the failure leave the transaction",
               text=texts.get(failed.technology, sql))  # fmt: skip
