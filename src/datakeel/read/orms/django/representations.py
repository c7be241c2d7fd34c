"""What a serializer of many rows reads while it is asked for its data: relations, one row after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from datakeel.model.effect import Scope
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import Query, words
from datakeel.read.program import Assign, Call, Const, Span
from datakeel.read.symbols import ClassInfo, External
from datakeel.read.values import Arguments, FunctionTarget, MethodTarget, Value, element, gone_through

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

DEEP = 3  # how many serializers may stand in one another
BY_KEY = words("PrimaryKeyRelatedField HyperlinkedRelatedField HyperlinkedIdentityField")  # the key is there already
OWN_WAY = words(
    "to_representation data fields get_fields __init__ __new__ many_init"
)  # which fields, nobody knows then


class Field(Struct, frozen=True):
    """A field that a serializer's class declares: by which class of the project's or the library's (`kind`), from
    which attributes (`path`)."""

    name: str
    path: tuple[str, ...]
    kind: str = ""
    nested: ClassInfo | None = None
    many: bool = False
    method: str = ""


class Representations:
    def __init__(self, world: World, models: Models) -> None:
        self.world = world
        self.models = models

    def each(self, caller: Caller, cls: ClassInfo, made: Value, given: Value, at: Span, depth: int = 0) -> None:
        """The rows are gone through, and each one's fields are read."""
        if depth > DEEP or not self.plain(cls):
            return
        if isinstance(given.state, Query) and given.state.managed:
            given = caller.invoke(caller.attribute_of(given, "all", at), Arguments(), at)
        turn = element(caller.force(given, at, "iterate"))
        if turn.rows is None or self.models.model(turn.type) is None:
            return
        before = caller.state.scopes, caller.state.guards
        loop = Scope(caller.next(), "loop", "body", caller.place(at), over=gone_through(turn))
        caller.state.scopes = (*before[0], loop)
        self.row(caller, cls, made, turn, at, depth)
        caller.state.scopes, caller.state.guards = before

    def row(self, caller: Caller, cls: ClassInfo, made: Value, turn: Value, at: Span, depth: int) -> None:
        if depth > DEEP or not self.plain(cls):
            return
        for field in self.fields(cls):
            if field.method:
                method = cls.method(field.method)
                if method is not None:
                    caller.call_function(FunctionTarget(method, made), Arguments((turn,)), at)
            elif field.nested is not None:
                value = self.followed(caller, turn, field.path, at)
                inner = Value(type=field.nested.name)
                if field.many:
                    self.each(caller, field.nested, inner, value, at, depth + 1)
                elif value.rows is not None and self.models.model(value.type) is not None:
                    self.row(caller, field.nested, inner, value, at, depth + 1)
            else:
                self.plain_field(caller, turn, field, at)

    def plain_field(self, caller: Caller, turn: Value, field: Field, at: Span) -> None:
        by_key = field.kind in BY_KEY and not field.many
        value = self.followed(caller, turn, field.path[:-1] if by_key else field.path, at)
        if field.many and isinstance(value.state, Query):
            rows = caller.invoke(caller.attribute_of(value, "all", at), Arguments(), at)
            caller.force(rows, at, "iterate")

    def followed(self, caller: Caller, value: Value, path: tuple[str, ...], at: Span) -> Value:
        """The attribute that a path leads to; what can be called is called."""
        for name in path:
            value = caller.attribute_of(value, name, at)
            if isinstance(value.target, MethodTarget | FunctionTarget):
                value = caller.invoke(value, Arguments(), at)
        return value

    # What a class says ------------------------------------------------------------------------------------------------

    def plain(self, cls: ClassInfo) -> bool:
        """Whether it gives its fields in the library's way: no method of the project's, or of another library's,
        chooses them."""
        if any(name in c.methods for c in cls.ancestors() for name in OWN_WAY):
            return False
        known = ("rest_framework.", "builtins.")
        if not all(b.startswith(known) for b in cls.externals()):
            return False
        inner = self.models.inner_meta(cls)
        return inner is None or "list_serializer_class" not in inner.fields

    def fields(self, cls: ClassInfo) -> Iterator[Field]:
        """The fields that are shown: those that are declared, and those of the model that are many, or no columns."""
        declared = {f.name: f for f in self.declared(cls)}
        named = self.named(cls)
        yield from (f for f in declared.values() if named is None or f.name in named)
        model = self.models.meta_model(cls)
        for name in (named or ()) if model is not None else ():
            if model is not None and name not in declared:
                yield from self.of_model(model, name)

    def of_model(self, model: Model, name: str) -> Iterator[Field]:
        """A field that is made from the model's own: a key of one, the keys of many, or whatever an attribute gives."""
        field = self.models.related(model, name)
        if field is None:
            if name not in model.fields and name not in ("pk", model.primary):
                yield Field(name, (name,))
        elif field.many or (name not in model.fields and not field.one_to_one):
            yield Field(name, (name,), many=True)

    def named(self, cls: ClassInfo) -> tuple[str, ...] | None:
        """What ``Meta.fields`` lists; None where it is not known, or is all."""
        inner = self.models.inner_meta(cls)
        value = self.world.class_field(inner, "fields") if inner is not None else None
        if value is None or value.items is None or not value.complete:
            return None
        found = tuple(i.text for i in value.items if i.text is not None)
        return found if len(found) == len(value.items) else None

    def declared(self, cls: ClassInfo) -> Iterator[Field]:
        found: dict[str, Field | None] = {}
        for ancestor in reversed(cls.ancestors()):
            for name, statement in ancestor.fields.items():
                call = statement.value if isinstance(statement, Assign) else None
                if isinstance(call, Call):
                    found[name] = self.field(ancestor, name, call)
        yield from (f for f in found.values() if f is not None)

    def field(self, cls: ClassInfo, name: str, call: Call) -> Field | None:
        """A declared field; None where it shows nothing, or nobody knows what."""
        given = {key: value.value for key, value in call.keywords if isinstance(value, Const)}
        source = given.get("source", name)
        if given.get("write_only") is True or source == "*" or not isinstance(source, str):
            return None
        path, many = tuple(source.split(".")), given.get("many") is True
        symbol = self.symbol(cls, call)
        if isinstance(symbol, ClassInfo):
            nested = any(".serializers." in b and b.endswith("Serializer") for b in symbol.externals())
            return Field(name, path, nested=symbol, many=many) if nested else None
        kind = symbol.dotted.rpartition(".")[2] if isinstance(symbol, External) else ""
        if not isinstance(symbol, External) or not symbol.dotted.startswith("rest_framework."):
            return None
        if kind == "SerializerMethodField":
            method = given.get("method_name") or f"get_{name}"
            return Field(name, path, kind, method=str(method))
        return Field(name, path, kind, many=many)

    def symbol(self, cls: ClassInfo, call: Call) -> Any:
        dotted = dotted_of(call.function)
        return self.world.names.resolve(cls.module, dotted) if dotted is not None else None
