"""Sessions: the unit of work (autobegin, pending and dirty objects, flush, commit), and what is executed on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Assignment, Cardinality, Kind, Predicate, Rows, Selection, Source, StoreKind
from datakeel.read.libraries import Opens, TypeRow
from datakeel.read.orms.sqlalchemy.executions import Executions
from datakeel.read.orms.sqlalchemy.plan import CONNECTION, RESULT, SESSION, Plan, assignment
from datakeel.read.program import Span, With
from datakeel.read.querying import run_sql
from datakeel.read.values import NONE, NOTHING, Arguments, ClassTarget, Value, canonical, element

if TYPE_CHECKING:
    from datakeel.read.calls import Caller


class Sessions(Executions):
    def is_session(self, type_name: str) -> bool:
        found = self._sessions.get(type_name)
        if found is None:
            lineage = self.world.libraries.lineage(type_name)
            cls = self.world.class_named(type_name) if type_name else None
            bases = [b for e in cls.externals() for b in self.world.libraries.lineage(e)] if cls is not None else []
            found = self._sessions[type_name] = SESSION in lineage or CONNECTION in lineage or SESSION in bases
        return found

    def connection(self, caller: Caller, value: Value) -> str:
        """The connection of a row's session: where it was read, else the session that is in use."""
        if value.owner is not None and self.is_session(value.owner.type):
            return caller.connection_of(value.owner)
        for name, number in reversed(caller.state.transactions.items()):
            if number > 0 and caller.transactions[number].kind in ("session", "atomic"):
                return name
        return ""

    def session_call(self, caller: Caller, session: Value, name: str, arguments: Arguments, at: Span) -> Value | None:
        connection = caller.connection_of(session) or "session"
        match name:
            case "commit" | "rollback":
                if name == "commit" or True:
                    caller.end(Kind(name), connection, at, session.origin)
                self.forget(caller)
                return NONE
            case "begin_nested":
                from datakeel.read.calls import Opening  # noqa: PLC0415

                return Value(state=Opening(Opens("savepoint", "self"), TypeRow(), Arguments(), session, at))
            case "begin":
                from datakeel.read.calls import Opening  # noqa: PLC0415

                return Value(
                    state=Opening(Opens("transaction", "self"), TypeRow(), Arguments(), session, at),
                    type="sqlalchemy.begin",
                )
            case "query":
                plan = self.statement("select", arguments).state
                assert isinstance(plan, Plan)
                return Value(
                    state=replace(plan, connection=connection),
                    type="sqlalchemy.orm.Query",
                    origin=session.origin,
                    owner=session,
                )
            case "add" | "add_all" | "bulk_save_objects" | "merge":
                return self.add(caller, session, connection, name, arguments, at)
            case "delete":
                return self.delete_object(caller, session, connection, arguments, at)
            case "get" | "get_one":
                return self.get(caller, session, connection, arguments, at)
            case "refresh":
                return self.refresh(caller, session, connection, arguments, at)
            case "execute" | "scalars" | "scalar" | "exec" | "stream" | "stream_scalars":
                return self.run(caller, session, connection, name, arguments, at)
            case "bulk_insert_mappings" | "bulk_update_mappings":
                plan = self.statement("insert" if "insert" in name else "update", arguments).state
                assert isinstance(plan, Plan)
                self.emit(caller, replace(plan, many=True), connection, at, session.origin, "many")
                return NOTHING
            case "flush":
                caller.use(connection, at)
                return NONE
            case "close" | "expunge" | "expire" | "in_transaction":
                return NONE
        return None

    def forget(self, caller: Caller) -> None:
        """After a commit or rollback objects are expired: what is read of them is read anew."""
        for key in [k for k in caller.state.heap if k[1].startswith("$loaded:")]:
            del caller.state.heap[key]

    def add(self, caller: Caller, session: Value, connection: str, name: str, arguments: Arguments, at: Span) -> Value:
        caller.use(connection, at)
        given = arguments.positional[0] if arguments.positional else NOTHING
        many = name in ("add_all", "bulk_save_objects")
        one = element(caller.force(given, at, "iterate")) if many else given
        mapped = self.mapped(one.type) if one.type else None
        persistent = one.rows is not None and one.rows.root.startswith("read:")
        if persistent and name != "merge":
            return NONE
        caller.emit(
            Kind.WRITE, "merge" if name == "merge" else "insert", at, store=StoreKind.RELATIONAL, connection=connection, technology="sqlalchemy",
            dataset=mapped.table if mapped is not None else "", rows=one.rows, assigned=self.dirty(caller, one.rows),
            selection=Selection(cardinality=Cardinality.MANY if many else Cardinality.ONE), blocking=True,
            origin=session.origin if mapped is not None else max(session.origin, Origin.CONVENTION),
        )  # fmt: skip
        if one.rows is not None:
            caller.state.heap[(one.rows, "$added")] = NONE
        return one if name == "merge" else NONE

    def dirty(self, caller: Caller, rows: Rows | None) -> tuple[Assignment, ...]:
        found = [
            assignment(name[7:], value)
            for (owner, name), value in caller.state.heap.items()
            if owner == rows and name.startswith("$dirty:")
        ]
        return tuple(sorted(found, key=lambda a: a.column))

    def delete_object(self, caller: Caller, session: Value, connection: str, arguments: Arguments, at: Span) -> Value:
        caller.use(connection, at)
        given = arguments.positional[0] if arguments.positional else NOTHING
        mapped = self.mapped(given.type) if given.type else None
        caller.emit(
            Kind.WRITE, "delete", at, store=StoreKind.RELATIONAL, connection=connection, technology="sqlalchemy",
            dataset=mapped.table if mapped is not None else "", rows=given.rows, blocking=True, origin=session.origin,
            selection=Selection(cardinality=Cardinality.ONE),
        )  # fmt: skip
        return NONE

    def get(self, caller: Caller, session: Value, connection: str, arguments: Arguments, at: Span) -> Value:
        entity = arguments.positional[0] if arguments.positional else NOTHING
        mapped = self.mapped(entity.target.cls.name) if isinstance(entity.target, ClassTarget) else None
        key = arguments.get("ident", 1) or NOTHING
        lock = arguments.keywords.get("with_for_update")
        plan = Plan(
            model=mapped.name if mapped is not None else "", table=mapped.table if mapped is not None else "",
            predicates=(Predicate("id", "=", canonical(key), tuple(sorted(key.sources))),),
            lock="update" if lock is not None and lock.const is not False and not (lock.known and lock.const is None) else "",
        )  # fmt: skip
        effect = self.emit(caller, plan, connection, at, session.origin, "get")
        return self.rows_value(effect, plan, session, "get", session)

    def refresh(self, caller: Caller, session: Value, connection: str, arguments: Arguments, at: Span) -> Value:
        given = arguments.positional[0] if arguments.positional else NOTHING
        lock = arguments.keywords.get("with_for_update")
        mapped = self.mapped(given.type) if given.type else None
        locked = lock is not None and lock.const is not False and not (lock.known and lock.const is None)
        plan = Plan(model=given.type, table=mapped.table if mapped is not None else "", lock="update" if locked else "")
        effect = self.emit(caller, plan, connection, at, session.origin, "get")
        caller.effects[-1] = replace(effect, rows=given.rows)
        if given.rows is not None:
            for key in [k for k in caller.state.heap if k[0] == given.rows]:
                del caller.state.heap[key]
            caller.state.heap[(given.rows, "$fresh")] = Value(sources=frozenset((Source("read", effect.number),)))
        return NONE

    def run(self, caller: Caller, session: Value, connection: str, name: str, arguments: Arguments, at: Span) -> Value:
        statement = arguments.positional[0] if arguments.positional else arguments.keywords.get("statement", NOTHING)
        plan = statement.state
        given = arguments.get("params", 1) or arguments.get("parameters", 1)
        if isinstance(plan, Plan):
            if given is not None and not plan.assigned and plan.verb != "select":
                inner = given if given.entries is not None else element(given)
                plan = replace(plan, assigned=self.set_columns(plan, inner.entries or {}), many=given.entries is None)
            how = "scalar" if name == "scalar" else "result"
            value = self.execute(caller, plan, connection, at, session, how)
            return (
                self.result_call(value, "scalars", at, caller) or value
                if name in ("scalars", "exec", "stream_scalars") and value.type == RESULT
                else value
            )
        if statement.text is not None:
            caller.use(connection, at)
            result = run_sql(caller, statement, given, connection, at, technology="sqlalchemy", origin=session.origin)
            return result.but(type=RESULT, name="result")
        caller.use(connection, at)
        caller.emit(Kind.CALL, "sql", at, store=StoreKind.RELATIONAL, connection=connection, technology="sqlalchemy", blocking=True,
                    origin=max(session.origin, Origin.ASSUMED), payload=tuple(sorted(statement.sources)))  # fmt: skip
        return Value(type=RESULT, sources=statement.sources, name="result")

    # Objects ----------------------------------------------------------------------------------------------------------

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        """Setting an attribute of a persistent object is an update, at the next flush."""
        if base.rows is None or not base.type:
            return
        mapped = self.mapped(base.type)
        if mapped is None or (name not in mapped.columns and name not in mapped.relations):
            return
        column = str(mapped.columns.get(name, name))
        if base.rows.root.startswith("new:"):
            caller.state.heap[(base.rows, f"$dirty:{column}")] = value
            return
        if not self.in_session(caller, base):
            return
        connection = self.connection(caller, base)
        caller.emit(
            Kind.WRITE, "update", at, store=StoreKind.RELATIONAL, connection=connection, technology="sqlalchemy", dataset=mapped.table,
            rows=base.rows, assigned=(assignment(column, value),), blocking=False, origin=base.origin,
            selection=Selection((Predicate("id", "=", canonical(base)),), Cardinality.ONE),
        )  # fmt: skip

    def in_session(self, caller: Caller, base: Value) -> bool:
        assert base.rows is not None
        return base.rows.root.startswith(("read:", "parameter:", "global:"))

    def enter(self, caller: Caller, context: Value, node: With, run: Callable[[Value], None]) -> bool:
        return False
