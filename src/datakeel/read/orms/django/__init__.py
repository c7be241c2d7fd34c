"""Django's ORM as it behaves: `Django` answers the tracer's questions by asking the part that knows.

Each part stands on those before it: models, managers, querysets, relations, signals, instances, writes, serializers,
views; `library` holds what functions of Django's modules do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from datakeel.model.certainty import Origin
from datakeel.model.effect import Rows
from datakeel.read.orms.django.files import Files
from datakeel.read.orms.django.instances import INSTANCE, Instances
from datakeel.read.orms.django.library import Library
from datakeel.read.orms.django.managers import QUERYSET, Managers
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import ASYNC, CHAINS, LINKS, READS, WRITES, Condition, Query
from datakeel.read.orms.django.querysets import ONE_ROW, SUMMARIES, Querysets
from datakeel.read.orms.django.relations import Relations
from datakeel.read.orms.django.serializers import Serializers
from datakeel.read.orms.django.signals import Signals
from datakeel.read.orms.django.views import Views
from datakeel.read.orms.django.writes import Writes
from datakeel.read.program import Parameter, Span, With
from datakeel.read.symbols import ClassInfo, FunctionInfo
from datakeel.read.values import (
    NOTHING,
    Arguments,
    ClassTarget,
    ExternalTarget,
    FunctionTarget,
    MethodTarget,
    Value,
    extended,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.graft import Graft
    from datakeel.read.world import World

SETTINGS = "django.conf.settings"
REQUEST = "django.http.HttpRequest"
OPTIONS = "django.db.models.options.Options"
DESCRIPTOR = "django.db.models.fields.related.ManyToManyDescriptor"
SINGLE = "solo.models.SingletonModel"  # heirs of it have one row, which `get_solo` gives
MISSING_ROW = {"DoesNotExist": "ObjectDoesNotExist", "MultipleObjectsReturned": "MultipleObjectsReturned"}


class Django:
    def __init__(self, world: World) -> None:
        self.world = world
        self.models = Models(world)
        self.managers = Managers(world, self.models)
        self.querysets = Querysets(world, self.models, self.managers)
        self.relations = Relations(world, self.models, self.managers, self.querysets)
        self.signals = Signals(world, self.models)
        self.instances = Instances(world, self.models, self.querysets, self.relations, self.signals)
        self.writes = Writes(world, self.models, self.managers, self.querysets, self.instances)
        self.serializers = Serializers(world, self.models, self.instances, self.writes)
        self.views = Views(world, self.models, self.managers, self.querysets, self.serializers)
        self.files = Files(self.instances)
        self.library = Library(world, self.models, self.managers, self.querysets, self.views)

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        if isinstance(base.state, Query):
            return self.managers.attribute(caller, base, base.state, name)
        match base.target:
            case ClassTarget(cls):
                return self.class_attribute(base, cls, name)
            case ExternalTarget(dotted):
                model = self.models.model(dotted)
                return self.managers.of_model(model, name) if model is not None else None
            case None:
                return self.object_attribute(caller, base, name, at)
        return None

    def object_attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        if name == "user":
            user = self.request_user(base)
            if user is not None:
                return user
        if not base.type:
            return None
        if base.type == SETTINGS:
            value = self.world.setting(name)
            return value if value is not NOTHING else Value(name=name)
        model = self.models.model(base.type)
        if model is not None:
            return self.instances.attribute(caller, model, base, name, at)
        if base.type == DESCRIPTOR:
            return base.of if name == "through" else None
        if base.type == OPTIONS and base.owner is not None:
            return self.option(base.owner, name)
        if self.serializers.kind(base.type):
            return self.serializers.attribute(caller, base, name, at)
        cls = self.views.view_class(base.type) if name == "object" else None
        return self.views.attribute(caller, base, cls, name) if cls is not None else None

    def option(self, owner: Value, name: str) -> Value | None:
        """``Model._meta.model``; of another class, what its ``class Meta`` says."""
        if self.models.model(owner.type) is not None:
            return self.instances.class_of(owner) if name in ("model", "concrete_model") else None
        cls = self.world.class_named(owner.type)
        for ancestor in cls.ancestors() if cls is not None else ():
            inner = self.models.inner_meta(ancestor)
            found = self.world.class_field(inner, name) if inner is not None else None
            if found is not None:
                return found
        return None

    def request_user(self, base: Value) -> Value | None:
        """``request.user``: a row of the user model."""
        named = base.rows is not None and (base.rows.root == "parameter:request" or base.rows.path[-1:] == ("request",))
        if base.type != REQUEST and (base.type or not named):
            return None
        model = self.models.model(self.models.user_model())
        if model is None or base.rows is None:
            return None
        rows = Rows(base.rows.root, (*base.rows.path, "user"))
        sources = extended(base.sources, "user")
        return Value(type=model.name, rows=rows, sources=sources, origin=Origin.CONVENTION)

    def class_attribute(self, base: Value, cls: ClassInfo, name: str) -> Value | None:
        if name in ("as_manager", "from_queryset", "as_view"):
            return Value(target=MethodTarget(base, name)) if cls.method(name) is None else None
        model = self.models.model(cls.name)
        if model is None:
            return self.options_of(cls) if name == "_meta" else None
        if name in MISSING_ROW:
            return Value(target=ExternalTarget(f"django.core.exceptions.{MISSING_ROW[name]}"))
        if name == "_meta":
            return Value(type=OPTIONS, owner=Value(type=cls.name))
        if cls.method(name) is not None:
            return None
        if name == "get_solo" and SINGLE in cls.externals():
            return Value(target=MethodTarget(self.managers.of_model(model, "objects") or NOTHING, name))
        found = self.managers.of_model(model, name)
        if found is None and model.library == "tortoise" and (name in CHAINS or name in READS or name in WRITES):
            return Value(target=MethodTarget(self.managers.of_model(model) or NOTHING, name))
        return found if found is not None else self.descriptor(model, name)

    def options_of(self, cls: ClassInfo) -> Value | None:
        """``_meta`` of a class that keeps the options of its ``class Meta`` there."""
        known = any(self.models.inner_meta(c) is not None for c in cls.ancestors())
        return Value(type=OPTIONS, owner=Value(type=cls.name)) if known else None

    def descriptor(self, model: Model, name: str) -> Value | None:
        """``Model.tags``: from the class, a many-to-many leads to the table of its pairs."""
        field = self.models.related(model, name)
        if field is None or not field.many:
            return None
        owner = model if name in model.fields else self.models.model(field.relation)
        return Value(type=DESCRIPTOR, of=self.models.through_value(owner or model, field))

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        match function.target:
            case MethodTarget(receiver, name):
                return self.method_call(caller, receiver, name, arguments, at)
            case ExternalTarget(dotted):
                return self.library.call(caller, dotted, function, arguments, at)
            case FunctionTarget(info):
                name = self.world.libraries.canonical(info.name)
                return self.library.call(caller, name, function, arguments, at) if name != info.name else None
            case ClassTarget(cls):
                return self.made(caller, function, cls, arguments, at)
            case None:
                return self.managers.instance(function) if function.state is not None else None
        return None

    def made(self, caller: Caller, function: Value, cls: ClassInfo, arguments: Arguments, at: Span) -> Value | None:
        model = self.models.model(cls.name)
        if model is not None:
            return self.instances.new(caller, model, arguments)
        return self.serializers.made(caller, cls, arguments, at) or self.managers.instance(function)

    def method_call(self, caller: Caller, receiver: Value, name: str, arguments: Arguments, at: Span) -> Value | None:
        if isinstance(receiver.state, Query):
            return self.query_call(caller, receiver, receiver.state, ASYNC.get(name, name), arguments, at)
        if name in ("as_manager", "from_queryset"):
            return self.managers.made(receiver, name, arguments)
        if name == "get_model" and not receiver.type:
            return self.library.model_class(arguments)
        if name == "as_view" and isinstance(receiver.target, ClassTarget):
            return receiver
        if not receiver.type:
            return None
        model = self.models.model(receiver.type) if receiver.target is None else None
        if model is not None:
            if name in self.relations.TREE:
                return self.relations.tree(caller, model, receiver)
            plain = INSTANCE.get(name)
            return self.instances.call(caller, model, receiver, plain, arguments, at) if plain else None
        if self.serializers.kind(receiver.type):
            return self.serializers.call(caller, receiver, name, arguments, at)
        if name in ("send", "send_robust", "asend", "asend_robust"):
            return self.signals.send_own(caller, receiver, arguments, at)
        if self.files.is_file(receiver):
            return self.files.call(caller, receiver, name, arguments, at)
        cls = self.views.view_class(receiver.type)
        return self.views.call(caller, cls, receiver, name, arguments, at) if cls is not None else None

    def query_call(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        if name in CHAINS:
            return self.querysets.chained(caller, receiver, query, name, arguments, at)
        if name in ONE_ROW:
            if name in ("get", "get_or_none") and query.model:
                query = self.querysets.filtered(self.managers.started(receiver, query), arguments)
            return self.querysets.read(caller, receiver, query, at, name)
        if name in SUMMARIES:
            if name == "exists" and arguments.keywords:  # Tortoise's takes conditions
                query = self.querysets.filtered(self.managers.started(receiver, query), arguments)
            return self.querysets.summarised(caller, receiver, query, name, arguments, at)
        if name in WRITES or name in LINKS:
            return self.writes.call(caller, receiver, query, name, arguments, at)
        return None

    # Plans ------------------------------------------------------------------------------------------------------------

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        return self.querysets.force(caller, value, at, how)

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        return self.querysets.item(caller, base, key, at)

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        return self.querysets.operate(caller, how, values, at)

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        self.instances.assigned(caller, base, name, value, at)

    def enter(self, caller: Caller, context: Value, node: With, run: Callable[[Value], None]) -> bool:
        return False

    def grafted(self, graft: Graft, state: Any) -> Any:
        if isinstance(state, Query):
            return state.grafted(graft)
        if isinstance(state, Condition):
            return Condition(tuple(graft.predicate(p) for p in state.predicates), state.complete)
        return None

    def symbolic(self, state: Any, name: str) -> Any:
        """A plan that is passed as parameter `name`: what its conditions compare with are parts of the parameter."""
        return state.passed_as(name) if isinstance(state, Query) else None

    def part(self, state: Any, name: str) -> Value | None:
        return state.part(name) if isinstance(state, Query) else None

    def detached(self, state: Any) -> Any:
        return state.detached() if isinstance(state, Query | Condition) else None

    def key(self, state: Any) -> Any:
        return state if isinstance(state, Query | Condition) else None

    # What is declared, and what is customary --------------------------------------------------------------------------

    def declared(self, value: Value) -> Value:
        return self.managers.declared(value)

    def parameter(self, info: FunctionInfo, parameter: Parameter) -> Value | None:
        """What a parameter without an annotation holds, by the framework that passes it or by its name."""
        found = self.views.typed_parameter(info, parameter.name) or self.signals.parameter(info, parameter.name)
        if found is not None:
            return found
        if parameter.name in ("queryset", "qs"):
            return Value(type=QUERYSET, state=Query("", complete=False), origin=Origin.CONVENTION)
        name = self.models.named(parameter.name)
        return Value(type=name, origin=Origin.CONVENTION) if name else None

    def customary(self, value: Value, name: str, method: str) -> Value:
        if method not in INSTANCE or value.known or value.items is not None or value.entries is not None:
            return value
        found = self.models.named(name)
        return value.but(type=found, origin=Origin.CONVENTION) if found else value


__all__ = ["Django", "Model", "Query"]
