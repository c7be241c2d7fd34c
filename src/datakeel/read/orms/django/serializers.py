"""Serializers and forms: what they are bound to, and what saving them writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.model.effect import Rows, Source
from datakeel.read.orms.django.instances import DIRTY, Instances
from datakeel.read.orms.django.managers import MANAGER
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import Query
from datakeel.read.orms.django.representations import Representations
from datakeel.read.orms.django.writes import Writes
from datakeel.read.program import Span
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import NONE, NOTHING, Arguments, FunctionTarget, Value

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

MODEL_FORM = "django.forms.ModelForm"
SERIALIZER = "rest_framework.serializers.ModelSerializer"
FORMS = frozenset((MODEL_FORM, "django.forms.models.ModelForm", "django.forms.models.BaseModelForm"))
NESTED = "drf_writable_nested."  # model serializers that save those inside them too
OF_FORMS = ("django.forms.", "django.contrib.auth.forms.", "django.contrib.admin.forms.")
INSTANCE = "instance"
SEVERAL = "@several"  # the rows that it was made for with ``many=True``, until their data are asked for
DATA = ("validated_data", "cleaned_data", "data", "initial_data", "fields", "errors")
CREATES, UPDATES = "creates", "updates"  # notes on a serializer or form that comes from outside


class Serializers:
    def __init__(self, world: World, models: Models, instances: Instances, writes: Writes) -> None:
        self.world = world
        self.models = models
        self.instances = instances
        self.writes = writes
        self.representations = Representations(world, models)
        self._kinds: dict[str, str] = {}

    def kind(self, type_name: str) -> str:
        """``serializer`` or ``form`` for such a class, else empty."""
        found = self._kinds.get(type_name)
        if found is None:
            found = self._kinds[type_name] = self.read_kind(type_name)
        return found

    def read_kind(self, type_name: str) -> str:
        cls = self.world.class_named(type_name)
        names = cls.externals() if cls is not None else (type_name,)
        if any((".serializers." in n and n.startswith("rest_framework")) or n.startswith(NESTED) for n in names):
            return "serializer"
        if any(n in FORMS or n.startswith(OF_FORMS) for n in names):
            return "form"
        return ""

    def model_of(self, value: Value) -> Model | None:
        cls = self.world.class_named(value.type)
        if cls is not None:
            return self.models.meta_model(cls)
        return self.models.model(value.of.type) if value.of is not None else None

    # Bound to an object -----------------------------------------------------------------------------------------------

    def made(self, caller: Caller, cls: ClassInfo, arguments: Arguments, at: Span) -> Value | None:
        """A serializer or form is made, for the object that it is given."""
        kind = self.kind(cls.name)
        if not kind:
            return None
        made = caller.construct(cls, arguments, at)
        self.bind(caller, made, kind, arguments)
        return made

    def bind(self, caller: Caller, made: Value, kind: str, arguments: Arguments) -> None:
        if made.rows is None:
            return
        given = arguments.get(INSTANCE, 0 if kind == "serializer" else 8)
        data = arguments.get("data", 1 if kind == "serializer" else 0)
        caller.state.heap[(made.rows, INSTANCE)] = given if given is not None else NONE
        if data is not None:
            caller.state.heap[(made.rows, "initial_data")] = data
        several = arguments.keywords.get("many")
        if given is not None and several is not None and several.const is True:
            caller.state.heap[(made.rows, SEVERAL)] = given

    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        if name == "data" and base.rows is not None:
            self.shown(caller, base, base.rows, at)
        if name == INSTANCE:
            return self.instance(caller, base)
        if name in ("validated_data", "cleaned_data"):
            return self.validated(caller, base)
        return None

    def shown(self, caller: Caller, base: Value, rows: Rows, at: Span) -> None:
        """The data of several rows are put together, once."""
        given = caller.state.heap.pop((rows, SEVERAL), None)
        cls = self.world.class_named(base.type)
        if given is not None and cls is not None:
            self.representations.each(caller, cls, base, given, at)

    def instance(self, caller: Caller, base: Value) -> Value | None:
        """The object that a serializer or form changes; a form has one from the start."""
        model = self.model_of(base)
        if base.rows is None or model is None:
            return None
        found = caller.state.heap.get((base.rows, INSTANCE))
        if found is not None and not (found.known and found.const is None):
            return found if found.type else found.but(type=model.name)
        if found is None and base.name != CREATES:
            path = (*base.rows.path, INSTANCE)
            return Value(type=model.name, rows=Rows(base.rows.root, path), sources=base.sources, origin=base.origin)
        if self.kind(base.type) == "serializer":
            return found
        new = self.instances.blank(caller, model.name, model.origin)
        caller.state.heap[(base.rows, INSTANCE)] = new
        return new

    def validated(self, caller: Caller, base: Value) -> Value:
        data = caller.state.heap.get((base.rows, "initial_data")) if base.rows is not None else None
        sources = data.sources if data is not None else base.sources
        rows = Rows(base.rows.root, (*base.rows.path, "validated_data")) if base.rows is not None else None
        return Value(
            type="builtins.dict", sources=sources or frozenset((Source("parameter", name="request"),)), rows=rows
        )

    # Saving -----------------------------------------------------------------------------------------------------------

    def call(self, caller: Caller, receiver: Value, name: str, arguments: Arguments, at: Span) -> Value | None:
        kind = self.kind(receiver.type)
        if kind == "form":
            return self.save_form(caller, receiver, arguments, at) if name == "save" else None
        match name:
            case "save":
                return self.save(caller, receiver, arguments, at)
            case "create" if arguments.positional:
                return self.create(caller, receiver, arguments.positional[0], at)
            case "update" if len(arguments.positional) > 1:
                return self.update(caller, arguments.positional[0], arguments.positional[1], at)
        return None

    def save(self, caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
        """``save`` of a serializer is its `create` or `update`, as it was made for nothing or for an object."""
        cls = self.world.class_named(receiver.type)
        instance = self.instance(caller, receiver)
        validated = self.validated(caller, receiver)
        if arguments.keywords:  # what `save` is given joins what was validated
            validated = validated.but(entries=dict(arguments.keywords), complete=False)
        new = instance is None or (instance.known and instance.const is None) or receiver.name == CREATES
        own = cls.method("create" if new else "update") if cls is not None else None
        given = (validated,) if new else (instance or NOTHING, validated)
        if own is not None:
            saved = caller.call_function(FunctionTarget(own, receiver), Arguments(given), at)
        elif new:
            saved = self.create(caller, receiver, validated, at, arguments)
        else:
            saved = self.update(caller, instance or NOTHING, validated, at)
        model = self.model_of(receiver)
        if model is not None and not saved.type:
            saved = saved.but(type=model.name)
        if receiver.rows is not None:
            caller.state.heap[(receiver.rows, INSTANCE)] = saved
        return saved

    def create(
        self, caller: Caller, receiver: Value, data: Value, at: Span, arguments: Arguments | None = None
    ) -> Value:
        """What a model serializer does by itself: a row of its Meta's model."""
        model = self.model_of(receiver)
        if model is None:
            return NOTHING
        manager = Value(type=MANAGER, origin=receiver.origin)
        named = {**(data.entries or {}), **(arguments.keywords if arguments is not None else {})}
        given = Arguments((), named, None, data)
        return self.writes.create(caller, manager, Query(model.name, managed=True), given, at)

    def update(self, caller: Caller, instance: Value, data: Value, at: Span) -> Value:
        self.changed(caller, instance, data)
        caller.invoke(caller.attribute_of(instance, "save", at), Arguments(), at)
        return instance

    def changed(self, caller: Caller, instance: Value, data: Value) -> None:
        """Columns of an object are set from validated input; which ones is not known."""
        if instance.rows is not None:
            caller.state.heap[(instance.rows, f"{DIRTY}*")] = Value(sources=data.sources)

    def save_form(self, caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value | None:
        instance = self.instance(caller, receiver)
        if instance is None:
            return None
        self.changed(caller, instance, self.validated(caller, receiver))
        commit = arguments.get("commit", 0)
        if commit is None or commit.const is not False:
            caller.invoke(caller.attribute_of(instance, "save", at), Arguments(), at)
        return instance
