"""What a manager or queryset writes: create, update, delete, bulk, many-to-many links."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.model.effect import Assignment, Cardinality, Rows, Selection, Source
from datakeel.read.orms.django.instances import Instances
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import (
    Query,
    assignment,
)
from datakeel.read.orms.django.querysets import Querysets
from datakeel.read.program import Span
from datakeel.read.symbols import FunctionInfo
from datakeel.read.values import (
    NOTHING,
    Arguments,
    FunctionTarget,
    Value,
    element,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World


class Writes:
    def __init__(self, world: World, models: Models, querysets: Querysets, instances: Instances) -> None:
        self.world = world
        self.models = models
        self.querysets = querysets
        self.instances = instances

    def assignments(self, model: Model | None, values: Iterable[tuple[str, Value]]) -> tuple[Assignment, ...]:
        found = []
        for name, value in values:
            field = model.fields.get(name) if model is not None else None
            found.append(assignment(field.column if field is not None else name, value))
        return tuple(found)

    def create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        model = self.models.model(query.model)
        override = self.overridden_save(model, query)
        made = Value(type=query.model, rows=Rows(f"new:{caller.next()}"), origin=receiver.origin)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            self.instances.set_field(caller, made.rows, model, name, value, None)
        for predicate in query.predicates:
            caller.state.heap[(made.rows, f"$dirty:{predicate.column}")] = Value(sources=frozenset(predicate.sources))
        if override is not None:
            caller.call_function(FunctionTarget(override, made), Arguments(), at)
            return made
        self.instances.insert(caller, made, model, query, at)
        return made

    def overridden_save(self, model: Model | None, query: Query) -> FunctionInfo | None:
        cls = self.world.class_named(query.model) if model is not None else None
        return cls.method("save") if cls is not None else None

    def get_or_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        return self.found_or_made(caller, receiver, query, arguments, at, update=False)

    def update_or_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        return self.found_or_made(caller, receiver, query, arguments, at, update=True)

    def found_or_made(
        self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span, *, update: bool
    ) -> Value:
        """One unit: look the row up by the given columns, insert it where there is none (set the defaults where
        there is)."""
        model = self.models.model(query.model)
        defaults = arguments.keywords.get("defaults")
        looked_up = {k: v for k, v in arguments.keywords.items() if k not in ("defaults", "create_defaults")}
        filtered = self.querysets.filtered(query, Arguments((), looked_up, None, arguments.options))
        extra = tuple((defaults.entries or {}).items()) if defaults is not None else ()
        number = caller._number + 1
        effect = self.querysets.emit_write(
            caller,
            receiver,
            filtered,
            "upsert" if update else "get-or-create",
            at,
            selection=self.querysets.selection(filtered, "get"),
            conflict="update" if update else "ignore",
            assigned=self.assignments(model, (*looked_up.items(), *extra)),
            rows=Rows(f"read:{number}"),
        )
        row = self.querysets.row_value(effect.number, receiver, replace(query, shape=""))
        created = Value(type="builtins.bool", sources=frozenset((Source("result", effect.number, "created"),)))
        return Value(type="builtins.tuple", items=(row, created))

    def bulk_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        objects = arguments.get("objs", 0) or NOTHING
        one = element(caller.force(objects, at, "iterate"))
        assigned = self.instances.dirty(caller, one.rows) if one.rows is not None else ()
        ignore = arguments.get("ignore_conflicts", 2)
        updates = arguments.get("update_conflicts", 3)
        conflict = (
            "ignore"
            if ignore is not None and ignore.const is True
            else "update"
            if updates is not None and updates.const is True
            else ""
        )
        self.querysets.emit_write(
            caller,
            receiver,
            query,
            "insert",
            at,
            assigned=assigned,
            conflict=conflict,
            rows=one.rows,
            selection=Selection(cardinality=Cardinality.MANY),
        )
        return objects

    def bulk_update(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        objects = arguments.get("objs", 0) or NOTHING
        one = element(caller.force(objects, at, "iterate"))
        fields = arguments.get("fields", 1)
        columns = [i.text for i in fields.items if i.text] if fields is not None and fields.items is not None else None
        assigned = self.instances.dirty(caller, one.rows) if one.rows is not None else ()
        if columns is not None:
            known = {a.column for a in assigned}
            assigned = (
                *(a for a in assigned if a.column in columns),
                *(Assignment(c, "unknown") for c in columns if c not in known),
            )
        self.querysets.emit_write(
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
        model = self.models.model(query.model)
        number = caller._number + 1
        effect = self.querysets.emit_write(
            caller,
            receiver,
            query,
            "update",
            at,
            selection=self.querysets.selection(query),
            assigned=self.assignments(model, arguments.keywords.items()),
            rows=Rows(f"read:{number}"),
        )
        return Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))

    def delete(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        effect = self.querysets.emit_write(
            caller, receiver, query, "delete", at, selection=self.querysets.selection(query)
        )
        return Value(sources=frozenset((Source("result", effect.number, "rowcount"),)))

    def change_relation(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        """``add``, ``remove``, ``set``, ``clear`` of a many-to-many: rows of its link table, which has a unique key."""
        self.querysets.emit_write(
            caller,
            receiver,
            query,
            "link",
            at,
            dataset=query.relation or self.querysets.table(query),
            conflict="ignore",
            selection=Selection(query.predicates),
            assigned=(Assignment("*", "value", tuple(sorted(arguments.sources()))),),
        )
        return NOTHING


WRITERS: dict[str, Callable[[Writes, Any, Value, Query, Arguments, Span], Value]] = {
    "create": Writes.create,
    "get_or_create": Writes.get_or_create,
    "update_or_create": Writes.update_or_create,
    "bulk_create": Writes.bulk_create,
    "bulk_update": Writes.bulk_update,
    "update": Writes.update,
    "delete": Writes.delete,
    "add": Writes.change_relation,
    "remove": Writes.change_relation,
    "set": Writes.change_relation,
    "clear": Writes.change_relation,
}
