"""What the tracer knows at one point of the code, how it forks at a branch and joins again behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from datakeel.model.effect import Guard, Rows, Scope, Source, When
from datakeel.model.place import Place
from datakeel.read.program import Statement
from datakeel.read.symbols import ClassInfo, FunctionInfo, Module
from datakeel.read.values import MISSING, Value, join

K = TypeVar("K")

ENDED = -1  # the connection's last transaction was committed or rolled back
AMBIENT = 0  # whatever transaction the caller has


class State(Struct):
    """`env` holds variables by (frame, name); `heap` attributes by (object, name); `transactions` the current one of
    each connection, the last opened last; `locks` the numbers of the locks held; `lived` the transactions that began on
    this path, and `merged` (one for all paths) those that turned out to be the same as an earlier one: several paths
    began it, each by its own first use. `missed` are the reads that would have locked a row, and on this path gave
    none."""

    env: dict[tuple[int, str], Value] = {}
    heap: dict[tuple[Rows, str], Value] = {}
    transactions: dict[str, int] = {}
    locks: tuple[int, ...] = ()
    guards: tuple[Guard, ...] = ()
    scopes: tuple[Scope, ...] = ()
    alive: bool = True
    when: When = When.NOW
    lived: frozenset[int] = frozenset()
    merged: dict[int, int] = {}
    missed: frozenset[int] = frozenset()

    def fork(self) -> State:
        return State(
            self.env.copy(),
            self.heap.copy(),
            self.transactions.copy(),
            self.locks,
            self.guards,
            self.scopes,
            self.alive,
            self.when,
            self.lived,
            self.merged,
            self.missed,
        )

    def begun(self, number: int) -> None:
        self.lived |= {number}

    def transaction(self) -> int | None:
        """The transaction that an effect outside any database happens in: the one opened last."""
        last: int | None = AMBIENT
        for number in self.transactions.values():
            if number > 0:
                last = number
            elif last == AMBIENT:
                last = None
        return last


def joined(a: State, b: State, scopes: tuple[Scope, ...], guards: tuple[Guard, ...]) -> State:
    """The state where two paths meet, in the control flow they parted from. A path that has left does not count; where
    only one arrives, what held on it (its scopes and guards) holds on."""
    if not b.alive:
        return a
    if not a.alive:
        return b
    env = met(a.env, b.env, lambda _, mine, other: join(mine, other))
    heap = met(a.heap, b.heap, both)
    transactions = dict(a.transactions)
    for connection, number in b.transactions.items():
        current = transactions.get(connection)
        if current is not None and number > 0 < current != number and current not in b.lived and number not in a.lived:
            first, second = sorted((current, number))
            a.merged[second] = first
            transactions[connection] = first
        elif current is None or number > current:
            transactions[connection] = number
    locks = held(a.locks, b.locks)
    if a.missed != b.missed:  # a row that one path has locked: on the other there is none
        locks = (*locks, *(n for s, o in ((a, b), (b, a)) for n in s.locks if n in o.missed and n not in locks))
    lived = a.lived | b.lived
    missed = a.missed & b.missed
    return State(env, heap, transactions, locks, guards, scopes, True, a.when, lived, a.merged, missed)


Meet = Callable[[K, Value | None, Value | None], Value]


def met(a: dict[K, Value], b: dict[K, Value], join_at: Meet[K]) -> dict[K, Value]:
    """Two paths' values by what they are of; most are the same one on both."""
    found = a.copy()
    for key, other in b.items():
        mine = found.get(key)
        if mine is not other:
            found[key] = join_at(key, mine, other)
    if len(found) > len(b):
        for key, mine in a.items():
            if key not in b:
                found[key] = join_at(key, mine, None)
    return found


def held(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The locks that are held where two paths meet: those of both; and where each path took one of its own, these, for
    one of them is held in any case."""
    shared = tuple(n for n in a if n in b)
    if len(shared) < len(a) and len(shared) < len(b):
        return (*shared, *(n for n in (*a, *b) if n not in shared))
    return shared


def both(spot: tuple[Rows, str], a: Value | None, b: Value | None) -> Value:
    """An attribute where two paths meet; one that only one of them assigned is what that one says, or what it was."""
    if a is not None and b is not None:
        return join(a, b)
    one = a if a is not None else b
    assert one is not None
    if spot[1].startswith("@"):  # an ORM's note on the object
        return one
    sources = one.sources | untouched(*spot)
    return one.but(const=MISSING, sources=sources) if one.known or sources != one.sources else one


def untouched(rows: Rows, name: str) -> frozenset[Source]:
    """What an attribute that nobody assigned is computed from: itself, where its object comes from outside."""
    kind, _, rest = rows.root.partition(":")
    if name.startswith("$") or len(rows.path) >= 3:
        return frozenset()
    path = (*rows.path, name)
    if kind in ("parameter", "global"):
        return frozenset((Source(kind, name=rest, path=path),))
    return frozenset((Source("read", int(rest), path=path),)) if kind == "read" else frozenset()


def runs_as_program(guard: Guard) -> bool:
    """Whether a condition says that a module is the program, and is not imported."""
    return guard.test == "==" and guard.text == "'__main__'"


class Frame(Struct, eq=False):
    """One function body that is being followed: a function, or a closure inside the frame that defined it
    (`parent`)."""

    number: int
    module: Module
    parent: Frame | None = None
    function: FunctionInfo | None = None
    owner: ClassInfo | None = None  # the class whose method this is, for `super()`
    self_value: Value | None = None
    chain: tuple[Place, ...] = ()
    call: int | None = None
    callee: str = ""
    is_async: bool = False
    returned: Value | None = None
    yielded: Value | None = None
    on_yield: object = None  # what to run where a context manager's generator yields
    left: list[State] = []  # the states in which it returned
    raises: list[str] = []
    inner: bool = False  # its return is not the operation's: control goes on behind the call
    own: frozenset[str] | None = None  # a closure's own variables; None: all are
    text: tuple[Statement, ...] = ()  # its statements
