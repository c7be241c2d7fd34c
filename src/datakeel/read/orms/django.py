"""Django's ORM as it behaves: lazy querysets, managers, instances with their dirty attributes, relations, signals, serializers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Assignment, Cardinality, Effect, Kind, Predicate, Rows, Selection, Source, StoreKind
from datakeel.model.place import Place
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.program import Assign, Call, Collection, Const, Expression, Span, With
from datakeel.read.symbols import ClassInfo, External, FunctionInfo
from datakeel.read.values import (
    MISSING,
    NONE,
    NOTHING,
    Arguments,
    ClassTarget,
    ExternalTarget,
    FunctionTarget,
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

MODEL_BASES = frozenset(
    ("django.db.models.Model", "django.db.models.base.Model", "django.contrib.auth.models.AbstractUser",
     "django.contrib.auth.models.AbstractBaseUser", "django.contrib.auth.base_user.AbstractBaseUser",
     "model_utils.models.TimeStampedModel", "mptt.models.MPTTModel", "polymorphic.models.PolymorphicModel",
     "django_extensions.db.models.TimeStampedModel", "modelcluster.models.ClusterableModel", "treebeard.mp_tree.MP_Node",
     "django.contrib.gis.db.models.Model", "solo.models.SingletonModel", "django.contrib.auth.models.User")
)  # fmt: skip
MANAGERS = frozenset(
    ("django.db.models.Manager", "django.db.models.manager.Manager", "django.db.models.manager.BaseManager")
)
QUERYSETS = frozenset(("django.db.models.QuerySet", "django.db.models.query.QuerySet"))
LOOKUPS = {
    "exact": "=", "iexact": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "in": "in", "isnull": "is-null", "contains": "like",
    "icontains": "like", "startswith": "like", "istartswith": "like", "endswith": "like", "iendswith": "like", "range": "between",
    "regex": "like", "iregex": "like", "date": "=", "overlap": "contains", "has_key": "contains", "search": "search",
}  # fmt: skip
RELATIONS = frozenset(("ForeignKey", "OneToOneField", "ParentalKey", "TreeForeignKey", "FlexibleForeignKey"))
CHAINS = frozenset(
    ("all", "filter", "exclude", "order_by", "select_related", "prefetch_related", "only", "defer", "distinct", "annotate", "values",
     "values_list", "using", "select_for_update", "reverse", "none", "union", "intersection", "difference", "alias", "iterator", "complex_filter",
     "extra", "get_queryset", "dates", "datetimes", "db_manager", "raw", "aiterator")
)  # fmt: skip
READS = frozenset(
    ("get", "first", "last", "latest", "earliest", "count", "exists", "aggregate", "in_bulk", "explain", "contains")
)
WRITES = frozenset(
    (
        "create",
        "get_or_create",
        "update_or_create",
        "bulk_create",
        "bulk_update",
        "update",
        "delete",
        "add",
        "remove",
        "set",
        "clear",
    )
)
ASYNC = {f"a{name}": name for name in READS | WRITES}
INSTANCE = frozenset(("save", "delete", "refresh_from_db", "save_base", "asave", "adelete", "arefresh_from_db"))
EXPRESSIONS = (
    "django.db.models.F", "django.db.models.expressions.F", "django.db.models.functions.", "django.db.models.Case", "django.db.models.When",
    "django.db.models.Value", "django.db.models.Subquery", "django.db.models.OuterRef", "django.db.models.Count", "django.db.models.Sum",
    "django.db.models.Max", "django.db.models.Min", "django.db.models.Avg", "django.db.models.Exists", "django.db.models.ExpressionWrapper",
)  # fmt: skip


class Query(Struct, frozen=True):
    """A queryset that is not evaluated yet, or a manager (`managed`). `model` is the class's dotted name, empty until bound."""

    model: str
    predicates: tuple[Predicate, ...] = ()
    complete: bool = True
    lock: str = ""
    skip_locked: bool = False
    nowait: bool = False
    order: tuple[str, ...] = ()
    limit: int | None = None
    offset: bool = False
    columns: tuple[str, ...] | None = None
    eager: tuple[str, ...] = ()
    using: str = ""
    shape: str = ""  # values, values_list, flat
    grouped: bool = False
    managed: bool = False
    relation: str = ""  # the many-to-many field that it goes through
    empty: bool = False
    parent: Rows | None = None  # the object whose related rows these are


class Condition(Struct, frozen=True):
    """A Q object."""

    predicates: tuple[Predicate, ...] = ()
    complete: bool = True


class Field(Struct, frozen=True):
    """One field of a model. `relation` is the related model's dotted name; `many` a many-to-many."""

    name: str
    kind: str
    column: str
    relation: str = ""
    related_name: str = ""
    many: bool = False
    keywords: dict[str, Any] = {}
    place: Place | None = None


class Model(Struct, frozen=True):
    name: str
    table: str
    fields: dict[str, Field]
    abstract: bool
    origin: Origin
    primary: str = "id"
    proxy: bool = False


class Django:
    def __init__(self, world: World) -> None:
        self.world = world
        self._models: dict[str, Model | None] = {}
        self._reverse: dict[str, dict[str, Field]] | None = None
        self._receivers: dict[tuple[str, str], list[FunctionInfo]] | None = None

    # Models -----------------------------------------------------------------------------------------------------------

    def model(self, type_name: str) -> Model | None:
        """The model behind a class's dotted name, or None when it is none."""
        if type_name not in self._models:
            self._models[type_name] = None
            cls = self.world.class_named(type_name)
            if cls is not None:
                self._models[type_name] = self.read_model(cls)
        return self._models[type_name]

    def read_model(self, cls: ClassInfo) -> Model | None:
        externals = cls.externals()
        declared = any(b in MODEL_BASES for b in externals)
        if not declared and not self.looks_like_model(cls):
            return None
        meta = self.meta(cls)
        fields: dict[str, Field] = {}
        for ancestor in reversed(cls.ancestors()):
            for name, statement in ancestor.fields.items():
                field = self.read_field(ancestor, cls, name, statement)
                if field is not None:
                    fields[name] = field
        abstract = meta.get("abstract") is True
        table = meta.get("db_table")
        primary = next((f.column for f in fields.values() if f.keywords.get("primary_key") is True), "id")
        return Model(
            cls.name, table if isinstance(table, str) else self.table_name(cls), fields, abstract,
            Origin.RESOLVED if declared else Origin.CONVENTION, primary, meta.get("proxy") is True,
        )  # fmt: skip

    def looks_like_model(self, cls: ClassInfo) -> bool:
        """A class whose base is unknown, and whose fields are made as a model's are."""
        if not any(b not in ("builtins.object",) for b in cls.externals()):
            return False
        return any(
            isinstance(s, Assign) and isinstance(s.value, Call) and self.is_field(ancestor, s.value)
            for ancestor in cls.ancestors()
            for s in ancestor.fields.values()
        ) and not any(
            b.startswith(("django.forms", "rest_framework", "django_filters", "graphene")) for b in cls.externals()
        )

    def is_field(self, cls: ClassInfo, call: Call) -> bool:
        dotted = dotted_of(call.function)
        if dotted is None:
            return False
        symbol = self.world.names.resolve(cls.module, dotted)
        if isinstance(symbol, External):
            return (
                symbol.dotted.startswith("django.")
                and ".models." in symbol.dotted
                and symbol.dotted.endswith(("Field", "ForeignKey"))
            )
        if isinstance(symbol, ClassInfo):
            return any(
                b.startswith("django.") and ".models." in b and b.endswith(("Field", "ForeignKey"))
                for b in symbol.externals()
            )
        return False

    def meta(self, cls: ClassInfo) -> dict[str, Any]:
        """The constants of ``class Meta`` (of the class's own, or of an abstract ancestor's, without `abstract` and `db_table`)."""
        found: dict[str, Any] = {}
        for ancestor in reversed(cls.ancestors()):
            inner = self.world.names.class_of(ancestor.module, f"{ancestor.facts.name}.Meta")
            if inner is None:
                continue
            for name, statement in inner.fields.items():
                if ancestor is not cls and name in ("abstract", "db_table", "proxy"):
                    continue
                if isinstance(statement, Assign) and isinstance(statement.value, Const):
                    found[name] = statement.value.value
        return found

    def table_name(self, cls: ClassInfo) -> str:
        folders = cls.module.path.split("/")[:-1]
        while folders and folders[-1].endswith("models"):
            folders.pop()
        label = folders[-1] if folders else "app"
        return f"{label}_{cls.facts.name.rpartition('.')[2].lower()}"

    def read_field(self, owner: ClassInfo, cls: ClassInfo, name: str, statement: object) -> Field | None:
        if not isinstance(statement, Assign) or not isinstance(statement.value, Call):
            return None
        call = statement.value
        dotted = dotted_of(call.function) or ""
        kind = dotted.rpartition(".")[2]
        if not (kind.endswith(("Field", "ForeignKey", "ParentalKey", "AutoField", "Key")) and kind[:1].isupper()):
            return None
        keywords = {k: v.value for k, v in call.keywords if isinstance(v, Const)}
        many = kind in ("ManyToManyField", "ParentalManyToManyField", "SortedManyToManyField")
        relation = ""
        if kind in RELATIONS or many or kind.endswith(("ForeignKey", "OneToOneField")):
            target = call.arguments[0] if call.arguments else next((v for k, v in call.keywords if k == "to"), None)
            relation = self.related_class(owner, cls, target) if target is not None else ""
            column = str(keywords.get("db_column") or f"{name}_id")
        else:
            column = str(keywords.get("db_column") or name)
        related = keywords.get("related_name")
        place = Place(
            owner.module.path, statement.at.line, statement.at.column, statement.at.end_line, statement.at.end_column
        )
        return Field(name, kind, column, relation, related if isinstance(related, str) else "", many, keywords, place)

    def related_class(self, owner: ClassInfo, cls: ClassInfo, target: Expression) -> str:
        if isinstance(target, Const) and isinstance(target.value, str):
            text = target.value
            if text == "self":
                return cls.name
            app, _, last = text.rpartition(".")
            local = self.world.names.class_of(owner.module, last) if not app else None
            if local is not None:
                return local.name
            return self.by_label(app, last, owner)
        dotted = dotted_of(target)
        if dotted is None:
            return ""
        symbol = self.world.names.resolve(owner.module, dotted)
        if isinstance(symbol, ClassInfo):
            return symbol.name
        if isinstance(symbol, External) and symbol.dotted.endswith("AUTH_USER_MODEL"):
            label = self.world.setting("AUTH_USER_MODEL").text
            if label:
                app, _, last = label.rpartition(".")
                return self.by_label(app, last, owner)
        return ""

    def by_label(self, app: str, name: str, owner: ClassInfo | None = None) -> str:
        """``app.Name`` → the class: the model of that name in the app of that label."""
        found = [
            c for c in self.labels().get(name, ()) if not app or app.rpartition(".")[2] in c.module.name.split(".")
        ]
        if owner is not None and len(found) > 1:
            same = [c for c in found if c.module.name.split(".")[:2] == owner.module.name.split(".")[:2]]
            found = same or found
        return found[0].name if found else ""

    def labels(self) -> dict[str, list[ClassInfo]]:
        if not hasattr(self, "_labels"):
            self._labels: dict[str, list[ClassInfo]] = {}
            for module in self.world.names.every_module():
                for facts in module.file.classes:
                    if facts.bases and "." not in facts.name:
                        info = self.world.names.class_of(module, facts.name)
                        if info is not None:
                            self._labels.setdefault(facts.name, []).append(info)
        return self._labels

    def models(self) -> Iterable[Model]:
        """Every concrete model of the project."""
        for cls in self.world.names.every_class():
            model = self.model(cls.name)
            if model is not None and not model.abstract:
                yield model

    def reverse(self, model: Model) -> dict[str, Field]:
        """The names by which other models' relations are followed back to this one. `relation` is then the other model."""
        if self._reverse is None:
            self._reverse = {}
            for other in self.models():
                for field in other.fields.values():
                    if not field.relation or field.related_name == "+" or field.related_name.endswith("+"):
                        continue
                    short = other.name.rpartition(".")[2].lower()
                    one = field.kind.endswith("OneToOneField")
                    name = field.related_name or (short if one else f"{short}_set")
                    name = name.replace("%(class)s", short).replace("%(app_label)s", other.table.partition("_")[0])
                    self._reverse.setdefault(field.relation, {})[name] = replace(field, relation=other.name)
        found: dict[str, Field] = {}
        cls = self.world.class_named(model.name)
        for ancestor in cls.ancestors() if cls is not None else ():
            found = {**self._reverse.get(ancestor.name, {}), **found}
        return found

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        state = base.state
        if isinstance(state, Query):
            return self.query_attribute(caller, base, state, name)
        target = base.target
        if isinstance(target, ClassTarget):
            return self.model_class_attribute(target.cls, name)
        if base.type == "django.conf.settings":
            value = self.world.setting(name)
            return value if value is not NOTHING else Value(name=name)
        if base.type and target is None:
            model = self.model(base.type)
            if model is not None:
                return self.instance_attribute(caller, model, base, name, at)
        return None

    def query_attribute(self, caller: Caller, base: Value, query: Query, name: str) -> Value | None:
        plain = ASYNC.get(name, name)
        cls = self.world.class_named(base.type)
        if cls is not None:
            method = cls.method(name)
            if method is not None:
                return Value(target=FunctionTarget(method, base), type="builtins.function")
            if query.managed:
                through = self.queryset_class(cls)
                if through is not None and through.method(name) is not None:
                    method = through.method(name)
                    assert method is not None
                    return Value(target=FunctionTarget(method, base.but(type=through.name)), type="builtins.function")
        if plain in CHAINS or plain in READS or plain in WRITES:
            return Value(target=MethodTarget(base, name))
        if name == "model":
            found = self.world.class_named(query.model)
            return Value(target=ClassTarget(found), type="builtins.type") if found is not None else NOTHING
        if name in ("query", "db", "_meta"):
            return NOTHING
        return None

    def queryset_class(self, cls: ClassInfo) -> ClassInfo | None:
        """The queryset class behind a manager class made by ``from_queryset``."""
        for base in cls.facts.bases:
            if isinstance(base, Call) and base.arguments:
                dotted = dotted_of(base.arguments[0])
                symbol = self.world.names.resolve(cls.module, dotted) if dotted is not None else None
                if isinstance(symbol, ClassInfo):
                    return symbol
        return None

    def model_class_attribute(self, cls: ClassInfo, name: str) -> Value | None:
        if name in ("objects", "_default_manager", "_base_manager") or name.endswith(("objects", "_manager")):
            model = self.model(cls.name)
            if model is None:
                return None
            return self.manager(cls, model, name)
        if name == "DoesNotExist" or name == "MultipleObjectsReturned":
            return Value(
                target=ExternalTarget(
                    f"django.core.exceptions.{'ObjectDoesNotExist' if name == 'DoesNotExist' else name}"
                )
            )
        return None if cls.method(name) is not None or self.model(cls.name) is None else self.other_manager(cls, name)

    def other_manager(self, cls: ClassInfo, name: str) -> Value | None:
        found = cls.field(name)
        if found is None:
            return None
        value = self.world.class_field(cls, name)
        model = self.model(cls.name)
        if value is not None and isinstance(value.state, Query) and model is not None:
            return value.but(state=replace(value.state, model=model.name), of=Value(type=model.name))
        return None

    def manager(self, cls: ClassInfo, model: Model, name: str) -> Value:
        declared = self.world.class_field(cls, name) if cls.field(name) is not None else None
        type_name = "django.db.models.Manager"
        base = Query(model.name, managed=True)
        if declared is not None:
            if isinstance(declared.state, Query):
                base = replace(declared.state, model=model.name)
            if declared.type:
                type_name = declared.type
        return Value(type=type_name, of=Value(type=model.name), state=base, origin=model.origin)

    def instance_attribute(self, caller: Caller, model: Model, base: Value, name: str, at: Span) -> Value | None:
        cls = self.world.class_named(model.name)
        if name in INSTANCE and (cls is None or cls.method(name) is None):
            return Value(target=MethodTarget(base, name))
        if cls is not None and cls.method(name) is not None:
            return None
        if base.rows is not None:
            stored = caller.state.heap.get((base.rows, name))
            if stored is not None:
                return stored
            if name == "pk":
                stored = caller.state.heap.get((base.rows, model.primary))
        column = model.primary if name == "pk" else name
        field = model.fields.get(name)
        fresh = caller.state.heap.get((base.rows, "$fresh")) if base.rows is not None else None
        sources = extended(fresh.sources if fresh is not None else base.sources, column)
        rows = (
            Rows(base.rows.root, (*base.rows.path, column))
            if base.rows is not None and len(base.rows.path) < 4
            else None
        )
        if field is None:
            by_column = next((f for f in model.fields.values() if f.column == name), None)
            if by_column is None:
                back = self.reverse(model).get(name)
                if back is not None:
                    return self.related_rows(caller, base, back, at)
                if cls is not None and cls.field(name) is not None:
                    return None
            return Value(sources=sources, rows=rows, origin=base.origin)
        if field.many:
            query = Query(field.relation, (Predicate(name, "=", canonical(base), tuple(sorted(base.sources))),), managed=True,
                          relation=f"{model.table}_{name}", parent=base.rows)  # fmt: skip
            return Value(
                type="django.db.models.Manager", of=Value(type=field.relation), state=query, origin=base.origin
            )
        if field.relation:
            self.load_relation(caller, model, base, field, at)
            return Value(type=field.relation, sources=sources, rows=rows, origin=base.origin)
        return Value(sources=sources, rows=rows, origin=base.origin, type=FIELD_TYPES.get(field.kind, ""))

    def related_rows(self, caller: Caller, base: Value, back: Field, at: Span) -> Value:
        """A reverse relation: the other model's rows that refer to this one."""
        column = back.column if not back.many else back.name
        predicate = Predicate(column, "=", canonical(base), tuple(sorted(base.sources)))
        if back.kind.endswith("OneToOneField"):
            rows = Rows(base.rows.root, (*base.rows.path, f"<{back.column}")) if base.rows is not None else None
            return Value(type=back.relation, rows=rows, sources=extended(base.sources, back.column), origin=base.origin)
        query = Query(
            back.relation, (predicate,), managed=True, parent=base.rows, relation=back.relation if back.many else ""
        )
        manager = "django.db.models.Manager"
        cls = self.world.class_named(back.relation)
        model = self.model(back.relation)
        if cls is not None and model is not None:
            manager = self.manager(cls, model, "objects").type
        return Value(type=manager, of=Value(type=back.relation), state=query, origin=base.origin)

    def load_relation(self, caller: Caller, model: Model, base: Value, field: Field, at: Span) -> None:
        """Following a foreign key loads the row, unless it was loaded with its owner or before."""
        if base.rows is None or base.name == f"eager:{field.name}" or base.rows.root.startswith("new:"):
            return
        if field.name in eager_of(base):
            return
        mark = (base.rows, f"$loaded:{field.name}")
        if mark in caller.state.heap:
            return
        caller.state.heap[mark] = NONE
        other = self.model(field.relation)
        if other is None:
            return
        path = (*base.rows.path, field.column)
        caller.emit(
            Kind.READ, "relation", at, store=StoreKind.RELATIONAL, connection="default", technology="django", dataset=other.table,
            selection=Selection((Predicate(other.primary, "=", ".".join((base.rows.root, *path))),), Cardinality.ONE),
            rows=Rows(base.rows.root, (*base.rows.path, field.name)), blocking=True, origin=base.origin,
        )  # fmt: skip

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        match function.target:
            case MethodTarget(receiver, name):
                if isinstance(receiver.state, Query):
                    return self.query_call(caller, receiver, receiver.state, ASYNC.get(name, name), arguments, at)
                if name in INSTANCE and receiver.type:
                    model = self.model(receiver.type)
                    if model is not None:
                        return self.instance_call(
                            caller,
                            model,
                            receiver,
                            name.removeprefix("a") if name.startswith("a") else name,
                            arguments,
                            at,
                        )
                if name in ("save", "is_valid") and receiver.type:
                    return self.serializer_call(caller, receiver, name, arguments, at)
                if name in ("as_manager", "from_queryset") and isinstance(receiver.target, ClassTarget):
                    return self.made_manager(receiver.target.cls, name)
            case ExternalTarget(dotted) if dotted.startswith("django."):
                return self.external_call(caller, dotted, arguments, at)
            case ClassTarget(cls):
                model = self.model(cls.name)
                if model is not None:
                    return self.new_instance(caller, model, arguments)
                return self.manager_instance(cls)
        return None

    def manager_instance(self, cls: ClassInfo) -> Value | None:
        externals = cls.externals()
        if any(b in MANAGERS for b in externals) or self.queryset_class(cls) is not None:
            return Value(type=cls.name, state=Query("", managed=True))
        if any(b in QUERYSETS for b in externals):
            return Value(type=cls.name, state=Query(""))
        return None

    def made_manager(self, cls: ClassInfo, name: str) -> Value | None:
        if any(b in QUERYSETS | MANAGERS for b in cls.externals()):
            return Value(type=cls.name, state=Query("", managed=True))
        return None

    def external_call(self, caller: Caller, dotted: str, arguments: Arguments, at: Span) -> Value | None:
        last = dotted.rpartition(".")[2]
        if last == "Q" and dotted.startswith("django.db.models"):
            predicates, complete = self.conditions(arguments, None)
            return Value(state=Condition(predicates, complete), sources=arguments.sources())
        if dotted.startswith(EXPRESSIONS):
            return Value(atomic=True, sources=arguments.sources(), type="django.db.models.F")
        if dotted in MANAGERS or dotted in QUERYSETS:
            return Value(type=dotted, state=Query("", managed=dotted in MANAGERS))
        if last in ("get_object_or_404", "get_list_or_404", "aget_object_or_404") and arguments.positional:
            return self.get_or_404(caller, arguments, at, last)
        if last == "get_user_model":
            label = self.world.setting("AUTH_USER_MODEL").text or "auth.User"
            app, _, name = label.rpartition(".")
            cls = self.world.class_named(self.by_label(app, name))
            return Value(target=ClassTarget(cls), type="builtins.type") if cls is not None else None
        if last == "get_model" and arguments.positional:
            texts = [v.text for v in arguments.positional[:2] if v.text]
            app, _, name = (".".join(texts)).rpartition(".")
            cls = self.world.class_named(self.by_label(app, name)) if name else None
            return Value(target=ClassTarget(cls), type="builtins.type") if cls is not None else None
        return None

    def get_or_404(self, caller: Caller, arguments: Arguments, at: Span, name: str) -> Value | None:
        first = arguments.positional[0]
        if isinstance(first.target, ClassTarget):
            model = self.model(first.target.cls.name)
            if model is None:
                return None
            first = self.manager(first.target.cls, model, "objects")
        if not isinstance(first.state, Query):
            return None
        query = self.filtered(first.state, arguments.after(1))
        return (
            self.read(caller, first, query, at, "get")
            if "list" not in name
            else self.force(caller, first.but(state=query), at, "iterate")
        )

    def new_instance(self, caller: Caller, model: Model, arguments: Arguments) -> Value:
        made = Value(type=model.name, rows=Rows(f"new:{caller.next()}"), origin=model.origin)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            self.set_field(caller, made.rows, model, name, value, None)
        return made

    def set_field(
        self, caller: Caller, rows: Rows, model: Model | None, name: str, value: Value, place: Place | None
    ) -> None:
        caller.state.heap[(rows, name)] = value
        field = model.fields.get(name) if model is not None else None
        column = field.column if field is not None else name
        caller.state.heap[(rows, f"$dirty:{column}")] = value.but(state=place, rows=value.rows)

    # Querysets --------------------------------------------------------------------------------------------------------

    def query_call(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        if name in CHAINS:
            return self.chained(caller, receiver, query, name, arguments, at)
        if name in ("get", "first", "last", "latest", "earliest"):
            return self.read(caller, receiver, self.filtered(query, arguments) if name == "get" else query, at, name)
        if name in ("count", "exists", "aggregate", "contains", "in_bulk", "explain"):
            return self.summarised(caller, receiver, query, name, arguments, at)
        if name in WRITES:
            return WRITERS[name](self, caller, receiver, query, arguments, at)
        return None

    def chained(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value:
        match name:
            case "filter" | "complex_filter":
                query = self.filtered(query, arguments)
            case "exclude":
                query = replace(query, complete=False)
            case "order_by":
                query = replace(query, order=tuple(v.text or "" for v in arguments.positional))
            case "select_related":
                query = replace(
                    query,
                    eager=(
                        *query.eager,
                        *(v.text or "" for v in arguments.positional),
                        *(() if arguments.positional else ("*",)),
                    ),
                )
            case "prefetch_related":
                query = replace(query, eager=(*query.eager, *(v.text or "" for v in arguments.positional)))
            case "only" | "values" | "values_list":
                query = self.narrowed(query, name, arguments)
            case "using" | "db_manager":
                given = arguments.get("using", 0) or arguments.get("alias", 0)
                query = replace(query, using=(given.text or canonical(given)) if given is not None else "")
            case "select_for_update":
                query = self.locked(query, arguments)
            case "annotate":
                query = replace(query, grouped=True)
            case "none":
                query = replace(query, empty=True)
            case "raw":
                return self.raw(caller, receiver, query, arguments, at)
            case "get_queryset" | "all" if query.managed:
                query = replace(query, managed=False)
            case "union" | "intersection" | "difference" | "extra":
                query = replace(query, complete=False)
        if name not in ("db_manager",):
            query = replace(query, managed=False)
        type_name = receiver.type
        if type_name.endswith("Manager") and self.world.class_named(type_name) is None:
            type_name = "django.db.models.QuerySet"
        elif query.managed is False and receiver.type:
            cls = self.world.class_named(receiver.type)
            through = self.queryset_class(cls) if cls is not None else None
            type_name = through.name if through is not None else type_name
        return receiver.but(state=query, type=type_name)

    def raw(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        return receiver.but(state=replace(query, complete=False, managed=False))

    def locked(self, query: Query, arguments: Arguments) -> Query:
        def asked(name: str, position: int) -> bool:
            found = arguments.get(name, position)
            return found is not None and found.const is True

        mode = "share" if asked("no_key", 3) and False else "update"
        return replace(query, lock=mode, nowait=asked("nowait", 0), skip_locked=asked("skip_locked", 1))

    def narrowed(self, query: Query, name: str, arguments: Arguments) -> Query:
        columns = tuple(v.text or "" for v in arguments.positional)
        flat = arguments.keywords.get("flat")
        shape = "" if name == "only" else "flat" if flat is not None and flat.const is True else name
        return replace(query, columns=columns or query.columns, shape=shape or query.shape)

    def filtered(self, query: Query, arguments: Arguments) -> Query:
        predicates, complete = self.conditions(arguments, self.model(query.model))
        return replace(query, predicates=(*query.predicates, *predicates), complete=query.complete and complete)

    def conditions(self, arguments: Arguments, model: Model | None) -> tuple[tuple[Predicate, ...], bool]:
        """Keyword lookups and Q objects as predicates; False when some were not understood."""
        found: list[Predicate] = []
        complete = arguments.options is None and arguments.rest is None
        for value in arguments.positional:
            if isinstance(value.state, Condition):
                found += [self.renamed(p, model) for p in value.state.predicates]
                complete = complete and value.state.complete
            else:
                complete = False
        for name, value in arguments.keywords.items():
            found.append(self.lookup(name, value, model))
        return tuple(found), complete

    def renamed(self, predicate: Predicate, model: Model | None) -> Predicate:
        return replace(predicate, column=self.column(predicate.column, model))

    def lookup(self, name: str, value: Value, model: Model | None) -> Predicate:
        parts = name.split("__")
        operator = "="
        if (
            len(parts) > 1
            and parts[-1] in LOOKUPS
            and not (model is not None and parts[-1] in model.fields and len(parts) == 1)
        ):
            operator = LOOKUPS[parts.pop()]
        if operator == "is-null" and value.const is False:
            operator = "not-null"
        if operator == "=" and value.known and value.const is None:
            operator = "is-null"
        column = self.column("__".join(parts), model)
        return Predicate(column, operator, canonical(value), tuple(sorted(union((value,)))))

    def column(self, name: str, model: Model | None) -> str:
        """A lookup's path as a column: a foreign key is its column, a path through relations stays dotted."""
        if name == "pk":
            return model.primary if model is not None else "id"
        if model is None:
            return name
        head, _, rest = name.partition("__")
        field = model.fields.get(head)
        if field is None:
            return name.replace("__", ".")
        if not rest or rest in ("id", "pk"):
            return field.column
        return name.replace("__", ".")

    def selection(self, query: Query, how: str = "") -> Selection:
        model = self.model(query.model)
        cardinality = Cardinality.MANY
        unique = self.unique_columns(model) if model is not None else frozenset()
        if how == "get" or any(p.operator == "=" and p.column in unique for p in query.predicates):
            cardinality = Cardinality.ONE
        elif query.limit is not None or how in ("first", "last", "latest", "earliest"):
            cardinality = Cardinality.AT_MOST
        return Selection(
            predicates=query.predicates, cardinality=cardinality, columns=query.columns, lock=query.lock, order=query.order,
            limit=query.limit, skip_locked=query.skip_locked, nowait=query.nowait, offset=query.offset, complete=query.complete,
            replica=replica(query.using),
        )  # fmt: skip

    def unique_columns(self, model: Model) -> frozenset[str]:
        named = {
            f.column
            for f in model.fields.values()
            if f.keywords.get("unique") is True or f.keywords.get("primary_key") is True
        }
        return frozenset((model.primary, *named))

    def table(self, query: Query) -> str:
        model = self.model(query.model)
        return model.table if model is not None else ""

    def emit_read(
        self, caller: Caller, receiver: Value, query: Query, at: Span, how: str, aggregate: str = ""
    ) -> Effect:
        selection = self.selection(query, how)
        number = caller._number + 1
        effect = caller.emit(
            Kind.READ, "select", at, store=StoreKind.RELATIONAL, connection=connection_of(query.using), technology="django",
            dataset=self.table(query), selection=replace(selection, aggregate=aggregate), rows=Rows(f"read:{number}"),
            blocking=True, origin=receiver.origin if query.model else Origin.ASSUMED,
        )  # fmt: skip
        if query.lock:
            caller.state.locks = (*caller.state.locks, effect.number)
        return effect

    def read(self, caller: Caller, receiver: Value, query: Query, at: Span, how: str) -> Value:
        """One row is read."""
        if query.empty:
            return NONE
        effect = self.emit_read(caller, receiver, query, at, how)
        return self.row_value(effect.number, receiver, query)

    def row_value(self, number: int, receiver: Value, query: Query) -> Value:
        rows = Rows(f"read:{number}")
        sources = frozenset((Source("read", number),))
        if query.shape == "flat":
            column = query.columns[0] if query.columns else "id"
            return Value(
                rows=Rows(f"read:{number}", (column,)), sources=extended(sources, column), origin=receiver.origin
            )
        if query.shape == "values_list" and query.columns:
            items = tuple(Value(sources=extended(sources, c), rows=Rows(f"read:{number}", (c,))) for c in query.columns)
            return Value(items=items, sources=sources, rows=rows)
        type_name = query.model if not query.shape else "row"
        return Value(
            type=type_name,
            rows=rows,
            sources=sources,
            origin=receiver.origin,
            name="eager:" + ",".join(query.eager) if query.eager else "",
        )

    def summarised(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value:
        if name == "in_bulk":
            return self.force(caller, receiver.but(state=query), at, "iterate") or NOTHING
        aggregate = name if name != "contains" else "exists"
        if name == "aggregate":
            aggregate = "sum"
        effect = self.emit_read(caller, receiver, query, at, name, aggregate)
        value = Value(
            type="builtins.int" if name == "count" else "", sources=frozenset((Source("read", effect.number),))
        )
        return value

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        """A plan is evaluated: iterated, counted, tested, indexed."""
        query = value.state
        if not isinstance(query, Query):
            return None
        if query.managed and how not in ("iterate",):
            return value
        if query.empty:
            return Value(type="builtins.list", items=())
        effect = self.emit_read(caller, value, query, at, how)
        row = self.row_value(effect.number, value, query)
        return Value(
            type="builtins.list", of=row, sources=row.sources, rows=Rows(f"read:{effect.number}"), origin=value.origin,
            name="ordered" if query.order else "",
        )  # fmt: skip

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        query = base.state
        if not isinstance(query, Query):
            return None
        if isinstance(key.const, int):
            return self.read(caller, base, replace(query, limit=1), at, "first")
        return base.but(state=replace(query, limit=0, offset=query.offset or "start" in key.name))

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        states = [v.state for v in values]
        if how in ("&", "|", "^") and any(isinstance(s, Condition) for s in states):
            conditions = [s for s in states if isinstance(s, Condition)]
            if how == "&":
                whole = Condition(
                    tuple(p for c in conditions for p in c.predicates), all(c.complete for c in conditions)
                )
            else:
                whole = Condition((), False)
            return Value(state=whole, sources=union(values))
        if how in ("~", "not") and isinstance(states[0], Condition):
            return Value(state=Condition((), False), sources=values[0].sources)
        if how in ("|", "&") and any(isinstance(s, Query) for s in states):
            first = next(v for v in values if isinstance(v.state, Query))
            assert isinstance(first.state, Query)
            return first.but(state=replace(first.state, complete=False))
        if any(v.atomic for v in values) and how in ("+", "-", "*", "/", "%", "**"):
            return Value(atomic=True, sources=union(values), type="django.db.models.F")
        return None

    # Writes -----------------------------------------------------------------------------------------------------------

    def emit_write(self, caller: Caller, receiver: Value, query: Query, verb: str, at: Span, **fields: Any) -> Effect:
        return caller.emit(
            Kind.WRITE, verb, at, store=StoreKind.RELATIONAL, connection=connection_of(query.using), technology="django",
            dataset=fields.pop("dataset", None) or self.table(query), blocking=True,
            origin=receiver.origin if query.model else Origin.ASSUMED, **fields,
        )  # fmt: skip

    def assignments(self, model: Model | None, values: Iterable[tuple[str, Value]]) -> tuple[Assignment, ...]:
        found = []
        for name, value in values:
            field = model.fields.get(name) if model is not None else None
            found.append(assignment(field.column if field is not None else name, value))
        return tuple(found)

    def create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        model = self.model(query.model)
        override = self.overridden_save(model, query)
        made = Value(type=query.model, rows=Rows(f"new:{caller.next()}"), origin=receiver.origin)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            self.set_field(caller, made.rows, model, name, value, None)
        for predicate in query.predicates:
            caller.state.heap[(made.rows, f"$dirty:{predicate.column}")] = Value(sources=frozenset(predicate.sources))
        if override is not None:
            caller.call_function(FunctionTarget(override, made), Arguments(), at)
            return made
        self.insert(caller, made, model, query, at)
        return made

    def overridden_save(self, model: Model | None, query: Query) -> FunctionInfo | None:
        cls = self.world.class_named(query.model) if model is not None else None
        return cls.method("save") if cls is not None else None

    def insert(self, caller: Caller, made: Value, model: Model | None, query: Query, at: Span) -> Effect:
        assert made.rows is not None
        effect = self.emit_write(
            caller, made, query, "insert", at, rows=made.rows, assigned=self.dirty(caller, made.rows),
        )  # fmt: skip
        self.clean(caller, made.rows)
        caller.state.heap[(made.rows, "$saved")] = NONE
        self.signal(caller, "post_save", made, model, at, created=True)
        return effect

    def get_or_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        return self.found_or_made(caller, receiver, query, arguments, at, update=False)

    def update_or_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        return self.found_or_made(caller, receiver, query, arguments, at, update=True)

    def found_or_made(
        self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span, *, update: bool
    ) -> Value:
        """One unit: look the row up by the given columns, insert it where there is none (and set the defaults where there is)."""
        model = self.model(query.model)
        defaults = arguments.keywords.get("defaults")
        looked_up = {k: v for k, v in arguments.keywords.items() if k not in ("defaults", "create_defaults")}
        filtered = self.filtered(query, Arguments((), looked_up, None, arguments.options))
        extra = tuple((defaults.entries or {}).items()) if defaults is not None else ()
        number = caller._number + 1
        effect = self.emit_write(
            caller, receiver, filtered, "upsert" if update else "get-or-create", at,
            selection=self.selection(filtered, "get"), conflict="update" if update else "ignore",
            assigned=self.assignments(model, (*looked_up.items(), *extra)), rows=Rows(f"read:{number}"),
        )  # fmt: skip
        row = self.row_value(effect.number, receiver, replace(query, shape=""))
        created = Value(type="builtins.bool", sources=frozenset((Source("result", effect.number, "created"),)))
        return Value(type="builtins.tuple", items=(row, created))

    def bulk_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        objects = arguments.get("objs", 0) or NOTHING
        one = element(caller.force(objects, at, "iterate"))
        assigned = self.dirty(caller, one.rows) if one.rows is not None else ()
        ignore = arguments.get("ignore_conflicts", 2)
        updates = arguments.get("update_conflicts", 3)
        conflict = (
            "ignore"
            if ignore is not None and ignore.const is True
            else "update"
            if updates is not None and updates.const is True
            else ""
        )
        self.emit_write(caller, receiver, query, "insert", at, assigned=assigned, conflict=conflict, rows=one.rows,
                        selection=Selection(cardinality=Cardinality.MANY))  # fmt: skip
        return objects

    def bulk_update(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        objects = arguments.get("objs", 0) or NOTHING
        one = element(caller.force(objects, at, "iterate"))
        fields = arguments.get("fields", 1)
        columns = [i.text for i in fields.items if i.text] if fields is not None and fields.items is not None else None
        assigned = self.dirty(caller, one.rows) if one.rows is not None else ()
        if columns is not None:
            known = {a.column for a in assigned}
            assigned = (
                *(a for a in assigned if a.column in columns),
                *(Assignment(c, "unknown") for c in columns if c not in known),
            )
        self.emit_write(
            caller,
            receiver,
            query,
            "update",
            at,
            assigned=assigned,
            rows=one.rows,
            selection=Selection(cardinality=Cardinality.MANY),
        )
        return NOTHING

    def update(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        model = self.model(query.model)
        number = caller._number + 1
        effect = self.emit_write(
            caller, receiver, query, "update", at, selection=self.selection(query),
            assigned=self.assignments(model, arguments.keywords.items()), rows=Rows(f"read:{number}"),
        )  # fmt: skip
        return Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))

    def delete(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        effect = self.emit_write(caller, receiver, query, "delete", at, selection=self.selection(query))
        return Value(sources=frozenset((Source("result", effect.number, "rowcount"),)))

    def change_relation(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        """``add``, ``remove``, ``set``, ``clear`` of a many-to-many: rows of its link table, which has a unique key."""
        self.emit_write(caller, receiver, query, "link", at, dataset=query.relation or self.table(query), conflict="ignore",
                        selection=Selection(query.predicates), assigned=(Assignment("*", "value", tuple(sorted(arguments.sources()))),))  # fmt: skip
        return NOTHING

    def instance_call(
        self, caller: Caller, model: Model, receiver: Value, name: str, arguments: Arguments, at: Span
    ) -> Value:
        query = Query(model.name, using=text_argument(arguments, "using"))
        if name == "refresh_from_db":
            return self.refresh(caller, model, receiver, query, arguments, at)
        if name == "delete":
            self.emit_write(caller, receiver, query, "delete", at, rows=receiver.rows,
                            selection=Selection((Predicate(model.primary, "=", canonical(receiver)),), Cardinality.ONE))  # fmt: skip
            self.signal(caller, "post_delete", receiver, model, at)
            return NOTHING
        return self.save(caller, model, receiver, query, arguments, at)

    def save(
        self, caller: Caller, model: Model, receiver: Value, query: Query, arguments: Arguments, at: Span
    ) -> Value:
        rows = receiver.rows
        if (
            rows is not None
            and rows.root.startswith("new:")
            and not rows.path
            and (rows, "$saved") not in caller.state.heap
        ):
            self.insert(caller, receiver, model, query, at)
            return NOTHING
        dirty = self.dirty(caller, rows) if rows is not None else ()
        given = arguments.get("update_fields", 3)
        columns = self.named_columns(given, model)
        whole = given is None or (given.known and given.const is None)
        if columns is not None:
            known = {a.column for a in dirty}
            dirty = (
                *(a for a in dirty if a.column in columns),
                *(Assignment(c, "unknown") for c in columns if c not in known),
            )
        self.emit_write(
            caller, receiver, query, "save", at, rows=rows, assigned=dirty, whole_row=whole,
            selection=Selection((Predicate(model.primary, "=", canonical(receiver)),), Cardinality.ONE),
        )  # fmt: skip
        if rows is not None:
            self.clean(caller, rows)
        self.signal(caller, "post_save", receiver, model, at)
        return NOTHING

    def named_columns(self, given: Value | None, model: Model) -> tuple[str, ...] | None:
        if given is None or given.items is None or not given.complete or any(i.text is None for i in given.items):
            return None
        names = (i.text or "" for i in given.items)
        return tuple(model.fields[n].column if n in model.fields else n for n in names)

    def refresh(
        self, caller: Caller, model: Model, receiver: Value, query: Query, arguments: Arguments, at: Span
    ) -> Value:
        given = arguments.get("from_queryset", 2)
        if given is not None and isinstance(given.state, Query):
            query = replace(query, lock=given.state.lock)
        number = caller._number + 1
        self_rows = receiver.rows
        effect = self.emit_read(
            caller,
            receiver,
            replace(query, predicates=(Predicate(model.primary, "=", canonical(receiver)),)),
            at,
            "get",
        )
        caller.effects[-1] = replace(effect, rows=self_rows)
        if self_rows is not None:
            for key in [k for k in caller.state.heap if k[0] == self_rows]:
                del caller.state.heap[key]
            caller.state.heap[(self_rows, "$fresh")] = Value(sources=frozenset((Source("read", number),)))
            caller.state.heap[(self_rows, "$saved")] = NONE
        return NOTHING

    def dirty(self, caller: Caller, rows: Rows) -> tuple[Assignment, ...]:
        found = []
        for (owner, name), value in caller.state.heap.items():
            if owner == rows and name.startswith("$dirty:"):
                place = value.state if isinstance(value.state, Place) else None
                found.append(replace(assignment(name[7:], value), place=place))
        return tuple(sorted(found, key=lambda a: a.column))

    def clean(self, caller: Caller, rows: Rows) -> None:
        for key in [k for k in caller.state.heap if k[0] == rows and k[1].startswith("$dirty:")]:
            del caller.state.heap[key]

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        if base.rows is None:
            return
        if base.type:
            model = self.model(base.type)
            if model is None:
                return
            self.set_field(caller, base.rows, model, name, value, caller.place(at))
        elif base.rows.root.startswith(("read:", "parameter:")):
            caller.state.heap[(base.rows, f"$dirty:{name}")] = value.but(state=caller.place(at))

    # Signals and serializers ------------------------------------------------------------------------------------------

    def receivers(self) -> dict[tuple[str, str], list[FunctionInfo]]:
        """Functions that `receiver` connects: (signal, the sender's class or empty) → functions."""
        if self._receivers is None:
            self._receivers = {}
            for info in self.world.names.every_function():
                for decorator in info.signature.decorators:
                    if isinstance(decorator, Call) and (dotted_of(decorator.function) or "").endswith("receiver"):
                        self.connect(info, decorator)
        return self._receivers

    def connect(self, info: FunctionInfo, decorator: Call) -> None:
        assert self._receivers is not None
        if not decorator.arguments:
            return
        first = decorator.arguments[0]
        signals = first.items if isinstance(first, Collection) else (first,)
        sender = next((v for k, v in decorator.keywords if k == "sender"), None)
        dotted = dotted_of(sender) if sender is not None else None
        symbol = self.world.names.resolve(info.module, dotted) if dotted is not None else None
        name = symbol.name if isinstance(symbol, ClassInfo) else ""
        for signal in signals:
            text = (dotted_of(signal) or "").rpartition(".")[2]
            if sender is None or name:
                self._receivers.setdefault((text, name), []).append(info)

    def signal(
        self, caller: Caller, name: str, instance: Value, model: Model | None, at: Span, *, created: bool = False
    ) -> None:
        """Handlers of the model's signals run here, inside the caller's transaction."""
        if model is None:
            return
        for info in self.receivers().get((name, model.name), ()):
            arguments = Arguments(
                (Value(type="builtins.type"),),
                {"instance": instance, "created": Value(const=True) if created else NOTHING},
            )
            caller.call_function(FunctionTarget(info), arguments, at)

    def serializer_call(
        self, caller: Caller, receiver: Value, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        cls = self.world.class_named(receiver.type)
        if cls is None or name != "save":
            return None
        if any(b.startswith("rest_framework.serializers.") for b in cls.externals()):
            return self.save_serializer(caller, cls, receiver, at)
        if any(b in ("django.forms.ModelForm", "django.forms.models.ModelForm") for b in cls.externals()):
            return self.save_form(caller, cls, receiver, arguments, at)
        return None

    def save_serializer(self, caller: Caller, cls: ClassInfo, receiver: Value, at: Span) -> Value:
        data = Value(type="builtins.dict", sources=frozenset((Source("parameter", name="request"),)))
        create, change = cls.method("create"), cls.method("update")
        instance = (receiver.options or {}).get("instance") or NOTHING
        model = self.meta_model(cls)
        if create is not None and not instance.type:
            return caller.call_function(FunctionTarget(create, receiver), Arguments((data,)), at)
        if change is not None and instance.type:
            return caller.call_function(FunctionTarget(change, receiver), Arguments((instance, data)), at)
        if model is None:
            return NOTHING
        made = Value(type=model.name, rows=Rows(f"new:{caller.next()}"))
        self.emit_write(caller, made, Query(model.name), "insert" if not instance.type else "save", at, rows=made.rows)
        return made

    def save_form(
        self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span
    ) -> Value | None:
        model = self.meta_model(cls)
        if model is None or cls.method("save") is not None:
            return None
        made = Value(type=model.name, rows=Rows(f"new:{caller.next()}"))
        commit = arguments.get("commit", 0)
        if commit is None or commit.const is not False:
            self.emit_write(caller, made, Query(model.name), "form", at, rows=made.rows)
        return made

    def meta_model(self, cls: ClassInfo) -> Model | None:
        for ancestor in cls.ancestors():
            inner = self.world.names.class_of(ancestor.module, f"{ancestor.facts.name}.Meta")
            value = self.world.class_field(inner, "model") if inner is not None else None
            if value is not None and isinstance(value.target, ClassTarget):
                return self.model(value.target.cls.name)
        return None

    # Carrying plans ---------------------------------------------------------------------------------------------------

    def enter(self, caller: Caller, context: Value, node: With, run: Callable[[Value], None]) -> bool:
        return False

    def grafted(self, graft: Graft, state: Any) -> Any:
        if isinstance(state, Query):
            return replace(
                state, predicates=tuple(graft.predicate(p) for p in state.predicates), parent=graft.rows(state.parent)
            )
        if isinstance(state, Condition):
            return Condition(tuple(graft.predicate(p) for p in state.predicates), state.complete)
        return None

    def detached(self, state: Any) -> Any:
        if isinstance(state, Query):
            return replace(state, predicates=tuple(loose(p) for p in state.predicates), parent=None)
        if isinstance(state, Condition):
            return Condition(tuple(loose(p) for p in state.predicates), state.complete)
        return None

    def key(self, state: Any) -> Any:
        return state if isinstance(state, Query | Condition) else None


def loose(predicate: Predicate) -> Predicate:
    keep = predicate.value.startswith("const:")
    return replace(predicate, sources=(), value=predicate.value if keep else "")


def assignment(name: str, value: Value) -> Assignment:
    sources = tuple(sorted(union((value,))))
    if value.atomic:
        return Assignment(name, "atomic", sources)
    if value.known:
        return Assignment(name, "constant", (), text=canonical(value))
    return Assignment(name, "value", sources)


def connection_of(using: str) -> str:
    """The alias; a name that was not understood stands for itself."""
    if not using:
        return "default"
    return using.removeprefix("const:").strip("'") if using.startswith("const:") else using


def replica(using: str) -> Answer:
    if not using or "default" in using:
        return Answer.NO
    return (
        Answer.YES
        if any(w in using.lower() for w in ("replica", "read", "slave", "follower", "secondary"))
        else Answer.UNKNOWN
    )


def text_argument(arguments: Arguments, name: str) -> str:
    found = arguments.keywords.get(name)
    return (found.text or canonical(found)) if found is not None and not (found.known and found.const is None) else ""


def eager_of(base: Value) -> tuple[str, ...]:
    names = base.name.removeprefix("eager:").split(",") if base.name.startswith("eager:") else []
    return tuple(n.split("__")[0] for n in names)


FIELD_TYPES = {
    "DateTimeField": "datetime.datetime", "DecimalField": "decimal.Decimal", "JSONField": "builtins.dict", "BooleanField": "builtins.bool",
    "IntegerField": "builtins.int", "CharField": "builtins.str", "TextField": "builtins.str",
}  # fmt: skip
WRITERS: dict[str, Callable[[Django, Any, Value, Query, Arguments, Span], Value]] = {
    "create": Django.create,
    "get_or_create": Django.get_or_create,
    "update_or_create": Django.update_or_create,
    "bulk_create": Django.bulk_create,
    "bulk_update": Django.bulk_update,
    "update": Django.update,
    "delete": Django.delete,
    "add": Django.change_relation,
    "remove": Django.change_relation,
    "set": Django.change_relation,
    "clear": Django.change_relation,
}

__all__ = ["MISSING", "Django", "Model", "Query"]
