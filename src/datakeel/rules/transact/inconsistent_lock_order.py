"""`inconsistent-lock-order`: two transactions lock the same things in different orders, and wait for each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from datakeel.finding import Change, Fix, Severity
from datakeel.model.effect import Cardinality, Effect, Guard, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import part_of_outer
from datakeel.rules.facts.decisions import own_text
from datakeel.rules.facts.guards import here, now, single_runner
from datakeel.rules.facts.order import (
    chosen_by_loop,
    gathered,
    kept_to_the_end,
    locked_at_once,
    loop_unsorted,
    of_one_owner,
    parent_first,
    sorted_by_caller,
)
from datakeel.rules.facts.stakes import valuable
from datakeel.rules.facts.ticks import by_timer
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import crossed, crossed_calls, crossed_loop

ROLES = re.compile(  # of a thing in a call: in another call, it has the other one
    r"(^|_)(from|source|src|sender|payer|giver|debit|debtor|to|target|dest|destination|dst|receiver|recipient|payee|"
    r"taker|credit|creditor|a|b|one|other|first|second|left|right|[12])(_|$)|[a-z][12]$"
)
NEAR = 2  # calls between the function and a lock
Order = tuple[Operation, Effect, Effect]
Orders = dict[frozenset[str], list[Order]]


@rule(Severity.MAJOR, Record(1, 16), sure=False)
def inconsistent_lock_order(system: System) -> Iterator[Hit]:
    """Two transactions lock the same rows or tables in different orders, and each waits for the other."""
    orders: Orders = {}
    for operation in system.operations:
        if operation.role != Role.PRODUCT or single_runner(operation):
            continue
        locks = [e for e in operation.of(Kind.READ) if explicit(e) and now(e)]
        yield from named_by_caller(operation, locks)
        for first, second in pairs(operation, locks):
            orders.setdefault(frozenset((first.dataset, second.dataset)), []).append((operation, first, second))
        yield from row_by_row(operation, system)
    for key in sorted(orders, key=sorted):
        yield from against(orders[key], system)


def explicit(effect: Effect) -> bool:
    """Whether rows are locked in so many words."""
    if effect.store != StoreKind.RELATIONAL or not effect.dataset:
        return False
    selection = effect.selection
    return effect.kind == Kind.READ and selection is not None and bool(selection.lock) and not selection.skip_locked


def pairs(operation: Operation, locks: list[Effect]) -> Iterator[tuple[Effect, Effect]]:
    """The first locks of each two datasets that one transaction of this function takes, in their order."""
    seen: dict[str, Effect] = {}
    for lock in locks:
        if lock.dataset in seen or lock.transaction is None:
            continue
        for other in seen.values():
            held = held_together(operation, other, lock) and not operation.exclusive(other, lock)
            if held and operation.meet_here(other, lock):
                yield other, lock
        seen[lock.dataset] = lock


def named_by_caller(operation: Operation, locks: list[Effect]) -> Iterator[Hit]:
    """Two rows of one dataset, each by a parameter of its own, as the caller has them: another call has them the other
    way round."""
    keyed = [(lock, key) for lock in locks if not lock.chain and (key := key_parameter(lock))]
    for (first, one), (second, other) in pairwise(keyed):
        if first.dataset != second.dataset or one == other or not (ROLES.search(one) and ROLES.search(other)):
            continue
        if not held_together(operation, first, second):
            continue
        if operation.exclusive(first, second) or any(sorts(g, one, other) for g in (*first.guards, *second.guards)):
            continue
        yield Hit(
            place=here(second),
            message=f"one of two transactions is aborted as a deadlock: the rows of {first.dataset} are locked in the "
            f"order of the arguments, {one} before {other}, and another call names them the other way round",
            story=crossed_calls(first, second, one, other),
            rests_on=(first, second),
            apart=True,
            datasets=(first.dataset,),
            symbol=operation.symbol,
            fix=Fix(
                title=f"lock both rows of {first.dataset} in the order of their keys",
                text=f"SELECT … FROM {first.dataset} WHERE id IN (:{one}, :{other}) ORDER BY id FOR UPDATE",
            ),
        )


def key_parameter(lock: Effect) -> str:
    """The parameter by which one row is locked."""
    if lock.selection is None or lock.selection.cardinality != Cardinality.ONE or len(lock.selection.predicates) != 1:
        return ""
    kind, _, name = lock.selection.predicates[0].value.partition(":")
    return name if kind == "parameter" and lock.selection.predicates[0].operator == "=" else ""


def sorts(guard: Guard, one: str, other: str) -> bool:
    """Whether a test compares the two keys."""
    names = {".".join((s.name, *s.path)) for s in guard.sources if s.kind == "parameter"}
    return {one, other} <= names


def held_together(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether the first lock is still held when the second is taken.

    Rows can be locked only in a transaction: where the function opens none, its caller has one, and the callees' are
    parts of that.
    """
    if operation.same_transaction(first, second):
        return True
    return first.transaction == 0 and part_of_outer(operation, second)


def against(orders: list[Order], system: System) -> Iterator[Hit]:
    """Those who lock the child before the parent; where neither refers to the other, those whose order fewer use."""
    ways: dict[tuple[str, str], list[Order]] = {}
    for entry in orders:
        ways.setdefault((entry[1].dataset, entry[2].dataset), []).append(entry)
    if len(ways) < 2:
        return
    common = max(sorted(ways), key=lambda w: (parent_first(w[0], w[1], system) is True, len(ways[w])))
    for way in sorted(ways):
        for operation, first, second in near(ways[way]) if way != common else ():
            found = next((e for e in ways[common] if cycle((operation, first, second), e)), None)
            if found is None:
                continue
            them, theirs, theirs_second = found
            yield Hit(
                place=here(second),
                message=f"one of two transactions is aborted as a deadlock: {operation.symbol} locks "
                f"{first.dataset} and then "
                f"{second.dataset}, {them.symbol} the other way round",
                story=crossed(operation, first, second, them, theirs, theirs_second),
                rests_on=(first, second, theirs, theirs_second),
                apart=sold(operation, first, second) or sold(them, theirs, theirs_second),
                datasets=(first.dataset, second.dataset),
                symbol=operation.symbol,
                fix=Fix(
                    title=f"lock {second.dataset} before {first.dataset} here too",
                    text=f"…  # lock the rows of {second.dataset} first, then those of "
                    f"{first.dataset}, as {them.symbol} does",
                ),
            )


def sold(operation: Operation, *locks: Effect) -> bool:
    """Whether the locks are about money or goods: on what is sold, many work at a time."""
    names = {e.dataset for e in locks}
    written = (a.column for e in operation.of(Kind.WRITE) if e.dataset in names for a in e.assigned)
    return valuable(*names, *written)


def cycle(ours: Order, theirs: Order) -> bool:
    """Whether each of two can come to wait for the other: their locks refuse each other, both wait for the second one,
    and no lock that both have taken before keeps one of them out."""
    operation, first, second = ours
    other, their_first, their_second = theirs
    if no_wait(second) or no_wait(their_second) or (shared(first) and shared(their_second)):
        return False
    if shared(second) and shared(their_first):
        return False
    return not taken_before(operation, first) & taken_before(other, their_first)


def shared(lock: Effect) -> bool:
    return lock.selection is not None and lock.selection.lock == "share"


def no_wait(lock: Effect) -> bool:
    """Whether it is refused at once where another has the row."""
    return lock.selection is not None and lock.selection.nowait


def taken_before(operation: Operation, first: Effect) -> set[str]:
    """The datasets of which a row has been locked, for nobody else to have, when the first of two locks is taken."""
    earlier = (e for e in operation.of(Kind.READ) if e.number < first.number and explicit(e) and now(e))
    return {
        e.dataset
        for e in earlier
        if not shared(e) and held_together(operation, e, first) and operation.before_on_all_paths(e, first)
    }


def near(found: list[Order]) -> Iterator[Order]:
    """Those whose own order it is: further up, callers of callers hold the same two locks once more."""
    return (entry for entry in found if max(len(entry[1].chain), len(entry[2].chain)) <= NEAR)


def row_by_row(operation: Operation, system: System) -> Iterator[Hit]:
    """Rows that others lock too are locked one by one, in the order in which they happen to come."""
    if not any(t.call is None for t in operation.transactions):
        return
    for lock in operation.of(Kind.WRITE, Kind.READ):
        if lock.store != StoreKind.RELATIONAL or not now(lock) or not lock.transaction or lock.transaction < 0:
            continue
        if lock.kind == Kind.READ and not explicit(lock):
            continue
        if no_wait(lock):
            continue
        if lock.verb not in ("update", "save", "upsert", "select", "delete") or not lock.dataset:
            continue
        loop = loop_unsorted(lock, operation) if one_of_many(lock) and not one_at_a_time(operation, lock) else None
        if loop is None or loop.place is None or not own_text(loop.place, operation):
            continue
        if not chosen_by_loop(lock, operation) or of_one_owner(lock, operation) or kept_to_the_end(lock, operation):
            continue
        if locked_at_once(lock, operation, system) or sorted_by_caller(lock, system):
            continue
        yield Hit(
            place=loop.place,
            message="one of two transactions is aborted as a deadlock: each locks rows of "
            f"{lock.dataset} one by one, in an order "
            "of its own",
            story=crossed_loop(loop.place, lock),
            rests_on=(lock,),
            likely=True,
            apart=valuable(lock.dataset, *(a.column for a in lock.assigned)),  # on what is sold, many work at a time
            doubts=2 * int(gathered(lock) or by_timer(operation, (), system)),
            datasets=(lock.dataset,),
            symbol=operation.symbol,
            fix=Fix(
                title=f"go through them in the order of the key of {lock.dataset}",
                text=f"for … in sorted(…, key=…):  # by the id of the row of {lock.dataset} that is locked",
                changes=() if lock.chain else (Change("sort", loop.place, other=lock.place),),
            ),
        )
        return


def one_of_many(lock: Effect) -> bool:
    """Whether one row, which was there before, is locked by its key."""
    if lock.selection is None or lock.selection.cardinality != Cardinality.ONE:
        return False
    return lock.verb != "save" or (lock.rows is not None and lock.rows.root.startswith("read:"))


def one_at_a_time(operation: Operation, lock: Effect) -> bool:
    """Whether a lock of its own lets only one run go through the rows."""
    held = (operation.effect(n) for n in lock.locks)
    return any(e is not None and e.kind == Kind.LOCK for e in held)
