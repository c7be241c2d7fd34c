"""One function with everything that it does: its effects and its callees', in order, and the questions rules ask of
them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Effect, Guard, Kind, Option, Scope, Source, StoreKind, chosen
from datakeel.model.place import Place

T = TypeVar("T")


class Role(StrEnum):
    PRODUCT = "product"
    TEST = "test"
    MIGRATION = "migration"
    SCRIPT = "script"
    GENERATED = "generated"


class Entry(Struct, frozen=True, order=True, gc=False):
    """What starts an operation: `kind` is request, task, consumer, schedule, command, signal, event or main; `name`
    as people know it (``POST /orders``, ``orders.tasks.bill``); `redelivered` whether the caller may deliver the same
    input twice; `retried` whether the framework runs it again after a failure (``serialization``: after a
    serialization failure only); `atomic` whether the framework holds a transaction round it."""

    kind: str
    name: str
    place: Place
    redelivered: bool = False
    retried: str = ""
    concurrent: bool = True
    atomic: bool = False
    options: tuple[Option, ...] = ()  # how it was registered (``acks_late``, ``auto_ack``), with defaults

    def option(self, name: str) -> Option | None:
        """An option by its library's name for it, or by the model's word."""
        return chosen(self.options, name)


class Transaction(Struct, frozen=True, gc=False):
    """A stretch of effects that commit together.

    `kind` is ``atomic`` (a scope), ``session`` (begun by first use, ended by a commit), ``ambient`` (whatever the
    caller has: it may be none). `isolation` is ``read-committed``, ``repeatable-read``, ``serializable`` … or empty
    for the store's default. `retried`: the whole of it is run again after a serialization failure. `call`: the number
    of the call whose callee begins it; None: it begins here.
    """

    number: int
    kind: str
    connection: str = ""
    isolation: str = ""
    place: Place | None = None
    retried: bool = False
    read_only: bool = False
    joins: bool = False  # inside a caller's transaction on the same connection it is part of that
    call: int | None = None


class Retry(Struct, frozen=True, gc=False):
    """A stretch that is run again after a failure: scope `number`.

    `kind` is library, framework or loop; `attempts` and `wait` are texts: a number, ``unbounded`` or empty (not
    known) for attempts; ``none``, ``constant``, ``growing``, ``jittered`` or empty for wait; `on` the exceptions that
    it answers to (``answer``: to what the other side says).
    """

    number: int
    kind: str
    place: Place
    attempts: str = ""
    wait: str = ""
    on: tuple[str, ...] = ()
    origin: Origin = Origin.RESOLVED
    chain: tuple[Place, ...] = ()  # of the calls that lead to it; empty: it stands in the operation's own text
    pause: str = ""  # a constant wait in the library's unit, where the call that asks for the retry says it


class Exit(Struct, frozen=True, gc=False):
    """A way out: `kind` is return, raise, break, continue, or idle (the function's text does nothing at all, but for a
    line in the log); `number` orders it among the effects; `text` the constant that is returned, or the class that is
    raised, where they are known."""

    number: int
    kind: str
    scopes: tuple[Scope, ...]
    guards: tuple[Guard, ...]
    place: Place
    text: str = ""


class Handler(Struct, frozen=True, gc=False):
    """One ``except`` of a function's own text: arm `arm` of the try with scope `number`.

    `exceptions` are the classes that it catches (none: all). `does` says what stands in it: ``raise``, ``return``,
    ``continue``, ``break``, ``assign`` (it notes something), ``log`` (it tells people of an error), ``mention`` (it
    logs, but not as an error), ``answer`` (it makes a response or an exception), ``call`` (of anything else).
    `falls`: control may go on behind the try. `told`: the way on can tell the failure from success, by what only
    success assigns, by an ``else``, or by where it leaves.
    """

    number: int
    arm: str
    place: Place
    exceptions: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    falls: bool = True
    told: bool = False
    scopes: tuple[Scope, ...] = ()  # those that the try stands in
    calls: tuple[Place, ...] = ()


class Release(Struct, frozen=True, gc=False):
    """Where a resource is closed, or given back. `number` orders it among the effects; `always`: a context that closes
    it however it is left."""

    number: int
    place: Place
    scopes: tuple[Scope, ...] = ()
    always: bool = False


class Resource(Struct, frozen=True, gc=False):
    """A client, connection, pool, queue, consumer or producer, where it is made.

    `kind`: consumer, producer, client, connection, pool, queue, executor, server, lock; window (of a stream: its option
    ``time`` says by which); steps (a list of pairs: its options ``action`` and ``compensation`` name each one's
    functions), named-steps (they are texts). `options` are resolved, with the library's defaults (``given=False``);
    `complete` False: some options could not be read. `per`: process (module level, or cached), call. `kept`: in an
    attribute or a container, which outlives the call; `many`: in one of several of a container. `releases` are the
    places that close it. `passed` says who else holds it: nobody, ``returned`` (who called), ``handed`` (code that it
    was given to), ``yielded`` (whoever goes on while a generator rests), ``callee`` (the function that made it and gave
    it to nobody).
    """

    number: int
    kind: str
    technology: str
    options: tuple[Option, ...]
    place: Place
    type: str = ""
    per: str = "call"
    releases: tuple[Release, ...] = ()
    passed: str = ""
    complete: bool = True
    origin: Origin = Origin.RESOLVED
    chain: tuple[Place, ...] = ()
    name: str = ""
    scopes: tuple[Scope, ...] = ()
    kept: bool = False
    many: bool = False

    def option(self, name: str) -> Option | None:
        """An option by its library's name for it, or by the model's word."""
        return chosen(self.options, name)


class Context(Struct, frozen=True, gc=False):
    """What may be round an operation when it is called: flows down from its callers. `caller` is one that shows it.
    `apart`: the call is made outside whatever transaction the caller's own callers hold (after the commit, or only
    where there is none)."""

    transaction: bool = False
    locks: bool = False
    retry: bool = False
    event_loop: bool = False
    loop: bool = False
    timeout: bool = False
    apart: bool = False
    caller: str = ""
    place: Place | None = None


class Operation(Struct, frozen=True, kw_only=True, dict=True):
    """One function. `effects` are in the order of the code, callees' at the place of their call."""

    name: str  # qualified, unique in the system: shop.orders.services.pay
    symbol: str  # as its file knows it: OrderService.pay
    place: Place
    role: Role = Role.PRODUCT
    service: str = ""  # the folder of the code that it shares
    is_async: bool = False
    effects: tuple[Effect, ...] = ()
    exits: tuple[Exit, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    resources: tuple[Resource, ...] = ()
    retries: tuple[Retry, ...] = ()
    handlers: tuple[Handler, ...] = ()
    entries: tuple[Entry, ...] = ()  # what starts it, directly or through callers
    contexts: tuple[Context, ...] = ()  # empty: no caller is known
    parameters: tuple[str, ...] = ()
    complete: bool = True  # False: part of it could not be followed
    recursive: bool = False  # it calls itself
    unused: bool = False  # nothing starts it, and no needed code calls or names it, in a program of many ways in
    decorated: bool = False  # by something that is not known, as what calls it may be: that may start it

    def of(self, *kinds: Kind) -> Iterator[Effect]:
        if len(kinds) == 1:
            return iter(self._by_kind.get(kinds[0], ()))
        if self._by_kind.keys().isdisjoint(kinds):
            return iter(())
        return (e for e in self.effects if e.kind in kinds)

    @cached_property
    def _by_kind(self) -> dict[Kind, tuple[Effect, ...]]:
        found: dict[Kind, list[Effect]] = {}
        for effect in self.effects:
            found.setdefault(effect.kind, []).append(effect)
        return {kind: tuple(effects) for kind, effects in found.items()}

    def own(self) -> Iterator[Effect]:
        """The effects that stand in this function's own text."""
        return (e for e in self.effects if not e.chain)

    def effect(self, number: int) -> Effect | None:
        return self._numbered.get(number)

    @cached_property
    def _numbered(self) -> dict[int, Effect]:
        return {e.number: e for e in self.effects}

    def pairs(self, first: Kind, second: Kind) -> Iterator[tuple[Effect, Effect]]:
        """Pairs of effects, the first before the second on some path, whose innermost common function is this one."""
        seconds = list(self.of(second))
        for a in self.of(first):
            for b in seconds:
                if self.before_on_some_path(a, b) and self.meet_here(a, b):
                    yield a, b

    def meet_here(self, *effects: Effect) -> bool:
        """Whether this is the innermost function that holds all of them (no single call brings them all)."""
        calls = {e.call for e in effects}
        return len(calls) > 1 or calls == {None}

    def exclusive(self, a: Effect, b: Effect) -> bool:
        """Whether no single run passes both: they stand in different arms of one branch, or of one try's handlers, or
        behind conditions that cannot both hold."""
        arms = {s.number: s for s in a.scopes if s.kind in ("branch", "try")}
        for scope in b.scopes:
            other = arms.get(scope.number)
            if other is None or other.arm == scope.arm:
                continue
            if scope.kind == "branch" or (other.arm.startswith("handler") and scope.arm.startswith("handler")):
                return True
            if {"else"} < {other.arm, scope.arm} and (other.arm + scope.arm).find("handler") >= 0:
                return True
        if self._ways_out and self.left_between(*((a, b) if a.number < b.number else (b, a))):
            return True
        return bool(a.guards and b.guards) and self.demands(a.guards).contradicts(self.demands(b.guards))

    def left_between(self, a: Effect, b: Effect) -> bool:
        """Whether a run that passes `a` leaves before it comes to `b`: a decorator that calls the function in several
        places gives its answer back in each. A failure on the way may still lead from one to the other."""
        standing = {(s.number, s.arm) for s in a.scopes}
        if any(s.kind == "try" and (s.number, s.arm) not in standing and s.arm != "body" for s in b.scopes):
            return False
        return any(a.number < number < b.number and arms <= standing for number, arms in self._ways_out)

    @cached_property
    def _ways_out(self) -> tuple[tuple[int, frozenset[tuple[int, str]]], ...]:
        """The returns of what stands round the function's own text: their numbers, and the arms in which they stand."""
        own = self.place
        return tuple(
            (x.number, frozenset((s.number, s.arm) for s in x.scopes))
            for x in self.exits
            if x.kind == "return"
            and x.scopes
            and x.place is not None
            and (x.place.path != own.path or not own.line <= x.place.line <= own.end_line)
        )

    def demands(self, guards: tuple[Guard, ...]) -> Demands:
        """What conditions ask of values; worked out once for those that effects share."""
        found = self._demands.get(id(guards))
        if found is None:
            found = self._demands[id(guards)] = demands(guards)
        return found

    @cached_property
    def _demands(self) -> dict[int, Demands]:
        return {}  # by the identity of the guards, which live as long as the operation

    def before_on_some_path(self, a: Effect, b: Effect) -> bool:
        """Whether a run exists in which `a` happens before `b` (also by way of a loop that holds both)."""
        if a.number < b.number:
            return not self.exclusive(a, b)
        loops = {s.number for s in a.scopes if s.kind == "loop"}
        return a.number != b.number and any(s.number in loops for s in b.scopes)

    def before_on_all_paths(self, a: Effect, b: Effect) -> bool:
        """Whether every run that reaches `b` has passed `a` (`a` dominates `b`)."""
        if a.number >= b.number:
            return False
        standing = {(s.number, s.arm) for s in b.scopes}
        return all((s.number, s.arm) in standing for s in a.scopes if conditional(s))

    def between(self, a: Effect, b: Effect) -> Iterator[Effect]:
        """The effects that some run meets after `a` and before `b`."""
        for e in self.effects:
            if a.number < e.number < b.number and not self.exclusive(a, e) and not self.exclusive(e, b):
                yield e

    def exits_without(self, a: Effect, b: Effect) -> bool:
        """Whether some run passes `a` and leaves by a return, or falls off the end, with no `b` after it.

        Exceptional exits count only where the code raises by itself.
        """
        if not self.before_on_all_paths_after(a, b):
            return True
        return any(
            a.number < x.number < b.number
            and x.kind in ("return", "raise")
            and not any(
                (s.number, s.arm) not in {(t.number, t.arm) for t in x.scopes} for s in a.scopes if conditional(s)
            )
            for x in self.exits
        )

    def before_on_all_paths_after(self, a: Effect, b: Effect) -> bool:
        """Whether every run that passes `a`, and leaves nowhere between, reaches `b`: `b` is under no condition that
        `a` is not under."""
        standing = {(s.number, s.arm) for s in a.scopes}
        return a.number < b.number and all((s.number, s.arm) in standing for s in b.scopes if conditional(s))

    def transaction_of(self, effect: Effect) -> Transaction | None:
        return next((t for t in self.transactions if t.number == effect.transaction), None)

    def same_transaction(self, a: Effect, b: Effect) -> bool:
        return a.transaction is not None and a.transaction == b.transaction

    def always_inside(self, what: str) -> Answer:
        """Whether every known caller stands inside `what` (a field of Context: transaction, locks, retry, event_loop,
        loop, timeout)."""
        if not self.contexts:
            return Answer.UNKNOWN
        held = [getattr(c, what) for c in self.contexts]
        return Answer.YES if all(held) else Answer.NO

    def sometimes_inside(self, what: str) -> Context | None:
        return next((c for c in self.contexts if getattr(c, what)), None)

    def stores(self) -> frozenset[StoreKind]:
        return frozenset(e.store for e in self.effects if e.store)


def conditional(scope: Scope) -> bool:
    """Whether control may pass a scope's place without entering it."""
    if scope.kind in ("branch", "loop"):
        return True
    return scope.kind == "try" and (scope.arm.startswith("handler") or scope.arm == "else")


class Demands(Struct, frozen=True, gc=False):
    """What conditions ask of single values, by value: the constants that one must equal; and whether an argument must
    pass a test (with a text) or fail it."""

    equal: dict[Source, frozenset[str]]
    passed: dict[tuple[Source, str, str], frozenset[bool]]

    def contradicts(self, other: Demands) -> bool:
        """Whether two sets of conditions cannot both hold: one value equals two constants, or an argument is both so
        and not so."""
        return differ(self.equal, other.equal) or differ(self.passed, other.passed)


def differ(a: Mapping[T, frozenset[object]], b: Mapping[T, frozenset[object]]) -> bool:
    """Whether one key has two values, one on either side."""
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    return any(len(values | many[key]) > 1 for key, values in few.items() if key in many)


def demands(guards: Iterable[Guard]) -> Demands:
    equal: dict[Source, frozenset[str]] = {}
    passed: dict[tuple[Source, str, str], frozenset[bool]] = {}
    for guard in guards:
        if len(guard.sources) != 1 or guard.sources[0].kind in ("loop", "random"):
            continue
        source = guard.sources[0]
        if guard.test == "==" and guard.polarity and guard.text:
            equal[source] = equal.get(source, frozenset()) | {guard.text}
        if source.kind == "parameter" and not source.path:
            key = (source, guard.test, guard.text)
            passed[key] = passed.get(key, frozenset()) | {guard.polarity}
    return Demands(equal, passed)


def same_rows(a: Effect, b: Effect) -> Answer:
    """Whether two effects act on the same rows."""
    if a.dataset and b.dataset and a.dataset != b.dataset:
        return Answer.NO
    if a.rows is not None and a.rows == b.rows:
        return Answer.YES
    if a.selection and b.selection and a.dataset and a.dataset == b.dataset:
        return same_selection(a, b)
    return Answer.UNKNOWN


def same_selection(a: Effect, b: Effect) -> Answer:
    """Whether two selections of one dataset name the same rows by the same key values."""
    assert a.selection is not None
    assert b.selection is not None
    first = {(p.column, p.value) for p in a.selection.predicates if p.operator == "=" and p.value}
    second = {(p.column, p.value) for p in b.selection.predicates if p.operator == "=" and p.value}
    if first & second:
        return Answer.YES
    constants = {c: v for c, v in first if v.startswith("const:")}
    if any(c in constants and v.startswith("const:") and constants[c] != v for c, v in second):
        return Answer.NO
    return Answer.UNKNOWN
