"""SQL text at a call: the statement's effects, with its placeholders bound to the call's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Assignment, Cardinality, Effect, Kind, Predicate, Rows, Source, StoreKind
from datakeel.read.program import Span
from datakeel.read.state import ENDED
from datakeel.read.statement import Assigned, Statement, placeholders, read_statement
from datakeel.read.values import HOLE, NOTHING, Value, canonical

if TYPE_CHECKING:
    from datakeel.read.calls import Caller

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
        if text.startswith(("?", ":")) and len(placeholders(f"expr:{text}")) == 1:
            value = self.value(text)
            return canonical(value), tuple(sorted(value.sources))
        found = {s for p in placeholders(text) for s in self.value(p).sources}
        return ("" if placeholders(text) else text), tuple(sorted(found))


def run_sql(caller: Caller, text: Value, given: Value | None, connection: str, at: Span, *, many: bool = False, dialect: str = "postgres",
            technology: str = "", origin: Origin = Origin.RESOLVED, implicit: bool = False) -> Value:  # fmt: skip
    """Records what a statement does; gives the value that its rows have (`of` is one row)."""
    if text.text is None:
        caller.emit(
            Kind.CALL, "sql", at, store=StoreKind.RELATIONAL, connection=connection, technology=technology, blocking=True,
            origin=max(origin, Origin.ASSUMED), payload=tuple(sorted(text.sources)),
        )  # fmt: skip
        return Value(sources=text.sources)
    statement = read_statement(text.text, dialect)
    bound = Bound(given)
    result = NOTHING
    while True:
        result = one(caller, statement, bound, connection, at, many, technology, origin, text, implicit)
        if not statement.then:
            return result
        statement = replace(statement.then[0], then=statement.then[1:] or statement.then[0].then)


def one(caller: Caller, statement: Statement, bound: Bound, connection: str, at: Span, many: bool, technology: str, origin: Origin,
        text: Value, implicit: bool) -> Value:  # fmt: skip
    verb = statement.verb
    if verb in ("commit", "rollback"):
        caller.end(Kind(verb), connection, at, origin)
        return NOTHING
    if verb == "prepare":
        caller.emit(Kind.CALL, verb, at, store=StoreKind.RELATIONAL, connection=connection, technology=technology,
                    text=text.text, origin=origin, blocking=True)  # fmt: skip
        caller.state.transactions[connection] = ENDED
        return NOTHING
    if verb == "begin":
        caller.begin("session", connection, at, statement.isolation, read_only=statement.read_only)
        return NOTHING
    if verb == "set-isolation":
        current = caller.use(connection, at)
        caller.transactions[current] = replace(caller.transactions[current], isolation=statement.isolation)
        return NOTHING
    if implicit and verb not in ("", "set"):
        caller.use(connection, at)
    for part in statement.parts:
        if part.verb in VERBS and part.table and (part.verb != "select" or part.table != statement.table):
            effect_of(caller, part, bound, connection, at, many, technology, origin, text)
    if verb == "unlock":
        unlock(caller, statement, bound, connection, at)
        return NOTHING
    if verb not in VERBS:
        if verb:
            kind = Kind.ALTER if verb.startswith(("create", "alter", "drop")) else Kind.CALL
            caller.emit(kind, verb, at, store=StoreKind.RELATIONAL, connection=connection, technology=technology, dataset=statement.table,
                        text=text.text or "", origin=origin, blocking=True)  # fmt: skip
        return NOTHING
    effect = effect_of(caller, statement, bound, connection, at, many, technology, origin, text)
    if effect.kind == Kind.LOCK or (effect.selection is not None and effect.selection.lock):
        caller.state.locks = (*caller.state.locks, effect.number)
    return given_back(effect, statement)


def effect_of(caller: Caller, statement: Statement, bound: Bound, connection: str, at: Span, many: bool, technology: str,
              origin: Origin, text: Value) -> Effect:  # fmt: skip
    kind, verb = VERBS[statement.verb]
    selection = replace(
        statement.selection,
        predicates=tuple(predicate(p, bound) for p in statement.selection.predicates),
        complete=statement.selection.complete and HOLE not in (text.text or ""),
    )
    if statement.verb in ("insert", "upsert", "copy"):
        assigned = inserted(statement, bound)
    else:
        assigned = tuple(assignment(a, bound) for a in statement.assigned)
    number = caller._number + 1
    rows = Rows(f"{'new' if verb == 'insert' else 'read'}:{number}")
    name, sources = bound.named(statement.key) if statement.key else (None, ())
    return caller.emit(
        kind, verb, at, store=StoreKind.RELATIONAL, connection=connection, technology=technology,
        dataset=statement.table if kind != Kind.LOCK or statement.table else statement.name or "advisory",
        selection=selection, assigned=assigned, rows=rows,
        conflict=statement.conflict, text=text.text or "", origin=origin, blocking=True,
        key=name, key_sources=sources,
        payload=tuple(sorted(text.sources)) if kind == Kind.CALL else (),
    )  # fmt: skip


def predicate(found: Predicate, bound: Bound) -> Predicate:
    value, sources = bound.named(found.value)
    return replace(found, value=value, sources=sources)


def assignment(found: Assigned, bound: Bound) -> Assignment:
    sources = {s for p in found.operands for s in bound.value(p).sources}
    values = [bound.value(p) for p in found.operands]
    how = found.how
    text = found.value if found.how == "constant" else ""
    if how == "value" and len(values) == 1 and values[0].known:
        how, text = "constant", f"const:{values[0].const!r}"
    return Assignment(found.column, how, tuple(sorted(sources)), text=text)


def inserted(statement: Statement, bound: Bound) -> tuple[Assignment, ...]:
    """The columns of an insert: those of its first row stand for all; on a conflict what it then sets."""
    row = statement.rows[0] if statement.rows else ()
    first = [assignment(replace(v, column=c), bound) for c, v in zip(statement.columns, row, strict=False)]
    if not row:
        first = [Assignment(c, "unknown") for c in statement.columns]
    named = {a.column for a in first}
    return (*first, *(assignment(a, bound) for a in statement.assigned if a.column not in named))


def unlock(caller: Caller, statement: Statement, bound: Bound, connection: str, at: Span) -> None:
    name, sources = bound.named(statement.key)
    caller.emit(
        Kind.UNLOCK, "advisory", at, store=StoreKind.RELATIONAL, connection=connection, key=name, key_sources=sources
    )
    held = {e.number for e in caller.effects if e.kind == Kind.LOCK and e.connection == connection and e.key == name}
    caller.state.locks = tuple(n for n in caller.state.locks if n not in held)


def given_back(effect: Effect, statement: Statement) -> Value:
    """What a cursor then holds: rows whose columns come from this effect."""
    source = Source("read", effect.number)
    if statement.verb != "select" and not statement.returning:
        count = Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))
        return Value(owner=count, sources=count.sources)
    names = [o.name for o in statement.outputs] or list(statement.returning)
    columns = tuple(
        Value(sources=frozenset((Source("read", effect.number, "", (n,)),)), rows=Rows(f"read:{effect.number}", (n,)))
        for n in names
        if n != "*"
    )
    exact = bool(names) and "*" not in names
    row = Value(
        type="row", rows=Rows(f"read:{effect.number}"), sources=frozenset((source,)),
        items=columns if exact else None, entries=None,
    )  # fmt: skip
    count = Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))
    return Value(of=row, sources=frozenset((source,)), rows=Rows(f"read:{effect.number}"), owner=count)


def bounded(statement: Statement) -> bool:
    return statement.selection.limit is not None or statement.selection.cardinality == Cardinality.ONE
