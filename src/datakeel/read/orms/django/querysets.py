"""Querysets: what chains say, and what evaluating them reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Cardinality, Effect, Kind, Predicate, Rows, Selection, Source, StoreKind
from datakeel.read.orms.django.managers import Managers
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import (
    LOOKUPS,
    Condition,
    Query,
    connection_of,
    replica,
)
from datakeel.read.program import Span
from datakeel.read.values import (
    NONE,
    NOTHING,
    Arguments,
    Value,
    canonical,
    extended,
    union,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World


class Querysets:
    def __init__(self, world: World, models: Models, managers: Managers) -> None:
        self.world = world
        self.models = models
        self.managers = managers

    def chained(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value:
        match name:
            case "filter" | "complex_filter":
                query = self.filtered(query, arguments)
            case "exclude":
                query = replace(query, complete=False)
            case "order_by":
                query = replace(query, order=tuple(v.text or "" for v in arguments.positional))
            case "select_related":
                query = replace(
                    query,
                    eager=(
                        *query.eager,
                        *(v.text or "" for v in arguments.positional),
                        *(() if arguments.positional else ("*",)),
                    ),
                )
            case "prefetch_related":
                query = replace(query, eager=(*query.eager, *(v.text or "" for v in arguments.positional)))
            case "only" | "values" | "values_list":
                query = self.narrowed(query, name, arguments)
            case "using" | "db_manager":
                given = arguments.get("using", 0) or arguments.get("alias", 0)
                query = replace(query, using=(given.text or canonical(given)) if given is not None else "")
            case "select_for_update":
                query = self.locked(query, arguments)
            case "annotate":
                query = replace(query, grouped=True)
            case "none":
                query = replace(query, empty=True)
            case "raw":
                return self.raw(caller, receiver, query, arguments, at)
            case "get_queryset" | "all" if query.managed:
                query = replace(query, managed=False)
            case "union" | "intersection" | "difference" | "extra":
                query = replace(query, complete=False)
        if name not in ("db_manager",):
            query = replace(query, managed=False)
        type_name = receiver.type
        if type_name.endswith("Manager") and self.world.class_named(type_name) is None:
            type_name = "django.db.models.QuerySet"
        elif query.managed is False and receiver.type:
            cls = self.world.class_named(receiver.type)
            through = self.managers.queryset_class(cls) if cls is not None else None
            type_name = through.name if through is not None else type_name
        return receiver.but(state=query, type=type_name)

    def raw(self, caller: Caller, receiver: Value, query: Query, arguments: Arguments, at: Span) -> Value:
        return receiver.but(state=replace(query, complete=False, managed=False))

    def locked(self, query: Query, arguments: Arguments) -> Query:
        def asked(name: str, position: int) -> bool:
            found = arguments.get(name, position)
            return found is not None and found.const is True

        mode = "share" if asked("no_key", 3) and False else "update"
        return replace(query, lock=mode, nowait=asked("nowait", 0), skip_locked=asked("skip_locked", 1))

    def narrowed(self, query: Query, name: str, arguments: Arguments) -> Query:
        columns = tuple(v.text or "" for v in arguments.positional)
        flat = arguments.keywords.get("flat")
        shape = "" if name == "only" else "flat" if flat is not None and flat.const is True else name
        return replace(query, columns=columns or query.columns, shape=shape or query.shape)

    def filtered(self, query: Query, arguments: Arguments) -> Query:
        predicates, complete = self.conditions(arguments, self.models.model(query.model))
        return replace(query, predicates=(*query.predicates, *predicates), complete=query.complete and complete)

    def conditions(self, arguments: Arguments, model: Model | None) -> tuple[tuple[Predicate, ...], bool]:
        """Keyword lookups and Q objects as predicates; False when some were not understood."""
        found: list[Predicate] = []
        complete = arguments.options is None and arguments.rest is None
        for value in arguments.positional:
            if isinstance(value.state, Condition):
                found += [self.renamed(p, model) for p in value.state.predicates]
                complete = complete and value.state.complete
            else:
                complete = False
        for name, value in arguments.keywords.items():
            found.append(self.lookup(name, value, model))
        return tuple(found), complete

    def renamed(self, predicate: Predicate, model: Model | None) -> Predicate:
        return replace(predicate, column=self.models.column(predicate.column, model))

    def lookup(self, name: str, value: Value, model: Model | None) -> Predicate:
        parts = name.split("__")
        operator = "="
        if (
            len(parts) > 1
            and parts[-1] in LOOKUPS
            and not (model is not None and parts[-1] in model.fields and len(parts) == 1)
        ):
            operator = LOOKUPS[parts.pop()]
        if operator == "is-null" and value.const is False:
            operator = "not-null"
        if operator == "=" and value.known and value.const is None:
            operator = "is-null"
        column = self.models.column("__".join(parts), model)
        return Predicate(column, operator, canonical(value), tuple(sorted(union((value,)))))

    def selection(self, query: Query, how: str = "") -> Selection:
        model = self.models.model(query.model)
        cardinality = Cardinality.MANY
        unique = self.models.unique_columns(model) if model is not None else frozenset()
        if how == "get" or any(p.operator == "=" and p.column in unique for p in query.predicates):
            cardinality = Cardinality.ONE
        elif query.limit is not None or how in ("first", "last", "latest", "earliest"):
            cardinality = Cardinality.AT_MOST
        return Selection(
            predicates=query.predicates,
            cardinality=cardinality,
            columns=query.columns,
            lock=query.lock,
            order=query.order,
            limit=query.limit,
            skip_locked=query.skip_locked,
            nowait=query.nowait,
            offset=query.offset,
            complete=query.complete,
            replica=replica(query.using),
        )

    def table(self, query: Query) -> str:
        model = self.models.model(query.model)
        return model.table if model is not None else ""

    def emit_read(
        self, caller: Caller, receiver: Value, query: Query, at: Span, how: str, aggregate: str = ""
    ) -> Effect:
        selection = self.selection(query, how)
        number = caller._number + 1
        effect = caller.emit(
            Kind.READ,
            "select",
            at,
            store=StoreKind.RELATIONAL,
            connection=connection_of(query.using),
            technology="django",
            dataset=self.table(query),
            selection=replace(selection, aggregate=aggregate),
            rows=Rows(f"read:{number}"),
            blocking=True,
            origin=receiver.origin if query.model else Origin.ASSUMED,
        )
        if query.lock:
            caller.state.locks = (*caller.state.locks, effect.number)
        return effect

    def read(self, caller: Caller, receiver: Value, query: Query, at: Span, how: str) -> Value:
        """One row is read."""
        if query.empty:
            return NONE
        effect = self.emit_read(caller, receiver, query, at, how)
        return self.row_value(effect.number, receiver, query)

    def row_value(self, number: int, receiver: Value, query: Query) -> Value:
        rows = Rows(f"read:{number}")
        sources = frozenset((Source("read", number),))
        if query.shape == "flat":
            column = query.columns[0] if query.columns else "id"
            return Value(
                rows=Rows(f"read:{number}", (column,)), sources=extended(sources, column), origin=receiver.origin
            )
        if query.shape == "values_list" and query.columns:
            items = tuple(Value(sources=extended(sources, c), rows=Rows(f"read:{number}", (c,))) for c in query.columns)
            return Value(items=items, sources=sources, rows=rows)
        type_name = query.model if not query.shape else "row"
        return Value(
            type=type_name,
            rows=rows,
            sources=sources,
            origin=receiver.origin,
            name="eager:" + ",".join(query.eager) if query.eager else "",
        )

    def summarised(
        self, caller: Caller, receiver: Value, query: Query, name: str, arguments: Arguments, at: Span
    ) -> Value:
        if name == "in_bulk":
            return self.force(caller, receiver.but(state=query), at, "iterate") or NOTHING
        aggregate = name if name != "contains" else "exists"
        if name == "aggregate":
            aggregate = "sum"
        effect = self.emit_read(caller, receiver, query, at, name, aggregate)
        value = Value(
            type="builtins.int" if name == "count" else "", sources=frozenset((Source("read", effect.number),))
        )
        return value

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        """A plan is evaluated: iterated, counted, tested, indexed."""
        query = value.state
        if not isinstance(query, Query):
            return None
        if query.managed and how not in ("iterate",):
            return value
        if query.empty:
            return Value(type="builtins.list", items=())
        effect = self.emit_read(caller, value, query, at, how)
        row = self.row_value(effect.number, value, query)
        return Value(
            type="builtins.list",
            of=row,
            sources=row.sources,
            rows=Rows(f"read:{effect.number}"),
            origin=value.origin,
            name="ordered" if query.order else "",
        )

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        query = base.state
        if not isinstance(query, Query):
            return None
        if isinstance(key.const, int):
            return self.read(caller, base, replace(query, limit=1), at, "first")
        return base.but(state=replace(query, limit=0, offset=query.offset or "start" in key.name))

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        states = [v.state for v in values]
        if how in ("&", "|", "^") and any(isinstance(s, Condition) for s in states):
            conditions = [s for s in states if isinstance(s, Condition)]
            if how == "&":
                whole = Condition(
                    tuple(p for c in conditions for p in c.predicates), all(c.complete for c in conditions)
                )
            else:
                whole = Condition((), False)
            return Value(state=whole, sources=union(values))
        if how in ("~", "not") and isinstance(states[0], Condition):
            return Value(state=Condition((), False), sources=values[0].sources)
        if how in ("|", "&") and any(isinstance(s, Query) for s in states):
            first = next(v for v in values if isinstance(v.state, Query))
            assert isinstance(first.state, Query)
            return first.but(state=replace(first.state, complete=False))
        if any(v.atomic for v in values) and how in ("+", "-", "*", "/", "%", "**"):
            return Value(atomic=True, sources=union(values), type="django.db.models.F")
        return None

    def emit_write(self, caller: Caller, receiver: Value, query: Query, verb: str, at: Span, **fields: Any) -> Effect:
        return caller.emit(
            Kind.WRITE,
            verb,
            at,
            store=StoreKind.RELATIONAL,
            connection=connection_of(query.using),
            technology="django",
            dataset=fields.pop("dataset", None) or self.table(query),
            blocking=True,
            origin=receiver.origin if query.model else Origin.ASSUMED,
            **fields,
        )
