"""Django's ORM as it behaves: `Django` answers the tracer's questions by asking the part that knows.

Each part stands on those before it: models, managers, querysets, relations, signals, instances, writes, serializers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.read.orms.django.instances import INSTANCE, Instances
from datakeel.read.orms.django.managers import MANAGERS, QUERYSETS, Managers
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import (
    ASYNC,
    CHAINS,
    WRITES,
    Condition,
    Query,
    loose,
)
from datakeel.read.orms.django.querysets import Querysets
from datakeel.read.orms.django.relations import Relations
from datakeel.read.orms.django.serializers import Serializers
from datakeel.read.orms.django.signals import Signals
from datakeel.read.orms.django.writes import WRITERS, Writes
from datakeel.read.program import Span, With
from datakeel.read.values import (
    NOTHING,
    Arguments,
    ClassTarget,
    ExternalTarget,
    MethodTarget,
    Value,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.graft import Graft
    from datakeel.read.world import World

EXPRESSIONS = (
    "django.db.models.F",
    "django.db.models.expressions.F",
    "django.db.models.functions.",
    "django.db.models.Case",
    "django.db.models.When",
    "django.db.models.Value",
    "django.db.models.Subquery",
    "django.db.models.OuterRef",
    "django.db.models.Count",
    "django.db.models.Sum",
    "django.db.models.Max",
    "django.db.models.Min",
    "django.db.models.Avg",
    "django.db.models.Exists",
    "django.db.models.ExpressionWrapper",
)


class Django:
    def __init__(self, world: World) -> None:
        self.world = world
        self.models = Models(world)
        self.managers = Managers(world, self.models)
        self.querysets = Querysets(world, self.models, self.managers)
        self.relations = Relations(world, self.models, self.managers)
        self.signals = Signals(world, self.models)
        self.instances = Instances(world, self.models, self.querysets, self.relations, self.signals)
        self.writes = Writes(world, self.models, self.querysets, self.instances)
        self.serializers = Serializers(world, self.models, self.querysets)

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        return self.querysets.force(caller, value, at, how)

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        return self.querysets.item(caller, base, key, at)

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        return self.querysets.operate(caller, how, values, at)

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        self.instances.assigned(caller, base, name, value, at)

    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        state = base.state
        if isinstance(state, Query):
            return self.managers.query_attribute(caller, base, state, name)
        target = base.target
        if isinstance(target, ClassTarget):
            return self.managers.model_class_attribute(target.cls, name)
        if base.type == "django.conf.settings":
            value = self.world.setting(name)
            return value if value is not NOTHING else Value(name=name)
        if base.type and target is None:
            model = self.models.model(base.type)
            if model is not None:
                return self.instances.instance_attribute(caller, model, base, name, at)
        return None

    def call(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        match function.target:
            case MethodTarget(receiver, name):
                if isinstance(receiver.state, Query):
                    return self.query_call(caller, receiver, receiver.state, ASYNC.get(name, name), arguments, at)
                if name in INSTANCE and receiver.type:
                    model = self.models.model(receiver.type)
                    if model is not None:
                        return self.instances.instance_call(
                            caller,
                            model,
                            receiver,
                            name.removeprefix("a") if name.startswith("a") else name,
                            arguments,
                            at,
                        )
                if name in ("save", "is_valid") and receiver.type:
                    return self.serializers.serializer_call(caller, receiver, name, arguments, at)
                if name in ("as_manager", "from_queryset") and isinstance(receiver.target, ClassTarget):
                    return self.managers.made_manager(receiver.target.cls, name)
            case ExternalTarget(dotted) if dotted.startswith("django."):
                return self.external_call(caller, dotted, arguments, at)
            case ClassTarget(cls):
                model = self.models.model(cls.name)
                if model is not None:
                    return self.instances.new_instance(caller, model, arguments)
                return self.managers.manager_instance(cls)
        return None

    def external_call(self, caller: Caller, dotted: str, arguments: Arguments, at: Span) -> Value | None:
        last = dotted.rpartition(".")[2]
        if last == "Q" and dotted.startswith("django.db.models"):
            predicates, complete = self.querysets.conditions(arguments, None)
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
            cls = self.world.class_named(self.models.by_label(app, name))
            return Value(target=ClassTarget(cls), type="builtins.type") if cls is not None else None
        if last == "get_model" and arguments.positional:
            texts = [v.text for v in arguments.positional[:2] if v.text]
            app, _, name = (".".join(texts)).rpartition(".")
            cls = self.world.class_named(self.models.by_label(app, name)) if name else None
            return Value(target=ClassTarget(cls), type="builtins.type") if cls is not None else None
        return None

    def get_or_404(self, caller: Caller, arguments: Arguments, at: Span, name: str) -> Value | None:
        first = arguments.positional[0]
        if isinstance(first.target, ClassTarget):
            model = self.models.model(first.target.cls.name)
            if model is None:
                return None
            first = self.managers.manager(first.target.cls, model, "objects")
        if not isinstance(first.state, Query):
            return None
        query = self.querysets.filtered(first.state, arguments.after(1))
        return (
            self.querysets.read(caller, first, query, at, "get")
            if "list" not in name
            else self.querysets.force(caller, first.but(state=query), at, "iterate")
        )

    def query_call(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        if name in CHAINS:
            return self.querysets.chained(caller, receiver, query, name, arguments, at)
        if name in ("get", "first", "last", "latest", "earliest"):
            return self.querysets.read(
                caller, receiver, self.querysets.filtered(query, arguments) if name == "get" else query, at, name
            )
        if name in ("count", "exists", "aggregate", "contains", "in_bulk", "explain"):
            return self.querysets.summarised(caller, receiver, query, name, arguments, at)
        if name in WRITES:
            return WRITERS[name](self.writes, caller, receiver, query, arguments, at)
        return None

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


__all__ = ["Django", "Model", "Query"]
