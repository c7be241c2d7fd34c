"""What contexts open and end: transactions, connections, locks, retries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from datakeel.model.certainty import Origin
from datakeel.model.effect import Kind, Option, StoreKind
from datakeel.read.functions import Functions
from datakeel.read.libraries import CallRow, Opens, TypeRow
from datakeel.read.program import Span, With
from datakeel.read.state import ENDED, Frame, State, joined
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import (
    HOLE,
    NONE,
    NOTHING,
    Arguments,
    ExternalTarget,
    FunctionTarget,
    Pending,
    Value,
    canonical,
)

if TYPE_CHECKING:
    from datakeel.read.world import World

CONNECTED = ("connection", "session", "factory")
FOLLOWER = re.compile(
    r"(?:^|_)(?:replicas?|slaves?|followers?|secondary|standby|readonly|read_only|ro|reader|"
    r"read_(?:pool|engine|db|session\w*|conn\w*))(?:_|$)"
)
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Contexts(Functions):
    """Follows contexts. `stacks` are the ExitStacks that are open."""

    def __init__(self, world: World, frame: Frame) -> None:
        super().__init__(world, frame)
        self.stacks: list[ExitStack] = []

    def argument(self, arguments: Arguments, parameters: tuple[str, ...], name: str) -> Value | None:
        position = parameters.index(name) if name in parameters else None
        return arguments.get(name, position)

    def enter(self, context: Value, node: With) -> None:
        if isinstance(context.state, Pending):
            self.enter_generator(context, node)
            return
        if isinstance(context.state, Opening):
            opening = context.state
            with self.opened(opening, node.at):
                self.with_body(node, self.entered(context))
            return
        if self.world.orms.enter(self.caller, context, node, lambda value: self.with_body(node, value)):
            return
        cls = self.world.class_named(context.type) if context.type else None
        if cls is not None and (cls.method("__enter__") or cls.method("__aenter__")):
            self.enter_object(cls, context, node)
            return
        row = self.world.libraries.type(context.type) if context.type else None
        if row is not None and row.resource and row.releases:
            self.released(context, node.at, always=True)
        if row is not None and row.opens is not None and row.opens.scope:
            with self.opened(Opening(row.opens, row, Arguments(), context, node.at), node.at):
                self.with_body(node, self.entered(context))
            return
        self.with_body(node, self.entered(context))

    def entered(self, context: Value) -> Value:
        row = self.world.libraries.type(context.type) if context.type else None
        if row is not None and row.enters:
            return Value(
                type=row.enters, rows=context.rows, owner=context, origin=context.origin, options=context.options
            )
        return context.but(state=None) if isinstance(context.state, Opening) else context

    def with_body(self, node: With, value: Value) -> None:
        if node.target is not None:
            self.bind(node.target, value, node.at)
        self.execute(node.body)

    def enter_generator(self, context: Value, node: With) -> None:
        """``with f() as x`` where f is a generator of the project: its body runs round the block."""
        pending = context.state
        assert isinstance(pending, Pending)
        target = pending.target
        if not isinstance(target, FunctionTarget) or self.deep():
            self.with_body(node, NOTHING)
            return
        arguments = pending.arguments.before(target.receiver) if target.receiver is not None else pending.arguments
        outer, broken = self.frame, self.broken
        info = target.function
        frame = self.new_frame(info.module, function=info, owner=info.owner, receiver=target.receiver)
        frame.inner = True
        frame.chain = (*outer.chain, self.place(self.made_at(pending, node.at)))
        frame.call = outer.call if outer.call is not None else self.next()
        frame.callee = outer.callee or info.name
        ran = False

        def block(value: Value) -> None:
            nonlocal ran
            ran = True
            inner, inner_broken = self.frame, self.broken
            self.frame, self.broken = outer, broken
            self.with_body(node, value)
            self.frame, self.broken = inner, inner_broken

        frame.on_yield = block
        bound = self.bindings(info, arguments)
        self.world.site(self.caller, info, bound)
        alive_inside = len(outer.left)
        with self.inside(frame):
            self.bind_parameters(bound)
            self.execute(self.world.text(info))
            if not self.state.alive and len(outer.left) > alive_inside:
                self.settle(outer.left[alive_inside:])
        if not ran:
            self.with_body(node, NOTHING)

    def fresh(self, options: Value) -> Value:
        """``**options`` are a dictionary that the call makes anew: its function may change it."""
        entries = dict(options.entries) if options.entries is not None else None
        return options.but(entries=entries, maker=self.serial)

    def bind_parameters(self, bound: dict[str, Value]) -> None:
        for name, value in bound.items():
            self.assign_local(name, value)

    def settle(self, states: list[State]) -> None:
        """States that left from inside a context: what it opened is over for them too."""
        for state in states:
            for connection, number in self.state.transactions.items():
                state.transactions[connection] = number
            state.locks = tuple(n for n in state.locks if n in self.state.locks)

    def enter_object(self, cls: ClassInfo, context: Value, node: With) -> None:
        names = ("__aenter__", "__aexit__") if node.is_async and cls.method("__aenter__") else ("__enter__", "__exit__")
        enter, leave = cls.method(names[0]), cls.method(names[1])
        value = (
            self.call_function(FunctionTarget(enter, context), Arguments(), node.at, awaited=True) if enter else context
        )
        self.with_body(node, value if value.type or value.rows else context)
        if leave is not None:
            alive = self.state.alive
            self.state.alive = True
            self.call_function(FunctionTarget(leave, context), Arguments((NONE, NONE, NONE)), node.at, awaited=True)
            self.state.alive = alive and self.state.alive

    @contextmanager
    def opened(self, opening: Opening, at: Span) -> Iterator[None]:
        """Everything inside stands in what the context opens; behind it, it is over, also for paths that left
        inside."""
        opens = opening.opens
        outer = self.frame
        marks = len(outer.left), [len(b) for b in self.broken]
        before = self.state.fork()
        match opens.scope:
            case "transaction" | "savepoint":
                with self.opened_transaction(opening, at):
                    yield
            case "lock":
                with self.opened_lock(opening, at):
                    yield
            case "retry":
                with self.opened_retry(opening, at):
                    yield
            case "timeout":
                limit = self.argument(opening.arguments, opening.row.parameters, opens.limit)
                known = repr(limit.const) if limit is not None and limit.known else ""
                with self.scope("timeout", "", at, known):
                    yield
            case "semaphore":
                many = self.argument(opening.arguments, opening.row.parameters, opens.limit)
                if many is None and opening.receiver is not None:
                    many = (opening.receiver.options or {}).get(opens.limit)
                with self.scope("semaphore", "", at, repr(many.const) if many is not None and many.known else ""):
                    yield
            case "breaker":
                with self.scope("breaker", "", at):
                    yield
            case "suppress":
                with self.suppressing(opening, at):
                    yield
            case "thread":
                self.threaded += 1
                yield
                self.threaded -= 1
            case "stack":
                with ExitStack() as stack:
                    self.stacks.append(stack)
                    yield
                    self.stacks.pop()
            case _:
                yield
                if opens.ends:
                    self.ended(opening, at)
                elif opening.receiver is not None:
                    self.released(opening.receiver, at, always=True)
        late = outer.left[marks[0] :]
        for index, states in enumerate(self.broken):
            late += states[marks[1][index] if index < len(marks[1]) else 0 :]
        for state in late:
            self.left_early(opening, state, before)

    def left_early(self, opening: Opening, state: State, before: State) -> None:
        """A path that leaves from inside a context: what that opened is over for it too."""
        opens = opening.opens
        if opens.scope in ("transaction", "lock") or opens.closes:
            state.locks = tuple(n for n in state.locks if n in before.locks)
        if opens.scope == "transaction" or opens.closes:
            connection = self.opened_connection(opening)
            state.transactions.pop(connection, None)
            if opens.implicit or opens.closes:
                state.transactions[connection] = ENDED
            elif connection in before.transactions:
                state.transactions[connection] = before.transactions[connection]

    def ended(self, opening: Opening, at: Span) -> None:
        """The effect that leaving a context normally has."""
        kind, _, verb = opening.opens.ends.partition(" ")
        row, receiver = opening.row, opening.receiver
        self.emit(
            Kind(kind),
            verb,
            at,
            store=StoreKind(row.store) if row.store else StoreKind.NONE,
            technology=row.technology,
            dataset=receiver.name if receiver is not None else "",
            options=self.effect_options(row, receiver, opening.arguments) if isinstance(row, CallRow) else (),
            origin=receiver.origin if receiver is not None else Origin.RESOLVED,
        )

    @contextmanager
    def opened_transaction(self, opening: Opening, at: Span) -> Iterator[None]:
        opens = opening.opens
        connection = self.opened_connection(opening)
        if opens.implicit:
            with self.opened_implicitly(opens, connection, at):
                yield
            return
        if opens.scope == "savepoint" or self.current(connection) is not None:
            with self.scope("savepoint", "", at, connection):
                yield
            return
        isolation = self.asked_text(opening, opens.isolation)
        isolation = isolation or self.world.orms.isolation(self.caller, opening.receiver)
        before_locks = self.state.locks
        previous = self.state.transactions.get(connection)
        number = self.begin("atomic", connection, at, isolation)
        started = len(self.effects)
        with self.scope("transaction", "", at, connection, number=number):
            yield
        alive = self.state.alive
        if opens.commits and self.current(connection) == number:
            self.end(Kind.COMMIT, connection, at)
        self.state.alive = alive
        self.state.transactions.pop(connection, None)
        if previous is not None:
            self.state.transactions[connection] = previous
        taken = {
            e.number
            for e in self.effects[started:]
            if e.kind == Kind.READ or (e.kind == Kind.LOCK and e.store == StoreKind.RELATIONAL)
        }
        self.state.locks = tuple(n for n in self.state.locks if n in before_locks or n not in taken)

    @contextmanager
    def opened_implicitly(self, opens: Opens, connection: str, at: Span) -> Iterator[None]:
        """A connection's own context: the transaction is the one that its statements began, before or inside."""
        with self.scope("transaction", "", at, connection):
            yield
        alive = self.state.alive
        if opens.commits and self.current(connection) is not None:
            self.end(Kind.COMMIT, connection, at)
        self.state.transactions[connection] = ENDED
        self.state.alive = alive

    def opened_connection(self, opening: Opening) -> str:
        opens = opening.opens
        if opens.connection == "self" or not opens.connection:
            return self.connection_of(opening.receiver)
        if opens.connection.startswith("="):
            return opens.connection[1:]
        name, _, default = opens.connection.partition("=")
        found = self.argument(opening.arguments, opening.row.parameters, name)
        if found is None or (found.known and found.const is None):
            return default
        return found.text or canonical(found) or default

    def asked_text(self, opening: Opening, name: str) -> str:
        """An argument's text; ``level=serializable`` is that where no argument is given."""
        name, _, default = name.partition("=")
        found = self.argument(opening.arguments, opening.row.parameters, name) if name else None
        return (found.text or "").lower().replace("_", "-").replace(" ", "-") if found is not None else default

    @contextmanager
    def opened_lock(self, opening: Opening, at: Span) -> Iterator[None]:
        receiver = opening.receiver
        options = (receiver.options or {}) if receiver is not None else {}
        kind = self.world.libraries.type(receiver.type) if receiver is not None and receiver.type else None
        named = self.lock_name(opening)
        effect = self.emit(
            Kind.LOCK,
            opening.opens.lock or "process",
            at,
            dataset=named,
            store=StoreKind.CACHE if opening.opens.lock == "distributed" else StoreKind.NONE,
            technology=getattr(opening.row, "technology", ""),
            options=self.world.option_list(options, kind.options, words=kind.words) if kind is not None else (),
            origin=receiver.origin if receiver is not None else Origin.RESOLVED,
        )
        self.state.locks = (*self.state.locks, effect.number)
        with self.scope("lock", opening.opens.lock, at, named):
            yield
        alive = self.state.alive
        self.state.alive = alive
        self.state.locks = tuple(n for n in self.state.locks if n != effect.number)
        self.emit(Kind.UNLOCK, opening.opens.lock or "process", at, dataset=named)

    def lock_name(self, opening: Opening) -> str:
        receiver = opening.receiver
        if opening.opens.name:
            return label_of(self.argument(opening.arguments, opening.row.parameters, opening.opens.name))
        if receiver is None:
            return ""
        if receiver.name:
            return receiver.name
        return ".".join((receiver.rows.root, *receiver.rows.path)) if receiver.rows is not None else ""

    @contextmanager
    def opened_retry(self, opening: Opening, at: Span) -> Iterator[None]:
        with self.scope("retry", "", at) as number:
            self.retries.append(self.world.described_retry(number, opening, self.place(at)))
            yield

    def enter_on_stack(self, context: Value, at: Span) -> Value:
        """``stack.enter_context(c)``: what it opens stays open until the innermost stack is left."""
        opening = self.world.opening_of(context, at)
        if opening is not None and self.stacks:
            self.stacks[-1].enter_context(self.opened(opening, at))
        return self.entered(context)

    @contextmanager
    def suppressing(self, opening: Opening, at: Span) -> Iterator[None]:
        """``with suppress(Error)``: what is inside may stop anywhere, and control goes on behind it."""
        before = self.state
        names = " ".join(
            v.target.dotted if isinstance(v.target, ExternalTarget) else v.name for v in opening.arguments.positional
        )
        self.state = before.fork()
        with self.scope("try", "body", at, names):
            yield
        self.state = joined(self.state, before, before.scopes, before.guards)

    def effect_options(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> tuple[Option, ...]:
        raise NotImplementedError

    # Connections ------------------------------------------------------------------------------------------------------

    def connection_of(self, value: Value | None) -> str:
        """The name of the connection that an object stands for: its outermost owner that makes connections."""
        found = self.connection_named(value)
        if found.startswith("new:") and found not in self.followers:
            self.followers[found] = value is not None and follows(value)
        return found

    def connection_named(self, value: Value | None) -> str:
        seen = 0
        named = ""
        while value is not None and seen < 8:
            row = self.world.libraries.type(value.type) if value.type else None
            if value.rows is not None:
                named = ".".join((value.rows.root, *value.rows.path))
            if row is not None and row.connection:
                return value.name or row.connection
            if row is not None and (row.implicit_transaction or row.resource in CONNECTED) and named:
                return named
            value = value.owner
            seen += 1
        return named

    def technology_of(self, value: Value | None) -> str:
        """The technology of the driver that an object belongs to."""
        row = self.world.libraries.type(value.type) if value is not None and value.type else None
        return row.technology if row is not None else ""

    def dialect_of(self, value: Value | None) -> str:
        seen = 0
        while value is not None and seen < 8:
            row = self.world.libraries.type(value.type) if value.type else None
            if row is not None and row.dialect:
                return row.dialect
            value = value.owner
            seen += 1
        return "postgres"


class Opening:
    """A context that a call made and nobody entered yet (``atomic()``, ``lock()``): what it opens, and with which
    arguments."""

    __slots__ = ("arguments", "at", "opens", "receiver", "row")

    def __init__(
        self, opens: Opens, row: CallRow | TypeRow, arguments: Arguments, receiver: Value | None, at: Span
    ) -> None:
        self.opens = opens
        self.row = row
        self.arguments = arguments
        self.receiver = receiver
        self.at = at


def follows(value: Value, depth: int = 0) -> bool:
    """Whether a connection leads to a follower: it, or what it was made from, is called so (``replica_engine``)."""
    if depth > 6:
        return False
    name = (value.rows.path or (value.rows.root.rpartition(".")[2],))[-1] if value.rows is not None else ""
    if name and FOLLOWER.search(HUMP.sub("_", name).lower()):
        return True
    made_from = (value.owner, *((value.options or {}).get(name) for name in ("bind", "engine")))
    return any(follows(v, depth + 1) for v in made_from if v is not None)


def label_of(value: Value | None) -> str:
    """What the outside knows a value as: its text, its own name, or that of the first of many."""
    if value is None or (value.known and value.const is None):
        return ""
    if isinstance(value.const, str):
        return "" if value.const == HOLE else value.const
    if value.known:
        return str(value.const)
    if value.name:
        return value.name
    if isinstance(value.target, FunctionTarget):
        return value.target.function.name
    if value.entries:
        return next(iter(value.entries))
    return label_of(value.items[0]) if value.items else ""
