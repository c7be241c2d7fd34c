"""peewee as it behaves: queries as plans, rows that save themselves whole, statements that commit by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Assignment, Cardinality, Kind, Predicate, Rows, Selection, Source, StoreKind
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.sqlalchemy.declared import flag, last_name, text
from datakeel.read.orms.sqlalchemy.executions import Executions
from datakeel.read.orms.sqlalchemy.mapped import Mapped, Mappings, Relation
from datakeel.read.orms.sqlalchemy.plan import Clause, ColumnOf, Plan, assignment
from datakeel.read.orms.sqlalchemy.statements import Statements, both
from datakeel.read.program import Assign, Call, Const, Span, With
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
    created,
    element,
    extended,
    union,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.graft import Graft
    from datakeel.read.world import World

QUERY = "peewee.Query"
PROXIES = ("Proxy", "DatabaseProxy")
PLANS = {"select": "select", "insert": "insert", "insert_many": "insert", "update": "update", "delete": "delete",
         "replace": "insert", "replace_many": "insert", "bulk_create": "insert"}  # fmt: skip
GETS = frozenset(("get", "get_or_none", "get_by_id"))
CHAINS = frozenset(
    ("where", "filter", "order_by", "limit", "offset", "join", "join_from", "group_by", "having", "distinct", "switch",
     "dicts", "tuples", "namedtuples", "objects", "alias", "returning", "paginate", "iterator", "with_cte", "columns")
)  # fmt: skip
ENDS = {"get": "get", "get_or_none": "get", "first": "first", "count": "count", "scalar": "scalar", "exists": "exists"}


class Models(Mappings):
    """Which classes are peewee's models, and their tables."""

    libraries = ("peewee", "playhouse")

    def read(self, cls: ClassInfo) -> Mapped | None:
        if not any(b in ("peewee.Model", "playhouse.flask_utils.FlaskDB.Model") for b in cls.externals()):
            return None
        columns, relations, unique = {}, {}, []
        primary: tuple[str, ...] = ("id",)
        for name, call in fields_of(cls):
            kind = last_name(call.function)
            column = text(option(call, "column_name")) or (f"{name}_id" if kind == "ForeignKeyField" else name)
            if kind == "ForeignKeyField":
                target = call.arguments[0] if call.arguments else option(call, "model")
                own = isinstance(target, Const) and target.value == "self"
                relations[name] = Relation(cls.name if own else self.class_in(cls, target), many=False)
                columns[f"{name}_id"] = column
            columns[name] = column
            if flag(call, "primary_key"):
                primary = (column,)
            elif flag(call, "unique"):
                unique.append((column,))
        columns.setdefault("id", "id") if primary == ("id",) else None
        table = self.meta(cls, "table_name")
        name = table.value if isinstance(table, Const) and isinstance(table.value, str) else cls.facts.name.lower()
        return Mapped(cls.name, name, columns, relations, (primary, *unique))

    def meta(self, cls: ClassInfo, name: str) -> Any:
        """What a class's ``Meta`` says; a table's name is not inherited."""
        for owner in cls.ancestors()[: 1 if name == "table_name" else None]:
            inner = self.world.names.class_of(owner.module, f"{owner.facts.name}.Meta")
            statement = inner.fields.get(name) if inner is not None else None
            if isinstance(statement, Assign):
                return statement.value
        return None

    def database(self, cls: ClassInfo) -> str:
        """The connection of a model: its database, as its module names it."""
        for owner in cls.ancestors():
            inner = self.world.names.class_of(owner.module, f"{owner.facts.name}.Meta")
            statement = inner.fields.get("database") if inner is not None else None
            dotted = dotted_of(statement.value) if isinstance(statement, Assign) and statement.value else None
            symbol = self.world.names.resolve(owner.module, dotted) if dotted else None
            if isinstance(symbol, Constant):
                return f"global:{symbol.dotted}"
        return "peewee"


class Peewee:
    def __init__(self, world: World) -> None:
        self.world = world
        self.models = Models(world)
        self.statements = Statements(self.models)
        self.executions = Executions(self.models, self.statements, None, "peewee")

    def model(self, type_name: str) -> Mapped | None:
        return self.models.mapped(type_name) if self.models.used else None

    def connection(self, mapped: Mapped) -> str:
        cls = self.world.class_named(mapped.name)
        return self.models.database(cls) if cls is not None else "peewee"

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        if isinstance(base.target, ClassTarget):
            mapped = self.model(base.target.cls.name)
            if mapped is not None and name in mapped.columns:
                return Value(state=ColumnOf(mapped.table, mapped.columns[name], mapped.name))
            return Value(target=MethodTarget(base, name)) if mapped is not None and inherited(base, name) else None
        mapped = self.model(base.type) if base.type and base.target is None and base.state is None else None
        if mapped is None or (name not in mapped.columns and name not in mapped.relations):
            return None
        stored = caller.state.heap.get((base.rows, name)) if base.rows is not None else None
        if stored is not None:
            return stored
        rows = Rows(base.rows.root, (*base.rows.path, name)) if base.rows is not None else None
        if name in mapped.relations:
            return self.related(caller, mapped, base, name, rows, at)
        return Value(sources=extended(base.sources, mapped.columns[name]), rows=rows, origin=base.origin)

    def related(
        self, caller: Caller, mapped: Mapped, base: Value, name: str, rows: Rows | None, at: Span
    ) -> Value:  # fmt: skip
        other = self.model(mapped.relations[name].other)
        value = Value(type=mapped.relations[name].other, rows=rows, sources=extended(base.sources, name))
        mark = (base.rows, f"$loaded:{name}") if base.rows is not None else None
        if other is None or mark is None or mark in caller.state.heap or mark[0].root.startswith("new:"):
            return value
        caller.state.heap[mark] = NONE
        key = canonical(Value(sources=extended(base.sources, mapped.columns[name]), rows=rows))
        found = Predicate(other.primary[0], "=", key, tuple(sorted(extended(base.sources, mapped.columns[name]))))
        caller.emit(
            Kind.READ, "relation", at, store=StoreKind.RELATIONAL, connection=self.connection(mapped),
            technology="peewee", dataset=other.table, selection=Selection((found,), Cardinality.ONE), rows=rows,
            blocking=True,
        )  # fmt: skip
        return value

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        if function.target is None and function.rows is not None and arguments.positional:
            return self.proxied(function, function.rows, arguments.positional[0])
        match function.target:
            case ClassTarget(cls):
                mapped = self.model(cls.name)
                return self.construct(caller, mapped, arguments) if mapped is not None else None
            case ExternalTarget(dotted) if dotted.startswith("peewee.fn."):
                return self.statements.function(dotted.rpartition(".")[2].lower(), arguments)
            case MethodTarget(receiver, name) if isinstance(receiver.target, ClassTarget):
                mapped = self.model(receiver.target.cls.name)
                return self.class_call(caller, mapped, name, arguments, at) if mapped is not None else None
            case MethodTarget(receiver, name) if isinstance(receiver.state, Plan) and receiver.type == QUERY:
                return self.query_call(caller, receiver, receiver.state, name, arguments, at)
            case MethodTarget(receiver, name) if receiver.type and receiver.state is None:
                mapped = self.model(receiver.type)
                return self.object_call(caller, mapped, receiver, name, arguments, at) if mapped is not None else None
        return None

    def proxied(self, function: Value, rows: Rows, query: Value) -> Value | None:
        """A proxy that is set up with a function later is called with a query: that it locks, its name says."""
        cls = self.world.class_named(function.type)
        if cls is None or not isinstance(query.state, Plan) or not rows.root.endswith("for_update"):
            return None
        if not any(b.rpartition(".")[2] in PROXIES for b in cls.externals()):
            return None
        return query.but(state=replace(query.state, lock="update"), origin=max(query.origin, Origin.CONVENTION))

    def construct(self, caller: Caller, mapped: Mapped, arguments: Arguments) -> Value:
        made = created(caller.next(), mapped.name)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            caller.state.heap[(made.rows, name)] = value
        return made

    def class_call(self, caller: Caller, mapped: Mapped, name: str, arguments: Arguments, at: Span) -> Value | None:
        """``Account.get(…)``, ``Account.create(…)``, ``Account.update(…)``: reads, or what is to be executed."""
        if name in GETS:
            plan = self.plan("select", mapped)
            if name == "get_by_id":
                plan = self.executions.keyed(plan, mapped, arguments.get("pk", 0) or NOTHING)
            return self.ended(
                caller, self.query(plan), plan.narrowed(arguments.positional if name != "get_by_id" else ()), "get", at
            )
        if name in ("create", "get_or_create"):
            return self.create(caller, mapped, name, arguments, at)
        if name not in PLANS:
            return None
        plan = self.plan(PLANS[name], mapped)
        if name == "select":
            plan = self.statements.over(plan, arguments.positional) if arguments.positional else plan
            return self.query(replace(plan, entities=plan.entities or (mapped.entity(),)))
        plan = self.statements.with_values(plan, arguments) if name != "delete" else plan
        many = name.endswith("many") or name == "bulk_create"
        plan = replace(plan, many=plan.many or many, conflict="update" if name.startswith("replace") else "")
        if name == "bulk_create":
            self.executions.emit(caller, plan, NOTHING, at, "many")
            return NONE
        return self.query(plan)

    def create(self, caller: Caller, mapped: Mapped, name: str, arguments: Arguments, at: Span) -> Value:
        """``create`` inserts; ``get_or_create`` reads first, and inserts where it finds none."""
        made = self.construct(caller, mapped, arguments)
        assert made.rows is not None
        plan = self.plan("insert", mapped)
        found = None
        if name == "get_or_create":
            wanted = tuple(
                Predicate(mapped.columns.get(k, k), "=", canonical(v), tuple(sorted(union((v,)))))
                for k, v in arguments.keywords.items()
                if k != "defaults"
            )
            select = replace(self.plan("select", mapped), predicates=wanted, entities=(mapped.entity(),))
            found = self.ended(caller, self.query(select), select, "get", at)
        given = {k: v for k, v in arguments.keywords.items() if k != "defaults"}
        plan = self.statements.with_values(plan, Arguments((), given))
        effect = self.executions.emit(caller, plan, NOTHING, at, "result")
        if found is None:
            return made
        flag_ = Value(type="builtins.bool", sources=frozenset((Source("result", effect.number, "created"),)))
        return Value(type="builtins.tuple", items=(found, flag_))

    def query_call(
        self, caller: Caller, receiver: Value, plan: Plan, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        if name in CHAINS:
            word = {"filter": "where", "columns": "distinct"}.get(name, name)
            changed = self.statements.chained(plan, word, arguments)
            if name == "paginate":
                changed = replace(changed, offset=True, limit=0)
            return receiver.but(state=replace(changed, streamed=changed.streamed or name == "iterator"))
        if name == "for_update":
            return receiver.but(state=replace(plan, lock="update"))
        if name in ("on_conflict_ignore", "on_conflict_replace", "on_conflict"):
            return receiver.but(state=self.conflicting(plan, name, arguments))
        if name == "execute":
            if plan.verb == "select":
                return self.force(caller, receiver, at, "iterate")
            return self.executions.rowcount(self.executions.emit(caller, plan, NOTHING, at, "many"))
        return self.ended(caller, receiver, plan, name, at) if name in ENDS else None

    def conflicting(self, plan: Plan, name: str, arguments: Arguments) -> Plan:
        if name != "on_conflict" or "update" not in arguments.keywords:
            return replace(plan, conflict="ignore" if name == "on_conflict_ignore" else "update")
        return self.statements.on_conflict(plan, Arguments((), {"set_": arguments.keywords["update"]}))

    def ended(self, caller: Caller, receiver: Value, plan: Plan, name: str, at: Span) -> Value:
        how = ENDS[name]
        if how in ("count", "exists"):
            plan, how = replace(plan, aggregate=how, entities=()), "scalar"
        plan = replace(plan, limit=1) if how == "first" else plan
        effect = self.executions.emit(caller, plan, NOTHING, at, how)
        if plan.aggregate:
            return Value(sources=frozenset((Source("read", effect.number),)), rows=effect.rows)
        return self.executions.rows_value(effect, plan, receiver, how, query=True)

    def object_call(
        self, caller: Caller, mapped: Mapped, receiver: Value, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        """``row.save()`` writes every column, or those of `only`; ``row.delete_instance()``."""
        if name not in ("save", "delete_instance"):
            return None
        only = arguments.keywords.get("only")
        new = receiver.rows is not None and receiver.rows.root.startswith("new:")
        verb = "delete" if name == "delete_instance" else "insert" if new else "save"
        assigned = self.assigned_columns(caller, mapped, receiver.rows)
        if only is not None and only.items is not None:
            names = {self.statements.column_name(i) for i in only.items}
            assigned = tuple(a for a in assigned if a.column in names)
        key = f"{canonical(receiver)}.{mapped.primary[0]}" if canonical(receiver) else ""
        caller.emit(
            Kind.WRITE, verb, at, store=StoreKind.RELATIONAL, connection=self.connection(mapped), technology="peewee",
            dataset=mapped.table, rows=receiver.rows, assigned=assigned if verb != "delete" else (), blocking=True,
            selection=Selection((Predicate(mapped.primary[0], "=", key),), Cardinality.ONE, ()),
            whole_row=verb == "save" and only is None, origin=receiver.origin,
        )  # fmt: skip
        return NONE

    def assigned_columns(self, caller: Caller, mapped: Mapped, rows: Rows | None) -> tuple[Assignment, ...]:
        heap = caller.state.heap
        found = {c: assignment(c, heap[rows, n]) for n, c in mapped.columns.items() if rows and (rows, n) in heap}
        return tuple(found[c] for c in sorted(found))

    # What the tracer asks besides -------------------------------------------------------------------------------------

    def plan(self, verb: str, mapped: Mapped) -> Plan:
        return Plan(
            verb, mapped.name, mapped.table, mapped.keys, connection=self.connection(mapped),
            entities=(mapped.entity(),) if verb == "select" else (),
        )  # fmt: skip

    def query(self, plan: Plan) -> Value:
        return Value(state=plan, type=QUERY)

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        plan = value.state
        if value.type != QUERY or not isinstance(plan, Plan) or how not in ("iterate", "first", "contains", "length"):
            return None
        return self.executions.rows_value(
            self.executions.emit(caller, plan, NOTHING, at, "many"), plan, value, "many", query=True
        )  # fmt: skip

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        if base.type != QUERY:
            return None
        found = self.force(caller, base, at, "iterate")
        return element(found) if found is not None and isinstance(key.const, int) else found

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        """``(A.x == 1) & (A.y >> None)``; ``A.x << [1, 2]`` is ``in``."""
        left, right = values[0], values[-1]
        if isinstance(left.state, ColumnOf) and how in ("<<", ">>", "%", "**") and self.model(left.state.model):
            operator = {"<<": "in", ">>": "="}.get(how, "like")
            predicate = Predicate(left.state.column, operator, canonical(right), tuple(sorted(union((right,)))))
            return Value(state=Clause(((left.state.table, predicate),)))
        return both(values) if how == "&" and all(isinstance(v.state, Clause) for v in values) else None

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        """Nothing is written before `save`."""

    def enter(self, caller: Caller, context: Value, node: With, run: Callable[[Value], None]) -> bool:
        return False

    def grafted(self, graft: Graft, state: Any) -> Any:
        return None

    def detached(self, state: Any) -> Any:
        return None

    def key(self, state: Any) -> Any:
        return None


def fields_of(cls: ClassInfo) -> list[tuple[str, Call]]:
    """The fields that a model and its bases declare."""
    found = {}
    for ancestor in reversed(cls.ancestors()):
        for name, statement in ancestor.fields.items():
            call = statement.value if isinstance(statement, Assign) else None
            if isinstance(call, Call) and last_name(call.function).endswith("Field"):
                found[name] = call
    return list(found.items())


def option(call: Call, name: str) -> Any:
    return next((value for key, value in call.keywords if key == name), None)


def inherited(base: Value, name: str) -> bool:
    assert isinstance(base.target, ClassTarget)
    return base.target.cls.method(name) is None and (
        name in PLANS or name in GETS or name in ("create", "get_or_create")
    )


__all__ = ["Peewee"]
