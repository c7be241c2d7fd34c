"""What executing a plan does, and what its result gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Cardinality, Effect, Kind, Option, Predicate, Rows, Selection, Source, StoreKind
from datakeel.read.orms.sqlalchemy.mapped import Mapped, Mappings
from datakeel.read.orms.sqlalchemy.plan import (
    COLLECTION,
    PAGE,
    QUERY,
    RESULT,
    ROW,
    Clause,
    ColumnOf,
    Computed,
    Plan,
    TableOf,
    compared,
    true,
)
from datakeel.read.orms.sqlalchemy.statements import Statements
from datakeel.read.orms.sqlalchemy.transactions import Transactions
from datakeel.read.program import Span
from datakeel.read.querying import On, advisory
from datakeel.read.values import NOTHING, Arguments, Value, element, extended, join

if TYPE_CHECKING:
    from datakeel.read.calls import Caller

ENDINGS = {
    "all": "many", "first": "first", "one": "one", "one_or_none": "one", "scalar": "scalar", "get": "get",
    "scalar_one": "scalar", "scalar_one_or_none": "scalar", "get_or_404": "get", "first_or_404": "first",
    "one_or_404": "one", "count": "count", "paginate": "page", "scalars": "scalars",
}  # fmt: skip
ONE_ROW = frozenset(("one", "one_or_none", "first", "fetchone", "mappings_one"))
ONE_VALUE = frozenset(("scalar", "scalar_one", "scalar_one_or_none"))
MANY_ROWS = frozenset(
    ("all", "mappings", "fetchall", "fetchmany", "tuples", "yield_per", "unique", "freeze", "columns")
)
AT_MOST_ONE = frozenset(("first", "scalar", "fetchone"))


class Executions:
    """Records what plans do, and knows the rows that they give."""

    def __init__(
        self,
        mappings: Mappings,
        statements: Statements,
        transactions: Transactions | None,
        technology: str = "sqlalchemy",
    ) -> None:
        self.mappings = mappings
        self.statements = statements
        self.transactions = transactions  # None: each statement commits by itself, unless it stands in a block
        self.technology = technology

    def query_call(
        self, caller: Caller, receiver: Value, plan: Plan, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        """A method of a query that a session made, and that runs it."""
        if name == "with_session" and arguments.positional and self.transactions is not None:
            session = arguments.positional[0]
            return receiver.but(
                state=replace(plan, connection=self.transactions.connection(caller, session)), owner=session
            )  # fmt: skip
        if plan.connection is None:
            return None
        if name in ENDINGS:
            return self.ended(caller, receiver, plan, name, arguments, at)
        if name == "update":
            given = arguments.get("values", 0) or NOTHING
            plan = self.statements.with_values(replace(plan, verb="update"), Arguments((given,)))
            return self.rowcount(self.emit(caller, plan, receiver, at, "many"))
        if name == "delete":
            return self.rowcount(self.emit(caller, replace(plan, verb="delete"), receiver, at, "many"))
        if receiver.type == QUERY and not name.startswith("_"):
            return receiver.but(state=replace(plan, complete=False))  # a query class of the project
        return None

    def ended(self, caller: Caller, receiver: Value, plan: Plan, name: str, arguments: Arguments, at: Span) -> Value:
        how = ENDINGS[name]
        if how == "get":
            mapped = self.mappings.mapped(plan.model)
            key = arguments.get("ident", 0) or NOTHING
            plan = self.keyed(plan, mapped, key)
        if how == "count":
            plan = replace(plan, aggregate="count", entities=(Computed("count"),))
            how = "scalar"
        if how == "first":
            plan = replace(plan, limit=1)
        if how == "page":
            plan = replace(plan, limit=0, offset=True)
        effect = self.emit(caller, plan, receiver, at, how)
        return self.rows_value(effect, plan, receiver, how, query=True)

    def keyed(self, plan: Plan, mapped: Mapped | None, key: Value) -> Plan:
        """The plan for the row of a primary key, whose parts a tuple or mapping may give."""
        primary = mapped.primary if mapped is not None else ("id",)
        columns = {c: n for n, c in mapped.columns.items()} if mapped is not None else {}
        if key.items is not None and len(primary) == len(key.items):
            parts = list(key.items)
        elif key.entries is not None:
            parts = [key.entries.get(columns.get(c, c), NOTHING) for c in primary]
        else:
            parts = [key] if len(primary) == 1 else [NOTHING for _ in primary]
        found = tuple(compared(column, "=", part) for column, part in zip(primary, parts, strict=False))
        return replace(plan, predicates=(*plan.predicates, *found))

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        plan = value.state
        if isinstance(plan, Plan) and plan.connection is not None and how in ("iterate", "first", "contains"):
            effect = self.emit(caller, plan, value, at, "many")
            return self.rows_value(effect, plan, value, "many", query=True)
        return value if isinstance(plan, Plan | Clause | ColumnOf | TableOf | Computed) else None

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        """``query[0]``, ``query[:10]``; ``Order.data["k"]``; ``table.c["id"]``."""
        state = base.state
        if isinstance(state, TableOf):
            return Value(state=ColumnOf(state.table, key.text or "", state.model))
        if isinstance(state, ColumnOf):
            return Value(state=Computed("[]", (state,)), atomic=True)
        if not isinstance(state, Plan) or state.connection is None:
            return base if isinstance(state, Plan | Computed) else None
        index = isinstance(key.const, int)
        plan = replace(state, limit=1 if index else 0, offset=True)
        value = self.rows_value(self.emit(caller, plan, base, at, "many"), plan, base, "many", query=True)
        return element(value) if index else value

    # Effects ----------------------------------------------------------------------------------------------------------

    def emit(
        self, caller: Caller, plan: Plan, receiver: Value, at: Span, how: str, session: Value | None = None
    ) -> Effect:
        """Records a plan's effect on the connection of its session, and in its transaction."""
        session = session or receiver.owner or NOTHING
        connection = plan.connection or ""
        if self.transactions is not None:
            connection = connection or self.transactions.connection(caller, session)
            self.transactions.begun(caller, session, connection, at)
        origin = max(receiver.origin, session.origin)
        if plan.advisory:
            key = plan.key or Predicate("", "=")
            return advisory(caller, plan.advisory, key.value, key.sources, On(connection, at, self.technology, origin))
        number = caller.upcoming()
        effect = caller.emit(
            Kind.READ if plan.verb == "select" else Kind.WRITE,
            "upsert" if plan.verb == "insert" and plan.conflict == "update" else plan.verb,
            at,
            store=StoreKind.RELATIONAL,
            connection=connection,
            technology=self.technology,
            dataset=plan.table,
            selection=self.selection(plan, how),
            assigned=plan.assigned,
            conflict=plan.conflict,
            rows=Rows(f"{'new' if plan.verb == 'insert' else 'read'}:{number}"),
            options=(Option("stream", "True"),) if plan.streamed else (),
            blocking=True,
            origin=origin if plan.table else max(origin, Origin.ASSUMED),
        )
        if plan.lock:
            caller.state.locks = (*caller.state.locks, effect.number)
        return effect

    def selection(self, plan: Plan, how: str) -> Selection:
        equal = {p.column for p in plan.predicates if p.operator == "="}
        if plan.verb == "insert":
            cardinality = Cardinality.MANY if plan.many else Cardinality.ONE
        elif how in ("get", "one") or any(key and set(key) <= equal for key in plan.keys):
            cardinality = Cardinality.ONE
        elif plan.limit is not None or how in ("first", "scalar"):
            cardinality = Cardinality.AT_MOST
        else:
            cardinality = Cardinality.MANY
        return Selection(
            predicates=plan.predicates, cardinality=cardinality, columns=plan.columns if plan.verb == "select" else (),
            lock=plan.lock, order=plan.order, limit=plan.limit, aggregate=plan.aggregate, skip_locked=plan.skip_locked,
            nowait=plan.nowait, replica=Answer.NO, offset=plan.offset, joins=plan.joins,
            complete=plan.complete, grouped=plan.grouped,
        )  # fmt: skip

    def execute(self, caller: Caller, plan: Plan, session: Value, at: Span, how: str) -> Value:
        """``session.execute(plan)`` and its kin: `how` is result, scalars or scalar."""
        effect = self.emit(caller, plan, session, at, "first" if how == "scalar" else how, session)
        if plan.verb != "select" and not plan.returning:
            count = self.rowcount(effect)
            return Value(type=RESULT, owner=count, sources=count.sources, rows=Rows(f"read:{effect.number}"))
        value = self.rows_value(effect, plan, session, how)
        return value.but(owner=self.rowcount(effect)) if plan.verb != "select" else value

    def rowcount(self, effect: Effect) -> Value:
        return Value(type="builtins.int", sources=frozenset((Source("result", effect.number, "rowcount"),)))

    # Rows -------------------------------------------------------------------------------------------------------------

    def rows_value(self, effect: Effect, plan: Plan, receiver: Value, how: str, query: bool = False) -> Value:
        """What an execution gives. A query of one class gives its objects, a statement rows that hold them."""
        rows, sources = Rows(f"read:{effect.number}"), frozenset((Source("read", effect.number),))
        row = self.row(plan, rows, sources, receiver)
        single = query and len(plan.entities) <= 1 and row.items is not None and is_entity(plan)
        inner = row.items[0] if single and row.items else row
        if how in ("get", "first", "one"):
            return inner
        if how == "scalar":
            return first_of(row)
        kind = {"result": RESULT, "scalars": RESULT, "page": PAGE}.get(how, "builtins.list")
        return Value(
            type=kind, of=first_of(row) if how == "scalars" else inner, sources=sources, rows=rows, name="result",
            origin=receiver.origin,
        )  # fmt: skip

    def row(self, plan: Plan, rows: Rows, sources: frozenset[Source], receiver: Value) -> Value:
        """One row: its entities in order, and under their names."""
        owner = receiver if receiver.state is None else receiver.owner
        entities = plan.entities or ((TableOf(plan.table, plan.model),) if plan.model else ())
        items, entries = [], {}
        for number, entity in enumerate(entities):
            value = self.held(plan, entity, rows, sources, number)
            items.append(value.but(owner=owner if value.type else None, origin=receiver.origin))
            label = name_of(entity)
            if label:
                entries[label] = items[-1]
        whole = any(isinstance(e, TableOf) and not e.model for e in entities)
        return Value(
            type=ROW, items=None if whole or not items else tuple(items), entries=entries, complete=False,
            sources=sources, rows=rows,
        )  # fmt: skip

    def held(
        self, plan: Plan, entity: ColumnOf | TableOf | Computed, rows: Rows, sources: frozenset[Source], number: int
    ) -> Value:
        """One entity of a row; of several classes the later ones are other rows."""
        if isinstance(entity, TableOf):
            own = rows if number == 0 else Rows(rows.root, (entity.table,))
            return Value(type=entity.model, rows=own, sources=sources, name=",".join(plan.eager))
        if isinstance(entity, Computed) and entity.how == "label":
            entity = entity.columns[0]
        if isinstance(entity, Computed):
            return Value(sources=sources)
        path = (entity.column,) if entity.table == plan.table else (entity.table, entity.column)
        found = sources
        for part in path:
            found = extended(found, part)
        return Value(sources=found, rows=Rows(rows.root, path))

    # Results ----------------------------------------------------------------------------------------------------------

    def result_call(self, caller: Caller, receiver: Value, name: str) -> Value | None:
        """``result.scalars().all()``, ``result.scalar_one()``: what was already read, seen in another way."""
        row = receiver.of or Value(sources=receiver.sources, rows=receiver.rows)
        if name in ONE_ROW or name in ONE_VALUE:
            self.bounded(caller, receiver, name)
            return first_of(row) if name in ONE_VALUE else row
        if name == "scalars":
            return receiver.but(of=first_of(row))
        if name == "partitions":
            return receiver.but(of=receiver.but(type="builtins.list"))
        if name in MANY_ROWS:
            return receiver.but(type="builtins.list" if name in ("all", "fetchall", "fetchmany") else receiver.type)
        return None

    def bounded(self, caller: Caller, receiver: Value, name: str) -> None:
        """Only one row is fetched of what was just read."""
        wanted = receiver.rows.root if receiver.rows is not None else ""
        for index in range(len(caller.effects) - 1, max(-1, len(caller.effects) - 8), -1):
            effect = caller.effects[index]
            if f"read:{effect.number}" == wanted and effect.selection is not None and effect.kind == Kind.READ:
                if effect.selection.cardinality == Cardinality.MANY:
                    changed = Cardinality.AT_MOST if name in AT_MOST_ONE else Cardinality.ONE
                    caller.effects[index] = replace(effect, selection=replace(effect.selection, cardinality=changed))
                return

    def result_attribute(self, base: Value, name: str) -> Value | None:
        """``result.rowcount``, ``row.total``, ``page.items``."""
        if base.type == RESULT:
            if name == "rowcount":
                return base.owner if base.owner is not None else Value(sources=base.sources)
            if name in ("inserted_primary_key", "lastrowid"):
                return Value(sources=base.sources)
        if base.type == ROW and base.entries:
            if name in base.entries:
                return base.entries[name]
            if name in ("_mapping", "_asdict"):
                return base
        if base.type == PAGE and name == "items":
            return base.but(type="builtins.list")
        return None


def first_of(row: Value) -> Value:
    """The first entity of a row."""
    if row.type != ROW:
        return row
    return row.items[0] if row.items else Value(sources=row.sources, rows=row.rows)


def is_entity(plan: Plan) -> bool:
    """Whether each row of a query is one object."""
    return not plan.entities or isinstance(plan.entities[0], TableOf)


def name_of(entity: ColumnOf | TableOf | Computed) -> str:
    if isinstance(entity, TableOf):
        return entity.model.rpartition(".")[2]
    if isinstance(entity, ColumnOf):
        return entity.column
    return entity.label or entity.how


__all__ = ["COLLECTION", "Executions", "join", "true"]
