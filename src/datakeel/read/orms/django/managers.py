"""Managers and the querysets behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import (
    ASYNC,
    CHAINS,
    READS,
    WRITES,
    Query,
)
from datakeel.read.program import Call
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import (
    NOTHING,
    ClassTarget,
    ExternalTarget,
    FunctionTarget,
    MethodTarget,
    Value,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

MANAGERS = frozenset(
    ("django.db.models.Manager", "django.db.models.manager.Manager", "django.db.models.manager.BaseManager")
)
QUERYSETS = frozenset(("django.db.models.QuerySet", "django.db.models.query.QuerySet"))


class Managers:
    def __init__(self, world: World, models: Models) -> None:
        self.world = world
        self.models = models

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
            model = self.models.model(cls.name)
            if model is None:
                return None
            return self.manager(cls, model, name)
        if name in {"DoesNotExist", "MultipleObjectsReturned"}:
            return Value(
                target=ExternalTarget(
                    f"django.core.exceptions.{'ObjectDoesNotExist' if name == 'DoesNotExist' else name}"
                )
            )
        return (
            None
            if cls.method(name) is not None or self.models.model(cls.name) is None
            else self.other_manager(cls, name)
        )

    def other_manager(self, cls: ClassInfo, name: str) -> Value | None:
        found = cls.field(name)
        if found is None:
            return None
        value = self.world.class_field(cls, name)
        model = self.models.model(cls.name)
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
