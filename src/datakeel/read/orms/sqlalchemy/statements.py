"""Statements, queries and conditions: how calls and operators build them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.model.certainty import Answer
from datakeel.model.effect import Assignment, Cardinality, Predicate, Selection
from datakeel.read.orms.sqlalchemy.mapped import Mappings
from datakeel.read.orms.sqlalchemy.plan import COLUMN_OPERATORS, STATEMENTS, Clause, ColumnOf, Plan, assignment
from datakeel.read.program import Span
from datakeel.read.values import NOTHING, Arguments, ClassTarget, Value, canonical, element, union

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.graft import Graft


class Statements(Mappings):
    def external(self, caller: Caller, dotted: str, arguments: Arguments, at: Span) -> Value | None:
        name = dotted.rpartition(".")[2]
        if name in STATEMENTS:
            return self.statement(STATEMENTS[name], arguments)
        if name in ("and_", "or_", "not_"):
            clauses = [v.state for v in arguments.positional if isinstance(v.state, Clause)]
            if name == "and_" and len(clauses) == len(arguments.positional):
                return Value(
                    state=Clause(tuple(p for c in clauses for p in c.predicates), all(c.complete for c in clauses))
                )
            return Value(state=Clause((), False), sources=arguments.sources())
        if name == "text":
            text = arguments.get("text", 0)
            return text.but(type="sqlalchemy.text") if text is not None else NOTHING
        if (
            dotted.startswith("sqlalchemy.func.")
            or ".sql.functions." in dotted
            or dotted.startswith("sqlalchemy.sql.func.")
        ):
            return self.function(name, arguments)
        if name in (
            "joinedload",
            "selectinload",
            "subqueryload",
            "contains_eager",
            "load_only",
            "noload",
            "raiseload",
            "defer",
        ):
            names = [v.state.column if isinstance(v.state, ColumnOf) else v.text or "*" for v in arguments.positional]
            return Value(name="eager:" + ",".join(names or ["*"]))
        return None

    def function(self, name: str, arguments: Arguments) -> Value:
        aggregates = {"count", "sum", "max", "min", "avg"}
        return Value(
            atomic=True,
            name=f"aggregate:{name}" if name in aggregates else f"function:{name}",
            sources=arguments.sources(),
        )

    def statement(self, verb: str, arguments: Arguments) -> Value:
        """``select(Order)``, ``select(Order.id, func.count())``, ``insert(Order)``, ``update(table)``."""
        plan = Plan(verb)
        columns: list[str] = []
        for value in arguments.positional:
            if isinstance(value.target, ClassTarget):
                mapped = self.mapped(value.target.cls.name)
                if mapped is not None and not plan.table:
                    plan = replace(plan, model=mapped.name, table=mapped.table)
            elif isinstance(value.state, ColumnOf):
                columns.append(value.state.column)
                if not plan.table:
                    plan = replace(plan, model=value.state.model, table=value.state.table)
            elif value.name.startswith("aggregate:"):
                plan = replace(plan, aggregate=value.name[10:])
            elif value.type == "sqlalchemy.Table":
                plan = replace(plan, table=plan.table or value.name)
        if columns:
            plan = replace(plan, columns=tuple(columns))
        return Value(state=plan, type="sqlalchemy.sql.Select")

    def column_call(self, column: ColumnOf, name: str, arguments: Arguments) -> Value | None:
        if name in ("desc", "asc", "label"):
            return Value(state=column)
        operator = COLUMN_OPERATORS.get(name)
        if operator is None:
            return None
        value = arguments.positional[0] if arguments.positional else NOTHING
        if operator == "=" and value.known and value.const is None:
            operator = "is-null"
        return Value(
            state=Clause((Predicate(column.column, operator, canonical(value), tuple(sorted(union((value,))))),))
        )

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        left, right = values[0], values[-1]
        if isinstance(right.state, ColumnOf) and not isinstance(left.state, ColumnOf):
            left, right = right, left
        if isinstance(left.state, ColumnOf):
            if how in ("==", "!=", "<", "<=", ">", ">="):
                return self.comparison(left.state, how, right)
            if how in ("+", "-", "*", "/", "%"):
                return Value(atomic=True, sources=union(values))
            return None
        if how in ("&", "|", "~", "not") and any(isinstance(v.state, Clause) for v in values):
            clauses = [v.state for v in values if isinstance(v.state, Clause)]
            if how == "&":
                return Value(
                    state=Clause(tuple(p for c in clauses for p in c.predicates), all(c.complete for c in clauses))
                )
            return Value(state=Clause((), False), sources=union(values))
        return None

    def comparison(self, column: ColumnOf, how: str, other: Value) -> Value:
        operator = {"==": "="}.get(how, how)
        if isinstance(other.state, ColumnOf):
            return Value(
                state=Clause((Predicate(column.column, operator, f"column:{other.state.table}.{other.state.column}"),))
            )
        if other.known and other.const is None:
            operator = "is-null" if how == "==" else "not-null"
        predicate = Predicate(column.column, operator, canonical(other), tuple(sorted(union((other,)))))
        return Value(state=Clause((predicate,)), sources=other.sources)

    def chained(self, plan: Plan, name: str, arguments: Arguments) -> Plan:
        match name:
            case "where" | "filter" | "having":
                return self.conditions(plan, arguments.positional)
            case "filter_by":
                mapped = self.mapped(plan.model)
                found = [
                    Predicate(
                        str(mapped.columns.get(k, k)) if mapped else k, "=", canonical(v), tuple(sorted(union((v,))))
                    )
                    for k, v in arguments.keywords.items()
                ]
                return replace(
                    plan, predicates=(*plan.predicates, *found), complete=plan.complete and arguments.options is None
                )
            case "order_by":
                return replace(
                    plan,
                    order=tuple(
                        v.state.column if isinstance(v.state, ColumnOf) else v.text or "" for v in arguments.positional
                    ),
                )
            case "limit":
                value = arguments.positional[0] if arguments.positional else NOTHING
                return replace(plan, limit=value.const if isinstance(value.const, int) else 0)
            case "offset" | "slice":
                return replace(plan, offset=True)
            case "join" | "outerjoin" | "select_from":
                joined = [
                    self.mapped(v.target.cls.name) for v in arguments.positional if isinstance(v.target, ClassTarget)
                ]
                return replace(plan, joins=(*plan.joins, *(m.table for m in joined if m is not None)))
            case "options":
                return replace(
                    plan, eager=(*plan.eager, *(v.name.removeprefix("eager:") or "*" for v in arguments.positional))
                )
            case "with_for_update":
                read = arguments.keywords.get("read")
                return replace(
                    plan, lock="share" if read is not None and read.const is True else "update",
                    skip_locked=is_true(arguments.keywords.get("skip_locked")), nowait=is_true(arguments.keywords.get("nowait")),
                )  # fmt: skip
            case "values":
                entries = dict(arguments.keywords)
                first = arguments.positional[0] if arguments.positional else NOTHING
                inner = first if first.entries is not None else element(first)
                many = first.entries is None and bool(arguments.positional)
                return replace(
                    plan,
                    assigned=(*plan.assigned, *self.set_columns(plan, {**(inner.entries or {}), **entries})),
                    many=many,
                )
            case "on_conflict_do_nothing":
                return replace(plan, conflict="ignore")
            case "on_conflict_do_update" | "on_duplicate_key_update":
                return replace(plan, conflict="update")
            case "returning":
                return replace(plan, returning=True)
            case "yield_per" | "execution_options":
                return replace(plan, streamed=True)
            case "with_entities" | "with_only_columns":
                return replace(
                    plan,
                    columns=tuple(v.state.column for v in arguments.positional if isinstance(v.state, ColumnOf))
                    or plan.columns,
                )
        return plan

    def conditions(self, plan: Plan, values: Iterable[Value]) -> Plan:
        found: list[Predicate] = []
        complete = plan.complete
        for value in values:
            if isinstance(value.state, Clause):
                found += value.state.predicates
                complete = complete and value.state.complete
            else:
                complete = False
        return replace(plan, predicates=(*plan.predicates, *found), complete=complete)

    def set_columns(self, plan: Plan, entries: dict[str, Value]) -> tuple[Assignment, ...]:
        mapped = self.mapped(plan.model)
        return tuple(
            assignment(str(mapped.columns.get(k, k)) if mapped is not None else k, v) for k, v in entries.items()
        )

    def selection(self, plan: Plan, how: str) -> Selection:
        mapped = self.mapped(plan.model)
        keys = {"id"} if mapped is None or "id" in mapped.columns else set()
        cardinality = Cardinality.MANY
        if how == "get" or any(p.operator == "=" and p.column in keys for p in plan.predicates):
            cardinality = Cardinality.ONE
        elif plan.limit is not None or how in ("first", "scalar"):
            cardinality = Cardinality.AT_MOST
        return Selection(
            plan.predicates, cardinality, plan.columns, plan.lock, plan.order, plan.limit, plan.aggregate, plan.skip_locked, plan.nowait,
            Answer.NO, plan.offset, plan.joins, plan.complete,
        )  # fmt: skip

    # Carrying plans ---------------------------------------------------------------------------------------------------

    def grafted(self, graft: Graft, state: Any) -> Any:
        if isinstance(state, Plan):
            connection = graft.connection(state.connection) if state.connection else state.connection
            return replace(state, predicates=tuple(graft.predicate(p) for p in state.predicates), connection=connection)
        if isinstance(state, Clause):
            return Clause(tuple(graft.predicate(p) for p in state.predicates), state.complete)
        return None

    def detached(self, state: Any) -> Any:
        if isinstance(state, Plan):
            return replace(
                state, predicates=tuple(loose(p) for p in state.predicates),
                assigned=tuple(replace(a, sources=()) for a in state.assigned),
                connection="session" if state.connection else state.connection,
            )  # fmt: skip
        if isinstance(state, Clause):
            return Clause(tuple(loose(p) for p in state.predicates), state.complete)
        return None

    def key(self, state: Any) -> Any:
        return state if isinstance(state, Plan | Clause | ColumnOf) else None


def loose(predicate: Predicate) -> Predicate:
    return replace(predicate, sources=(), value=predicate.value if predicate.value.startswith("const:") else "")


def is_true(value: Value | None) -> bool:
    return value is not None and value.const is True
