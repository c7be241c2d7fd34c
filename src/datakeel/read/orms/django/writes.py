"""What a manager or queryset writes: create, update, delete, bulk, many-to-many links."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.effect import Assignment, Cardinality, Effect, Guard, Rows, Selection, Source
from datakeel.read.orms.django.instances import DIRTY, Instances, only
from datakeel.read.orms.django.managers import Managers
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import Query, assignment
from datakeel.read.orms.django.querysets import Querysets
from datakeel.read.program import Span
from datakeel.read.symbols import FunctionInfo
from datakeel.read.values import NOTHING, Arguments, FunctionTarget, Value, element

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

PLAIN = ("defaults", "create_defaults", "using_db")  # what names no column
LINK_VERBS = {"add": "link", "remove": "unlink", "clear": "unlink", "set": "relink"}


class Writes:
    def __init__(
        self, world: World, models: Models, managers: Managers, querysets: Querysets, instances: Instances
    ) -> None:
        self.world = world
        self.models = models
        self.managers = managers
        self.querysets = querysets
        self.instances = instances
        self.signals = instances.signals

    def call(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        if name in LINK_VERBS:
            return self.relate(caller, receiver, query, name, arguments, at)
        return WRITERS[name](self, caller, receiver, query, arguments, at)

    def assignments(self, model: Model | None, values: Iterable[tuple[str, Value]]) -> tuple[Assignment, ...]:
        return tuple(assignment(model.column(n) if model is not None else n, v) for n, v in values)

    # One row ----------------------------------------------------------------------------------------------------------

    def create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        model = self.models.model(query.model)
        made = self.made(caller, receiver, query, model, arguments)
        assert made.rows is not None
        override = self.overridden_save(model)
        if override is not None:
            caller.call_function(FunctionTarget(override, made), Arguments(), at)
        else:
            self.instances.insert(caller, made, model, query, at)
        if query.related is not None and query.related.link:
            self.link(caller, receiver, query, "add", Arguments((made,)), at)
        return made

    def made(self, caller: Caller, receiver: Value, query: Query, model: Model | None, arguments: Arguments) -> Value:
        """The object that ``create`` makes: of its arguments, and of what the related manager adds."""
        made = self.instances.blank(caller, query.model, receiver.origin)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            if name != "using_db":
                self.instances.set_field(caller, made.rows, model, name, value, None)
        if arguments.options is not None:
            unknown = Value(sources=arguments.options.sources)
            self.instances.set_field(caller, made.rows, model, "*", unknown, None)
        if query.related is not None and query.related.column:
            for predicate in query.predicates:
                if predicate.column == query.related.column:
                    owner = Value(sources=frozenset(predicate.sources))
                    caller.state.heap[(made.rows, DIRTY + predicate.column)] = owner
        return made

    def overridden_save(self, model: Model | None) -> FunctionInfo | None:
        cls = self.world.class_named(model.name) if model is not None else None
        return cls.method("save") if cls is not None else None

    def get_or_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        return self.found_or_made(caller, receiver, query, arguments, at, update=False)

    def get_solo(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        """The one row of a table that has no other."""
        given = Arguments((), {"pk": Value(const=1)})
        found = self.get_or_create(caller, receiver, query, given, at)
        return (found.items or (NOTHING,))[0]

    def update_or_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        return self.found_or_made(caller, receiver, query, arguments, at, update=True)

    def found_or_made(
        self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span, *, update: bool
    ) -> Value:
        """One unit: look the row up by the given columns, insert it where there is none (set the defaults where
        there is)."""
        model = self.models.model(query.model)
        defaults = arguments.keywords.get("defaults")
        looked_up = {k: v for k, v in arguments.keywords.items() if k not in PLAIN}
        started = self.managers.started(receiver, query)
        filtered = self.querysets.filtered(started, Arguments((), looked_up, None, arguments.options))
        extra = tuple((defaults.entries or {}).items()) if defaults is not None else ()
        if defaults is not None and (defaults.entries is None or not defaults.complete):
            extra = (*extra, ("*", Value(sources=defaults.sources)))
        plain = tuple((k, v) for k, v in looked_up.items() if "__" not in k)
        with caller.scope("savepoint", "", at):  # a refused insert takes nothing else with it
            rows = Rows(f"read:{caller._number + 1}")
            effect = self.querysets.emit_write(
                caller,
                receiver,
                filtered,
                "upsert" if update else "get-or-create",
                at,
                selection=self.querysets.selection(filtered, "get"),
                conflict="update" if update else "ignore",
                assigned=self.assignments(model, (*plain, *extra)),
                rows=rows,
            )
            if filtered.lock or (update and effect.transaction):  # update_or_create locks the row that it finds
                caller.state.locks = (*caller.state.locks, effect.number)
            row = self.querysets.row_value(caller, effect.number, receiver, replace(started, shape=""))
            created = Value(type="builtins.bool", sources=frozenset((Source("result", effect.number, "created"),)))
            self.told(caller, row, model, created, at, update=update)
        if query.related is not None and query.related.link:
            self.link(caller, receiver, query, "add", Arguments((row,)), at)
        return Value(type="builtins.tuple", items=(row, created))

    def told(self, caller: Caller, row: Value, model: Model | None, created: Value, at: Span, *, update: bool) -> None:
        """The model's own ``save`` and its signals, which run where the row is inserted (or changed)."""
        override = self.overridden_save(model)
        handlers = [*self.signals.heard("post_save", model)] if model is not None else []
        if override is None and not handlers:
            return
        assert row.rows is not None
        before = caller.state.guards
        with caller.scope("branch", "then", at):
            if not update:
                caller.guarded((Guard("truth", True, tuple(sorted(created.sources)), "", caller.place(at)),))
            if override is not None:
                started = len(caller.effects)
                caller.call_function(FunctionTarget(override, row), Arguments(), at)
                caller.effects[started:] = [e for e in caller.effects[started:] if not is_save(e, row.rows)]
            else:
                self.signals.send(caller, "post_save", row, model, at, created=not update)
        caller.state.guards = before

    # Many rows --------------------------------------------------------------------------------------------------------

    def bulk_create(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        objects = caller.force(arguments.get("objs", 0) or NOTHING, at, "iterate")
        one = element(objects)
        ignored, updated = (arguments.get(n, p) for n, p in (("ignore_conflicts", 2), ("update_conflicts", 3)))
        conflict = ""
        if ignored is not None and ignored.const is True:
            conflict = "ignore"
        elif updated is not None and updated.const is True:
            conflict = "update"
        self.querysets.emit_write(
            caller,
            receiver,
            query,
            "insert",
            at,
            assigned=self.instances.dirty(caller, one.rows) if one.rows is not None else (),
            conflict=conflict,
            rows=one.rows,
            selection=Selection(cardinality=Cardinality.MANY),
        )
        return objects

    def bulk_update(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        objects = caller.force(arguments.get("objs", 0) or NOTHING, at, "iterate")
        one = element(objects)
        model = self.models.model(query.model)
        assigned = self.instances.dirty(caller, one.rows) if one.rows is not None else ()
        columns = self.instances.named_columns(arguments.get("fields", 1), model) if model is not None else None
        effect = self.querysets.emit_write(
            caller,
            receiver,
            query,
            "update",
            at,
            assigned=only(assigned, columns) if columns is not None else assigned,
            rows=one.rows,
            selection=Selection(cardinality=Cardinality.MANY),
        )
        return Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))

    def update(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        model = self.models.model(query.model)
        query = self.managers.started(receiver, query)
        changes = list(arguments.keywords.items())
        if arguments.options is not None:
            changes.append(("*", Value(sources=arguments.options.sources)))
        rows = Rows(f"read:{caller._number + 1}")
        effect = self.querysets.emit_write(
            caller,
            receiver,
            query,
            "update",
            at,
            selection=self.querysets.selection(query),
            assigned=self.assignments(model, changes),
            rows=rows,
        )
        return Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))

    def delete(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        query = self.managers.started(receiver, query)
        model = self.models.model(query.model)
        rows = Rows(f"read:{caller._number + 1}")
        effect = self.querysets.emit_write(
            caller, receiver, query, "delete", at, selection=self.querysets.selection(query), rows=rows
        )
        sources = frozenset((Source("result", effect.number, "rowcount"),))
        one = self.querysets.row_value(caller, effect.number, receiver, replace(query, shape=""))
        self.signals.send(caller, "post_delete", one, model, at)
        count = Value(type="builtins.int", sources=sources)
        return Value(type="builtins.tuple", items=(count, Value(sources=sources)), sources=sources)

    # Relations --------------------------------------------------------------------------------------------------------

    def relate(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        """``add``, ``remove``, ``set``, ``clear`` of a related manager."""
        if query.related is None:
            return None
        if query.related.link:
            return self.link(caller, receiver, query, name, arguments, at)
        columns = (Assignment(query.related.column, "value", query.predicates[0].sources if query.predicates else ()),)
        given = [caller.force(v, at, "iterate") for v in arguments.positional]
        self.querysets.emit_write(
            caller,
            receiver,
            query,
            "update",
            at,
            assigned=columns,
            rows=given[0].rows if given else None,
            selection=Selection(cardinality=Cardinality.MANY),
        )
        return NOTHING

    def link(self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span) -> Value:
        """Pairs in a many-to-many's table, which has a unique key: adding one that is there does nothing."""
        assert query.related is not None
        for value in arguments.positional:
            caller.force(value, at, "iterate")
        self.querysets.emit_write(
            caller,
            receiver,
            query,
            LINK_VERBS[name],
            at,
            dataset=query.related.link,
            conflict="ignore" if name in ("add", "set") else "",
            selection=Selection(query.predicates[:1], Cardinality.MANY),
            assigned=(Assignment("*", "value", tuple(sorted(arguments.sources()))),),
        )
        return NOTHING


def is_save(effect: Effect, rows: Rows) -> bool:
    """Whether an effect is the write of a row itself, which the upsert that surrounds it stands for already."""
    return effect.rows == rows and effect.verb in ("save", "insert")


WRITERS: dict[str, Callable[[Writes, Caller, Value, Query, Arguments, Span], Value]] = {
    "create": Writes.create,
    "create_user": Writes.create,
    "create_superuser": Writes.create,
    "get_or_create": Writes.get_or_create,
    "update_or_create": Writes.update_or_create,
    "get_solo": Writes.get_solo,
    "bulk_create": Writes.bulk_create,
    "bulk_update": Writes.bulk_update,
    "update": Writes.update,
    "delete": Writes.delete,
}
