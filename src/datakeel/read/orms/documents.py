"""Classes of MongoDB's documents (mongoengine, Beanie): queries as plans, documents that save themselves, and operators
that the store computes. A call stands in a transaction only with its session, or in `run_in_transaction`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.model.effect import Assignment, Cardinality, Effect, Kind, Predicate, Rows, Selection, Source, StoreKind
from datakeel.read.document import changes, conditions
from datakeel.read.orms.sqlalchemy.declared import flag, items_of, keyword, last_name, snake, text
from datakeel.read.orms.sqlalchemy.executions import Executions
from datakeel.read.orms.sqlalchemy.mapped import Mapped, Mappings, Relation
from datakeel.read.orms.sqlalchemy.plan import Clause, ColumnOf, Computed, Plan, assignment, compared
from datakeel.read.orms.sqlalchemy.statements import Statements
from datakeel.read.program import Assign, Call, Collection, Const, Expression, Item, Span, With
from datakeel.read.symbols import ClassInfo
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
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.graft import Graft
    from datakeel.read.world import World

TECHNOLOGY = "mongodb"
QUERY = "documents.Query"
MONGOENGINE = frozenset(
    f"{module}.{name}"
    for module in ("mongoengine", "mongoengine.document", "flask_mongoengine.MongoEngine")
    for name in ("Document", "DynamicDocument")
)
BEANIE = frozenset(("beanie.Document", "beanie.DocumentWithSoftDelete", "beanie.odm.documents.Document"))
MANY = frozenset(("find", "find_many", "find_all", "all"))  # of Beanie's classes: queries that are run later
OF_CLASS = frozenset(
    (*MANY, "find_one", "get", "count", "aggregate", "insert_one", "insert_many", "update_all", "delete_all")
)
CHAINS = frozenset(
    ("filter", "find", "find_many", "find_one", "order_by", "sort", "limit", "skip", "only", "exclude", "no_cache",
     "select_related", "as_pymongo", "batch_size", "timeout", "hint", "all", "clone", "read_preference", "scalar",
     "allow_disk_use", "no_dereference", "values_list", "project", "collation", "comment", "max_time_ms")
)  # fmt: skip
NARROWS = frozenset(("filter", "find", "find_many", "find_one"))
ENDS = {"get": "one", "get_or_404": "one", "first": "first", "first_or_none": "first", "first_or_404": "first",
        "to_list": "many", "paginate": "many", "in_bulk": "many", "with_id": "get", "count": "count",
        "exists": "exists", "sum": "sum", "average": "avg", "avg": "avg", "max": "max", "min": "min",
        "distinct": "distinct", "aggregate": "aggregate"}  # fmt: skip
AGGREGATES = frozenset(("count", "exists", "sum", "avg", "max", "min"))
UPDATES = frozenset(
    ("update", "update_one", "update_many", "update_all", "modify", "set", "inc", "upsert", "upsert_one")
)
DELETES = frozenset(("delete", "delete_one", "delete_many", "delete_all"))
INSERTS = frozenset(("insert", "create", "insert_one", "insert_many"))
OPERATORS = {"ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "in", "exists": "not-null"}
FURTHER = frozenset(
    ("nin", "not", "all", "size", "mod", "type", "contains", "icontains", "startswith", "istartswith", "endswith",
     "iendswith", "exact", "iexact", "match", "elemMatch", "regex", "iregex", "near", "geo_within")
)  # fmt: skip
CHANGES = {"set": "$set", "inc": "$inc", "dec": "$inc", "mul": "$mul", "push": "$push", "push_all": "$push",
           "pull": "$pull", "pull_all": "$pull", "pop": "$pop", "add_to_set": "$addToSet", "unset": "$unset",
           "set_on_insert": "$setOnInsert", "min": "$min", "max": "$max", "rename": "$rename"}  # fmt: skip
BEANIE_CHANGES = frozenset(
    ("Set", "Inc", "Mul", "Push", "Pull", "PullAll", "Pop", "AddToSet", "Unset", "SetOnInsert", "Min", "Max")
)
OPTIONS = frozenset(("multi", "upsert", "write_concern", "full_result", "new", "remove", "session", "query"))


class Documents(Mappings):
    """Which classes are documents, and their collections."""

    libraries = ("mongoengine", "flask_mongoengine", "beanie")

    def read(self, cls: ClassInfo) -> Mapped | None:
        bases = cls.externals()
        if any(b in MONGOENGINE for b in bases):
            return self.of_mongoengine(cls)
        return self.of_beanie(cls) if any(b in BEANIE for b in bases) else None

    def of_mongoengine(self, cls: ClassInfo) -> Mapped | None:
        meta = self.meta(cls)
        if is_true(meta.get("abstract")):
            return None
        columns, relations, keys = {}, {}, []
        primary = "id"
        for name, call in fields_of(cls):
            column = columns[name] = text(keyword(call, "db_field")) or name
            if last_name(call.function) in ("ReferenceField", "LazyReferenceField"):
                target = call.arguments[0] if call.arguments else keyword(call, "document_type")
                own = isinstance(target, Const) and target.value == "self"
                relations[name] = Relation(cls.name if own else self.class_in(cls, target), many=False)
            if flag(call, "primary_key"):
                primary = column
            further = keyword(call, "unique_with")
            if further is not None:
                keys.append((name, *([text(further)] if text(further) else map(text, items_of(further)))))
            elif flag(call, "unique"):
                keys.append((name,))
        keys += [k for k in map(key_of, items_of(meta.get("indexes"))) if k]
        whole = [tuple(columns.get(n, n) for n in k) for k in keys if all(k)]
        known = {"id": primary, "pk": primary, **columns}
        return Mapped(cls.name, self.collection(cls, meta), known, relations, ((primary,), *whole))

    def meta(self, cls: ClassInfo) -> dict[str, Expression]:
        statement = cls.fields.get("meta")
        value = statement.value if isinstance(statement, Assign) else None
        return entries_of(value)

    def collection(self, cls: ClassInfo, meta: dict[str, Expression]) -> str:
        """A subclass of a document that allows it stands in that one's collection."""
        named = text(meta.get("collection"))
        if named:
            return named
        for ancestor in cls.ancestors()[1:]:
            above = self.meta(ancestor)
            if is_true(above.get("allow_inheritance")) and not is_true(above.get("abstract")):
                return self.collection(ancestor, above)
        return snake(cls.facts.name)

    def of_beanie(self, cls: ClassInfo) -> Mapped:
        columns = {"id": "id"}
        keys: list[tuple[str, ...]] = []
        for ancestor in reversed(cls.ancestors()):
            for name, statement in ancestor.fields.items():
                if not isinstance(statement, Assign) or statement.annotation is None or name.startswith("_"):
                    continue
                columns[name] = name
                if any(flag(c, "unique") for c in calls_in(statement.annotation) if last_name(c.function) == "Indexed"):
                    keys.append((name,))
        settings = self.settings(cls)
        keys += [k for k in map(index_of, items_of(settings.get("indexes"))) if k]
        version = "revision_id" if is_true(settings.get("use_revision")) else ""
        name = text(settings.get("name")) or cls.facts.name
        return Mapped(cls.name, name, columns, {}, (("id",), *keys), version=version)

    def settings(self, cls: ClassInfo) -> dict[str, Expression]:
        """What a class's ``Settings`` say; a collection's name is that of its root, where one is."""
        found: dict[str, Expression] = {}
        for owner in cls.ancestors():
            inner = self.world.names.class_of(owner.module, f"{owner.facts.name}.Settings")
            said = {n: s.value for n, s in inner.fields.items() if isinstance(s, Assign) and s.value} if inner else {}
            if is_true(said.get("is_root")):
                found["name"] = said.get("name", Const(owner.facts.name))
            elif owner is not cls:
                said.pop("name", None)
            found = said | found
        return found


class Finding(Executions):
    """Records what plans do to collections."""

    def emit(
        self, caller: Caller, plan: Plan, receiver: Value, at: Span, how: str, session: Value | None = None
    ) -> Effect:
        kind = Kind.READ if plan.verb == "select" else Kind.WRITE
        verb = plan.aggregate if kind == Kind.READ and plan.aggregate else plan.verb
        rows = Rows(f"{'new' if plan.verb == 'insert' else 'read'}:{caller.upcoming()}")
        return recorded(
            caller, kind, verb, at, plan.connection or "", session, dataset=plan.table, rows=rows,
            selection=self.selection(plan, how), assigned=plan.assigned, origin=receiver.origin,
        )  # fmt: skip


class Mongo:
    def __init__(self, world: World) -> None:
        self.world = world
        self.models = Documents(world)
        self.statements = Statements(self.models)
        self.finding = Finding(self.models, self.statements, None, TECHNOLOGY)

    def model(self, type_name: str) -> Mapped | None:
        return self.models.mapped(type_name) if self.models.used else None

    def of_beanie(self, mapped: Mapped) -> bool:
        cls = self.world.class_named(mapped.name)
        return cls is not None and any(b in BEANIE for b in cls.externals())

    def library(self, mapped: Mapped) -> str:
        """The library of a class, which its connection is called after."""
        return "beanie" if self.of_beanie(mapped) else "mongoengine"

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        if isinstance(base.target, ClassTarget):
            mapped = self.model(base.target.cls.name)
            return self.class_attribute(mapped, base, base.target.cls, name) if mapped is not None else None
        mapped = self.model(base.type) if base.type and base.target is None and base.state is None else None
        if mapped is None or name not in mapped.columns:
            return None
        stored = caller.state.heap.get((base.rows, name)) if base.rows is not None else None
        if stored is not None:
            return stored
        rows = Rows(base.rows.root, (*base.rows.path, name)) if base.rows is not None else None
        if name in mapped.relations:
            return self.related(caller, mapped, base, name, rows, at)
        return Value(sources=extended(base.sources, mapped.columns[name]), rows=rows, origin=base.origin)

    def class_attribute(self, mapped: Mapped, base: Value, cls: ClassInfo, name: str) -> Value | None:
        if cls.method(name) is not None:
            return None
        if not self.of_beanie(mapped):
            return self.query(self.plan("select", mapped)) if name == "objects" else None
        if name in mapped.columns:
            return Value(state=ColumnOf(mapped.table, mapped.columns[name], mapped.name))
        return Value(target=MethodTarget(base, name)) if name in OF_CLASS else None

    def related(
        self, caller: Caller, mapped: Mapped, base: Value, name: str, rows: Rows | None, at: Span
    ) -> Value:  # fmt: skip
        """A reference of mongoengine's is read where it is first looked at."""
        other = self.model(mapped.relations[name].other)
        value = Value(type=mapped.relations[name].other, rows=rows, sources=extended(base.sources, name))
        mark = (base.rows, f"$loaded:{name}") if base.rows is not None else None
        if other is None or mark is None or mark in caller.state.heap or mark[0].root.startswith("new:"):
            return value
        if base.name == "*":
            return value  # its query has brought them along, or leaves them alone
        caller.state.heap[mark] = NONE
        kept = Value(sources=extended(base.sources, mapped.columns[name]), rows=rows)
        found = compared(other.primary[0], "=", kept)
        recorded(
            caller, Kind.READ, "relation", at, "mongoengine", None, dataset=other.table, rows=rows,
            selection=Selection((found,), Cardinality.ONE),
        )  # fmt: skip
        return value

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        match function.target:
            case ClassTarget(cls):
                mapped = self.model(cls.name)
                own = cls.method("__init__") is not None
                return self.construct(caller, mapped, arguments) if mapped is not None and not own else None
            case ExternalTarget(dotted) if dotted.startswith("beanie."):
                return self.operator(dotted.rpartition(".")[2], arguments)
            case MethodTarget(receiver, name) if isinstance(receiver.target, ClassTarget):
                mapped = self.model(receiver.target.cls.name)
                if mapped is None or receiver.target.cls.method(name) is not None or name not in OF_CLASS:
                    return None
                return self.query_call(
                    caller, self.query(self.plan("select", mapped)), self.plan("select", mapped), name, arguments, at
                )
            case MethodTarget(receiver, name) if isinstance(receiver.state, Plan) and receiver.type == QUERY:
                return self.query_call(caller, receiver, receiver.state, name, arguments, at)
            case MethodTarget(receiver, name) if receiver.type and receiver.state is None:
                mapped = self.model(receiver.type)
                return self.object_call(caller, mapped, receiver, name, arguments, at) if mapped is not None else None
            case None if isinstance(function.state, Plan) and function.type == QUERY:
                return function.but(state=self.narrowed(function.state, arguments))
        return None

    def construct(self, caller: Caller, mapped: Mapped, arguments: Arguments) -> Value:
        made = created(caller.next(), mapped.name)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            caller.state.heap[(made.rows, name)] = value
        return made

    def operator(self, name: str, arguments: Arguments) -> Value | None:
        """``Set({Order.state: "paid"})``, ``In(Order.state, […])``."""
        first = arguments.positional[0] if arguments.positional else NOTHING
        if name in BEANIE_CHANGES:
            return Value(entries={f"${name[0].lower()}{name[1:]}": first}, complete=True, sources=first.sources)
        if name == "In" and isinstance(first.state, ColumnOf) and len(arguments.positional) == 2:
            within = compared(first.state.column, "in", arguments.positional[1])
            return Value(state=Clause(((first.state.table, within),)))
        return None

    def query_call(
        self, caller: Caller, receiver: Value, plan: Plan, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        mapped = self.model(plan.model)
        if mapped is None:
            return None
        session = arguments.keywords.get("session")
        if name in INSERTS:
            return self.inserted(caller, mapped, name, arguments, at)
        if name in UPDATES:
            verb = "upsert" if name.startswith("upsert") or given(arguments, "upsert") else "update"
            changed = replace(plan, verb=verb, assigned=tuple(self.changes(mapped, name, arguments)))
            one = "one" in name or name == "modify"
            return self.counted(caller, changed, receiver, at, "first" if one else "many", session)
        if name in DELETES:
            return self.counted(caller, replace(plan, verb="delete"), receiver, at, "many", session)
        if (name == "get" and self.of_beanie(mapped)) or name == "with_id":
            plan = self.finding.keyed(plan, mapped, arguments.get("document_id", 0) or NOTHING)
            return self.ended(caller, receiver, plan, "with_id", at, session)
        if name in ENDS:
            plan = self.narrowed(plan, arguments) if name.startswith("get") else plan
            plan = replace(plan, limit=0, offset=True) if name == "paginate" else plan
            if name in ("in_bulk", "aggregate") or (name == "distinct"):
                plan = replace(plan, grouped=True)
            return self.ended(caller, receiver, plan, name, at, session)
        if name not in CHAINS and name not in MANY:
            return receiver.but(state=replace(plan, complete=False))  # of a query class of the project's own
        return receiver.but(state=self.chained(plan, name, arguments))

    def chained(self, plan: Plan, name: str, arguments: Arguments) -> Plan:
        first = arguments.positional[0] if arguments.positional else NOTHING
        if name in NARROWS:
            plan = self.narrowed(plan, arguments)
            return replace(plan, limit=1) if name == "find_one" else plan
        if name == "limit":
            return replace(plan, limit=first.const if isinstance(first.const, int) else 0)
        if name == "skip":
            return replace(plan, offset=True)
        if name in ("select_related", "no_dereference"):
            return replace(plan, eager=("*",))
        if name in ("order_by", "sort"):
            return replace(plan, order=tuple(v.text or "" for v in arguments.positional))
        return plan

    def narrowed(self, plan: Plan, arguments: Arguments) -> Plan:
        """The plan under conditions: Beanie's expressions and documents, mongoengine's ``balance__gte=3``."""
        mapped = self.model(plan.model)
        columns = mapped.columns if mapped is not None else {}
        for value in arguments.positional:
            if value.entries is not None:
                found = tuple(p for n, v in value.entries.items() for p in conditions(n, v))
                plan = replace(plan, predicates=(*plan.predicates, *found), complete=plan.complete and value.complete)
            else:
                plan = plan.narrowed((value,))
        for name, value in arguments.keywords.items() if mapped is not None and not self.of_beanie(mapped) else ():
            *path, last = name.split("__")
            operator = OPERATORS.get(last) if path else None
            if path and last in FURTHER:
                operator = "contains"
            words = path if operator is not None else [*path, last]
            column = ".".join((columns.get(words[0], words[0]), *words[1:]))
            plan = replace(plan, predicates=(*plan.predicates, compared(column, operator or "=", value)))
        return replace(plan, complete=plan.complete and arguments.options is None)

    def changes(self, mapped: Mapped, name: str, arguments: Arguments) -> Iterator[Assignment]:
        """What an update sets: documents of operators, or mongoengine's ``inc__balance=3``."""
        for value in arguments.positional:
            entries = value.entries
            if entries is not None and name in ("set", "inc"):
                entries = {f"${name}": value}
            yield from (
                changes(entries) if entries is not None else (Assignment("*", "value", tuple(sorted(value.sources))),)
            )
        if self.of_beanie(mapped):
            return
        for key, value in arguments.keywords.items():
            first, _, rest = key.partition("__")
            if key in OPTIONS or (not rest and first in CHANGES):
                continue
            operator = next((o for o in CHANGES if key.startswith(f"{o}__")), "")
            path = key.removeprefix(f"{operator}__").split("__")
            column = ".".join((mapped.columns.get(path[0], path[0]), *path[1:]))
            yield from changes({CHANGES.get(operator, "$set"): Value(entries={column: value})})

    def inserted(self, caller: Caller, mapped: Mapped, name: str, arguments: Arguments, at: Span) -> Value:
        """``Order.objects.create(…)``, ``Order.insert_one(order)``, ``Order.insert_many(orders)``."""
        first = arguments.positional[0] if arguments.positional else None
        made = first or self.construct(caller, mapped, arguments)
        many = name == "insert_many" or (first is not None and first.type != mapped.name)
        plan = replace(
            self.plan("insert", mapped), many=many, assigned=self.assigned_columns(caller, mapped, made.rows)
        )
        self.finding.emit(caller, plan, NOTHING, at, "many" if many else "one", arguments.keywords.get("session"))
        return made

    def counted(self, caller: Caller, plan: Plan, receiver: Value, at: Span, how: str, session: Value | None) -> Value:
        return self.finding.rowcount(self.finding.emit(caller, plan, receiver, at, how, session))

    def ended(
        self, caller: Caller, receiver: Value, plan: Plan, name: str, at: Span, session: Value | None = None
    ) -> Value:
        how = ENDS[name]
        if how in AGGREGATES:
            plan, how = replace(plan, aggregate=how, entities=(Computed(how),)), "scalar"
        plan = replace(plan, limit=1) if how == "first" else plan
        effect = self.finding.emit(caller, plan, receiver, at, how, session)
        if plan.aggregate:
            return Value(sources=frozenset((Source("read", effect.number),)), rows=effect.rows)
        return self.finding.rows_value(effect, plan, receiver, how if how in ("one", "first", "get") else "many", True)

    def object_call(
        self, caller: Caller, mapped: Mapped, receiver: Value, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        """``order.save()``: mongoengine writes what was changed, Beanie the whole document; operators write what they
        name."""
        cls = self.world.class_named(mapped.name)
        if cls is not None and cls.method(name) is not None:
            return None
        key = f"{canonical(receiver)}.{mapped.primary[0]}" if canonical(receiver) else ""
        selection = Selection((Predicate(mapped.primary[0], "=", key),), Cardinality.ONE, ())
        session = arguments.keywords.get("session")
        new = receiver.rows is not None and receiver.rows.root.startswith("new:")
        library = self.library(mapped)
        if name in ("save", "replace", "save_changes", "insert", "create"):
            verb = "insert" if new or name in ("insert", "create") else "save"
            condition = arguments.keywords.get("save_condition")
            tests = tuple(
                compared(mapped.columns.get(n, n), "=", v)
                for n, v in (condition.entries or {}).items()
            ) if condition is not None else ()  # fmt: skip
            recorded(
                caller, Kind.WRITE, verb, at, library, session, dataset=mapped.table, rows=receiver.rows,
                assigned=self.assigned_columns(caller, mapped, receiver.rows),
                selection=replace(selection, predicates=(*selection.predicates, *tests)),
                whole_row=library == "beanie" and verb == "save" and name != "save_changes", origin=receiver.origin,
            )  # fmt: skip
            return receiver
        if name in ("update", "modify", "set", "inc"):
            asked = arguments.keywords.get("query")
            tests = tuple(p for n, v in (asked.entries or {}).items() for p in conditions(n, v)) if asked else ()
            recorded(
                caller, Kind.WRITE, "update", at, library, session, dataset=mapped.table, rows=receiver.rows,
                assigned=tuple(self.changes(mapped, name, arguments)),
                selection=replace(selection, predicates=(*selection.predicates, *tests)), origin=receiver.origin,
            )  # fmt: skip
            return receiver
        if name == "delete":
            recorded(
                caller, Kind.WRITE, "delete", at, library, session, dataset=mapped.table, rows=receiver.rows,
                selection=selection, origin=receiver.origin,
            )  # fmt: skip
            return NONE
        return None

    def assigned_columns(self, caller: Caller, mapped: Mapped, rows: Rows | None) -> tuple[Assignment, ...]:
        """What was changed of a document since it was read, its columns' contents too (``order.lines.append(…)``)."""
        heap = caller.state.heap
        found: dict[str, Assignment] = {}
        if rows is None:
            return ()
        apart = not self.of_beanie(mapped)
        for name, column in mapped.columns.items():
            value = heap.get((rows, name)) or heap.get((rows, f"$changed:{name}"))
            entries = heap.get((rows, f"$entries:{name}")) if apart and (rows, name) not in heap else None
            if entries is not None and entries.entries:
                found |= {f"{column}.{key}": assignment(f"{column}.{key}", v) for key, v in entries.entries.items()}
            elif value is not None:
                found[column] = assignment(column, value)
        return tuple(found[c] for c in sorted(found))

    # What the tracer asks besides -------------------------------------------------------------------------------------

    def plan(self, verb: str, mapped: Mapped) -> Plan:
        return Plan(
            verb, mapped.name, mapped.table, mapped.keys, connection=self.library(mapped), entities=(mapped.entity(),)
        )

    def query(self, plan: Plan) -> Value:
        return Value(state=plan, type=QUERY)

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        plan = value.state
        if value.type != QUERY or not isinstance(plan, Plan) or how not in ("iterate", "first", "contains", "length"):
            return None
        return self.ended(caller, value, plan, "to_list", at)

    def awaited(self, caller: Caller, value: Value, at: Span) -> Value | None:
        """``await Order.find_one(…)``."""
        plan = value.state
        return self.ended(caller, value, plan, "first", at) if value.type == QUERY and isinstance(plan, Plan) else None

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        if base.type != QUERY or not isinstance(base.state, Plan):
            return None
        one = isinstance(key.const, int)
        found = self.ended(caller, base.but(state=None), replace(base.state, limit=1 if one else 0), "to_list", at)
        return element(found) if one else found

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        """Comparisons of columns are SQLAlchemy's own."""
        return None

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        """Nothing is written before `save`."""

    def item_assigned(self, caller: Caller, rows: Rows, name: str, key: Value, value: Value | None) -> None:
        """mongoengine writes just the entries of a mapping that are assigned; no value, or no key, is a change of the
        whole."""
        heap, mark = caller.state.heap, (rows, f"$entries:{name}")
        if key is NOTHING or value is None:
            heap[mark] = NONE
        elif mark in heap or (rows, f"$changed:{name}") not in heap:
            known = heap.get(mark, Value(entries={}))
            heap[mark] = (
                known.but(entries={**known.entries, key.text or "*": value}) if known.entries is not None else NONE
            )

    def enter(self, caller: Caller, context: Value, node: With, run: Any) -> bool:
        return False

    def grafted(self, graft: Graft, state: Any) -> Any:
        return None

    def detached(self, state: Any) -> Any:
        return None

    def key(self, state: Any) -> Any:
        return None


def recorded(
    caller: Caller, kind: Kind, verb: str, at: Span, library: str, session: Value | None, **fields: Any
) -> Effect:
    """Records an effect; without its session it stands outside the transaction round it. Beanie waits in no thread."""
    effect = caller.emit(
        kind, verb, at, store=StoreKind.DOCUMENT, connection=library, technology=TECHNOLOGY,
        blocking=library == "mongoengine", **fields,
    )  # fmt: skip
    if session is None:
        effect = caller.effects[-1] = replace(effect, transaction=caller.state.transactions.get("mongoengine"))
    return effect


def fields_of(cls: ClassInfo) -> Iterator[tuple[str, Call]]:
    """The fields that a document of mongoengine's and its bases declare."""
    for ancestor in reversed(cls.ancestors()):
        for name, statement in ancestor.fields.items():
            call = statement.value if isinstance(statement, Assign) else None
            if isinstance(call, Call) and last_name(call.function).endswith("Field"):
                yield name, call


def entries_of(expression: Expression | None) -> dict[str, Expression]:
    """A literal mapping's entries under names."""
    if not isinstance(expression, Collection) or expression.kind != "dict":
        return {}
    return {text(k): v for k, v in zip(expression.keys, expression.items, strict=False) if k is not None}


def is_true(expression: Expression | None) -> bool:
    return isinstance(expression, Const) and expression.value is True


def given(arguments: Arguments, name: str) -> bool:
    value = arguments.keywords.get(name)
    return value is not None and value.const is True


def calls_in(expression: Expression) -> Iterator[Call]:
    """The calls in an annotation: ``Annotated[str, Indexed(unique=True)]``."""
    if isinstance(expression, Call):
        yield expression
    elif isinstance(expression, Item):
        yield from calls_in(expression.key)
    for item in items_of(expression):
        yield from calls_in(item)


def key_of(index: Expression) -> tuple[str, ...]:
    """The fields of a unique index of mongoengine's: ``{"fields": ["shop", "-number"], "unique": True}``."""
    said = entries_of(index)
    names = tuple(text(i).lstrip("-+") for i in items_of(said.get("fields")))
    return names if is_true(said.get("unique")) and not said.keys() & {"partialFilterExpression", "sparse"} else ()


def index_of(index: Expression) -> tuple[str, ...]:
    """The fields of a unique index of Beanie's: ``IndexModel([("shop", 1), ("number", 1)], unique=True)``."""
    if not isinstance(index, Call) or not flag(index, "unique") or not index.arguments:
        return ()
    if keyword(index, "partialFilterExpression") is not None or flag(index, "sparse"):
        return ()
    keys = index.arguments[0]
    names = (text(keys),) if text(keys) else tuple(text(i) or text((items_of(i) or (None,))[0]) for i in items_of(keys))
    return names if all(names) else ()


__all__ = ["Mongo"]
