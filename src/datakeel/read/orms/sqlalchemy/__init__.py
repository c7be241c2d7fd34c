"""SQLAlchemy as it behaves: mapped classes, statements and queries as plans, sessions and their unit of work.

Each part stands on those before it: mapped classes, statements, transactions, executions, objects, sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.model.effect import Effect
from datakeel.read.orms.sqlalchemy.executions import Executions
from datakeel.read.orms.sqlalchemy.mapped import LIBRARIES, Mappings
from datakeel.read.orms.sqlalchemy.objects import Objects
from datakeel.read.orms.sqlalchemy.plan import (
    COLLECTION,
    DRIVER,
    ENGINE,
    FLASK,
    PAGE,
    QUERY,
    REGISTRY,
    RESULT,
    ROW,
    SAVEPOINT,
    TRANSACTION,
    Clause,
    ColumnOf,
    Computed,
    Declared,
    Eager,
    Plan,
    RelationOf,
    TableOf,
    loose,
)
from datakeel.read.orms.sqlalchemy.sessions import Sessions
from datakeel.read.orms.sqlalchemy.statements import Statements
from datakeel.read.orms.sqlalchemy.transactions import Transactions
from datakeel.read.program import Span, With
from datakeel.read.querying import On
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import Arguments, ClassTarget, ExternalTarget, MethodTarget, Value, element

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.graft import Graft
    from datakeel.read.machine import Machine
    from datakeel.read.world import World

BUILT = (Plan, Clause, ColumnOf, TableOf, Computed, Declared, Eager, RelationOf)
PARTS = ("sqlalchemy", "sqlmodel")
VALIDATES = ("model_validate", "parse_obj", "from_orm")  # how SQLModel's classes make an object of other data


class SqlAlchemy:
    """What the tracer asks of SQLAlchemy."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mappings = Mappings(world)
        self.statements = Statements(self.mappings)
        self.transactions = Transactions(world)
        self.executions = Executions(self.mappings, self.statements, self.transactions)
        self.objects = Objects(self.mappings, self.statements, self.transactions)
        self.sessions = Sessions(world, self.executions, self.objects, self.transactions)
        self.elsewhere = Executions(self.mappings, self.statements, None)

    # Attributes -------------------------------------------------------------------------------------------------------

    def strange(self, value: Value) -> bool:
        """Whether a value has nothing to do with it: the project does not import it, and no convention says so."""
        return not self.mappings.used and value.state is None and not value.type.startswith(LIBRARIES)

    def attribute(self, caller: Caller, base: Value, name: str, at: Span) -> Value | None:
        if self.strange(base):
            return None
        if isinstance(base.target, ClassTarget):
            return self.class_attribute(caller, base.target.cls, name, at)
        if base.state is not None or base.type == FLASK:
            return self.statements.attribute(base, name)
        if not base.type or base.target is not None:
            return None
        if name in ("connection", "dbapi_connection", "driver_connection") and self.transactions.is_connection(
            base.type
        ):
            return base.but(type=DRIVER)
        if base.type in (RESULT, ROW, PAGE):
            return self.executions.result_attribute(base, name)
        mapped = self.mappings.mapped(base.type)
        if mapped is None or self.overridden(base.type, name):
            return None
        return self.objects.attribute(caller, mapped, base, name, at)

    def overridden(self, type_name: str, name: str) -> bool:
        cls = self.world.class_named(type_name)
        method = cls.method(name) if cls is not None else None
        return method is not None and not any("declared_attr" in (d.__repr__()) for d in method.signature.decorators)

    def class_attribute(self, caller: Caller, cls: ClassInfo, name: str, at: Span) -> Value | None:
        mapped = self.mappings.mapped(cls.name)
        if mapped is None:
            return None
        if name == "query" and cls.method("query") is None:
            return self.sessions.class_query(caller, cls, mapped, at)
        return self.statements.class_attribute(mapped, name)

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(self, caller: Caller, function: Value, arguments: Arguments, at: Span) -> Value | None:
        match function.target:
            case MethodTarget() if self.transactions.is_a(function.type, REGISTRY):  # ``db.session()``
                return self.sessions.made(caller, function, arguments, at)
            case MethodTarget(receiver, name) if not self.strange(receiver):
                return self.method(caller, receiver, name, arguments, at)
            case ExternalTarget(dotted) if dotted.startswith(PARTS):
                return self.external(caller, dotted, arguments, at)
            case ClassTarget(cls):
                mapped = self.mappings.mapped(cls.name)
                own = cls.method("__init__") is not None
                return self.objects.construct(caller, mapped, arguments) if mapped is not None and not own else None
            case None if not self.strange(function):
                return self.sessions.made(caller, function, arguments, at)
        return None

    def run_elsewhere(self, caller: Caller, statement: Value, given: Value | None, on: On, gives: str) -> Value | None:
        """A statement that was built, and that a connection of another library runs (`gives`: rows, row or value);
        None where it is none. What it gives is the value that its rows have."""
        plan = self.sessions.plan_of(statement)
        if plan is None:
            return None
        if given is not None and plan.verb != "select":
            plan = self.statements.with_values(plan, Arguments((element(given) if on.many else given,)))
        plan = replace(plan, connection=on.connection, many=plan.many or on.many)
        how = {"row": "first", "value": "scalar"}.get(gives, "many")
        effect = self.elsewhere.emit(caller, plan, Value(origin=on.origin), on.at, how)
        return self.elsewhere.rows_value(effect, plan, Value(origin=on.origin), "many")

    def external(self, caller: Caller, dotted: str, arguments: Arguments, at: Span) -> Value | None:
        name = dotted.rpartition(".")[2]
        if name == "flag_modified":
            return self.objects.modified(caller, arguments, at)
        if dotted == QUERY:
            return Value(state=self.statements.over(Plan(), arguments.positional), type=QUERY)
        if name in ("object_session", "async_object_session"):
            return self.sessions.session_of_object(arguments)
        return self.statements.external(dotted, arguments)

    def method(self, caller: Caller, receiver: Value, name: str, arguments: Arguments, at: Span) -> Value | None:
        if isinstance(receiver.state, BUILT) or receiver.type == "sqlalchemy.TextClause":
            built = self.statements.method(receiver, name, arguments)
            if built is None and isinstance(receiver.state, Plan):
                return self.executions.query_call(caller, receiver, receiver.state, name, arguments, at)
            return built
        kind = receiver.type
        if kind in (TRANSACTION, SAVEPOINT):
            return self.sessions.transaction_call(caller, receiver, name, at)
        if kind == RESULT:
            return self.executions.result_call(caller, receiver, name)
        if kind == COLLECTION:
            return self.objects.collection_call(caller, receiver, name, arguments, at)
        if self.transactions.is_session(kind) or self.transactions.is_connection(kind):
            return self.sessions.call(caller, receiver, name, arguments, at)
        if self.mappings.used and self.sessions.proven(caller, receiver, name, arguments):
            return self.sessions.call(caller, receiver, name, arguments, at)
        if isinstance(receiver.target, ClassTarget) and name in VALIDATES:
            mapped = self.mappings.mapped(receiver.target.cls.name)
            return self.objects.validated(caller, mapped, arguments) if mapped is not None else None
        if not kind:
            return None
        if name == "sqlmodel_update" and (mapped := self.mappings.mapped(kind)) is not None:
            return self.objects.updated(caller, receiver, arguments, at)
        if self.transactions.is_a(kind, ENGINE):
            return self.sessions.engine_call(caller, receiver, name, arguments, at)
        return self.sessions.holder_call(caller, receiver, name, arguments, at)

    def operate(self, caller: Caller, how: str, values: tuple[Value, ...], at: Span) -> Value | None:
        return self.statements.operate(how, values)

    def force(self, caller: Caller, value: Value, at: Span, how: str) -> Value | None:
        return self.executions.force(caller, value, at, how)

    def item(self, caller: Caller, base: Value, key: Value, at: Span) -> Value | None:
        return self.executions.item(caller, base, key, at)

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        self.objects.assigned(caller, base, name, value, at)

    def enter(self, caller: Caller, context: Value, node: With, run: Callable[[Value], None]) -> bool:
        return bool(context.type) and self.sessions.enter(caller, context, node, run)

    def entry(self, key: Value) -> str | None:
        """A mapping's key that is a column: ``{Order.total: 5}``."""
        return key.state.column if isinstance(key.state, ColumnOf) else None

    # Between functions ------------------------------------------------------------------------------------------------

    def brought(self, machine: Machine, effect: Effect) -> Effect | None:
        return self.objects.brought(machine, effect) if effect.technology == "sqlalchemy" else effect

    def grafted(self, graft: Graft, state: Any) -> Any:
        if isinstance(state, Plan):
            return replace(
                state,
                predicates=tuple(graft.predicate(p) for p in state.predicates),
                assigned=tuple(graft.assignment(a) for a in state.assigned),
                connection=graft.connection(state.connection) if state.connection else state.connection,
            )
        if isinstance(state, Clause):
            return Clause(tuple((t, graft.predicate(p)) for t, p in state.terms), state.complete)
        return None

    def symbolic(self, state: Any, name: str) -> Any:
        """A plan that is passed as parameter `name`: what its conditions compare with are parts of the parameter."""
        return state.passed_as(name) if isinstance(state, Plan) else None

    def part(self, state: Any, name: str) -> Value | None:
        return state.part(name) if isinstance(state, Plan) else None

    def committed(self, machine: Machine) -> None:
        """A callee ended a transaction of the caller's."""
        self.objects.flushed(machine)
        self.objects.forget(machine)

    def detached(self, state: Any) -> Any:
        if isinstance(state, Plan):
            return replace(
                state,
                predicates=tuple(loose(p) for p in state.predicates),
                assigned=tuple(replace(a, sources=()) for a in state.assigned),
                key=loose(state.key) if state.key is not None else None,
                connection="session" if state.connection else state.connection,
            )
        if isinstance(state, Clause):
            return Clause(tuple((t, loose(p)) for t, p in state.terms), state.complete)
        return None

    def key(self, state: Any) -> Any:
        return state if isinstance(state, BUILT) else None


__all__ = ["SqlAlchemy"]
