"""SQL text at a call: the statement's effects, with its placeholders bound to the call's values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Assignment, Effect, Kind, Option, Predicate, Rows, Source, StoreKind
from datakeel.model.system import Remark
from datakeel.read.program import Span
from datakeel.read.sql.text import Piece, begin_of, marked, statements
from datakeel.read.state import ENDED
from datakeel.read.statement import Assigned, Output, Statement, placeholders, read_statement, unparsed
from datakeel.read.values import HOLE, NOTHING, ExternalTarget, Value, canonical, element

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.libraries import Libraries

VERBS = {
    "insert": (Kind.WRITE, "insert"),
    "upsert": (Kind.WRITE, "upsert"),
    "update": (Kind.WRITE, "update"),
    "delete": (Kind.WRITE, "delete"),
    "merge": (Kind.WRITE, "upsert"),
    "truncate": (Kind.WRITE, "truncate"),
    "copy": (Kind.WRITE, "copy"),
    "select": (Kind.READ, "select"),
    "lock": (Kind.LOCK, "lock"),
    "notify": (Kind.PUBLISH, "notify"),
    "call": (Kind.CALL, "routine"),
}
INSERTS = ("insert", "upsert", "copy")
SAVEPOINTS = ("savepoint", "release", "rollback-to")
STORES = {"cql": StoreKind.WIDE_COLUMN}  # what a dialect is spoken to, where that is no relational database
DEFINES = ("create", "alter", "drop")
NO_STATEMENT = ("no statement", "empty")  # a text of comments, or none


class Begins(Struct, frozen=True):
    """How the first statement on a connection begins a transaction: at which isolation (empty: the store's default),
    and whether only a statement that writes does."""

    isolation: str = ""
    on_write: bool = False


class On(Struct, frozen=True):
    """Where and how a text is executed. `begins` is None where each statement commits by itself, unless a transaction
    was begun."""

    connection: str
    at: Span
    technology: str = ""
    origin: Origin = Origin.RESOLVED
    begins: Begins | None = None
    many: bool = False  # it is executed once for each of several sets of values
    text: str = ""
    store: StoreKind = StoreKind.RELATIONAL
    options: tuple[Option, ...] = ()
    blocking: bool = True  # it holds the thread


def run_sql(caller: Caller, text: Value, given: Value | None, on: On, dialect: str = "postgres") -> Value:
    """Records what a text does; gives the value that its rows have (`of` is one row)."""
    on = replace(on, text=text.text or "", store=STORES.get(dialect, StoreKind.RELATIONAL))
    if text.text is None:
        return unknown(caller, text, on)
    bound = Bound(element(given) if on.many and given is not None else given)
    result = NOTHING
    for number, statement in enumerate(flat(read_statement(text.text, dialect))):
        if statement.note:
            note(caller, text.text, number, statement, on.at)
        result = Running(caller, on, bound, text).run(statement)
    return result


def flat(statement: Statement) -> tuple[Statement, ...]:
    """All statements of a text, in order."""
    return (replace(statement, then=()), *(s for t in statement.then for s in flat(t)))


def note(caller: Caller, text: str, number: int, statement: Statement, at: Span) -> None:
    """Says that the text's statement of that number was not parsed, unless what the program puts in may be why."""
    if statement.note in NO_STATEMENT or marked(text, statement.dialect).holes:
        return
    begin = begin_of(next(islice(statements(text, statement.dialect), number, None), Piece(text, 1)).text)
    caller.world.note(Remark(caller.frame.module.path, at.line, unparsed(statement, begin)))


def unknown(caller: Caller, text: Value, on: On) -> Value:
    """A text that is not known: something is executed."""
    if on.begins is not None and not on.begins.on_write:
        begin(caller, on)
    effect = caller.emit(
        Kind.CALL, "sql", on.at, store=on.store, connection=on.connection, technology=on.technology,
        blocking=on.blocking, origin=max(on.origin, Origin.ASSUMED), payload=tuple(sorted(text.sources)),
    )  # fmt: skip
    sources = frozenset((Source("read", effect.number),))
    rows = Rows(f"read:{effect.number}")
    count = Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))
    return Value(of=Value(type="row", sources=sources, rows=rows), sources=sources, rows=rows, owner=count)


def begin(caller: Caller, on: On) -> int:
    """The transaction that is open, or begins now."""
    isolation = on.begins.isolation if on.begins is not None else ""
    return caller.current(on.connection) or caller.begin("session", on.connection, on.at, isolation)


# Values of placeholders -----------------------------------------------------------------------------------------------


class Bound:
    """The values of a statement's placeholders: by position, by name."""

    def __init__(self, given: Value | None) -> None:
        self.given = given

    def value(self, placeholder: str) -> Value:
        given = self.given
        if given is None:
            return NOTHING
        if placeholder.startswith("?"):
            number = int(placeholder[1:]) - 1
            if given.items is not None:
                return given.items[number] if number < len(given.items) else NOTHING
            return Value(sources=given.sources)
        if given.entries is not None and placeholder[1:] in given.entries:
            return given.entries[placeholder[1:]]
        return Value(sources=given.sources)

    def named(self, text: str) -> tuple[str, tuple[Source, ...]]:
        """A canonical value of the statement in the program's terms, and what it was computed from."""
        if placeholders(text) == (text,):
            value = self.value(text)
            return canonical(value), tuple(sorted(value.sources))
        found = {s for p in placeholders(text) for s in self.value(p).sources}
        return ("" if placeholders(text) else text), tuple(sorted(found))

    def predicate(self, found: Predicate) -> Predicate:
        value, sources = self.named(found.value)
        return replace(found, value=value, sources=sources)

    def assignment(self, found: Assigned) -> Assignment:
        values = [self.value(p) for p in found.operands]
        sources = {s for v in values for s in v.sources}
        how = found.how
        text = found.value if found.how == "constant" else ""
        if how == "value" and not found.ahead and len(values) == 1 and values[0].known:
            how, text = "constant", f"const:{values[0].const!r}"
        return Assignment(found.column, how, tuple(sorted(sources)), text=text)

    def inserted(self, statement: Statement, read: Mapping[int, int]) -> tuple[Assignment, ...]:
        """The columns of an insert: those of its first row stand for all; what it sets on a conflict stands before
        what it would insert. `read`: the effects of its parts, which a query among them gives the rows from."""
        row = statement.rows[0] if statement.rows else ()
        first = [self.assignment(replace(v, column=c)) for c, v in zip(statement.columns, row, strict=False)]
        if not row:
            at = len(statement.parts) - 1
            query = statement.parts[at] if at in read else None
            given = query.outputs if query is not None else ()
            outputs = given if len(given) == len(statement.columns) else (Output(""),) * len(statement.columns)
            table = query.table if query is not None else ""
            first = [selected(c, o, table, read.get(at, -1)) for c, o in zip(statement.columns, outputs, strict=True)]
        then = [self.assignment(a) for a in statement.assigned]
        named = {a.column for a in then}
        return (*(a for a in first if a.column not in named), *then)


def selected(column: str, output: Output, table: str, read: int) -> Assignment:
    """A column of an insert that a query fills: by a column that it reads, or by what the store computes of some."""
    if output.value.startswith("column:"):
        owner, _, name = output.value[7:].rpartition(".")
        path = (name,) if owner in ("", table) else (owner, name)
        return Assignment(column, "derived", (Source("read", read, "", path),))
    if output.value.startswith("expr:"):
        return Assignment(column, "derived", (Source("read", read),))
    return Assignment(column, "unknown")


# One statement --------------------------------------------------------------------------------------------------------


class Running:
    """One statement that is executed."""

    def __init__(self, caller: Caller, on: On, bound: Bound, text: Value) -> None:
        self.caller = caller
        self.on = on
        self.bound = bound
        self.text = text

    def run(self, statement: Statement) -> Value:
        verb = statement.verb
        caller, on = self.caller, self.on
        if verb in ("commit", "rollback"):
            caller.end(Kind(verb), on.connection, on.at, on.origin)
            return NOTHING
        if verb == "prepare":
            self.other(statement)
            caller.state.transactions[on.connection] = ENDED
            return NOTHING
        if verb == "begin":
            caller.begin("session", on.connection, on.at, statement.isolation, read_only=statement.read_only)
            return NOTHING
        if verb == "set-isolation":
            self.isolate(statement)
            return NOTHING
        self.use(statement)
        if verb in SAVEPOINTS:
            return NOTHING
        read: dict[int, int] = {}
        for at, part in enumerate(statement.parts):
            other = part.verb != "select" or part.table != statement.table
            if part.verb in VERBS and part.table and (other or picks(part, statement)):
                read[at] = self.effect(part).number
        if verb == "unlock":
            name, sources = self.bound.named(statement.key)
            unlocked(caller, name, sources, on)
            return NOTHING
        if verb not in VERBS:
            self.other(statement)
            return NOTHING
        effect = self.effect(statement, read)
        if effect.kind == Kind.LOCK or (effect.selection is not None and effect.selection.lock):
            caller.state.locks = (*caller.state.locks, effect.number)
        return given_back(effect, statement)

    def isolate(self, statement: Statement) -> None:
        """``SET TRANSACTION ISOLATION LEVEL …``: the open transaction's, or the one that begins with it."""
        number = begin(self.caller, self.on)
        known = self.caller.transactions.get(number)
        if known is not None:
            self.caller.transactions[number] = replace(
                known, isolation=statement.isolation, read_only=statement.read_only
            )

    def use(self, statement: Statement) -> None:
        """The first statement begins a transaction, where the connection does that."""
        begins = self.on.begins
        if begins is None or statement.verb in ("", "set"):
            return
        kind = VERBS.get(statement.verb, (Kind.CALL, ""))[0]
        if not begins.on_write or kind == Kind.WRITE:
            begin(self.caller, self.on)

    def other(self, statement: Statement) -> None:
        """A statement that neither reads nor writes rows: DDL, settings, LISTEN."""
        if not statement.verb:
            return
        on = self.on
        kind = Kind.ALTER if statement.verb.startswith(DEFINES) else Kind.CALL
        self.caller.emit(
            kind, statement.verb, on.at, store=on.store, connection=on.connection, technology=on.technology,
            dataset=statement.table, text=on.text, origin=on.origin, blocking=on.blocking,
        )  # fmt: skip

    def effect(self, statement: Statement, read: Mapping[int, int] | None = None) -> Effect:
        caller, on, bound = self.caller, self.on, self.bound
        kind, verb = VERBS[statement.verb]
        if statement.verb == "copy" and statement.option("direction") == "to":
            kind = Kind.READ
        selection = replace(
            statement.selection,
            predicates=tuple(bound.predicate(p) for p in statement.selection.predicates),
            complete=statement.selection.complete and HOLE not in on.text,
        )
        assigned = tuple(bound.assignment(a) for a in statement.assigned)
        name, sources = bound.named(statement.key) if statement.key else (None, ())
        return caller.emit(
            kind,
            verb,
            on.at,
            store=on.store,
            connection=on.connection,
            technology=on.technology,
            dataset=statement.table if kind != Kind.LOCK or statement.table else "advisory",
            selection=selection,
            assigned=bound.inserted(statement, read or {}) if statement.verb in INSERTS else assigned,
            rows=Rows(f"{'new' if verb == 'insert' else 'read'}:{caller.upcoming()}"),
            conflict=statement.conflict,
            text=on.text,
            origin=on.origin,
            blocking=on.blocking,
            key=name,
            key_sources=sources,
            options=(
                *on.options,
                *lock_options(statement),
                *cassandra_options(statement, bound),
                *moments(statement, bound),
            ),
            payload=tuple(sorted(self.text.sources)) if kind in (Kind.CALL, Kind.PUBLISH) else (),
        )


def lock_options(statement: Statement) -> tuple[Option, ...]:
    """How long a lock is held (transaction or session), and whether it is only tried."""
    if statement.verb != "lock":
        return ()
    return (Option("scope", repr(statement.scope or "transaction")), Option("try", repr(statement.trying)))


def cassandra_options(statement: Statement, bound: Bound) -> Iterator[Option]:
    """What CQL adds to a statement: whether it looks at rows that it then leaves out, its condition, how long what it
    writes lives, and from which time on (of a single value its source)."""
    told = dict(statement.options)
    if "allow-filtering" in told:
        yield Option("allow-filtering", "True")
    if "if" in told:
        yield Option("if", told["if"], word="condition")
    if "ttl" in told:
        yield Option("ttl", told["ttl"], word="expiry", unit="s")
    if "timestamp" in told:
        text, sources = bound.named(told["timestamp"])
        yield Option("timestamp", text, word="write-time", source=sources[0] if len(sources) == 1 else None)


def moments(statement: Statement, bound: Bound) -> Iterator[Option]:
    """How far ahead the moments lie that a statement writes, each under its column's name."""
    for assigned in statement.assigned:
        if assigned.ahead:
            text, sources = bound.named(assigned.ahead)
            value = text.removeprefix("const:") if text.startswith("const:") else ""
            source = sources[0] if not value and len(sources) == 1 else None
            yield Option(assigned.column, value, word="ahead", unit=assigned.unit, source=source)


def picks(part: Statement, statement: Statement) -> bool:
    """Whether a subquery picks the rows of its own table that the statement changes: the first, of those in a state."""
    picked = part.selection.limit is not None and bool(part.selection.predicates)
    return statement.verb in ("update", "delete") and part.table == statement.table and picked


def given_back(effect: Effect, statement: Statement) -> Value:
    """What a cursor then holds: rows whose columns come from this effect."""
    count = Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))
    if statement.verb != "select" and not statement.returning:
        return Value(owner=count, sources=count.sources)
    rows, sources = Rows(f"read:{effect.number}"), frozenset((Source("read", effect.number),))
    outputs = statement.outputs or tuple(Output(name) for name in statement.returning)
    columns = {o.name: column(effect, statement, o) for o in outputs if o.name and o.name != "*"}
    exact = bool(outputs) and len(columns) == len(outputs)
    row = Value(
        type="row", rows=rows, sources=sources, items=tuple(columns.values()) if exact else None, entries=columns,
        complete=False,
    )  # fmt: skip
    return Value(of=row, sources=sources, rows=rows, owner=count)


def column(effect: Effect, statement: Statement, output: Output) -> Value:
    """One column of a result: which column of which table it is, where it is one."""
    path: tuple[str, ...] = (output.name,)
    if output.value.startswith("column:"):
        table, _, name = output.value[7:].rpartition(".")
        path = (name,) if table in ("", statement.table) else (table, name)
    elif output.value and statement.verb == "select":
        path = ()  # computed by the store
    rows = Rows(f"read:{effect.number}", path or (output.name,))
    return Value(sources=frozenset((Source("read", effect.number, "", path),)), rows=rows)


# Advisory locks -------------------------------------------------------------------------------------------------------


def advisory(caller: Caller, name: str, key: str, sources: tuple[Source, ...], on: On) -> Effect:
    """A function of the store that takes or gives back an advisory lock; any other is a call of a routine."""
    statement = read_statement(f"SELECT {name}(1)")
    common = {"store": StoreKind.RELATIONAL, "connection": on.connection, "technology": on.technology}
    if statement.verb == "unlock":
        return unlocked(caller, key, sources, on)
    if statement.verb != "lock":
        return caller.emit(Kind.CALL, "routine", on.at, text=name, blocking=on.blocking, origin=on.origin, **common)  # type: ignore[arg-type]
    effect = caller.emit(
        Kind.LOCK, "lock", on.at, dataset="advisory", key=key, key_sources=sources, selection=statement.selection,
        options=lock_options(statement), text=name, blocking=on.blocking, origin=on.origin, **common,  # type: ignore[arg-type]
    )  # fmt: skip
    caller.state.locks = (*caller.state.locks, effect.number)
    return effect


def unlocked(caller: Caller, key: str | None, sources: tuple[Source, ...], on: On) -> Effect:
    """The advisory lock of that key is given back."""
    effect = caller.emit(
        Kind.UNLOCK, "advisory", on.at, store=StoreKind.RELATIONAL, connection=on.connection, technology=on.technology,
        key=key, key_sources=sources, dataset="advisory", origin=on.origin,
    )  # fmt: skip
    held = {e.number for e in caller.effects if e.kind == Kind.LOCK and e.connection == on.connection and e.key == key}
    caller.state.locks = tuple(n for n in caller.state.locks if n not in held)
    return effect


# What a connection's options say --------------------------------------------------------------------------------------

LEVELS = {0: "autocommit", 1: "read-committed", 2: "repeatable-read", 3: "serializable", 4: "read-uncommitted"}


def begins(libraries: Libraries, value: Value | None) -> Begins | None:
    """How the connection that an object (a cursor, a pool's connection) belongs to begins transactions."""
    for _ in range(8):
        if value is None:
            return None
        row = libraries.type(value.type) if value.type else None
        if row is not None and row.implicit_transaction:
            options = value.options or {}
            if value.owner is not None and value.owner.options:  # a pool's: what it makes its connections with
                made_with = value.owner.options.get("kwargs")
                options = {**((made_with.entries or {}) if made_with is not None else {}), **options}
            level = level_of(options.get("isolation_level"))
            if (
                level == "autocommit"
                or is_on(options.get("autocommit"))
                or (row.dialect == "sqlite" and level == "none")
            ):
                return None
            return Begins("" if level == "none" else level, row.begins_on == "write")
        value = value.owner
    return None


def is_on(value: Value | None) -> bool:
    return value is not None and value.known and bool(value.const)


def level_of(value: Value | None) -> str:
    """An isolation level in the model's words, however a driver spells it."""
    if value is None:
        return ""
    if isinstance(value.const, int) and not isinstance(value.const, bool):
        return LEVELS.get(value.const, "")
    if value.known and value.const is None:
        return "none"
    name = value.text or (value.target.dotted.rpartition(".")[2] if isinstance(value.target, ExternalTarget) else "")
    return name.lower().removeprefix("isolation_level_").replace("_", "-").replace(" ", "-")
