"""What is stateful in object-relational mappers: lazy plans, what forces them, dirty objects, flush points, relations.

`Orms` is all that the tracer knows of them: it asks each in turn, and the first that answers wins. A question
answered with None means: not mine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from datakeel.model.effect import Assignment, Cardinality, Effect, Kind, Rows, Selection, Source, StoreKind
from datakeel.model.place import Place
from datakeel.read.document import Placeholders, assigned, assignments, changes, conditions, unwrapped
from datakeel.read.document import predicates as tests
from datakeel.read.libraries import CallRow, TypeRow
from datakeel.read.orms.django import Django
from datakeel.read.orms.django.instances import remembered
from datakeel.read.orms.django.query import Query
from datakeel.read.orms.documents import Mongo
from datakeel.read.orms.peewee import Peewee
from datakeel.read.orms.sqlalchemy import SqlAlchemy
from datakeel.read.program import Expression, Parameter, Span, With
from datakeel.read.querying import On
from datakeel.read.symbols import ClassInfo, FunctionInfo
from datakeel.read.values import NO_SOURCES, Arguments, Pending, Value, canonical, union

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.graft import Graft
    from datakeel.read.machine import Machine
    from datakeel.read.world import World


class Orms:
    def __init__(self, world: World) -> None:
        self.django = Django(world)
        self.mongo = Mongo(world)
        self.peewee = Peewee(world)
        self.sqlalchemy = SqlAlchemy(world)

    @cached_property
    def each(self) -> tuple[Django | Mongo | Peewee | SqlAlchemy, ...]:
        """Those that may have something to say of this project."""
        others = tuple(orm for orm in (self.peewee, self.mongo) if orm.models.used)
        return (self.django, *others, self.sqlalchemy)

    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        for orm in self.each:
            found = orm.attribute(caller, base, name, at)
            if found is not None:
                return found
        return None

    def call(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        for orm in self.each:
            found = orm.call(caller, function, arguments, at)
            if found is not None:
                return found
        return None

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        if value.state is None:
            return None
        for orm in self.each:
            found = orm.force(caller, value, at, how)
            if found is not None:
                return found
        return None

    def awaited(self, caller: Caller, value: Value, at: Span) -> Value | None:
        """What a plan gives that is waited for: Tortoise's queries run so, and Beanie's."""
        if isinstance(value.state, Query):
            return self.django.force(caller, value, at, "iterate")
        return self.mongo.awaited(caller, value, at)

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        if base.state is None:
            return None
        for orm in self.each:
            found = orm.item(caller, base, key, at)
            if found is not None:
                return found
        return None

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        if not any(v.state is not None or v.atomic for v in values):
            return None
        for orm in self.each:
            found = orm.operate(caller, how, values, at)
            if found is not None:
                return found
        return None

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        for orm in self.each:
            orm.assigned(caller, base, name, value, at)

    def item_assigned(self, caller: Caller, base: Value, key: Value, value: Value, at: Span) -> None:
        """``row.data["k"] = v`` changes the column `data` of the row; ``row.__dict__`` is none."""
        if base.rows is not None and base.rows.path and not base.rows.path[-1].startswith("__"):
            rows = Rows(base.rows.root, base.rows.path[:-1])
            owner = base.but(rows=rows, type="")
            given = key.known and not drawn(value, base)
            entry = frozenset((Source("entry", name=canonical(key)),)) if given else NO_SOURCES
            whole = Value(sources=base.sources | value.sources | entry, rows=base.rows)
            self.mongo.item_assigned(caller, rows, base.rows.path[-1], key, None if drawn(value, base) else value)
            caller.state.heap[(rows, f"$changed:{base.rows.path[-1]}")] = whole
            for orm in self.each:
                orm.assigned(caller, owner, base.rows.path[-1], whole, at)

    def deleted(self, caller: Caller, base: Value, target: object, at: Span) -> None:
        if base.rows is not None and base.rows.path:
            self.item_assigned(caller, base, Value(), Value(), at)

    def enter(self, caller: Caller, context: Value, node: With, run: Callable[[Value], None]) -> bool:
        return any(orm.enter(caller, context, node, run) for orm in self.each)

    def entry(self, key: Value) -> str | None:
        """The name that a mapping's key stands for: a column's."""
        return self.sqlalchemy.entry(key) if key.state is not None else None

    def brought(self, machine: Machine, effect: Effect) -> Effect | None:
        """A callee's write of an object that the caller gave it, as the caller sees it; None when it writes nothing."""
        return self.sqlalchemy.brought(machine, effect)

    def committed(self, machine: Machine) -> None:
        """A callee ended a transaction that the caller had open."""
        self.sqlalchemy.committed(machine)

    def symbolic(self, state: Any, name: str) -> Any:
        """A plan that is passed as parameter `name`, as the callee sees it: its values are parts of the parameter."""
        return self.django.symbolic(state, name) or self.sqlalchemy.symbolic(state, name)

    def part(self, state: Any, name: str) -> Value | None:
        """The part of a passed plan that `symbolic` named so."""
        return self.django.part(state, name) or self.sqlalchemy.part(state, name)

    def grafted(self, graft: Graft, state: Any) -> Any:
        if isinstance(state, Pending | Place):
            return state
        for orm in self.each:
            found = orm.grafted(graft, state)
            if found is not None:
                return found
        return state

    def detached(self, state: Any) -> Any:
        if state is None or isinstance(state, Pending | Place):
            return None
        for orm in self.each:
            found = orm.detached(state)
            if found is not None:
                return found
        return state

    def remembered(self, machine: Machine, rows: Rows, name: str, value: Value) -> None:
        """A callee leaves an attribute behind; names that begin with ``@`` are an ORM's own notes on an object."""
        if name.startswith("@"):
            remembered(machine, rows, name, value)
        else:
            machine.state.heap[(rows, name)] = value

    def saved(self, machine: Machine, effect: Effect) -> Effect:
        """A callee saves an object of the caller's: with it goes what the caller had changed."""
        return self.django.instances.saved(machine, effect)

    def inherited(self, caller: Caller, cls: ClassInfo) -> str:
        """Does what a class of the project only inherits from its framework; gives the method's name, if it did."""
        views = self.django.views
        if not views.bases(cls) or not views.inherits_list(cls):
            return ""
        views.show_list(caller, cls)
        return "list"

    def declared(self, value: Value) -> Value:
        """What a declared type says beyond its name: a queryset's is a plan."""
        return self.django.declared(value)

    def customary(self, value: Value, name: str, method: str) -> Value:
        """What a variable holds by its name, where nothing else is known of it and a method of a row is asked for."""
        return self.django.customary(value, name, method)

    def decorating(self, info: FunctionInfo) -> tuple[Expression, ...]:
        """What decorates a method through its class."""
        return self.django.library.decorating(info)

    def parameter(self, info: FunctionInfo, parameter: Parameter) -> Value | None:
        """What a parameter holds that says nothing of it, by who passes it or by its name."""
        return self.django.parameter(info, parameter)

    def isolation(self, caller: Caller, session: Value | None) -> str:
        """The isolation that a session or connection was made with; empty where nothing says one."""
        transactions = self.sqlalchemy.transactions
        known = session is not None and (
            transactions.is_session(session.type) or transactions.is_connection(session.type)
        )
        return transactions.isolation(session, caller) if known and session is not None else ""

    def key(self, state: Any) -> Any:
        for orm in self.each:
            found = orm.key(state)
            if found is not None:
                return found
        return type(state).__name__

    # Rows of library tables -------------------------------------------------------------------------------------------

    def run_elsewhere(self, caller: Caller, statement: Value, given: Value | None, on: On, gives: str) -> Value | None:
        """A statement that an ORM has built, and that a connection of another library runs; None where it is none."""
        return self.sqlalchemy.run_elsewhere(caller, statement, given, on, gives)

    def row_selection(
        self, caller: Caller, row: CallRow, receiver: Value | None, arguments: Arguments
    ) -> Selection | None:
        """What a row's `where` (a mapping, or the keywords) says of the entries it acts on."""
        where = caller.asked(row, row.where, receiver, arguments) if row.where else None
        tested = caller.asked(row, row.tests, receiver, arguments) if row.tests else None
        if where is None and tested is None and not row.cardinality and not row.lock:
            return None
        entries = dict(where.entries or {}) if where is not None else {}
        if row.where_keywords:
            entries |= {k: v for k, v in arguments.keywords.items() if k not in row.parameters}
        predicates = tuple(
            predicate for name, value in entries.items() for predicate in conditions(name, unwrapped(value, row.wraps))
        )
        complete = where is None or (where.entries is not None and where.complete)
        if tested is not None and not (tested.known and tested.const is None):
            if tested.entries is not None:
                further = tuple(p for n, v in tested.entries.items() for p in conditions(n, v))
                understood = tested.complete
            else:
                further, understood = tests(tested.text or "", self.placeholders(caller, row, receiver, arguments))
            predicates, complete = (*predicates, *further), complete and understood
        return Selection(
            predicates=predicates,
            cardinality=Cardinality(row.cardinality) if row.cardinality else Cardinality.UNKNOWN,
            lock=row.lock,
            complete=complete,
        )

    def row_assigned(
        self, caller: Caller, row: CallRow, receiver: Value | None, arguments: Arguments
    ) -> tuple[Assignment, ...]:
        """The columns that a row's `columns` argument sets; operators of documents (``$inc``) are the store's own
        arithmetic. Of a message or a call they are what its payload's keys are, as far as a literal shows them."""
        if row.assigns:
            text = caller.asked(row, row.assigns, receiver, arguments)
            if text is not None and text.text is not None:
                return tuple(assignments(text.text, self.placeholders(caller, row, receiver, arguments)))
        if not row.columns and row.effect in ("publish", "call"):
            carried = [v for p in row.payload if p != "*" and (v := caller.asked(row, p, receiver, arguments))]
            return tuple(assigned(n, v, "value") for c in carried for n, v in keyed(c))
        if not row.columns:
            return ()
        given = caller.asked(row, row.columns, receiver, arguments)
        if given is None:
            return ()
        if row.effect == "alter":
            return tuple(Assignment(name, "value") for name in index_fields(given))
        if given.entries is None:
            return (Assignment("*", "atomic" if row.verb == "increment" else "value", tuple(sorted(union((given,))))),)
        return tuple(changes(given.entries, row.wraps))

    def placeholders(self, caller: Caller, row: CallRow, receiver: Value | None, arguments: Arguments) -> Placeholders:
        values = caller.asked(row, row.binds, receiver, arguments)
        return Placeholders(values, caller.asked(row, row.renames, receiver, arguments), row.wraps)

    def consumed(self, caller: Caller, iterable: Value, row: TypeRow, at: Span) -> Value:
        """One message of an endless iteration."""
        effect = caller.emit(
            Kind.CONSUME,
            row.verb,
            at,
            store=StoreKind(row.store) if row.store else StoreKind.LOG,
            technology=row.technology,
            dataset=iterable.name,
            options=caller.world.option_list(iterable.options or {}, row.options, iterable.place, row.words),
            origin=iterable.origin,
        )
        return Value(
            type=row.iterates,
            rows=Rows(f"read:{effect.number}"),
            sources=frozenset((Source("read", effect.number),)),
            owner=iterable,
            origin=iterable.origin,
        )


def undoes(note: str) -> bool:
    """Whether a note on an object takes back what was known of it before: it is told to the caller first."""
    return note.startswith(("@clean", "@fresh"))


def index_fields(keys: Value) -> tuple[str, ...]:
    """The fields of an index as MongoDB's drivers are told them: a name, or a list of names or of names with their
    direction; none where one is not known."""
    if keys.known:
        return (keys.text,) if keys.text else ()
    names = [(one.items[0] if one.items else one).text or "" for one in keys.items or ()]
    return tuple(names) if all(names) else ()


def keyed(document: Value, before: str = "") -> Iterator[tuple[str, Value]]:
    """The keys of a document with their values; those of a document in it follow its own (``config.tasks.max``)."""
    for name, value in (document.entries or {}).items():
        yield before + name, value
        if not before:
            yield from keyed(value, f"{name}.")


def drawn(value: Value, document: Value) -> bool:
    """Whether a value comes of what a document holds, which is a column."""
    held = [s for s in document.sources if document.rows is not None and s.path[-1:] == document.rows.path[-1:]]
    return any(
        (s.kind, s.number, s.name) == (h.kind, h.number, h.name) and s.path[: len(h.path)] == h.path
        for s in value.sources
        for h in held
    )
