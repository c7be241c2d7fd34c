"""Instances: their attributes, what is dirty, saving, deleting, reading again.

Notes on an object stand in the heap beside its attributes, under names that begin with ``@``; they outlive a function
as its attributes do: ``@dirty:column`` (assigned and not saved), ``@clean`` (saved: what was dirty before is not; of
one column ``@clean:column``), ``@new`` (it was made here),
``@made`` (under which conditions), ``@saved`` (it is in the database), ``@copy`` (its key was
taken away), ``@fresh`` (the read that it was read again by), ``@loaded:name`` (the related row that was followed to),
``@using`` (its connection).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Assignment, Cardinality, Effect, Rows, Selection, Source
from datakeel.model.place import Place
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import Query, assignment, compared, text_argument
from datakeel.read.orms.django.querysets import Querysets
from datakeel.read.orms.django.relations import DEEP, Relations
from datakeel.read.orms.django.signals import Signals
from datakeel.read.program import Span
from datakeel.read.symbols import FunctionInfo
from datakeel.read.values import (
    FRESH,
    NONE,
    NOTHING,
    Arguments,
    ClassTarget,
    FunctionTarget,
    MethodTarget,
    Value,
    created,
    extended,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.machine import Machine
    from datakeel.read.world import World

INSTANCE = {
    **{name: name for name in ("save", "delete", "refresh_from_db", "save_base", "full_clean")},
    **{f"a{name}": name for name in ("save", "delete", "refresh_from_db", "full_clean")},
}
CLEAN = "@clean"
CLEANED = "@clean:"
DIRTY = "@dirty:"
NEW = "@new"
MADE = "@made"
SAVED = "@saved"
COPY = "@copy"
OUTSIDE = ("read:", "parameter:")


class Instances:
    def __init__(
        self, world: World, models: Models, querysets: Querysets, relations: Relations, signals: Signals
    ) -> None:
        self.world = world
        self.models = models
        self.querysets = querysets
        self.relations = relations
        self.signals = signals

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute(self, caller: Caller, model: Model, base: Value, name: str, at: Span) -> Value | None:
        method = self.own_method(model, name)
        if name in self.relations.TREE and method is None:
            return Value(target=MethodTarget(base, name))
        if name == "__class__":
            return self.class_of(base)
        if name in INSTANCE and method is None:
            return self.bound(base, model, name)
        if method is not None:
            return None
        stored = self.stored(caller, model, base, name)
        if stored is not None:
            return stored
        field = model.fields.get(name)
        if field is not None and field.relation:
            found = self.relations.followed(caller, model, base, field, at)
            if found is not None:
                return found
        if field is None and model.by_column(name) is None:
            back = self.models.reverse(model).get(name)
            found = self.relations.back(caller, model, base, back, name, at) if back is not None else None
            if found is not None:
                return found
            if name == "_meta":
                return Value(type="django.db.models.options.Options", owner=base)
            cls = self.world.class_named(model.name)
            if cls is not None and cls.field(name) is not None:
                return None
        column = model.primary if name == "pk" else name
        origin = max(base.origin, model.origin)
        fresh = caller.state.heap.get((base.rows, FRESH)) if base.rows is not None else None
        sources = extended(fresh.sources if fresh is not None else base.sources, column)
        rows = base.rows
        if rows is not None:
            rows = Rows(rows.root, (*rows.path, column)) if len(rows.path) < DEEP else None
        type_name = field.type if field is not None else ""
        return Value(sources=sources, rows=rows, origin=origin, type=type_name, owner=base if type_name else None)

    def own_method(self, model: Model, name: str) -> FunctionInfo | None:
        cls = self.world.class_named(model.name)
        return cls.method(name) if cls is not None else None

    def bound(self, base: Value, model: Model, name: str) -> Value:
        """``asave`` runs the model's own ``save``."""
        own = self.own_method(model, INSTANCE[name])
        if own is not None:
            return Value(target=FunctionTarget(own, base), type="builtins.function")
        return Value(target=MethodTarget(base, INSTANCE[name]))

    def stored(self, caller: Caller, model: Model, base: Value, name: str) -> Value | None:
        """An attribute that was assigned, under its own name or that of its column."""
        if base.rows is None:
            return None
        heap = caller.state.heap
        found = heap.get((base.rows, name))
        if found is None and name == "pk":
            return heap.get((base.rows, model.primary))
        if found is None and name.endswith("_id"):
            field = model.by_column(name)
            held = heap.get((base.rows, field.name)) if field is not None else None
            if held is not None:
                return Value(sources=held.sources, rows=held.rows, origin=held.origin)
        if found is not None and name in model.fields and not found.type and model.fields[name].relation:
            other = self.models.model(model.fields[name].relation)
            return found.but(type=other.name) if other is not None and not found.known else found
        return found

    # Made and changed -------------------------------------------------------------------------------------------------

    def new(self, caller: Caller, model: Model, arguments: Arguments) -> Value:
        made = self.blank(caller, model.name, model.origin)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            self.set_field(caller, made.rows, model, name, value, None)
        if arguments.options is not None:
            self.set_field(caller, made.rows, model, "*", Value(sources=arguments.options.sources), None)
        return made

    def blank(self, caller: Caller, type_name: str, origin: Origin) -> Value:
        """A new object, of which nothing is set yet."""
        made = created(caller.next(), type_name, origin)
        assert made.rows is not None
        caller.state.heap[(made.rows, NEW)] = NONE
        if caller.state.guards:
            caller.state.heap[(made.rows, MADE)] = Value(state=caller.state.guards)
        return made

    def set_field(
        self, caller: Caller, rows: Rows, model: Model | None, name: str, value: Value, place: Place | None
    ) -> None:
        caller.state.heap[(rows, name)] = value
        column = name
        if model is not None:
            field = model.fields.get(name)
            column = field.column if field is not None else model.primary if name == "pk" else name
            if field is None and name not in ("pk", "*") and self.no_column(model, name):
                return
        if model is not None and column == model.primary and value.known and value.const is None:
            caller.state.heap[(rows, COPY)] = NONE
        caller.state.heap[(rows, DIRTY + column)] = value.but(state=place, rows=value.rows)

    def no_column(self, model: Model, name: str) -> bool:
        """Whether an attribute is surely no column: all of the model's fields are known, and it is none of them."""
        cls = self.world.class_named(model.name)
        if cls is None or name.startswith("_"):
            return True
        bases = [b for b in cls.externals() if b != "builtins.object"]
        return bases == ["django.db.models.Model"] and model.by_column(name) is None and name != model.primary

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        if base.rows is None:
            return
        if base.type:
            model = self.models.model(base.type)
            if model is not None:
                self.set_field(caller, base.rows, model, name, value, caller.place(at))
        elif base.rows.root.startswith(OUTSIDE):
            caller.state.heap[(base.rows, DIRTY + name)] = value.but(state=caller.place(at))

    def dirty(self, machine: Machine, rows: Rows) -> tuple[Assignment, ...]:
        found = []
        for (owner, name), value in machine.state.heap.items():
            if owner == rows and name.startswith(DIRTY):
                place = value.state if isinstance(value.state, Place) else None
                found.append(replace(assignment(name.removeprefix(DIRTY), value), place=place))
        return tuple(sorted(found, key=lambda a: a.column))

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(self, caller: Caller, model: Model, receiver: Value, name: str, arguments: Arguments, at: Span) -> Value:
        noted = caller.state.heap.get((receiver.rows, "@using")) if receiver.rows is not None else None
        given = text_argument(arguments, "using")
        query = Query(model.name, using=given or (noted.text or "" if noted is not None else ""))
        match name:
            case "refresh_from_db":
                return self.refresh(caller, model, receiver, query, arguments, at)
            case "delete":
                return self.delete(caller, model, receiver, query, at)
            case "full_clean":
                own = self.own_method(model, "clean")
                return caller.call_function(FunctionTarget(own, receiver), Arguments(), at) if own else NOTHING
        return self.save(caller, model, receiver, query, arguments, at)

    def by_key(self, caller: Caller, model: Model, receiver: Value) -> Selection:
        """The one row that an instance stands for."""
        key = Value(sources=extended(receiver.sources, model.primary))
        return Selection((compared(model.primary, "=", key),), Cardinality.ONE)

    def save(
        self, caller: Caller, model: Model, receiver: Value, query: Query, arguments: Arguments, at: Span
    ) -> Value:
        rows = receiver.rows
        made = self.made_where_absent(caller, receiver)
        if made is not None:
            return self.save_either(caller, model, receiver, made, query, arguments, at)
        if rows is not None and self.is_new(caller, rows):
            self.insert(caller, receiver, model, query, at)
            return NOTHING
        self.signals.send(caller, "pre_save", receiver, model, at)
        assigned = self.dirty(caller, rows) if rows is not None else ()
        given = arguments.get("update_fields", 3)
        columns = self.named_columns(given, model)
        if columns is not None:
            assigned = only(assigned, columns)
        self.querysets.emit_write(
            caller,
            receiver,
            query,
            "save",
            at,
            rows=rows,
            assigned=assigned,
            whole_row=given is None or (given.known and given.const is None),
            selection=self.by_key(caller, model, receiver),
        )
        if rows is not None:
            forget(caller, rows, columns)
            caller.state.heap[(rows, SAVED)] = NONE
        self.signals.send(caller, "post_save", receiver, model, at)
        return NOTHING

    def made_where_absent(self, machine: Machine, receiver: Value) -> Value | None:
        """The new object that a variable holds where the row that it else holds was not found (``except DoesNotExist:
        row = Row(…)``)."""
        either = [v for v in (receiver, *receiver.others) if v.rows is not None and v.type == receiver.type]
        new = [v for v in either if v.rows is not None and self.is_new(machine, v.rows)]
        read = [v for v in either if v.rows is not None and v.rows.root.startswith("read:")]
        known = (
            len(new) == len(read) == 1
            and len(either) == len(new) + len(read)
            and (new[0].rows, MADE) in machine.state.heap
        )
        return new[0].but(others=()) if known else None

    def save_either(
        self,
        caller: Caller,
        model: Model,
        receiver: Value,
        made: Value,
        query: Query,
        arguments: Arguments,
        at: Span,
    ) -> Value:
        """One of two objects is saved: the new one, under the conditions under which it was made, or that which was
        read."""
        assert made.rows is not None
        noted = caller.state.heap[(made.rows, MADE)].state
        absent = noted if isinstance(noted, tuple) else ()
        read = next(v for v in (receiver, *receiver.others) if v.rows != made.rows and v.type == receiver.type)
        # what was assigned since stands at one of the two, and was assigned to either
        since = self.dirty(caller, receiver.rows) if receiver.rows is not None else ()
        with caller.scope("branch", "then", at) as branch:
            held = caller.state.guards
            caller.state.guards = (*held, *(g for g in absent if g not in held))
            self.insert(caller, made, model, query, at, since)
        with caller.scope("branch", "else", number=branch):
            self.save(caller, model, read.but(others=()), query, arguments, at)
        return NOTHING

    def is_new(self, machine: Machine, rows: Rows) -> bool:
        """Whether saving an object inserts it: it was made here, or its key was taken away."""
        heap = machine.state.heap
        if (rows, COPY) in heap:
            return True
        return (rows, NEW) in heap and (rows, SAVED) not in heap

    def insert(
        self,
        caller: Caller,
        made: Value,
        model: Model | None,
        query: Query,
        at: Span,
        since: tuple[Assignment, ...] = (),
    ) -> None:
        assert made.rows is not None
        self.signals.send(caller, "pre_save", made, model, at)
        heap = caller.state.heap
        copied = heap.pop((made.rows, COPY), None) is not None
        rows = Rows(f"new:{caller._number + 1}") if copied else made.rows
        assigned = self.dirty(caller, made.rows)
        own = {a.column for a in assigned}
        assigned = tuple(sorted((*assigned, *(a for a in since if a.column not in own)), key=lambda a: a.column))
        self.querysets.emit_write(caller, made, query, "insert", at, rows=rows, assigned=assigned)
        forget(caller, made.rows)
        heap[(made.rows, SAVED)] = NONE
        self.signals.send(caller, "post_save", made, model, at, created=True)

    def saved(self, machine: Machine, effect: Effect) -> Effect:
        """A callee saves an object of the caller's: what the caller had changed is written with it."""
        rows = effect.rows
        if rows is None:
            return effect
        mine = self.dirty(machine, rows)
        theirs = {a.column: a for a in effect.assigned}
        added = [a for a in mine if a.column not in theirs and effect.whole_row]
        known = {a.column: a for a in mine}
        kept = [known.get(a.column, a) if a.how == "unknown" else a for a in effect.assigned]
        assigned = tuple(sorted((*kept, *added), key=lambda a: a.column)) if mine else effect.assigned
        if self.is_new(machine, rows) and not rows.root.startswith("read:"):
            return replace(effect, verb="insert", whole_row=False, assigned=assigned)
        return replace(effect, assigned=assigned)

    def named_columns(self, given: Value | None, model: Model) -> tuple[str, ...] | None:
        if given is None or given.items is None or not given.complete or any(i.text is None for i in given.items):
            return None
        return tuple(model.column(i.text or "") for i in given.items)

    def delete(self, caller: Caller, model: Model, receiver: Value, query: Query, at: Span) -> Value:
        self.signals.send(caller, "pre_delete", receiver, model, at)
        effect = self.querysets.emit_write(
            caller, receiver, query, "delete", at, rows=receiver.rows, selection=self.by_key(caller, model, receiver)
        )
        self.signals.send(caller, "post_delete", receiver, model, at)
        return Value(sources=frozenset((Source("result", effect.number, "rowcount"),)))

    def refresh(
        self, caller: Caller, model: Model, receiver: Value, query: Query, arguments: Arguments, at: Span
    ) -> Value:
        given = arguments.get("from_queryset", 2)
        if given is not None and isinstance(given.state, Query):
            query = replace(query, lock=given.state.lock, using=given.state.using)
        selection = self.by_key(caller, model, receiver)
        query = replace(query, predicates=selection.predicates, columns=self.asked_columns(arguments, model))
        effect = self.querysets.emit_read(caller, receiver, query, at, "get")
        rows = receiver.rows
        if rows is None:
            return NOTHING
        caller.effects[-1] = replace(effect, rows=rows)
        heap = caller.state.heap
        unassigned(caller, rows)
        forget(caller, rows)
        heap[(rows, FRESH)] = Value(sources=frozenset((Source("read", effect.number),)))
        heap[(rows, SAVED)] = NONE
        return NOTHING

    def asked_columns(self, arguments: Arguments, model: Model) -> tuple[str, ...] | None:
        return self.named_columns(arguments.get("fields", 1), model)

    def class_of(self, base: Value) -> Value | None:
        """``type(row)``, ``row.__class__``."""
        cls = self.world.class_named(base.type)
        return Value(target=ClassTarget(cls), type="builtins.type") if cls is not None else None


def remembered(machine: Machine, rows: Rows, name: str, value: Value) -> None:
    """What a callee noted on an object, or assigned to it, holds for its caller too."""
    heap = machine.state.heap
    if name == CLEAN:
        forget(machine, rows)
    elif name.startswith(CLEANED):
        forget(machine, rows, (name.removeprefix(CLEANED),))
    else:
        if name == FRESH:
            unassigned(machine, rows)
        heap[(rows, name)] = value


def forget(machine: Machine, rows: Rows, columns: tuple[str, ...] | None = None) -> None:
    """What was dirty is written, or overwritten: these columns, or all, are dirty no more."""
    heap = machine.state.heap
    if columns is not None:
        for column in columns:
            heap.pop((rows, DIRTY + column), None)
            heap[(rows, CLEANED + column)] = NONE
        return
    for key in [k for k in heap if k[0] == rows and k[1].startswith((DIRTY, CLEAN, COPY))]:
        del heap[key]
    heap[(rows, CLEAN)] = NONE


def unassigned(machine: Machine, rows: Rows) -> None:
    """The attributes of an object are as the database has them."""
    heap = machine.state.heap
    for key in [k for k in heap if k[0] == rows and not k[1].startswith(("@", "$"))]:
        del heap[key]


def only(assigned: tuple[Assignment, ...], columns: tuple[str, ...]) -> tuple[Assignment, ...]:
    """The assignments of these columns; of a column that was not seen assigned, that it is written."""
    known = {a.column for a in assigned}
    return (
        *(a for a in assigned if a.column in columns),
        *(Assignment(c, "unknown") for c in columns if c not in known),
    )
