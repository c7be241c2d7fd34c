"""Serializers and forms that save a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.model.effect import Rows, Source
from datakeel.read.orms.django.models import Models
from datakeel.read.orms.django.query import (
    Query,
)
from datakeel.read.orms.django.querysets import Querysets
from datakeel.read.program import Span
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import (
    NOTHING,
    Arguments,
    FunctionTarget,
    Value,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World


class Serializers:
    def __init__(self, world: World, models: Models, querysets: Querysets) -> None:
        self.world = world
        self.models = models
        self.querysets = querysets

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
        model = self.models.meta_model(cls)
        if create is not None and not instance.type:
            return caller.call_function(FunctionTarget(create, receiver), Arguments((data,)), at)
        if change is not None and instance.type:
            return caller.call_function(FunctionTarget(change, receiver), Arguments((instance, data)), at)
        if model is None:
            return NOTHING
        made = Value(type=model.name, rows=Rows(f"new:{caller.next()}"))
        self.querysets.emit_write(
            caller, made, Query(model.name), "insert" if not instance.type else "save", at, rows=made.rows
        )
        return made

    def save_form(
        self, caller: Caller, cls: ClassInfo, receiver: Value, arguments: Arguments, at: Span
    ) -> Value | None:
        model = self.models.meta_model(cls)
        if model is None or cls.method("save") is not None:
            return None
        made = Value(type=model.name, rows=Rows(f"new:{caller.next()}"))
        commit = arguments.get("commit", 0)
        if commit is None or commit.const is not False:
            self.querysets.emit_write(caller, made, Query(model.name), "form", at, rows=made.rows)
        return made
