"""Managers and the querysets behind them: which model they speak of, and what they add to every query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import ASYNC, CHAINS, LINKS, READS, WRITES, Query
from datakeel.read.program import Assign, Call, Span
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import (
    NOTHING,
    Arguments,
    ClassTarget,
    ExternalTarget,
    FunctionTarget,
    MethodTarget,
    Value,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

MANAGER = "django.db.models.Manager"
QUERYSET = "django.db.models.QuerySet"
MANAGERS = frozenset((MANAGER, "django.db.models.manager.Manager", "django.db.models.manager.BaseManager"))
QUERYSETS = frozenset((QUERYSET, "django.db.models.query.QuerySet"))
DEFAULTS = frozenset(("objects", "_default_manager", "_base_manager"))
NOWHERE = Span(0, 0, 0, 0)


class Managers:
    def __init__(self, world: World, models: Models) -> None:
        self.world = world
        self.models = models

    # Which classes are ------------------------------------------------------------------------------------------------

    def kind(self, type_name: str) -> str:
        """``manager`` or ``queryset`` for such a class, else empty."""
        if type_name in MANAGERS:
            return "manager"
        if type_name in QUERYSETS:
            return "queryset"
        cls = self.world.class_named(type_name)
        return self.kind_of_class(cls) if cls is not None else ""

    def kind_of_class(self, cls: ClassInfo) -> str:
        externals = cls.externals()
        if any(b in QUERYSETS or (b.endswith("QuerySet") and "rest_framework" not in b) for b in externals):
            return "queryset"
        if self.is_manager(cls):
            return "manager"
        return "manager" if self.queryset_class(cls) is not None else ""

    def is_manager(self, cls: ClassInfo) -> bool:
        """A class whose base is named as a manager's, of Django or of a library that adds to it."""
        return any(b.endswith("Manager") and (b.startswith("django.") or holds(b)) for b in cls.externals())

    def queryset_class(self, cls: ClassInfo) -> ClassInfo | None:
        """The queryset class behind a manager class made by ``from_queryset``."""
        for ancestor in cls.ancestors():
            for base in ancestor.facts.bases:
                dotted = dotted_of(base)
                value = self.world.global_value(ancestor.module, dotted) if dotted is not None else None
                if value is not None and isinstance(value.state, Made):
                    return value.state.queryset
                if isinstance(base, Call) and base.arguments:
                    found = self.world.scratch(ancestor.module).eval(base)
                    if isinstance(found.state, Made):
                        return found.state.queryset
        return None

    # A class's managers -----------------------------------------------------------------------------------------------

    def of_model(self, model: Model, name: str = "objects") -> Value | None:
        """The manager that a model's class holds under a name; None when it holds none."""
        cls = self.world.class_named(model.name)
        declared = self.declared_manager(cls, model, name) if cls is not None else None
        if declared is not None:
            return declared
        if name not in DEFAULTS:
            return None
        if name != "_base_manager" and cls is not None:
            for other in self.declared_names(cls):
                found = self.declared_manager(cls, model, other)
                if found is not None and (name == "_default_manager" or other == "objects"):
                    return found
        return Value(
            type=MANAGER, of=Value(type=model.name), state=Query(model.name, managed=True), origin=model.origin
        )

    def declared_names(self, cls: ClassInfo) -> Iterator[str]:
        for ancestor in cls.ancestors():
            for name, statement in ancestor.fields.items():
                if (
                    isinstance(statement, Assign)
                    and isinstance(statement.value, Call)
                    and may_be(name, statement.value)
                ):
                    yield name

    def declared_manager(self, cls: ClassInfo, model: Model, name: str) -> Value | None:
        if cls.field(name) is None or name in model.fields:
            return None
        value = self.world.class_field(cls, name)
        if value is None or not isinstance(value.state, Query):
            return None
        state = replace(value.state, model=model.name)
        return value.but(state=state, of=Value(type=model.name), rows=None, sources=frozenset(), origin=model.origin)

    def owner(self, type_name: str) -> str:
        """The one model whose manager, or queryset, a class is; empty when there are several."""
        nobody: dict[str, list[str]] = {}
        found = self.world.memo.answer(("django owners",), self.read_owners, nobody).get(type_name, [])
        return found[0] if len(found) == 1 else ""

    def read_owners(self) -> dict[str, list[str]]:
        owners: dict[str, list[str]] = {}
        for model in self.models.models():
            cls = self.world.class_named(model.name)
            for name in self.declared_names(cls) if cls is not None and not model.proxy else ():
                value = self.world.class_field(cls, name) if cls is not None and name not in model.fields else None
                if value is not None and isinstance(value.state, Query) and value.type:
                    for owned in self.lineage(value.type):
                        if model.name not in owners.setdefault(owned, []):
                            owners[owned].append(model.name)
        return owners

    def lineage(self, type_name: str) -> list[str]:
        """A manager's class, its ancestors, and the querysets behind them."""
        cls = self.world.class_named(type_name)
        if cls is None:
            return []
        found = [c.name for c in cls.ancestors()]
        behind = self.queryset_class(cls)
        return [*found, *(c.name for c in behind.ancestors())] if behind is not None else found

    # Values -----------------------------------------------------------------------------------------------------------

    def declared(self, value: Value) -> Value:
        """A value of a declared type: a manager's or queryset's is a plan."""
        if value.state is not None or not value.type:
            return value
        kind = self.kind(value.type)
        if not kind:
            return value
        held = value.of.type if value.of is not None else ""
        model = held if held and self.models.model(held) is not None else self.owner(value.type)
        state = Query(model, managed=kind == "manager", complete=kind == "manager")
        return value.but(state=state, of=Value(type=model) if model else None)

    def made(self, receiver: Value, name: str, arguments: Arguments) -> Value | None:
        """``Q.as_manager()``, ``Manager.from_queryset(Q)``."""
        cls = receiver.target.cls if isinstance(receiver.target, ClassTarget) else None
        if name == "as_manager" and cls is not None and self.kind_of_class(cls) == "queryset":
            return Value(type=cls.name, state=Query("", managed=True))
        if name == "from_queryset" and arguments.positional:
            behind = arguments.positional[0].target
            if isinstance(behind, ClassTarget):
                return Value(state=Made(behind.cls), type="builtins.type")
        return None

    def instance(self, function: Value) -> Value | None:
        """A manager or queryset is made by its class."""
        match function.state, function.target:
            case Made(queryset), _:
                return Value(type=queryset.name, state=Query("", managed=True))
            case _, ClassTarget(cls):
                kind = self.kind_of_class(cls)
                return Value(type=cls.name, state=Query("", managed=kind == "manager")) if kind else None
            case _, ExternalTarget(dotted) if dotted in MANAGERS | QUERYSETS:
                return Value(type=dotted, state=Query("", managed=dotted in MANAGERS))
        return None

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute(self, caller: Caller, base: Value, query: Query, name: str) -> Value | None:
        method = self.method(base, query, name) or self.method(base, query, ASYNC.get(name, name))
        if method is not None:
            return method
        plain = ASYNC.get(name, name)
        if plain in CHAINS or plain in READS or plain in WRITES or (plain in LINKS and query.related is not None):
            return Value(target=MethodTarget(base, name))
        if name == "model":
            found = self.world.class_named(query.model)
            return Value(target=ClassTarget(found), type="builtins.type") if found is not None else NOTHING
        return NOTHING if name in ("query", "db", "_meta", "ordered") else None

    def method(self, base: Value, query: Query, name: str) -> Value | None:
        """A method that the project's manager or queryset defines."""
        cls = self.world.class_named(base.type)
        if cls is None:
            return None
        found = cls.method(name)
        if found is not None:
            return Value(target=FunctionTarget(found, base), type="builtins.function")
        behind = self.queryset_class(cls) if query.managed else None
        found = behind.method(name) if behind is not None else None
        if behind is None or found is None:
            return None
        started = self.started(base, query)
        return Value(target=FunctionTarget(found, base.but(type=behind.name, state=started)), type="builtins.function")

    def queryset_type(self, type_name: str) -> str:
        """The class of the querysets that a manager gives."""
        cls = self.world.class_named(type_name)
        if cls is None:
            return QUERYSET if type_name in MANAGERS else type_name
        behind = self.queryset_class(cls)
        return behind.name if behind is not None else type_name

    # What a manager adds to every query -------------------------------------------------------------------------------

    def started(self, manager: Value, query: Query) -> Query:
        """The plan that a manager begins with: its own ``get_queryset``, on top of what is known already."""
        if not query.managed:
            return query
        added = self.initial(manager.type, query.model)
        if added is None:
            return replace(query, managed=False)
        return replace(
            query,
            managed=False,
            predicates=(*added.predicates, *query.predicates),
            complete=query.complete and added.complete,
            eager=(*added.eager, *query.eager),
            prefetched=(*added.prefetched, *query.prefetched),
            using=query.using or added.using,
            lock=query.lock or added.lock,
            order=query.order or added.order,
        )

    def initial(self, type_name: str, model: str) -> Query | None:
        """What a project's ``get_queryset`` gives for a manager of a model."""
        key = ("django initial", type_name, model)
        return self.world.memo.answer(key, lambda: self.read_initial(type_name, model), None)

    def read_initial(self, type_name: str, model: str) -> Query | None:
        cls = self.world.class_named(type_name)
        method = cls.method("get_queryset") if cls is not None else None
        if method is None:
            return None
        manager = Value(type=type_name, of=Value(type=model), state=Query(model, managed=True))
        caller = self.world.scratch(method.module)
        found = caller.call_function(FunctionTarget(method, manager), Arguments(), NOWHERE).state
        return found.detached() if isinstance(found, Query) and found.model == model else None


class Made:
    """A manager class that ``from_queryset`` makes."""

    __slots__ = ("queryset",)
    __match_args__ = ("queryset",)

    def __init__(self, queryset: ClassInfo) -> None:
        self.queryset = queryset


def holds(dotted: str) -> bool:
    """Whether a dotted name is that of a module of models or managers."""
    return ".models." in dotted or ".managers." in dotted


def may_be(name: str, call: Call) -> bool:
    """Whether a class-level assignment looks as if it made a manager."""
    function = call.function.function if isinstance(call.function, Call) else call.function
    words = ("anager", "from_queryset")
    return name in DEFAULTS or "objects" in name or (dotted_of(function) or "").endswith(words)
