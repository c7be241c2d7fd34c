"""Who leads: what a program does to become the one of many, and by whose clock it takes another for dead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from msgspec import Struct

from datakeel.model.effect import Effect, Guard, Kind, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.rules.facts.clocks import RECORDS, by_order
from datakeel.rules.facts.decisions import deciding_reads, own_text, says_absent
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.tables import snake

_LEADER = (
    r"leader(?!_?board)|(?<![a-z])(master(?!card|_?data|_?key)|elect(?!r))|coordinator|chief|singleton"
    r"|(?<![a-z])(primary|active)_(node|host|worker|instance|scheduler|server|replica|pod)(?![a-z])"
)
LEADER = re.compile(_LEADER, re.I)
BEAT = re.compile(r"heart|beat|seen|ping|alive|lease|expir|until|valid|renew|refresh|last|(^|_)(ts|at|time|timestamp)$")
TERM = re.compile(r"(^|_)(term|epoch|generation|fenc\w*|token|ballot|round)$", re.I)
KEYED = (StoreKind.CACHE, StoreKind.KEY_VALUE)
TAKES = ("update", "save", "upsert", "replace", "insert", "set", "get-or-create", "merge")
SESSION = ("zookeeper", "kazoo", "etcd", "etcd3", "consul")


class Seizure(Struct, frozen=True):
    """A write by which a program makes itself the leader. `at`: where it decides that nobody else is one; `read`: what
    it asked, where that was apart from the write; `clock`: by its own clock, else because nothing is there."""

    write: Effect | None
    at: Place
    read: Effect | None
    clock: bool
    store: str

    @property
    def rests_on(self) -> tuple[Effect, ...]:
        return tuple(e for e in (self.read, self.write) if e is not None)


def seizures(operation: Operation) -> Iterator[Seizure]:
    """How a function makes its process the leader, by heartbeats or by a key that it looks for first."""
    for write in operation.of(Kind.WRITE):
        if write.verb not in TAKES or write.store not in (*RECORDS, *KEYED) or not leads(operation, write):
            continue
        found = (judged(operation, write) if lives(write) else None) or missed(operation, write)
        if found is not None and not held(operation, write) and not counted(write):
            yield found
    for read in operation.own():
        if read.kind == Kind.READ and of_leading(operation.symbol) and oldest_alive(read):
            yield Seizure(None, here(read), read, True, read.dataset)


def lives(write: Effect) -> bool:
    """Whether a write says that its writer is alive from now on: it puts a time of its own clock there."""
    return write.store in KEYED or any(beats(a.column, a.sources) for a in write.assigned)


def leads(operation: Operation, effect: Effect) -> bool:
    """Whether names say that it is about leading."""
    names = (effect.dataset, effect.key or "", operation.symbol, *(a.column for a in effect.assigned))
    return any(map(of_leading, names))


@cache
def of_leading(name: str) -> bool:
    return LEADER.search(snake(name)) is not None


def judged(operation: Operation, write: Effect) -> Seizure | None:
    """By its own clock: a stored time is compared with it, in the program or in the statement itself."""
    for guard in write.guards:
        read = stale(operation, guard, write)
        if read is not None and guard.place is not None:
            return Seizure(write, guard.place, read, True, write.dataset or name_of(read))
    renewed = {a.column for a in write.assigned}
    for predicate in write.predicates:
        old = predicate.operator in ("<", "<=") and predicate.column in renewed
        if old and beats(predicate.column, predicate.sources):
            return Seizure(write, here(write), None, True, write.dataset)
    return None


def stale(operation: Operation, guard: Guard, write: Effect) -> Effect | None:
    """The read whose time a condition of this function holds against the clock; or that asked for living ones."""
    if guard.place is None or not own_text(guard.place, operation):
        return None
    reads = [operation.effect(s.number) for s in guard.sources if s.kind == "read" and s.number < write.number]
    for read in reads:
        if read is None or not same_place(read, write):
            continue
        if by_order(guard) and any(clock(s) for s in guard.sources):
            return read
        if not by_order(guard) and asks_living(read):
            return read
    return None


def same_place(read: Effect, write: Effect) -> bool:
    """Whether a read and a write are of one table, or of two keys that both speak of the leader."""
    if read.dataset or write.dataset:
        return read.dataset == write.dataset
    return read.store == write.store and (read.key == write.key or bool(LEADER.search(read.key or "")))


def asks_living(read: Effect) -> bool:
    """Whether a read asks for those whose heartbeat is younger than a limit, by the clock of who asks."""
    found = read.predicates
    return any(p.operator in (">", ">=", "<", "<=") and beats(p.column, p.sources) for p in found)


def oldest_alive(read: Effect) -> bool:
    """Whether a read picks one of those that are alive by the reader's clock."""
    selection = read.selection
    if selection is None or read.store not in RECORDS or not asks_living(read):
        return False
    return bool(selection.order or selection.limit or selection.aggregate)


def beats(column: str, sources: tuple[Source, ...]) -> bool:
    return bool(BEAT.search(snake(column))) and any(clock(s) for s in sources)


def clock(source: Source) -> bool:
    return source.kind == "clock" and source.name == "wall"


def missed(operation: Operation, write: Effect) -> Seizure | None:
    """It looks for the leader's key, finds none, and sets it: two may do so at once."""
    if write.store not in KEYED or write.verb != "set":
        return None
    for guard, read in deciding_reads(operation, write):
        alike = bool(read.key) and read.key == write.key and guard.place is not None
        if alike and own_text(guard.place, operation) and says_absent(guard, read):  # type: ignore[arg-type]
            return Seizure(write, here(write), read, False, name_of(read))
    return None


def held(operation: Operation, write: Effect) -> bool:
    """Whether it holds a lock that ends with its session when it writes: then that decides who leads, not the time."""
    locks = [operation.effect(n) for n in write.locks]
    return any(
        e is not None and e.kind == Kind.LOCK and (e.store == StoreKind.RELATIONAL or e.technology in SESSION)
        for e in locks
    )


def counted(write: Effect) -> bool:
    """Whether taking over counts up a term, by which the old leader's writes are refused."""
    return any(TERM.search(snake(a.column)) and a.how in ("atomic", "value") for a in write.assigned)


def name_of(effect: Effect) -> str:
    return (effect.dataset or (effect.key or "").removeprefix("const:").strip("'\"")).replace("\ufffc", "…")
