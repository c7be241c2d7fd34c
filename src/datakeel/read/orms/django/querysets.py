"""Querysets: what chains say, and what evaluating them reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import (
    Cardinality,
    Effect,
    Kind,
    Option,
    Predicate,
    Rows,
    Scope,
    Selection,
    Source,
    StoreKind,
)
from datakeel.model.operation import conditional
from datakeel.read.orms.django.managers import Managers
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import (
    LOOKUPS,
    TRANSFORMS,
    Condition,
    Forced,
    Query,
    alias,
    compared,
    connection_of,
    replica,
)
from datakeel.read.orms.django.routers import followed
from datakeel.read.program import Span
from datakeel.read.values import NONE, Arguments, Value, extended, union

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

ANY = "**"  # a relation that is read along, of which nothing tells the name: it may be each
RESULT = "$result"  # where a plan's rows are kept, once they were read
ONE_ROW = frozenset(("get", "get_or_none", "first", "last", "latest", "earliest"))
IN_MEMORY = {"count": "builtins.int", "exists": "builtins.bool"}  # what rows that were read along answer by themselves
STREAMED = (Option("stream", "True"),)
SUMMARIES = frozenset(("count", "exists", "aggregate", "contains", "in_bulk", "explain"))


class Querysets:
    def __init__(self, world: World, models: Models, managers: Managers) -> None:
        self.world = world
        self.models = models
        self.managers = managers
        self._followed: Answer | None = None  # what routers say of all reads

    # Chains -----------------------------------------------------------------------------------------------------------

    def chained(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value:
        """A plan made from a plan: nothing happens yet."""
        if name == "db_manager":
            return receiver.but(state=replace(query, using=alias(arguments.get("using", 0))))
        type_name = self.managers.queryset_type(receiver.type) if query.managed else receiver.type
        started = replace(query, managed=False) if name == "get_queryset" else self.managers.started(receiver, query)
        made = self.step(caller, started, name, arguments)
        if made is query:
            return receiver
        return receiver.but(state=made, type=type_name, rows=Rows(f"new:{caller.next()}"))

    def step(self, caller: Caller, query: Query, name: str, arguments: Arguments) -> Query:
        match name:
            case "distinct":
                return replace(query, grouped=True) if query.shape else query
            case "all" | "get_queryset" | "reverse" | "defer" | "alias" | "using_db" | "force_index" | "use_index":
                return query
            case "filter" | "complex_filter":
                return self.filtered(query, arguments)
            case "select_related":
                named = tuple(v.text or ANY for v in arguments.positional) or ("*",)
                return replace(query, eager=(*query.eager, *named, *unknown(arguments)))
            case "prefetch_related":
                named = tuple(name for v in arguments.positional for name in prefetch(v))
                return replace(query, prefetched=(*query.prefetched, *named, *unknown(arguments)))
            case "select_for_update":
                return locked(query, arguments)
            case "using":
                return replace(query, using=alias(arguments.get("alias", 0)))
            case "none":
                return replace(query, empty=True)
        query = replace(query, loaded=False)
        match name:
            case "order_by":
                return replace(query, order=tuple(v.text or "" for v in arguments.positional))
            case "only" | "values" | "values_list":
                return self.narrowed(query, name, arguments)
            case "annotate" if query.shape:  # of values: GROUP BY
                return replace(query, grouped=True)
            case "dates" | "datetimes":
                return replace(query, grouped=True)
            case "iterator":
                return replace(query, streamed=True)
            case "limit":
                return replace(query, limit=number(arguments.get("limit", 0)))
            case "offset":
                return replace(query, offset=True)
            case "group_by":
                return replace(query, grouped=True)
            case "exclude" | "union" | "intersection" | "difference" | "extra" | "raw":
                return replace(query, complete=False)
        return query

    def narrowed(self, query: Query, name: str, arguments: Arguments) -> Query:
        model = self.models.model(query.model)
        columns = tuple(self.column(v.text or "", model) for v in arguments.positional)
        flat = arguments.keywords.get("flat")
        shape = "" if name == "only" else "flat" if flat is not None and flat.const is True else name
        return replace(query, columns=columns or query.columns, shape=shape or query.shape)

    # Conditions -------------------------------------------------------------------------------------------------------

    def filtered(self, query: Query, arguments: Arguments) -> Query:
        predicates, complete = self.conditions(arguments, self.models.model(query.model))
        if not predicates and complete:
            return query
        return replace(
            query, predicates=(*query.predicates, *predicates), complete=query.complete and complete, loaded=False
        )

    def conditions(self, arguments: Arguments, model: Model | None) -> tuple[tuple[Predicate, ...], bool]:
        """Keyword lookups and Q objects as predicates; False when some were not understood."""
        found: list[Predicate] = []
        complete = arguments.options is None and arguments.rest is None
        for value in arguments.positional:
            if isinstance(value.state, Condition):
                found += [replace(p, column=self.column(p.column, model)) for p in value.state.predicates]
                complete = complete and value.state.complete
            else:
                complete = False
        found += [self.lookup(name, value, model) for name, value in arguments.keywords.items()]
        return tuple(found), complete

    def lookup(self, name: str, value: Value, model: Model | None) -> Predicate:
        parts = name.split("__")
        operator = LOOKUPS[parts.pop()] if len(parts) > 1 and parts[-1] in LOOKUPS else "="
        transformed = False
        while len(parts) > 1 and parts[-1] in TRANSFORMS:
            parts.pop()
            transformed = True
        if transformed and operator == "=":
            operator = "between"
        if operator == "is-null" and value.const is False:
            operator = "not-null"
        if operator == "=" and value.known and value.const is None:
            operator = "is-null"
        return compared(self.column("__".join(parts), model), operator, self.key_of(value))

    def key_of(self, value: Value) -> Value:
        """What an instance is compared by: its key, or the foreign key by which it was reached."""
        model = self.models.model(value.type) if value.type and value.rows is not None else None
        if model is None or value.rows is None:
            return value
        if value.rows.path and not value.rows.path[-1].startswith(("<", "#")):
            last = value.rows.path[-1]
            reached = frozenset(
                replace(s, path=(*s.path[:-1], f"{last}_id")) if s.path[-1:] == (last,) else s for s in value.sources
            )
            return Value(sources=reached)
        return Value(sources=extended(value.sources, model.primary))

    def column(self, name: str, model: Model | None) -> str:
        return model.column(name) if model is not None else ("pk" if name == "pk" else name.replace("__", "."))

    # Reading ----------------------------------------------------------------------------------------------------------

    def selection(self, query: Query, how: str = "") -> Selection:
        model = self.models.model(query.model)
        cardinality = Cardinality.MANY
        compared_columns = {p.column for p in query.predicates if p.operator == "="}
        if how in ("get", "get_or_none") or (model is not None and self.models.of_one_row(model, compared_columns)):
            cardinality = Cardinality.ONE
        elif query.limit is not None or how in ONE_ROW:
            cardinality = Cardinality.AT_MOST
        return Selection(
            predicates=query.predicates,
            cardinality=cardinality,
            columns=query.columns,
            lock=query.lock,
            order=query.order,
            limit=1 if how in ONE_ROW and query.limit is None else query.limit,
            skip_locked=query.skip_locked,
            nowait=query.nowait,
            offset=query.offset,
            complete=query.complete,
            grouped=query.grouped,
            replica=self.replica(query),
            joins=tuple(self.joins(model, query)) if model is not None else (),
        )

    def replica(self, query: Query) -> Answer:
        """Whether a follower answers: a router of the project may say so where no connection is named."""
        if query.using:
            return replica(query.using)
        if self._followed is None:
            with self.world.ledger.everywhere():
                self._followed = followed(self.world)
        return Answer.NO if query.lock else self._followed

    def joins(self, model: Model, query: Query) -> Iterator[str]:
        """The tables that conditions and eager relations bring into the statement."""
        paths = [p.column.split(".")[:-1] for p in query.predicates if "." in p.column]
        paths += [e.split("__") for e in query.eager if e != "*"]
        seen: set[str] = set()
        for path in paths:
            for table in self.tables(model, path):
                if table not in seen:
                    seen.add(table)
                    yield table

    def tables(self, model: Model | None, path: list[str]) -> Iterator[str]:
        for name in path:
            field = model.fields.get(name) if model is not None else None
            if model is not None and field is None:
                field = self.models.reverse(model).get(name)
            model = self.models.model(field.relation) if field is not None else None
            if model is None or field is None:
                return
            if field.many:
                yield self.models.link_table(field)
            if model.table:
                yield model.table

    def table(self, query: Query) -> str:
        model = self.models.model(query.model)
        return model.table if model is not None else ""

    def origin(self, receiver: Value, query: Query) -> Origin:
        model = self.models.model(query.model)
        return max(receiver.origin, model.origin) if model is not None else Origin.ASSUMED

    def emit_read(
        self, caller: Caller, receiver: Value, query: Query, at: Span, how: str, aggregate: str = ""
    ) -> Effect:
        selection = self.selection(query, how)
        model = self.models.model(query.model)
        number = caller._number + 1
        effect = caller.emit(
            Kind.READ,
            "select",
            at,
            store=StoreKind.RELATIONAL,
            connection=connection_of(query.using),
            technology=model.library if model is not None else "django",
            dataset=self.table(query),
            selection=replace(selection, aggregate=aggregate) if aggregate else selection,
            rows=Rows(f"read:{number}"),
            options=STREAMED if query.streamed else (),
            blocking=model is None or model.blocking,
            origin=self.origin(receiver, query),
        )
        if query.lock and not aggregate:
            caller.state.locks = (*caller.state.locks, effect.number)
        return effect

    def emit_write(self, caller: Caller, receiver: Value, query: Query, verb: str, at: Span, **fields: Any) -> Effect:
        model = self.models.model(query.model)
        return caller.emit(
            Kind.WRITE,
            verb,
            at,
            store=StoreKind.RELATIONAL,
            connection=connection_of(query.using),
            technology=model.library if model is not None else "django",
            dataset=fields.pop("dataset", None) or self.table(query),
            blocking=model is None or model.blocking,
            origin=self.origin(receiver, query),
            **fields,
        )

    def read(self, caller: Caller, receiver: Value, query: Query, at: Span, how: str) -> Value:
        """One row is read."""
        query = self.managers.started(receiver, query)
        if query.empty:
            return NONE
        if how == "first" and query.loaded and query.related is not None and query.related.owner is not None:
            return self.brought_rows(receiver, query).of or NONE  # where its rows have an order, no query is sent
        effect = self.emit_read(caller, receiver, query, at, how)
        self.prefetch(caller, receiver, query, at)
        return self.row_value(caller, effect.number, receiver, query)

    def row_value(self, caller: Caller, number: int, receiver: Value, query: Query) -> Value:
        """A row that effect `number` gave, in the plan's shape."""
        rows = Rows(f"read:{number}")
        sources = frozenset((Source("read", number),))
        columns = query.columns or ()
        if query.shape == "flat":
            column = columns[0] if columns else "id"
            return Value(rows=Rows(rows.root, (column,)), sources=extended(sources, column), origin=receiver.origin)
        parts = tuple(Value(sources=extended(sources, c), rows=Rows(rows.root, (c,))) for c in columns)
        if query.shape == "values_list" and columns:
            return Value(items=parts, sources=sources, rows=rows)
        if query.shape:
            return Value(type="row", rows=rows, sources=sources, origin=receiver.origin)
        if query.using and query.model:
            caller.state.heap[(rows, "@using")] = Value(const=query.using)
        return Value(
            type=query.model, rows=rows, sources=sources, origin=self.origin(receiver, query), name=self.brought(query)
        )

    def brought(self, query: Query) -> str:
        """The note on an instance of the relations that came with it; rows of a related manager know their owner, which
        is one and the same: what hangs on it is read once at most."""
        names = (*query.eager, *query.prefetched)
        model = self.models.model(query.model) if query.related is not None and query.related.column else None
        if model is not None and query.related is not None:
            field = model.by_column(query.related.column)
            names = (*names, field.name, f"{field.name}__*") if field is not None else names
        return "eager:" + ",".join(names) if names else ""

    def summarised(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value:
        """``count``, ``exists``, ``aggregate`` …: a question about rows."""
        query = self.managers.started(receiver, query)
        if query.empty:
            return Value(const={"exists": False, "count": 0}.get(name))
        known = self.kept(caller, receiver)
        if known is not None and name == "count":
            return Value(type="builtins.int", sources=known.sources)
        if query.loaded and name in IN_MEMORY:
            return Value(type=IN_MEMORY[name], sources=receiver.sources)
        if name == "in_bulk":
            effect = self.emit_read(caller, receiver, query, at, "iterate")
            return Value(type="builtins.dict", of=self.row_value(caller, effect.number, receiver, query))
        if name == "aggregate":
            values = (*arguments.positional, *arguments.keywords.values())
            aggregate = next((v.name for v in values if v.name), "sum")
        else:
            aggregate = {"contains": "exists", "explain": ""}.get(name, name)
        effect = self.emit_read(caller, receiver, query, at, name, aggregate)
        sources = frozenset((Source("read", effect.number),))
        return Value(type={"count": "builtins.int", "exists": "builtins.bool"}.get(name, ""), sources=sources)

    # Forcing ----------------------------------------------------------------------------------------------------------

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        """A plan is evaluated: iterated, counted, tested, indexed. What it gave is kept with the plan."""
        query = value.state
        if not isinstance(query, Query):
            return None
        if query.managed:
            return value
        if query.empty:
            return Value(type="builtins.list", items=())
        known = self.kept(caller, value)
        if known is not None:
            return known
        if query.loaded and query.related is not None and query.related.owner is not None:
            return self.brought_rows(value, query)
        effect = self.emit_read(caller, value, query, at, how)
        self.prefetch(caller, value, query, at)
        row = self.row_value(caller, effect.number, value, query)
        rows = Rows(f"read:{effect.number}")
        name = "ordered" if query.order else ""
        found = Value(type="builtins.list", of=row, sources=row.sources, rows=rows, origin=value.origin, name=name)
        if value.rows is not None and not query.streamed:
            kept = Value(state=Forced(found, standing(caller.state.scopes)))
            caller.state.heap[(value.rows, RESULT)] = kept
        return found

    def kept(self, caller: Caller, value: Value) -> Value | None:
        """The rows of a plan that was forced before, on every path to here."""
        found = caller.state.heap.get((value.rows, RESULT)) if value.rows is not None else None
        if found is None or not isinstance(found.state, Forced):
            return None
        return found.state.value if found.state.conditions <= standing(caller.state.scopes) else None

    def brought_rows(self, value: Value, query: Query) -> Value:
        """The rows of a related manager that were read together with their owner."""
        assert query.related is not None
        assert query.related.owner is not None
        owner = query.related.owner
        rows = Rows(owner.root, (*owner.path, f"#{self.table(query)}"))
        row = Value(type=query.model, rows=rows, sources=value.sources, origin=value.origin, name=self.brought(query))
        return Value(type="builtins.list", of=row, sources=value.sources, rows=rows, origin=value.origin)

    def prefetch(self, caller: Caller, receiver: Value, query: Query, at: Span) -> None:
        """One more statement for each relation that is prefetched."""
        model = self.models.model(query.model)
        seen: set[str] = set()
        for path in query.prefetched:
            current = model
            for name in path.split("__"):
                field = current.fields.get(name) if current is not None else None
                if current is not None and field is None:
                    field = self.models.reverse(current).get(name)
                current = self.models.model(field.relation) if field is not None else None
                if current is None:
                    break
                if name not in seen:
                    seen.add(name)
                    other = Query(current.name, using=query.using, complete=False)
                    self.emit_read(caller, receiver, other, at, "iterate")

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        """``plan[3]`` reads one row; ``plan[a:b]`` is a plan with a limit."""
        query = base.state
        if not isinstance(query, Query) or query.managed:
            return None
        known = self.kept(caller, base)
        if query.loaded and query.related is not None and query.related.owner is not None:
            known = self.brought_rows(base, query)
        if key.type != "builtins.slice":
            if known is not None:
                return known.of
            return self.read(caller, base, replace(query, limit=1), at, "first")
        if known is not None:
            return known
        lower, upper = (key.items or (NONE, NONE))[:2]
        start = lower.const if isinstance(lower.const, int) else (0 if lower.const is None else None)
        limit = upper.const - start if isinstance(upper.const, int) and start is not None else None
        if upper.known and upper.const is None:
            limit = query.limit
        elif limit is None:
            limit = 0
        made = replace(query, limit=limit, offset=query.offset or start != 0, loaded=False)
        return base.but(state=made, rows=Rows(f"new:{caller.next()}"))

    # Operators --------------------------------------------------------------------------------------------------------

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        if how in ("&", "|", "^") and any(isinstance(v.state, Condition) for v in values):
            conditions = [v.state for v in values if isinstance(v.state, Condition)]
            whole = Condition((), False)
            if how == "&" and len(conditions) == len(values):
                whole = Condition(
                    tuple(p for c in conditions for p in c.predicates), all(c.complete for c in conditions)
                )
            return Value(state=whole, sources=union(values))
        if how in ("~", "not") and isinstance(values[0].state, Condition):
            return Value(state=Condition((), False), sources=values[0].sources)
        plans = [v for v in values if isinstance(v.state, Query)]
        if how in ("|", "&", "^") and plans:
            first = plans[0]
            assert isinstance(first.state, Query)
            made = replace(first.state, complete=False, predicates=(), loaded=False)
            return first.but(state=made, rows=Rows(f"new:{caller.next()}"))
        if any(v.atomic for v in values) and how in ("+", "-", "*", "/", "//", "%", "**", "|", "&", "~"):
            return Value(atomic=True, sources=union(values), type="django.db.models.F")
        return None


def number(given: Value | None) -> int:
    """A limit; 0 where it is not known."""
    return given.const if given is not None and isinstance(given.const, int) else 0


def locked(query: Query, arguments: Arguments) -> Query:
    def asked(name: str, position: int) -> bool:
        found = arguments.get(name, position)
        return found is not None and found.const is True

    return replace(query, lock="update", nowait=asked("nowait", 0), skip_locked=asked("skip_locked", 1))


def prefetch(value: Value) -> list[str]:
    """The paths that an argument of ``prefetch_related`` names, also inside a ``Prefetch``."""
    return [value.text or ANY] if value.text is not None else [name or ANY for name in value.name.split(",")]


def unknown(arguments: Arguments) -> tuple[str, ...]:
    """``select_related(*names)``: any relation may be among them."""
    return (ANY,) if arguments.rest is not None else ()


def standing(scopes: tuple[Scope, ...]) -> frozenset[Any]:
    """The conditions that a place stands under."""
    return frozenset((s.number, s.arm) for s in scopes if conditional(s))
