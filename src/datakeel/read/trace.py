"""A function that was followed becomes its trace: what its callers need of it, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from datakeel.model.effect import Effect, Kind, Rows, Scope
from datakeel.model.operation import Resource
from datakeel.read.machine import Trace
from datakeel.read.orms import undoes
from datakeel.read.program import Expression
from datakeel.read.state import Frame, State, joined
from datakeel.read.symbols import FunctionInfo
from datakeel.read.values import Value, join, union

if TYPE_CHECKING:
    from datakeel.read.calls import Caller

Brought = TypeVar("Brought", Effect, Resource)
LARGE = 1_000  # effects, or resources, of one trace, beyond which each place is kept by its nearest ways only
WAYS = 8  # so many
LEASES = ("distributed", "session")


def finished(caller: Caller, frame: Frame, info: FunctionInfo | None) -> Trace:
    """A machine's record as a trace: the paths that returned meet at the end."""
    end = caller.state
    fell_through = end.alive
    for left in frame.left:
        left.alive = True
        end = joined(left, end, (), ())
    returns = frame.returned
    if fell_through and returns is not None:
        returns = join(returns, Value(const=None))
    if returns is not None and info is not None and info.signature.returns is not None:
        returns = as_declared(caller, info, info.signature.returns, returns)
    heap = outliving(end.heap, returns)
    perhaps = perhaps_held(caller, frame, fell_through, end, returns)
    held = tuple(n for n in (*end.locks, *sorted(perhaps)) if n > 0)
    ends = {c: n for c, n in end.transactions.items() if n != 0}
    effects = condensed(caller, returns)
    if caller.state.merged:
        effects = tuple(replace(e, transaction=caller.whole(e.transaction)) if e.transaction else e for e in effects)
        ends = {c: caller.whole(n) for c, n in ends.items()}
    if caller.rerun is not None:
        effects = tuple(replace(e, scopes=(caller.rerun, *e.scopes)) for e in effects)
    used = {e.transaction for e in effects} | set(ends.values())
    transactions = (caller.transactions[n] for n in sorted(caller.transactions) if n not in caller.state.merged)
    return Trace(
        effects=effects,
        exits=tuple(caller.exits),
        transactions=tuple(t for t in transactions if t.call is None or t.number in used),
        resources=tuple(at_hand(caller.resources, effects)),
        retries=tuple(caller.retries),
        handlers=tuple(caller.handlers),
        returns=returns,
        yields=frame.yielded,
        heap=heap,
        ends=ends,
        held=held,
        raises=tuple(dict.fromkeys(frame.raises)),
        never_returns=not fell_through and not frame.left and frame.yielded is None and not abstract(caller),
        size=caller._number + 1,
        complete=caller.complete,
        parameters=tuple(p.name for p in info.signature.parameters) if info is not None else (),
        handed=tuple(caller.handed),
    )


def abstract(caller: Caller) -> bool:
    """Whether a body only says that subclasses shall have one: what they do is not known."""
    return bool(caller.exits) and all(x.text == "builtins.NotImplementedError" for x in caller.exits)


def perhaps_held(caller: Caller, frame: Frame, fell_through: bool, end: State, returns: Value | None) -> frozenset[int]:
    """Locks that some path leaves held, and whose result tells that it did: one outside the process; that of a row that
    is given where it was locked, and nothing where it was not."""
    kept = frozenset(n for s in frame.left for n in s.locks) | frozenset(caller.state.locks if fell_through else ())
    taken = {e.number for e in caller.effects if e.kind == Kind.LOCK and e.verb in LEASES} | set(caller.claims)
    if returns is not None and returns.rows is not None and not returns.others:
        taken |= {n for n in kept if returns.rows == Rows(f"read:{n}")}
    return (kept & taken) - frozenset(end.locks)


def as_declared(caller: Caller, info: FunctionInfo, annotation: Expression, value: Value) -> Value:
    """What a function gives is what it declares, where nothing else is known of it."""
    if value.type or value.known or value.target is not None or value.state is not None or value.items is not None:
        return value
    declared = caller.world.orms.declared(caller.world.annotated(info.module, annotation))
    return value.but(type=declared.type, of=value.of or declared.of, state=declared.state) if declared.type else value


def outliving(heap: dict[tuple[Rows, str], Value], returns: Value | None) -> dict[tuple[Rows, str], Value]:
    """The attributes that the caller can see: of what came from outside, and of what the function gives back."""
    attributes: dict[str, list[tuple[tuple[Rows, str], Value]]] = {}
    for key, value in heap.items():
        if not key[1].startswith("$"):
            attributes.setdefault(key[0].root, []).append((key, value))
    waiting = [root for root in attributes if root.startswith(("parameter:", "global:"))]
    waiting += (r.root for r in identities(returns)) if returns is not None else ()
    kept: dict[tuple[Rows, str], Value] = {}
    while waiting:
        for key, value in attributes.pop(waiting.pop(), ()):
            kept[key] = value
            waiting += (r.root for r in identities(value) if r.root.startswith("new:"))
    return {k: kept[k] for k in sorted(kept, key=lambda k: not undoes(k[1]))}


def identities(value: Value, depth: int = 0) -> Iterable[Rows]:
    """The identities of a value and of its parts."""
    if value.rows is not None:
        yield value.rows
    if depth < 2:
        for part in (*(value.items or ())[:8], *value.others, *((value.of,) if value.of is not None else ())):
            yield from identities(part, depth + 1)


def condensed(caller: Caller, returns: Value | None) -> tuple[Effect, ...]:
    """The effects without repeats: what one call brings several times in the same way stands once, with the shortest
    way to it.

    A read that a write, its rows, a decision or the function's value was computed from is never left out.
    """
    if not caller.effects:
        return ()
    needed = referenced(caller.effects, returns)
    repeated = Repeated()
    kept: dict[Any, int] = {}
    effects: list[Effect] = []
    for effect in caller.effects:
        if not effect.chain or effect.number in needed:
            effects.append(effect)
            continue
        key = (
            effect.call,
            effect.kind,
            effect.verb,
            effect.dataset,
            effect.transaction,
            bool(effect.locks),
            effect.when,
            effect.key,
            effect.technology,
            effect.rows if effect.rows is not None and not effect.rows.root.startswith(("read", "new")) else None,
            tuple(a.column for a in effect.assigned),
            *repeated.how(effect.scopes),
        )
        known = kept.get(key)
        if known is None:
            kept[key] = len(effects)
            effects.append(effect)
        elif len(effect.chain) < len(effects[known].chain):
            effects[known] = effect
    if len(effects) > LARGE:
        effects = nearest(effects, returns)
    return tuple(sorted(effects, key=lambda e: e.number))


def nearest(effects: list[Effect], returns: Value | None) -> list[Effect]:
    """Of many effects those by the shortest ways: a place that is come to in hundreds of ways (saving calls handlers,
    which save) says nothing new in the last of them."""
    near = by_short_ways(effects, lambda e: (e.place, e.kind, e.verb, e.when, e.transaction is None))
    needed = referenced((e for e in effects if e.number in near), returns)
    return [e for e in effects if e.number in near or e.number in needed]


def at_hand(resources: list[Resource], effects: tuple[Effect, ...]) -> Iterator[Resource]:
    """The resources that a trace tells of: of those that one line makes, where it is come to in many ways, the ones by
    the shortest, and those that an effect names."""
    if len(resources) <= LARGE:
        yield from resources
        return
    named = {e.rows.root for e in effects if e.rows is not None} | {e.connection.partition(".")[0] for e in effects}
    near = by_short_ways(resources, lambda r: r.place)
    yield from (r for r in resources if r.number in near or f"new:{r.number}" in named)


def by_short_ways(brought: Iterable[Brought], what: Callable[[Brought], object]) -> set[int]:
    """The numbers of those that stand in the function's own text, and, of each kind, of those by the shortest ways."""
    seen: Counter[object] = Counter()
    near = set()
    for one in sorted(brought, key=lambda one: len(one.chain)):
        seen[what(one)] += bool(one.chain)
        if seen[what(one)] <= WAYS:
            near.add(one.number)
    return near


class Repeated:
    """Whether scopes stand in a retry, and in a loop; most effects share theirs."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, tuple[bool, bool]]] = {}  # by identity, and kept so that this stays its

    def how(self, scopes: tuple[Scope, ...]) -> tuple[bool, bool]:
        found = self._known.get(id(scopes))
        if found is None:
            kinds = {s.kind for s in scopes}
            found = self._known[id(scopes)] = (scopes, ("retry" in kinds, "loop" in kinds))
        return found[1]


def referenced(effects: Iterable[Effect], returns: Value | None) -> set[int]:
    """The numbers of the reads that something further on was computed from, or depends on."""
    found: set[int] = set()
    for effect in effects:
        if effect.kind == Kind.WRITE:
            found |= {s.number for a in effect.assigned for s in a.sources if s.number >= 0}
            found |= {s.number for p in effect.predicates for s in p.sources if s.number >= 0}
            found |= {
                s.number for g in effect.guards[-2:] for s in g.sources if s.number >= 0 and len(effect.chain) <= 1
            }
    if returns is not None:
        found |= {s.number for s in union((returns,)) if s.number >= 0}
    return found
