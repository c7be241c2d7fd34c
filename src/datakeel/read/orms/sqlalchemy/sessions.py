"""Sessions, connections, engines and what makes them: what is called on them, and where their transactions end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Kind, Rows, Source, StoreKind
from datakeel.read.contexts import Opening
from datakeel.read.libraries import Opens, TypeRow
from datakeel.read.orms.sqlalchemy.executions import Executions
from datakeel.read.orms.sqlalchemy.mapped import Mapped
from datakeel.read.orms.sqlalchemy.objects import Objects
from datakeel.read.orms.sqlalchemy.plan import (
    CONNECTION,
    DRIVER,
    ENGINE,
    FACTORY,
    FLASK,
    QUERY,
    REGISTRY,
    RESULT,
    ROW,
    SAVEPOINT,
    SESSION,
    TRANSACTION,
    Eager,
    Plan,
    true,
)
from datakeel.read.orms.sqlalchemy.transactions import AUTOCOMMIT, Transactions, given_isolation, spelled
from datakeel.read.program import Span, With
from datakeel.read.querying import On, run_sql
from datakeel.read.state import ENDED
from datakeel.read.symbols import ClassInfo, Constant, External
from datakeel.read.values import NONE, NOTHING, Arguments, ClassTarget, Value, element

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

RUNS = {"execute": "result", "scalars": "scalars", "scalar": "scalar", "exec": "exec", "stream": "result",
        "stream_scalars": "scalars"}  # fmt: skip
KINDS = {"sqlalchemy.Select": "select", "sqlalchemy.Insert": "insert", "sqlalchemy.Update": "update",
         "sqlalchemy.Delete": "delete"}  # fmt: skip
QUIET = frozenset(("in_transaction", "get_bind", "is_modified", "info", "expire_all"))
FLASK_READS = frozenset(("get_or_404", "first_or_404", "one_or_404", "paginate"))
CALLED = frozenset(("db", "session", "dbsession", "db_session"))
PROOF = frozenset(("query", "execute", "scalars", "scalar", "get", "add", "delete", "refresh", "merge"))


class Sessions:
    """What is called on sessions, connections, engines and factories of sessions."""

    def __init__(self, world: World, executions: Executions, objects: Objects, transactions: Transactions) -> None:
        self.world = world
        self.executions = executions
        self.objects = objects
        self.transactions = transactions

    # Making them ------------------------------------------------------------------------------------------------------

    def made(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        """``SessionLocal()``: a factory's session; a registry gives the same one every time."""
        if not function.type:
            return None
        if self.transactions.is_a(function.type, REGISTRY):
            return function.but(target=None)
        if not self.transactions.is_a(function.type, FACTORY):
            return None
        return self.session_of(caller, function, arguments, at)

    def session_of(self, caller: Caller, factory: Value, arguments: Arguments, at: Span) -> Value:
        options = {**(factory.options or {}), **arguments.keywords}
        given = options.get("class_")
        kind = given.name if given is not None and isinstance(given.target, ClassTarget) else ""
        held = factory.of.type if factory.of is not None else ""
        name = kind or (held if self.transactions.is_session(held) else SESSION)
        number = caller.next()
        caller.add_resource(number, "session", "sqlalchemy", name, options, arguments, at, "")
        return Value(type=name, rows=Rows(f"new:{number}"), options=options, origin=factory.origin)

    def engine_call(
        self, caller: Caller, engine: Value, name: str, arguments: Arguments, at: Span
    ) -> Value | None:  # fmt: skip
        """What an engine gives."""
        match name:
            case "connect":
                return self.connection_of_engine(caller, engine, arguments, at)
            case "raw_connection":
                return self.connection_of_engine(caller, engine, arguments, at).but(type=DRIVER)
            case "begin":
                made = self.connection_of_engine(caller, engine, arguments, at)
                caller.released(made, at, always=True)
                return made.but(state=self.opening("transaction", made, at))
            case "execution_options":
                return engine.but(options={**(engine.options or {}), **arguments.keywords})
            case "execute" | "scalar":  # each statement commits by itself
                own = Value(type=CONNECTION, rows=engine.rows, options={"isolation_level": Value(const=AUTOCOMMIT)})
                return self.run(caller, own, name, arguments, at)
        return None

    def connection_of_engine(self, caller: Caller, engine: Value, arguments: Arguments, at: Span) -> Value:
        number = caller.next()
        options = dict(engine.options or {})
        caller.add_resource(number, "loan", "sqlalchemy", CONNECTION, options, arguments, at, "")
        return Value(type=CONNECTION, rows=Rows(f"new:{number}"), options=options, origin=engine.origin)

    def opening(self, scope: str, session: Value, at: Span) -> object:
        return Opening(Opens(scope, "self"), TypeRow(), Arguments(), session, at)

    # Calls ------------------------------------------------------------------------------------------------------------

    def proven(self, caller: Caller, receiver: Value, name: str, arguments: Arguments) -> bool:
        """Whether an object of unknown type is a session by what it is given: a mapped class, a statement, a mapped
        object; or was so before."""
        sure = receiver.type and receiver.origin == Origin.RESOLVED
        if sure or receiver.rows is None or receiver.state is not None:
            return False
        mark = (receiver.rows, "$session")
        if mark in caller.state.heap:
            return True
        if name not in PROOF or not arguments.positional:
            return False
        if not self.about_rows(receiver.rows, name, arguments.positional[0]):
            return False
        caller.state.heap[mark] = NONE
        return True

    def about_rows(self, receiver: Rows, name: str, value: Value) -> bool:
        mappings = self.objects.mappings
        if name in ("add", "delete", "refresh", "merge"):  # sets and repositories take objects too
            called = (receiver.path[-1] if receiver.path else receiver.root.rpartition(":")[2]).lstrip("_")
            return called in CALLED and bool(value.type) and mappings.mapped(value.type) is not None
        if isinstance(value.state, Plan):
            return name != "get"
        if isinstance(value.target, ClassTarget):
            return name in ("query", "get") and mappings.mapped(value.target.cls.name) is not None
        return name == "query" and self.executions.statements.entity(value) is not None

    def call(self, caller: Caller, session: Value, name: str, arguments: Arguments, at: Span) -> Value | None:
        """A method of a session or connection; None where the model has nothing to say of it."""
        connection = self.transactions.connection(caller, session)
        match name:
            case "commit" | "rollback":
                return self.ended(caller, session, name, at)
            case "in_nested_transaction":  # as far as this function and its callees open one
                return Value(const=any(s.kind == "savepoint" for s in caller.state.scopes))
            case "begin_nested":
                self.transactions.begun(caller, session, connection, at)
                return Value(type=SAVEPOINT, owner=session, state=self.opening("savepoint", session, at))
            case "begin":
                return Value(type=TRANSACTION, owner=session, state=self.opening("transaction", session, at))
            case "query":
                return self.query(session, connection, arguments)
            case "execute" | "scalars" | "scalar" | "exec" | "stream" | "stream_scalars" | "exec_driver_sql":
                return self.run(caller, session, name, arguments, at)
            case "get" | "get_one":
                return self.get(caller, session, arguments, at)
            case "refresh":
                return self.objects.refresh(caller, session, connection, arguments, at)
            case "add" | "add_all" | "bulk_save_objects" | "merge" | "delete" | "expunge" | "expunge_all":
                return self.objects.call(caller, session, connection, name, arguments, at)
            case "bulk_insert_mappings" | "bulk_update_mappings":
                return self.bulk(caller, session, name, arguments, at)
            case "flush":
                self.transactions.begun(caller, session, connection, at)
                caller.emit(
                    Kind.CALL, "flush", at, store=StoreKind.RELATIONAL, connection=connection,
                    technology="sqlalchemy", origin=session.origin,
                )  # fmt: skip
                self.objects.flushed(caller)
                return NONE
            case "connection":
                return self.connection_call(caller, session, connection, arguments, at)
            case "close" | "remove" | "reset":
                self.closed(caller, connection)
                caller.released(session, at)
                return NONE
            case "run_sync":
                return self.in_greenlet(caller, session, arguments, at)
            case "execution_options":
                return session.but(options={**(session.options or {}), **arguments.keywords})
            case "begin_twophase":
                caller.emit(
                    Kind.CALL, "prepare", at, store=StoreKind.RELATIONAL, connection=connection,
                    technology="sqlalchemy", blocking=True, origin=session.origin,
                )  # fmt: skip
                return Value(type=TRANSACTION, owner=session, state=self.opening("transaction", session, at))
        return NOTHING if name in QUIET else None

    def in_greenlet(self, caller: Caller, session: Value, arguments: Arguments, at: Span) -> Value:
        """What `run_sync` calls reads and writes in a way that the event loop goes on; all else that waits holds it."""
        first = arguments.positional[0] if arguments.positional else NOTHING
        started = len(caller.effects)
        given = caller.invoke(first, Arguments((session, *arguments.positional[1:]), arguments.keywords), at)
        for index in range(started, len(caller.effects)):
            if caller.effects[index].technology == "sqlalchemy":
                caller.effects[index] = replace(caller.effects[index], blocking=False, awaited=True)
        return given

    def transaction_call(self, caller: Caller, transaction: Value, name: str, at: Span) -> Value | None:
        """``transaction.commit()`` of an explicit `begin`; a savepoint's ends nothing."""
        if name not in ("commit", "rollback", "close") or transaction.owner is None:
            return None
        if transaction.type == SAVEPOINT:
            if name == "rollback":
                caller.emit(
                    Kind.CALL, "rollback-to-savepoint", at, store=StoreKind.RELATIONAL, technology="sqlalchemy",
                    connection=self.transactions.connection(caller, transaction.owner), origin=transaction.origin,
                )  # fmt: skip
            return NONE
        return self.ended(caller, transaction.owner, "rollback" if name == "close" else name, at)

    def ended(self, caller: Caller, session: Value, name: str, at: Span) -> Value:
        if name == "commit":
            self.objects.flushed(caller)
        caller.end(Kind(name), self.transactions.connection(caller, session), at, session.origin)
        self.objects.forget(caller)
        return NONE

    def closed(self, caller: Caller, connection: str) -> None:
        """What was not committed is gone; the next use begins anew. What a caller has open is ended too."""
        if connection in caller.state.transactions or connection.startswith("parameter:"):
            number = caller.current(connection)
            if number is not None:
                caller.release_rows(number)
            caller.state.transactions[connection] = ENDED

    def query(self, session: Value, connection: str, arguments: Arguments) -> Value:
        plan = self.executions.statements.over(Plan(connection=connection), arguments.positional)
        return Value(state=plan, type=QUERY, origin=session.origin, owner=session)

    def connection_call(
        self, caller: Caller, session: Value, connection: str, arguments: Arguments, at: Span
    ) -> Value:  # fmt: skip
        """``session.connection(execution_options={"isolation_level": …})`` begins the transaction at that level."""
        given = arguments.keywords.get("execution_options")
        level = given_isolation(given) if given is not None else ""
        if level and caller.current(connection) is None:
            caller.begin("session", connection, at, spelled(level))
        self.transactions.begun(caller, session, connection, at)
        return Value(type=CONNECTION, rows=session.rows, options=session.options, origin=session.origin)

    def holder_call(
        self, caller: Caller, holder: Value, name: str, arguments: Arguments, at: Span
    ) -> Value | None:  # fmt: skip
        """What a factory of sessions, or Flask's `db`, gives besides."""
        if self.transactions.is_a(holder.type, FACTORY) and name == "begin":
            made = self.session_of(caller, holder, arguments, at)
            caller.released(made, at, always=True)
            return made.but(state=self.opening("transaction", made, at))
        if self.transactions.is_a(holder.type, FACTORY) and name == "configure" and holder.options is not None:
            holder.options.update(arguments.keywords)
            return NONE
        if self.transactions.is_a(holder.type, FLASK) and name in FLASK_READS:
            session = caller.attribute_of(holder, "session", at)
            if name == "get_or_404":
                return self.get(caller, session, arguments, at)
            plan = arguments.positional[0].state if arguments.positional else None
            if isinstance(plan, Plan):
                connection = self.transactions.connection(caller, session)
                query = Value(state=replace(plan, connection=connection), type=QUERY, owner=session)
                return self.executions.ended(caller, query, replace(plan, connection=connection), name, Arguments(), at)
        return None

    def session_of_object(self, arguments: Arguments) -> Value:
        """``object_session(order)``."""
        given = arguments.positional[0] if arguments.positional else NOTHING
        known = given.owner is not None and self.transactions.is_session(given.owner.type)
        return given.owner if known and given.owner is not None else Value(type=SESSION, origin=Origin.CONVENTION)

    def class_query(self, caller: Caller, cls: ClassInfo, mapped: Mapped, at: Span) -> Value:
        """``Order.query``: a query on the session that the class's base is bound to."""
        session = self.session_of_class(caller, cls, at)
        connection = self.transactions.connection(caller, session)
        plan = Plan(model=mapped.name, table=mapped.table, keys=mapped.keys, entities=(mapped.entity(),))
        return Value(state=replace(plan, connection=connection), type=QUERY, owner=session, origin=session.origin)

    def session_of_class(self, caller: Caller, cls: ClassInfo, at: Span) -> Value:
        """Flask's ``db.session`` of ``db.Model``; else the registry of sessions that stands beside the base."""
        names = self.world.names
        for ancestor in cls.ancestors():
            for base in ancestor.bases:
                holder = names.resolve(ancestor.module, base.rpartition(".")[0]) if isinstance(base, str) else None
                if isinstance(holder, Constant | External):
                    value = self.world.symbol_value(holder)
                    if value.type and self.transactions.is_a(value.type, FLASK):
                        return caller.attribute_of(value, "session", at)
        for ancestor in cls.ancestors():
            for symbol in names.scope(ancestor.module).values():
                value = self.world.constant(symbol) if isinstance(symbol, Constant) else NOTHING
                if value.type and self.transactions.is_a(value.type, REGISTRY):
                    return value
        return Value(type=SESSION, rows=Rows("global:session"), origin=Origin.CONVENTION)

    # Running ----------------------------------------------------------------------------------------------------------

    def get(self, caller: Caller, session: Value, arguments: Arguments, at: Span) -> Value | None:
        statements = self.executions.statements
        entity = arguments.positional[0] if arguments.positional else NOTHING
        plan = statements.over(Plan(), (entity,))
        if not plan.table and session.origin != Origin.RESOLVED:
            return None  # something else that is called so
        plan = self.executions.keyed(
            plan, statements.mappings.mapped(plan.model), arguments.get("ident", 1) or NOTHING
        )  # fmt: skip
        options = arguments.keywords.get("options")
        for value in (options.items or ()) if options is not None else ():
            if isinstance(value.state, Eager):
                plan = replace(plan, eager=(*plan.eager, *value.state.paths))
        plan = locked(plan, arguments.keywords.get("with_for_update"))
        effect = self.executions.emit(caller, plan, session, at, "get", session)
        return self.executions.rows_value(effect, plan, session, "get", query=True)

    def run(self, caller: Caller, session: Value, name: str, arguments: Arguments, at: Span) -> Value:
        """A statement is executed: one that was built, or text."""
        statement = arguments.get("statement", 0) or NOTHING
        given = arguments.get("params", 1) or arguments.get("parameters", 1)
        plan = self.plan_of(statement)
        if plan is None:
            return self.run_text(caller, session, name, statement, given, at)
        if plan.connection is not None:
            plan = replace(plan, connection=None)
        if given is not None and plan.verb != "select":
            plan = self.executions.statements.with_values(plan, Arguments((given,)))
        self.objects.flushed(caller)
        how = RUNS.get(name, "result")
        if how == "exec":
            how = "scalars" if len(plan.entities) <= 1 else "result"
        return self.executions.execute(caller, plan, session, at, how)

    def plan_of(self, statement: Value) -> Plan | None:
        """What a statement that was built does."""
        plan = statement.state
        if plan is None and statement.type in KINDS and statement.text is None:
            plan = Plan(KINDS[statement.type], complete=False)
        return plan if isinstance(plan, Plan) else None

    def run_text(
        self, caller: Caller, session: Value, name: str, statement: Value, given: Value | None, at: Span
    ) -> Value:
        connection = self.transactions.connection(caller, session)
        self.transactions.begun(caller, session, connection, at)
        if given is None and statement.entries:
            given = Value(entries=statement.entries)
        result = run_sql(caller, statement, given, On(connection, at, "sqlalchemy", session.origin))
        row = result.of if result.of is not None else Value(type=ROW, sources=result.sources, rows=result.rows)
        whole = result.but(type=RESULT, of=row, name="result")
        if name in ("scalar", "scalars"):
            return self.executions.result_call(caller, whole, name) or whole
        return whole

    def bulk(self, caller: Caller, session: Value, name: str, arguments: Arguments, at: Span) -> Value:
        statements = self.executions.statements
        plan = statements.over(Plan("insert" if "insert" in name else "update"), arguments.positional[:1])
        plan = statements.with_values(plan, arguments.after(1))
        self.executions.emit(caller, replace(plan, many=True), session, at, "many", session)
        return NONE

    # Contexts ---------------------------------------------------------------------------------------------------------

    def enter(self, caller: Caller, context: Value, node: With, run: Callable[[Value], None]) -> bool:
        """``with Session() as session``: leaving closes it, and what was not committed is gone."""
        closing = self.transactions.is_session(context.type) or self.transactions.is_connection(context.type)
        if not closing or context.state is not None:
            return False
        opening = Opening(Opens("resource", "self", closes=True), TypeRow(), Arguments(), context, node.at)
        connection = self.transactions.connection(caller, context)
        with caller.opened(opening, node.at):
            run(context)
        self.closed(caller, connection)
        return True


def locked(plan: Plan, given: Value | None) -> Plan:
    """``with_for_update=True``, or its options in a mapping."""
    if given is None or given.const is False or (given.known and given.const is None):
        return plan
    options = given.entries or {}
    return replace(
        plan,
        lock="share" if true(options.get("read")) else "update",
        nowait=true(options.get("nowait")),
        skip_locked=true(options.get("skip_locked")),
    )


__all__ = ["ENGINE", "FLASK", "Kind", "Origin", "Sessions", "Source", "StoreKind", "element"]
