"""Instances: their attributes, what is dirty, saving, deleting, reading again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.effect import Assignment, Cardinality, Effect, Predicate, Rows, Selection, Source
from datakeel.model.place import Place
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import (
    Query,
    assignment,
    text_argument,
)
from datakeel.read.orms.django.querysets import Querysets
from datakeel.read.orms.django.relations import Relations
from datakeel.read.orms.django.signals import Signals
from datakeel.read.program import Span
from datakeel.read.values import (
    NONE,
    NOTHING,
    Arguments,
    MethodTarget,
    Value,
    canonical,
    extended,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

INSTANCE = frozenset(("save", "delete", "refresh_from_db", "save_base", "asave", "adelete", "arefresh_from_db"))


class Instances:
    def __init__(
        self, world: World, models: Models, querysets: Querysets, relations: Relations, signals: Signals
    ) -> None:
        self.world = world
        self.models = models
        self.querysets = querysets
        self.relations = relations
        self.signals = signals

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
                back = self.models.reverse(model).get(name)
                if back is not None:
                    return self.relations.related_rows(caller, base, back, at)
                if cls is not None and cls.field(name) is not None:
                    return None
            return Value(sources=sources, rows=rows, origin=base.origin)
        if field.many:
            query = Query(
                field.relation,
                (Predicate(name, "=", canonical(base), tuple(sorted(base.sources))),),
                managed=True,
                relation=f"{model.table}_{name}",
                parent=base.rows,
            )
            return Value(
                type="django.db.models.Manager", of=Value(type=field.relation), state=query, origin=base.origin
            )
        if field.relation:
            self.relations.load_relation(caller, model, base, field, at)
            return Value(type=field.relation, sources=sources, rows=rows, origin=base.origin)
        return Value(sources=sources, rows=rows, origin=base.origin, type=FIELD_TYPES.get(field.kind, ""))

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

    def instance_call(
        self, caller: Caller, model: Model, receiver: Value, name: str, arguments: Arguments, at: Span
    ) -> Value:
        query = Query(model.name, using=text_argument(arguments, "using"))
        if name == "refresh_from_db":
            return self.refresh(caller, model, receiver, query, arguments, at)
        if name == "delete":
            self.querysets.emit_write(
                caller,
                receiver,
                query,
                "delete",
                at,
                rows=receiver.rows,
                selection=Selection((Predicate(model.primary, "=", canonical(receiver)),), Cardinality.ONE),
            )
            self.signals.signal(caller, "post_delete", receiver, model, at)
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
        self.querysets.emit_write(
            caller,
            receiver,
            query,
            "save",
            at,
            rows=rows,
            assigned=dirty,
            whole_row=whole,
            selection=Selection((Predicate(model.primary, "=", canonical(receiver)),), Cardinality.ONE),
        )
        if rows is not None:
            self.clean(caller, rows)
        self.signals.signal(caller, "post_save", receiver, model, at)
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
        effect = self.querysets.emit_read(
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
            model = self.models.model(base.type)
            if model is None:
                return
            self.set_field(caller, base.rows, model, name, value, caller.place(at))
        elif base.rows.root.startswith(("read:", "parameter:")):
            caller.state.heap[(base.rows, f"$dirty:{name}")] = value.but(state=caller.place(at))

    def insert(self, caller: Caller, made: Value, model: Model | None, query: Query, at: Span) -> Effect:
        assert made.rows is not None
        effect = self.querysets.emit_write(
            caller,
            made,
            query,
            "insert",
            at,
            rows=made.rows,
            assigned=self.dirty(caller, made.rows),
        )
        self.clean(caller, made.rows)
        caller.state.heap[(made.rows, "$saved")] = NONE
        self.signals.signal(caller, "post_save", made, model, at, created=True)
        return effect


FIELD_TYPES = {
    "DateTimeField": "datetime.datetime",
    "DecimalField": "decimal.Decimal",
    "JSONField": "builtins.dict",
    "BooleanField": "builtins.bool",
    "IntegerField": "builtins.int",
    "CharField": "builtins.str",
    "TextField": "builtins.str",
}
