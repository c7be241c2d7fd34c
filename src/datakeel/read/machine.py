"""The tracer's ground: where it stands, what it has recorded, and how it records an effect."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Effect, Guard, Kind, Option, Rows, Scope, Selection, StoreKind, When
from datakeel.model.operation import Exit, Handler, Release, Resource, Retry, Transaction
from datakeel.model.place import Place
from datakeel.read.program import Span
from datakeel.read.state import AMBIENT, ENDED, Frame, State
from datakeel.read.values import FRESH, NOTHING, Value, extended, inward

if TYPE_CHECKING:
    from datakeel.read.world import World

TRANSACTIONAL = frozenset((StoreKind.RELATIONAL,))
GONE_THROUGH = Option("gone-through", "True", word="gone-through")
FEW = 8  # sources of a value that is an answer, or a part of one


class Handed(Struct, frozen=True, gc=False):
    """What a function hands to another of its module that does not say what it takes: a connection, a session, a
    message; with what is known of how that commits."""

    callee: str
    parameter: str
    type: str
    commits: tuple[tuple[str, object], ...] = ()


class Trace(Struct, gc=False, kw_only=True):
    """What following one function gave: its effects in its own terms (parameters stay symbolic), and what it leaves
    behind.

    `ends` says for each connection which transaction is current at the end; `held` the locks that are not released;
    `heap` the attributes of objects from outside that it assigned; `size` bounds all numbers in it.
    """

    effects: tuple[Effect, ...] = ()
    exits: tuple[Exit, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    resources: tuple[Resource, ...] = ()
    retries: tuple[Retry, ...] = ()
    handlers: tuple[Handler, ...] = ()
    returns: Value | None = None
    yields: Value | None = None
    heap: dict[tuple[Rows, str], Value] = {}
    ends: dict[str, int] = {}
    held: tuple[int, ...] = ()
    raises: tuple[str, ...] = ()
    never_returns: bool = False
    size: int = 1
    complete: bool = True
    parameters: tuple[str, ...] = ()
    handed: tuple[Handed, ...] = ()


EMPTY = Trace()
SERIALS = itertools.count(1)  # tell machines apart, so that each changes only the containers that it made


def from_follower(effect: Effect) -> Effect:
    """A read as it is where a follower answers."""
    if effect.kind != Kind.READ or effect.selection is None:
        return effect
    return replace(effect, selection=replace(effect.selection, replica=Answer.YES))


class Machine:
    """State and recording, without any knowledge of expressions, statements or calls."""

    def __init__(self, world: World, frame: Frame) -> None:
        self.world = world
        self.frame = frame
        self.followed = frame.function  # whose trace this is; None: what runs at import
        self.known_as = frame.function.name if frame.function is not None else ""  # in the graph of calls
        self.state = State()
        self.effects: list[Effect] = []
        self.exits: list[Exit] = []
        self.transactions: dict[int, Transaction] = {}
        self.resources: list[Resource] = []
        self.handing: dict[int, tuple[str, Span]] = {}  # resource → who else held it before it was last handed on
        self.retries: list[Retry] = []
        self.handlers: list[Handler] = []
        self.found_by: dict[str, str] = {}  # columns of rows that were found by them: what those were asked to be
        self.chosen_once: dict[tuple[Rows, tuple[str, ...]], int] = {}  # branches by what an object may be
        self.listings: dict[int, int] = {}  # reads that give a page of what there is: number → where they stand
        self.handed: dict[Handed, None] = {}
        self.claims: dict[int, str] = {}  # writes that succeed for one of many only, with their keys
        self.rerun: Scope | None = None  # the whole function, where it asks its framework to run it again
        self.complete = True
        self.awaiting: object = None  # the expression that is awaited
        self.serial = next(SERIALS)
        self.followers: dict[str, bool] = {}  # connections that were made here → whether a follower is at their end
        self.threaded = 0  # how many other threads what is followed now stands in: it holds theirs, not this one
        self.depth = 0
        self.active: list[Frame] = []  # the bodies that are followed here, one inside the other
        self.frames = 1
        self._number = 0

    def next(self) -> int:
        self._number += 1
        return self._number

    def upcoming(self) -> int:
        """The number that the next effect will have."""
        return self._number + 1

    def skip(self, count: int) -> int:
        """Reserves numbers for a callee's trace; gives what is to be added to its numbers."""
        base = self._number
        self._number += count
        return base

    def place(self, at: Span) -> Place:
        return Place(self.frame.module.path, at.line, at.column, at.end_line, at.end_column)

    # Recording --------------------------------------------------------------------------------------------------------

    def emit(
        self,
        kind: Kind,
        verb: str,
        at: Span,
        *,
        store: StoreKind = StoreKind.NONE,
        connection: str = "",
        **fields: object,
    ) -> Effect:
        """Records an effect that happens here and now, with all that stands round it."""
        state, frame = self.state, self.frame
        if store in TRANSACTIONAL:
            number = state.transactions.get(connection, ENDED if connection.startswith("new:") else AMBIENT)
            transaction: int | None = None if number == ENDED else number
        else:
            transaction = state.transaction()
        given = fields.pop("when", None)
        when = given if isinstance(given, When) else state.when
        effect = Effect(
            number=self.next(),
            kind=kind,
            verb=verb,
            place=self.place(at),
            store=store,
            connection=connection,
            guards=state.guards,
            scopes=state.scopes,
            transaction=transaction if when == When.NOW else None,
            locks=state.locks,
            when=when,
            chain=frame.chain,
            call=frame.call,
            callee=frame.callee,
            blocking=bool(fields.pop("blocking", False)) and not self.threaded,
            **fields,  # type: ignore[arg-type]
        )
        if self.followers.get(connection):
            effect = from_follower(effect)
        self.record(effect)
        if effect.verb == "delete":
            self.given_up(effect)
        return effect

    def record(self, effect: Effect) -> None:
        if effect.selection is not None and effect.selection.predicates:
            effect = self.as_asked(effect, effect.selection)
        self.effects.append(effect)
        if pages(effect):
            self.listings[effect.number] = len(self.effects) - 1
        if (
            effect.verb == "add"
            and effect.kind == Kind.WRITE
            and effect.store in (StoreKind.CACHE, StoreKind.KEY_VALUE)
        ):
            self.claims[effect.number] = effect.key or ""

    def as_asked(self, effect: Effect, selection: Selection) -> Effect:
        """What is found by a column of a row that was itself found by that column is found by what that one was: a row
        that a repository reads again by the key of the object that it gave is the same row."""
        if any(p.value in self.found_by for p in selection.predicates):
            named = tuple(replace(p, value=self.found_by.get(p.value, p.value)) for p in selection.predicates)
            effect = replace(effect, selection=replace(selection, predicates=named))
        if effect.kind == Kind.READ:
            for predicate in effect.predicates:
                if predicate.operator == "=" and predicate.value:
                    self.found_by[f"read:{effect.number}.{predicate.column}"] = predicate.value
        return effect

    def remark(self, started: int, at: Span, **said: object) -> None:
        """Says more of the effects, recorded since `started`, of the call that stands at one place: what the code round
        the call does with it."""
        for index in range(started, len(self.effects)):
            effect = self.effects[index]
            if effect.chain == self.frame.chain and effect.place.line == at.line and effect.place == self.place(at):
                self.effects[index] = replace(effect, **said)

    def gone_through(self, value: Value) -> None:
        """Says of a read that gives its answer page by page that the entries of its answer are gone through."""
        for source in value.sources if len(value.sources) <= FEW else ():
            index = self.listings.get(source.number, -1)
            if index < 0 or source.kind not in ("read", "result") or self.effects[index].number != source.number:
                continue
            options = self.effects[index].options
            if all(o.name != GONE_THROUGH.name for o in options):
                self.effects[index] = replace(self.effects[index], options=(*options, GONE_THROUGH))

    def keep(self, value: Value, *, many: bool = False) -> None:
        """What is put into an attribute or a container outlives the call: so does the resource that it is. `many`: the
        container holds one for each key."""
        self.say_of_resource(value, kept=True, **({"many": True} if many else {}))

    def say_of_resource(self, value: Value, **said: object) -> None:
        """Says more of the resource that a value is, where it is one that was made here."""
        if value.rows is None or not self.resources or not value.rows.root.startswith("new:"):
            return
        number = int(value.rows.root[4:])
        for index, resource in enumerate(self.resources):
            if resource.number == number:
                self.resources[index] = replace(resource, **said)

    def released(self, value: Value, at: Span, *, always: bool = False) -> None:
        """A resource that was made here is closed, or given back: to what it is handed to for that, it is not lost."""
        if value.rows is None or not self.resources or not value.rows.root.startswith("new:"):
            return
        number = int(value.rows.root[4:])
        release = Release(self.upcoming(), self.place(at), self.state.scopes, always)
        for index, resource in enumerate(self.resources):
            if resource.number == number:
                before, where = self.handing.get(number, (resource.passed, at))
                passed = before if where == at else resource.passed
                self.resources[index] = replace(resource, releases=(*resource.releases, release), passed=passed)

    def hand_on(self, values: Iterable[Value], to: str, at: Span) -> None:
        """What other code is given it may keep, or close: ``handed``, or ``returned`` to the caller; a connection is
        returned, or yielded, with what works on it (a cursor, a transaction)."""
        for value in values:
            owner = (
                value.owner
                if to in ("returned", "yielded") and self.world.libraries.type(value.type) is not None
                else None
            )
            whole = (value,) if owner is None else (value, owner)
            for held in (*whole, *(value.items or ()), *(value.entries or {}).values()):
                if held.rows is not None and held.rows.root.startswith("new:"):
                    number = int(held.rows.root[4:])
                    self.handing.update((r.number, (r.passed, at)) for r in self.resources if r.number == number)
                    self.say_of_resource(held, passed=to)

    def leave(self, kind: str, at: Span, text: str = "") -> None:
        if kind != "return" or not self.frame.inner:
            self.exits.append(Exit(self.next(), kind, self.state.scopes, self.state.guards, self.place(at), text))
        self.state.alive = False

    # Scopes -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def scope(
        self,
        kind: str,
        arm: str = "",
        at: Span | None = None,
        text: str = "",
        *,
        number: int = 0,
        unbounded: bool = False,
        over: Rows | None = None,
    ) -> Iterator[int]:
        """Everything inside stands in a new scope; scopes and guards are as before behind it, unless control has
        left."""
        before_scopes, before_guards = self.state.scopes, self.state.guards
        number = number or self.next()
        entered = Scope(number, kind, arm, self.place(at) if at else None, text, unbounded, over)
        self.state.scopes = (*before_scopes, entered)
        yield number
        self.state.scopes, self.state.guards = before_scopes, before_guards

    def begin(
        self, kind: str, connection: str, at: Span, isolation: str = "", *, read_only: bool = False, joins: bool = True
    ) -> int:
        """A transaction begins on a connection; gives its number."""
        number = self.next()
        self.transactions[number] = Transaction(
            number,
            kind,
            connection,
            isolation,
            self.place(at),
            read_only=read_only,
            joins=joins,
            call=self.frame.call,
        )
        self.state.transactions.pop(connection, None)
        self.state.transactions[connection] = number
        self.state.begun(number)
        return number

    def whole(self, number: int) -> int:
        """The transaction that one of several paths began, as all of them know it."""
        while number in self.state.merged:
            number = self.state.merged[number]
        return number

    def current(self, connection: str) -> int | None:
        """The open transaction of a connection, or None."""
        number = self.state.transactions.get(connection, ENDED)
        return number if number > 0 else None

    def use(self, connection: str, at: Span) -> int:
        """The open transaction of a connection that begins one by itself at first use."""
        return self.current(connection) or self.begin("session", connection, at)

    def end(self, kind: Kind, connection: str, at: Span, origin: Origin = Origin.RESOLVED) -> None:
        """Commit or rollback: the connection's transaction is over, and with it the row locks that it held."""
        number = self.current(connection)
        self.emit(kind, kind.value, at, store=StoreKind.RELATIONAL, connection=connection, origin=origin)
        if number is not None:
            self.release_rows(number)
        self.state.transactions.pop(connection, None)
        self.state.transactions[connection] = ENDED

    def release_rows(self, transaction: int) -> None:
        same = {transaction, *(n for n in self.state.merged if self.whole(n) == transaction)}
        ended = {e.number for e in self.effects if e.transaction in same and ends_with_transaction(e)}
        self.state.locks = tuple(n for n in self.state.locks if n not in ended)

    def unlocked(self, name: str) -> None:
        """The lock of that name is held no longer; where none has it, the last one taken."""
        held = [e for e in self.effects if e.kind == Kind.LOCK and e.number in self.state.locks]
        match = [e for e in held if name and e.dataset == name] or held[-1:]
        self.state.locks = tuple(n for n in self.state.locks if n not in {e.number for e in match})

    # Objects ----------------------------------------------------------------------------------------------------------

    def peek(self, value: Value, path: tuple[str, ...]) -> Value:
        """The attribute at the end of a path, as far as assignments are known; else what its base says of it."""
        heap = self.state.heap
        for name in path:
            if name[:1] == "$" and value.state is not None:
                value = self.world.orms.part(value.state, name) or NOTHING
                continue
            rows = value.rows
            stored = heap.get((rows, name)) if heap and rows is not None else None
            stored = stored or inside(value, name)
            if stored is not None:
                value = stored
                continue
            fresh = heap.get((rows, FRESH)) if heap and rows is not None else None
            known = fresh.sources if fresh is not None else value.sources
            value = Value(
                sources=extended(known if rows is not None else inward(known), name),
                rows=Rows(rows.root, (*rows.path, name)) if rows is not None and len(rows.path) < 4 else None,
                origin=value.origin,
            )
        return value

    def guarded(self, guards: tuple[Guard, ...]) -> None:
        if guards:
            self.state.guards = (*self.state.guards, *guards)
            self.refused(guards)

    def refused(self, guards: tuple[Guard, ...]) -> None:
        """Where taking a lock gave nothing, it is not held (``if not lock.acquire(blocking=False): return``); where a
        key was created that only one can create, it is."""
        if not self.state.locks and not self.claims:
            return
        told = [(g.polarity != (g.test == "is-none"), g.sources) for g in guards if g.test in ("truth", "is-none")]
        lost = {s.number for got, sources in told if not got for s in sources if not s.path}
        won = {s.number for got, sources in told if got for s in sources if s.number in self.claims}
        kept = tuple(n for n in self.state.locks if n not in lost)
        gone = frozenset(n for n in self.state.locks if n in lost)
        self.state.missed |= frozenset(e.number for e in self.effects if e.number in gone and e.kind == Kind.READ)
        self.state.locks = (*kept, *sorted(won - set(kept)))

    def given_up(self, delete: Effect) -> None:
        """A key that was created as a lock is deleted: it is held no longer."""
        if self.claims and delete.key:
            gone = {n for n, key in self.claims.items() if key == delete.key}
            self.state.locks = tuple(n for n in self.state.locks if n not in gone)


def ends_with_transaction(effect: Effect) -> bool:
    """Whether the locks that an effect took are let go by the end of its transaction."""
    if effect.kind in (Kind.READ, Kind.WRITE):
        return True
    scope = effect.option("scope")
    return effect.kind == Kind.LOCK and scope is not None and scope.value == "'transaction'"


def inside(value: Value, name: str) -> Value | None:
    """The part of a mapping or sequence that is known under a key, or under its place."""
    if value.entries is not None:
        return value.entries.get(name)
    if value.items is not None and name.startswith("#") and name[1:].isdigit():
        place = int(name[1:])
        return value.items[place] if place < len(value.items) else None
    return None


def pages(effect: Effect) -> bool:
    """Whether an effect asks for what may come page by page."""
    if effect.kind not in (Kind.READ, Kind.CALL) or effect.chain:
        return False
    return effect.verb == "http" or any(o.word == "page-token" for o in effect.options)
