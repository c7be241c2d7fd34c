"""SQLAlchemy as it behaves: the session's unit of work (autobegin, dirty objects, commit), statements and queries as plans, relations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Assignment, Cardinality, Effect, Kind, Predicate, Rows, Selection, Source, StoreKind
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.libraries import Opens, TypeRow
from datakeel.read.program import Assign, Attribute, Call, Collection, Const, Expression, Global, Item, Span, With
from datakeel.read.querying import run_sql
from datakeel.read.symbols import ClassInfo, Constant
from datakeel.read.values import (
    NONE,
    NOTHING,
    Arguments,
    ClassTarget,
    ExternalTarget,
    MethodTarget,
    Value,
    canonical,
    element,
    extended,
    union,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.graft import Graft
    from datakeel.read.world import World

SESSION = "sqlalchemy.orm.Session"
CONNECTION = "sqlalchemy.engine.Connection"
FACTORY = "sqlalchemy.orm.sessionmaker"
ENGINE = "sqlalchemy.engine.Engine"
RESULT = "sqlalchemy.engine.Result"
STATEMENTS = {"select": "select", "insert": "insert", "update": "update", "delete": "delete", "exists": "select"}
CHAINS = frozenset(
    ("where", "filter", "filter_by", "order_by", "limit", "offset", "join", "outerjoin", "options", "with_for_update", "group_by", "having",
     "distinct", "values", "returning", "on_conflict_do_nothing", "on_conflict_do_update", "on_duplicate_key_update", "execution_options",
     "with_only_columns", "select_from", "yield_per", "prefix_with", "subquery", "cte", "scalar_subquery", "params", "with_entities",
     "enable_eagerloads", "populate_existing", "correlate", "add_columns", "union", "union_all", "slice", "unique", "alias")
)  # fmt: skip
ENDINGS = {
    "all": "many", "first": "first", "one": "get", "one_or_none": "get", "scalar": "scalar", "scalar_one": "scalar", "scalar_one_or_none": "scalar",
    "get": "get", "get_or_404": "get", "first_or_404": "first", "one_or_404": "get", "count": "count", "paginate": "page",
}  # fmt: skip
RESULT_ONE = frozenset(
    ("one", "one_or_none", "first", "scalar_one", "scalar_one_or_none", "scalar", "fetchone", "mappings_one")
)
RESULT_MANY = frozenset(
    ("all", "scalars", "mappings", "fetchall", "unique", "fetchmany", "partitions", "columns", "tuples", "yield_per")
)
COLUMN_OPERATORS = {
    "in_": "in", "is_": "=", "is_not": "!=", "isnot": "!=", "like": "like", "ilike": "like", "contains": "like", "startswith": "like", "between": "between",
    "notin_": "!=", "not_in": "!=", "any_": "contains", "op": "contains", "has": "contains", "any": "contains", "endswith": "like", "match": "search",
}  # fmt: skip
SESSION_CALLS = frozenset(
    ("add", "add_all", "delete", "merge", "execute", "scalars", "scalar", "get", "get_one", "query", "commit", "rollback", "flush", "refresh",
     "begin_nested", "begin", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings", "exec", "stream", "stream_scalars", "connection",
     "expunge", "expire", "close", "run_sync", "in_transaction")
)  # fmt: skip


class ColumnOf(Struct, frozen=True):
    """A column of a mapped class or table, in an expression."""

    model: str
    table: str
    column: str


class Clause(Struct, frozen=True):
    """A condition: predicates that all hold; not `complete` where part of it was not understood."""

    predicates: tuple[Predicate, ...] = ()
    complete: bool = True


class Plan(Struct, frozen=True):
    """A statement or query that is not executed yet. `connection` is set where a session made it (``session.query``)."""

    verb: str = "select"
    model: str = ""
    table: str = ""
    predicates: tuple[Predicate, ...] = ()
    complete: bool = True
    lock: str = ""
    skip_locked: bool = False
    nowait: bool = False
    order: tuple[str, ...] = ()
    limit: int | None = None
    offset: bool = False
    columns: tuple[str, ...] | None = None
    aggregate: str = ""
    assigned: tuple[Assignment, ...] = ()
    conflict: str = ""
    joins: tuple[str, ...] = ()
    eager: tuple[str, ...] = ()
    connection: str | None = None
    returning: bool = False
    streamed: bool = False
    many: bool = False


class Mapped(Struct, frozen=True):
    """A mapped class. `relations` maps a relationship's name to the other class; `version` the column checked by the mapper."""

    name: str
    table: str
    columns: dict[str, Any]
    relations: dict[str, str]
    version: str = ""
    origin: Origin = Origin.RESOLVED
    eager: tuple[str, ...] = ()
    abstract: bool = False


class SqlAlchemy:
    def __init__(self, world: World) -> None:
        self.world = world
        self._mapped: dict[str, Mapped | None] = {}
        self._names: dict[str, str] | None = None
        self._sessions: dict[str, bool] = {}

    # Mapped classes ---------------------------------------------------------------------------------------------------

    def mapped(self, type_name: str) -> Mapped | None:
        if type_name not in self._mapped:
            self._mapped[type_name] = None
            cls = self.world.class_named(type_name)
            if cls is not None:
                self._mapped[type_name] = self.read_mapped(cls)
        return self._mapped[type_name]

    def read_mapped(self, cls: ClassInfo) -> Mapped | None:
        table = self.table_of(cls)
        fields = {n: s for a in reversed(cls.ancestors()) for n, s in a.fields.items() if isinstance(s, Assign)}
        columns: dict[str, Any] = {}
        relations: dict[str, str] = {}
        eager: list[str] = []
        for name, statement in fields.items():
            kind = self.field_kind(statement)
            if kind == "column":
                columns[name] = column_name(name, statement)
            elif kind == "relationship":
                relations[name] = self.related(cls, statement)
                if lazy_of(statement) in ("joined", "selectin", "subquery", "immediate"):
                    eager.append(name)
        sqlmodel = any(k == "table" and isinstance(v, Const) and v.value is True for k, v in cls.facts.keywords)
        if sqlmodel:
            columns |= {n: n for n, s in fields.items() if n not in relations and s.annotation is not None}
        if not table and not sqlmodel:
            return None
        if not columns and not any(a.field("__table__") for a in cls.ancestors()):
            return None
        return Mapped(
            cls.name,
            table or cls.facts.name.lower(),
            columns,
            relations,
            self.version_of(cls),
            Origin.RESOLVED,
            tuple(eager),
        )

    def table_of(self, cls: ClassInfo) -> str:
        found = cls.field("__tablename__")
        if found is not None and isinstance(found[1], Assign) and isinstance(found[1].value, Const):
            return str(found[1].value.value)
        if found is not None and isinstance(found[1], Assign) and found[1].value is not None:
            value = self.world.class_field(cls, "__tablename__")
            return value.text if value is not None and value.text else snake(cls.facts.name)
        abstract = cls.fields.get("__abstract__")
        if abstract is not None:
            return ""
        if cls.field("__table__") is not None or cls.method("__tablename__") is not None:
            return snake(cls.facts.name)
        if any(b.endswith((".db.Model", "flask_sqlalchemy.Model", ".ext.declarative.Base")) for b in cls.externals()):
            return snake(cls.facts.name)
        own = [s for s in cls.fields.values() if isinstance(s, Assign) and self.field_kind(s) == "column"]
        based = any(
            b.rpartition(".")[2] in ("Base", "Model", "DeclarativeBase")
            for b in cls.externals()
            if not b.startswith("django")
        )
        return snake(cls.facts.name) if own and based else ""

    def field_kind(self, statement: Assign) -> str:
        if isinstance(statement.value, Call):
            last = (dotted_of(statement.value.function) or "").rpartition(".")[2]
            if last in ("Column", "mapped_column", "column_property", "CreatedAt"):
                return "column"
            if last in ("relationship", "Relationship", "relation", "dynamic_loader"):
                return "relationship"
        annotation = statement.annotation
        if isinstance(annotation, Item) and (dotted_of(annotation.base) or "").rpartition(".")[2] in (
            "Mapped",
            "DynamicMapped",
            "WriteOnlyMapped",
        ):
            return "column"
        return ""

    def related(self, cls: ClassInfo, statement: Assign) -> str:
        if isinstance(statement.value, Call) and statement.value.arguments:
            first = statement.value.arguments[0]
            if isinstance(first, Const) and isinstance(first.value, str):
                return self.class_by_name(first.value.rpartition(".")[2])
            if isinstance(first, Global | Attribute):
                symbol = self.world.names.resolve(cls.module, dotted_of(first) or "")
                return symbol.name if isinstance(symbol, ClassInfo) else ""
        if isinstance(statement.annotation, Item):
            return self.class_in(cls, statement.annotation.key)
        return ""

    def class_in(self, cls: ClassInfo, expression: Expression) -> str:
        if isinstance(expression, Const) and isinstance(expression.value, str):
            return self.class_by_name(expression.value)
        found = self.world.annotated(cls.module, expression)
        inner = found.of if found.of is not None else found
        return inner.type

    def class_by_name(self, name: str) -> str:
        if self._names is None:
            self._names = {}
            for module in self.world.names.every_module():
                for facts in module.file.classes:
                    if facts.bases:
                        self._names.setdefault(facts.name, f"{module.name}.{facts.name}")
        return self._names.get(name, "")

    def version_of(self, cls: ClassInfo) -> str:
        found = cls.field("__mapper_args__")
        if found is None or not isinstance(found[1], Assign) or not isinstance(found[1].value, Collection):
            return ""
        value = found[1].value
        for key, item in zip(value.keys, value.items, strict=False):
            if isinstance(key, Const) and key.value == "version_id_col":
                return (
                    (dotted_of(item) or "version").rpartition(".")[2]
                    if not isinstance(item, Const)
                    else str(item.value)
                )
        return ""

    # Attributes -------------------------------------------------------------------------------------------------------

    def is_session(self, type_name: str) -> bool:
        found = self._sessions.get(type_name)
        if found is None:
            lineage = self.world.libraries.lineage(type_name)
            cls = self.world.class_named(type_name) if type_name else None
            bases = [b for e in cls.externals() for b in self.world.libraries.lineage(e)] if cls is not None else []
            found = self._sessions[type_name] = SESSION in lineage or CONNECTION in lineage or SESSION in bases
        return found

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

    def connection(self, caller: Caller, value: Value) -> str:
        """The connection of a row's session: where it was read, else the session that is in use."""
        if value.owner is not None and self.is_session(value.owner.type):
            return caller.connection_of(value.owner)
        for name, number in reversed(caller.state.transactions.items()):
            if number > 0 and caller.transactions[number].kind in ("session", "atomic"):
                return name
        return ""

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
        made = Value(type=mapped.name, rows=Rows(f"new:{caller.next()}"), origin=mapped.origin)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            caller.state.heap[(made.rows, name)] = value
            caller.state.heap[(made.rows, f"$dirty:{mapped.columns.get(name, name)}")] = value
        return made

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

    # Plans ------------------------------------------------------------------------------------------------------------

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

    # Sessions ---------------------------------------------------------------------------------------------------------

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


def assignment(name: str, value: Value) -> Assignment:
    sources = tuple(sorted(union((value,))))
    if value.atomic:
        return Assignment(name, "atomic", sources)
    if value.known:
        return Assignment(name, "constant", (), text=canonical(value))
    return Assignment(name, "value", sources)


def column_name(name: str, statement: Assign) -> str:
    if isinstance(statement.value, Call) and statement.value.arguments:
        first = statement.value.arguments[0]
        if isinstance(first, Const) and isinstance(first.value, str):
            return first.value
    return name


def lazy_of(statement: Assign) -> str:
    if isinstance(statement.value, Call):
        found = next((v for k, v in statement.value.keywords if k == "lazy"), None)
        if isinstance(found, Const) and isinstance(found.value, str):
            return found.value
    return ""


def snake(name: str) -> str:
    name = name.rpartition(".")[2]
    out = ""
    for index, letter in enumerate(name):
        if (
            letter.isupper()
            and index
            and (not name[index - 1].isupper() or (index + 1 < len(name) and name[index + 1].islower()))
        ):
            out += "_"
        out += letter.lower()
    return out


def is_true(value: Value | None) -> bool:
    return value is not None and value.const is True


__all__ = ["ENGINE", "FACTORY", "Constant", "SqlAlchemy"]
