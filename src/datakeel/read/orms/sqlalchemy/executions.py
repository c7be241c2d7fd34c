"""What executing a plan does, and what its result gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Effect, Kind, Predicate, Rows, Source, StoreKind
from datakeel.read.orms.sqlalchemy.plan import CHAINS, ENDINGS, RESULT, RESULT_MANY, RESULT_ONE, Clause, ColumnOf, Plan
from datakeel.read.orms.sqlalchemy.statements import Statements
from datakeel.read.program import Span
from datakeel.read.values import NOTHING, Arguments, Value, canonical, element, extended

if TYPE_CHECKING:
    from datakeel.read.calls import Caller


class Executions(Statements):
    def plan_call(
        self, caller: Caller, receiver: Value, plan: Plan, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        if name in CHAINS:
            return receiver.but(state=self.chained(plan, name, arguments))
        if plan.connection is None:
            return None
        if name in ENDINGS:
            return self.ended(caller, receiver, plan, name, arguments, at)
        if name == "update":
            given = arguments.get("values", 0) or NOTHING
            plan = replace(plan, verb="update", assigned=self.set_columns(plan, given.entries or {}))
            return self.execute(caller, plan, plan.connection or "", at, receiver)
        if name == "delete":
            return self.execute(caller, replace(plan, verb="delete"), plan.connection or "", at, receiver)
        if name == "exists":
            return receiver.but(state=replace(plan, aggregate="exists"))
        return None

    def ended(self, caller: Caller, receiver: Value, plan: Plan, name: str, arguments: Arguments, at: Span) -> Value:
        how = ENDINGS[name]
        if name in ("get", "get_or_404") and arguments.positional:
            key = arguments.positional[0]
            plan = replace(
                plan, predicates=(*plan.predicates, Predicate("id", "=", canonical(key), tuple(sorted(key.sources))))
            )
        if how == "count":
            plan = replace(plan, aggregate="count")
        if how in ("first", "page"):
            plan = replace(plan, limit=1 if how == "first" else 0)
        effect = self.emit(caller, plan, plan.connection or "", at, receiver.origin, how)
        return self.rows_value(effect, plan, receiver, how, None)

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        plan = value.state
        if isinstance(plan, Plan) and plan.connection is not None and how in ("iterate", "first"):
            effect = self.emit(caller, plan, plan.connection, at, value.origin, "many")
            return self.rows_value(effect, plan, value, "many", None)
        if isinstance(plan, Plan | Clause | ColumnOf):
            return value
        return None

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        plan = base.state
        if isinstance(plan, Plan) and plan.connection is not None:
            effect = self.emit(caller, replace(plan, limit=0), plan.connection, at, base.origin, "many")
            value = self.rows_value(effect, plan, base, "many", None)
            return element(value) if isinstance(key.const, int) else value
        return base if isinstance(plan, Plan) else None

    def emit(self, caller: Caller, plan: Plan, connection: str, at: Span, origin: Origin, how: str) -> Effect:
        caller.use(connection, at)
        number = caller._number + 1
        verb = "upsert" if plan.verb == "insert" and plan.conflict == "update" else plan.verb
        effect = caller.emit(
            Kind.READ if plan.verb == "select" else Kind.WRITE, verb, at, store=StoreKind.RELATIONAL, connection=connection,
            technology="sqlalchemy", dataset=plan.table, selection=self.selection(plan, how), assigned=plan.assigned, conflict=plan.conflict,
            rows=Rows(f"{'new' if plan.verb == 'insert' else 'read'}:{number}"), blocking=True, origin=origin,
        )  # fmt: skip
        if plan.lock:
            caller.state.locks = (*caller.state.locks, effect.number)
        return effect

    def execute(
        self, caller: Caller, plan: Plan, connection: str, at: Span, receiver: Value, how: str = "many"
    ) -> Value:
        effect = self.emit(caller, plan, connection, at, receiver.origin, how)
        if plan.verb != "select" and not plan.returning:
            count = Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))
            return Value(
                type=RESULT, owner=count, sources=count.sources, name="result", rows=Rows(f"read:{effect.number}")
            )
        return self.rows_value(effect, plan, receiver, how, receiver)

    def rows_value(self, effect: Effect, plan: Plan, receiver: Value, how: str, session: Value | None) -> Value:
        rows = Rows(f"read:{effect.number}")
        sources = frozenset((Source("read", effect.number),))
        if plan.aggregate:
            return Value(
                sources=sources,
                rows=rows,
                type=RESULT if how == "result" else "",
                name="result" if how == "result" else "",
            )
        owner = session if session is not None else receiver.owner
        if plan.columns is not None:
            items = tuple(Value(sources=extended(sources, c), rows=Rows(rows.root, (c,))) for c in plan.columns)
            row = Value(type="row", items=items, sources=sources, rows=rows)
        else:
            row = Value(
                type=plan.model,
                rows=rows,
                sources=sources,
                owner=owner,
                origin=receiver.origin,
                name=",".join(plan.eager),
            )
        if how in ("get", "first"):
            return row
        if how == "scalar":
            return row.items[0] if row.items else row
        return Value(
            type=RESULT if how == "result" else "builtins.list",
            of=row,
            sources=sources,
            rows=rows,
            name="result",
            origin=receiver.origin,
        )

    def result_call(self, receiver: Value, name: str, at: Span, caller: Caller) -> Value | None:
        """``result.scalars().all()``, ``result.scalar_one()``: what was already read, seen in another way."""
        row = receiver.of or Value(sources=receiver.sources, rows=receiver.rows)
        if name in RESULT_ONE:
            scalar = name.startswith("scalar") and row.items
            return row.items[0] if scalar and row.items else row
        if name in RESULT_MANY:
            inner = row.items[0] if name == "scalars" and row.items else row
            return receiver.but(of=inner, type=RESULT)
        return None
