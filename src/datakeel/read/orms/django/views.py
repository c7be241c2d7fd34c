"""What the frameworks' own classes do for those that inherit them: generic views, view sets, the admin, filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Rows
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.django.managers import QUERYSET, Managers
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import Query
from datakeel.read.orms.django.querysets import Querysets
from datakeel.read.orms.django.serializers import CREATES, MODEL_FORM, UPDATES, Serializers
from datakeel.read.program import Assign, Call, Span
from datakeel.read.symbols import ClassInfo, FunctionInfo
from datakeel.read.values import NOTHING, Arguments, ClassTarget, FunctionTarget, Value

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

VIEWS = ("django.views.", "rest_framework.", "django.contrib.admin.", "django_filters.", "django.contrib.auth.views.")
ADMIN = "django.contrib.admin."
DRF = "rest_framework."
FILTER = "django_filters."
LISTS = ("ModelViewSet", "ReadOnlyModelViewSet", "ListModelMixin", "ListAPIView", "ListCreateAPIView")
OTHERWISE = ("list", "get_serializer", "get_serializer_class", "filter_queryset", "paginate_queryset")


class Views:
    def __init__(
        self, world: World, models: Models, managers: Managers, querysets: Querysets, serializers: Serializers
    ) -> None:
        self.world = world
        self.models = models
        self.managers = managers
        self.querysets = querysets
        self.serializers = serializers
        self.registered: dict[str, str] = {}  # an admin's class → its model's
        self._bases: dict[str, frozenset[str]] = {}

    def view_class(self, type_name: str) -> ClassInfo | None:
        """The class of that name, where it inherits from a framework's view, admin or filter."""
        cls = self.world.class_named(type_name)
        return cls if cls is not None and self.bases(cls) else None

    def bases(self, cls: ClassInfo) -> frozenset[str]:
        found = self._bases.get(cls.name)
        if found is None:
            found = frozenset(b for b in cls.externals() if b.startswith(VIEWS) and ".serializers." not in b)
            self._bases[cls.name] = found
        return found

    # What they are about ----------------------------------------------------------------------------------------------

    def model(self, cls: ClassInfo) -> Model | None:
        """The model that a view, an admin or a filter is about."""
        value = self.world.class_field(cls, "model")
        if value is not None and isinstance(value.target, ClassTarget):
            return self.models.of_class(value.target.cls)
        value = self.world.class_field(cls, "queryset")
        if value is not None and isinstance(value.state, Query):
            return self.models.model(value.state.model)
        if any(b.startswith(ADMIN) for b in self.bases(cls)):
            return self.models.model(self.admin_model(cls))
        return self.models.meta_model(cls) or self.form_model(cls)

    def form_model(self, cls: ClassInfo) -> Model | None:
        for name in ("form_class", "serializer_class"):
            value = self.world.class_field(cls, name)
            if value is not None and isinstance(value.target, ClassTarget):
                return self.models.meta_model(value.target.cls)
        return None

    def admin_model(self, cls: ClassInfo) -> str:
        for decorator in cls.facts.decorators:
            if isinstance(decorator, Call) and (dotted_of(decorator.function) or "").endswith("register"):
                for argument in decorator.arguments:
                    value = self.world.scratch(cls.module).eval(argument)
                    if isinstance(value.target, ClassTarget):
                        return value.target.cls.name
        return self.registered.get(cls.name, "")

    def register(self, arguments: Arguments) -> Value:
        """``admin.site.register(Model, ModelAdmin)``."""
        if len(arguments.positional) > 1:
            models, admin = arguments.positional[:2]
            for value in models.items or (models,):
                if isinstance(value.target, ClassTarget) and isinstance(admin.target, ClassTarget):
                    self.registered.setdefault(admin.target.cls.name, value.target.cls.name)
        return NOTHING

    def plan(self, caller: Caller, cls: ClassInfo, receiver: Value, at: Span, *, own: bool = True) -> Value | None:
        """The rows that a view is about: its `get_queryset`, `queryset` or `model`."""
        method = cls.method("get_queryset") if own else None
        if method is not None:
            return caller.call_function(FunctionTarget(method, receiver), Arguments(), at)
        value = self.world.class_field(cls, "queryset")
        if value is not None and isinstance(value.state, Query):
            started = self.managers.started(value, value.state)
            return value.but(state=started, rows=Rows(f"new:{caller.next()}"), sources=frozenset())
        model = self.model(cls)
        found = self.managers.of_model(model, "_default_manager") if model is not None else None
        if found is None or not isinstance(found.state, Query):
            return None
        started = self.managers.started(found, found.state)
        type_name = self.managers.queryset_type(found.type)
        return found.but(state=started, type=type_name, rows=Rows(f"new:{caller.next()}"))

    # A list that a class only inherits --------------------------------------------------------------------------------

    def inherits_list(self, cls: ClassInfo) -> bool:
        """Whether it answers with a list in the framework's way, of rows and by a serializer that it names."""
        bases = [b for b in cls.externals() if b != "builtins.object"]
        if not any(b.rpartition(".")[2] in LISTS for b in bases) or not all(b.startswith(DRF) for b in bases):
            return False
        return self.listing_serializer(cls) is not None and not any(cls.method(name) for name in OTHERWISE)

    def listing_serializer(self, cls: ClassInfo) -> ClassInfo | None:
        value = self.world.class_field(cls, "serializer_class")
        return value.target.cls if value is not None and isinstance(value.target, ClassTarget) else None

    def listing_at(self, cls: ClassInfo) -> Span:
        """Where a class says which rows it is about."""
        statement = cls.fields.get("queryset")
        if isinstance(statement, Assign):
            return statement.at
        own = cls.methods.get("get_queryset")
        return own.signature.at if own is not None else cls.facts.at

    def show_list(self, caller: Caller, cls: ClassInfo) -> None:
        """What the inherited ``list`` does: a page of the rows is read, and each row's fields."""
        serializer, at = self.listing_serializer(cls), self.listing_at(cls)
        receiver = Value(type=cls.name, rows=Rows("parameter:self"))
        plan = self.plan(caller, cls, receiver, at)
        if serializer is None or plan is None or not isinstance(plan.state, Query):
            return
        state = self.managers.started(plan, plan.state)
        page = plan.but(state=replace(state, limit=0 if state.limit is None else state.limit, complete=False))
        self.serializers.representations.each(caller, serializer, Value(type=serializer.name), page, at)

    # Parameters -------------------------------------------------------------------------------------------------------

    def parameter(self, cls: ClassInfo, method: str, name: str) -> Value | None:
        """What a framework passes to a method of its class, by the parameter's name."""
        if name in ("queryset", "qs"):
            model = self.model(cls)
            state = Query(model.name if model is not None else "", complete=False)
            return Value(type=QUERYSET, of=Value(type=state.model), state=state)
        if name in ("obj", "instance"):
            model = self.model(cls)
            return Value(type=model.name, origin=Origin.CONVENTION) if model is not None else None
        if name == "serializer":
            return self.passed_serializer(cls, CREATES if "create" in method else UPDATES if "update" in method else "")
        if name == "form":
            return self.passed_form(cls)
        return None

    def passed_serializer(self, cls: ClassInfo, note: str) -> Value | None:
        value = self.world.class_field(cls, "serializer_class")
        if value is not None and isinstance(value.target, ClassTarget):
            return Value(type=value.target.cls.name, name=note)
        return Value(type="rest_framework.serializers.BaseSerializer", name=note)

    def passed_form(self, cls: ClassInfo) -> Value | None:
        note = CREATES if any(b.endswith("CreateView") for b in self.bases(cls)) else UPDATES
        for name in ("form_class", "form"):
            value = self.world.class_field(cls, name)
            if value is not None and isinstance(value.target, ClassTarget):
                return Value(type=value.target.cls.name, name=note)
        model = self.model(cls)
        return Value(type=MODEL_FORM, of=Value(type=model.name), name=note) if model is not None else None

    # Methods that they inherit ----------------------------------------------------------------------------------------

    def attribute(self, caller: Caller, base: Value, cls: ClassInfo, name: str) -> Value | None:
        """``self.object``, which a generic view sets itself."""
        if name != "object" or base.rows is None:
            return None
        stored = caller.state.heap.get((base.rows, name))
        model = self.model(cls) if stored is None else None
        if model is None:
            return stored
        path = (*base.rows.path, name)
        return Value(type=model.name, rows=Rows(base.rows.root, path), sources=base.sources, origin=Origin.CONVENTION)

    def call(
        self, caller: Caller, cls: ClassInfo, receiver: Value, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        return METHODS[name](self, caller, cls, receiver, arguments, at) if name in METHODS else None

    def get_queryset(
        self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span
    ) -> Value | None:
        return self.plan(caller, cls, receiver, at, own=False)

    def get_object(
        self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span
    ) -> Value | None:
        plan = self.plan(caller, cls, receiver, at)
        if plan is None or not isinstance(plan.state, Query):
            return None
        return self.querysets.read(caller, plan, replace(plan.state, complete=False), at, "get")

    def first(self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span) -> Value | None:
        """``filter_queryset(plan)``: the same rows, or fewer."""
        given = arguments.positional[0] if arguments.positional else NOTHING
        state = given.state
        return given.but(state=replace(state, complete=False)) if isinstance(state, Query) else given

    def page(self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span) -> Value | None:
        given = arguments.positional[0] if arguments.positional else NOTHING
        state = given.state
        page = given.but(state=replace(state, limit=0, offset=True)) if isinstance(state, Query) else given
        return caller.force(page, at, "iterate")

    def listed(self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span) -> Value | None:
        """``super().list(…)``: a page of the rows; how many that are, the settings or the class say."""
        plan = self.plan(caller, cls, receiver, at)
        return self.page(caller, cls, receiver, Arguments((plan,)), at) if plan is not None else None

    def get_serializer(
        self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span
    ) -> Value | None:
        method = cls.method("get_serializer_class")
        if method is not None:
            chosen = caller.call_function(FunctionTarget(method, receiver), Arguments(), at)
        else:
            chosen = self.world.class_field(cls, "serializer_class") or NOTHING
        return caller.invoke(chosen, arguments, at) if chosen.target is not None else None

    def save_passed(
        self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span
    ) -> Value | None:
        """``super().perform_create(serializer)``, ``super().form_valid(form)``."""
        if not arguments.positional:
            return None
        saved = caller.invoke(caller.attribute_of(arguments.positional[0], "save", at), Arguments(), at)
        if receiver.rows is not None:
            caller.state.heap[(receiver.rows, "object")] = saved
        return NOTHING

    def save_object(
        self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span
    ) -> Value | None:
        """``super().save_model(request, obj, form, change)``."""
        given = arguments.get("obj", 1)
        return caller.invoke(caller.attribute_of(given, "save", at), Arguments(), at) if given is not None else None

    def delete_passed(
        self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span
    ) -> Value | None:
        """``super().perform_destroy(instance)``, ``super().delete_model(request, obj)``."""
        given = arguments.positional[-1] if arguments.positional else None
        return caller.invoke(caller.attribute_of(given, "delete", at), Arguments(), at) if given is not None else None

    def create(self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span) -> Value | None:
        return self.perform(caller, receiver, "perform_create", Arguments(), at)

    def update(self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span) -> Value | None:
        instance = caller.invoke(caller.attribute_of(receiver, "get_object", at), Arguments(), at)
        return self.perform(caller, receiver, "perform_update", Arguments((instance,)), at)

    def perform(self, caller: Caller, receiver: Value, name: str, bound: Arguments, at: Span) -> Value | None:
        data = Arguments(bound.positional, {"data": NOTHING})
        serializer = caller.invoke(caller.attribute_of(receiver, "get_serializer", at), data, at)
        if not serializer.type:
            return None
        return caller.invoke(caller.attribute_of(receiver, name, at), Arguments((serializer,)), at)

    def destroy(self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span) -> Value | None:
        instance = caller.invoke(caller.attribute_of(receiver, "get_object", at), Arguments(), at)
        if cls.method("perform_destroy") is None:
            return self.delete_passed(caller, cls, receiver, Arguments((instance,)), at)
        return caller.invoke(caller.attribute_of(receiver, "perform_destroy", at), Arguments((instance,)), at)

    def typed_parameter(self, info: FunctionInfo, name: str) -> Value | None:
        """What is known of a method's parameter because of the class that it stands in."""
        cls = info.owner
        if cls is None:
            return None
        if self.bases(cls):
            return self.parameter(cls, info.signature.name.rpartition(".")[2], name)
        model = self.models.meta_model(cls) if name in ("instance", "obj") else None
        return Value(type=model.name, origin=Origin.CONVENTION) if model is not None else None


Method = Callable[[Views, "Caller", ClassInfo, Value, Arguments, Span], Value | None]
METHODS: dict[str, Method] = {
    "get_queryset": Views.get_queryset,
    "get_object": Views.get_object,
    "filter_queryset": Views.first,
    "paginate_queryset": Views.page,
    "list": Views.listed,
    "retrieve": Views.get_object,
    "get_serializer": Views.get_serializer,
    "form_valid": Views.save_passed,
    "perform_create": Views.save_passed,
    "perform_update": Views.save_passed,
    "perform_destroy": Views.delete_passed,
    "create": Views.create,
    "update": Views.update,
    "partial_update": Views.update,
    "destroy": Views.destroy,
    "save_model": Views.save_object,
    "delete_model": Views.delete_passed,
    "delete_queryset": Views.delete_passed,
}
