"""SQLAlchemy as it behaves: the unit of work, statements and queries as plans, relations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.model.effect import Cardinality, Kind, Predicate, Rows, Selection, StoreKind
from datakeel.read.orms.sqlalchemy.mapped import Mapped
from datakeel.read.orms.sqlalchemy.plan import (
    CHAINS,
    COLUMN_OPERATORS,
    ENDINGS,
    RESULT,
    SESSION_CALLS,
    STATEMENTS,
    ColumnOf,
    Plan,
)
from datakeel.read.orms.sqlalchemy.sessions import Sessions
from datakeel.read.program import Span
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import (
    NONE,
    Arguments,
    ClassTarget,
    ExternalTarget,
    MethodTarget,
    Value,
    canonical,
    created,
    extended,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller


class SqlAlchemy(Sessions):
    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        if isinstance(base.target, ClassTarget):
            return self.class_attribute(base.target.cls, name)
        if isinstance(base.state, Plan):
            if name in CHAINS or name in ENDINGS or name in ("update", "delete", "exists"):
                return Value(target=MethodTarget(base, name))
            if name == "c" or name == "columns":
                return base
        if isinstance(base.state, ColumnOf) and (
            name in COLUMN_OPERATORS or name in ("desc", "asc", "label", "is_distinct_from")
        ):
            return Value(target=MethodTarget(base, name))
        if base.type and base.target is None:
            return self.instance_attribute(caller, base, name, at)
        return None

    def class_attribute(self, cls: ClassInfo, name: str) -> Value | None:
        mapped = self.mapped(cls.name)
        if mapped is None:
            return None
        if name in mapped.columns:
            return Value(state=ColumnOf(mapped.name, mapped.table, str(mapped.columns[name])))
        if name == "query" and cls.method("query") is None:
            return Value(
                state=Plan(model=mapped.name, table=mapped.table, connection="session"), type="sqlalchemy.orm.Query"
            )
        if name in ("__table__", "c"):
            return Value(target=ClassTarget(cls), type="builtins.type")
        return None

    def instance_attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        mapped = self.mapped(base.type)
        if mapped is None:
            return None
        cls = self.world.class_named(base.type)
        if cls is not None and cls.method(name) is not None:
            return None
        stored = caller.state.heap.get((base.rows, name)) if base.rows is not None else None
        if stored is not None:
            return stored
        fresh = caller.state.heap.get((base.rows, "$fresh")) if base.rows is not None else None
        sources = fresh.sources if fresh is not None else base.sources
        rows = (
            Rows(base.rows.root, (*base.rows.path, name)) if base.rows is not None and len(base.rows.path) < 4 else None
        )
        if name in mapped.relations:
            return self.relation(caller, mapped, base, name, at, rows)
        if name in mapped.columns:
            return Value(
                sources=extended(sources, str(mapped.columns[name])), rows=rows, origin=base.origin, owner=None
            )
        return None

    def relation(self, caller: Caller, mapped: Mapped, base: Value, name: str, at: Span, rows: Rows | None) -> Value:
        other = self.mapped(mapped.relations[name])
        value = Value(
            type=mapped.relations[name],
            rows=rows,
            sources=extended(base.sources, name),
            origin=base.origin,
            owner=base.owner,
        )
        if base.rows is None or other is None or base.rows.root.startswith("new:"):
            return value.but(of=value)
        mark = (base.rows, f"$loaded:{name}")
        eager = name in mapped.eager or name in base.name or (base.name and "*" in base.name)
        if mark not in caller.state.heap and not eager:
            caller.state.heap[mark] = NONE
            caller.emit(
                Kind.READ, "relation", at, store=StoreKind.RELATIONAL, connection=self.connection(caller, base), technology="sqlalchemy",
                dataset=other.table, selection=Selection((Predicate(f"<{name}", "=", canonical(base)),), Cardinality.UNKNOWN),
                rows=rows, blocking=True, origin=base.origin,
            )  # fmt: skip
        return value.but(of=value)

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        match function.target:
            case MethodTarget(receiver, name):
                return self.method(caller, receiver, name, arguments, at)
            case ExternalTarget(dotted) if dotted.startswith(("sqlalchemy", "sqlmodel")):
                return self.external(caller, dotted, arguments, at)
            case ClassTarget(cls):
                mapped = self.mapped(cls.name)
                if mapped is not None and cls.method("__init__") is None:
                    return self.new_instance(caller, mapped, arguments)
        return None

    def method(self, caller: Caller, receiver: Value, name: str, arguments: Arguments, at: Span) -> Value | None:
        if isinstance(receiver.state, Plan):
            return self.plan_call(caller, receiver, receiver.state, name, arguments, at)
        if isinstance(receiver.state, ColumnOf):
            return self.column_call(receiver.state, name, arguments)
        if name in SESSION_CALLS and self.is_session(receiver.type):
            return self.session_call(caller, receiver, name, arguments, at)
        if receiver.type == RESULT or (receiver.type == "builtins.list" and receiver.name == "result"):
            return self.result_call(receiver, name, at, caller)
        if name in ("values", "insert", "update", "delete", "select") and isinstance(receiver.target, ClassTarget):
            mapped = self.mapped(receiver.target.cls.name)
            if mapped is not None:
                return Value(state=Plan(STATEMENTS.get(name, "select"), mapped.name, mapped.table))
        return None

    def new_instance(self, caller: Caller, mapped: Mapped, arguments: Arguments) -> Value:
        made = created(caller.next(), mapped.name, mapped.origin)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            caller.state.heap[(made.rows, name)] = value
            caller.state.heap[(made.rows, f"$dirty:{mapped.columns.get(name, name)}")] = value
        return made


__all__ = ["SqlAlchemy"]
