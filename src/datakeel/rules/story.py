"""The few shapes that a failure of this field takes, told step by step with places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from datakeel.finding import Step
from datakeel.model.effect import Effect
from datakeel.model.operation import Operation
from datakeel.model.place import Place


def further(first: Place, places: Iterable[Place]) -> list[Place]:
    """The other places of what has one cause, each once."""
    return [place for place in dict.fromkeys(places) if place != first]


def and_so_in(others: Sequence[Place], what: str, whose: str = "") -> str:
    """What a message says of further places.

    >>> and_so_in([], "loop"), and_so_in([Place("a.py", 1), Place("a.py", 2)], "call", " of pay")
    ('', ' (and so in 2 more calls of pay)')
    """
    count = len(others)
    return f" (and so in {count} more {what}{'s' if count > 1 else ''}{whose})" if others else ""


def interleaved(read: Place, write: Place, what: str) -> tuple[Step, ...]:
    """Two at once: both read, both write, the first one's update is gone."""
    return (
        Step(read, f"A reads {what}"),
        Step(read, f"B reads {what}: the same value"),
        Step(write, "B writes what it computed"),
        Step(write, "A writes what it computed from the old value: B's update is gone"),
    )


def both_insert(read: Effect, write: Effect, key: str, *, refused: bool) -> tuple[Step, ...]:
    """Two at once: both look, find nothing, and insert."""
    end = (
        "A inserts: the unique key refuses it, and the error goes to the user"
        if refused
        else "A inserts: now there are two"
    )
    return (
        *way(read),
        Step(read.place, f"A looks for {key} and finds nothing"),
        Step(read.place, f"B looks for {key} and finds nothing"),
        *way(write),
        Step(write.place, "B inserts"),
        Step(write.place, end),
    )


def both_pass(
    read: Place,
    test: Place,
    write: Effect,
    what: str,
    consequence: Effect | None,
    rival: tuple[Operation, Effect] | None,
) -> tuple[Step, ...]:
    """Two at once: both pass a test, and both act on it."""
    begin = (Step(read, f"A reads {what}"), Step(test, "A's test says: go on"))
    if rival is not None:
        return (
            *begin,
            Step(rival[1].place, f"B ({rival[0].symbol}) sets {what} to another state"),
            Step(write.place, f"A sets {what}: B's change is overwritten, and no rule of states allowed that"),
        )
    again = (
        () if consequence is None else (*way(consequence), Step(consequence.place, "A does this, and B does it again"))
    )
    return (
        *begin,
        Step(read, f"B reads {what}: the same value"),
        Step(test, "B's test says: go on"),
        *again,
        Step(write.place, f"A sets {what}, and B sets it again"),
    )


def both_decide(read: Effect, write: Effect, what: str) -> tuple[Step, ...]:
    """Two at once: each decides by a set that the other is about to change."""
    return (
        *way(read),
        Step(read.place, f"A asks {what}"),
        Step(read.place, f"B asks {what}: the same answer"),
        *way(write),
        Step(write.place, f"A writes {write.dataset}, as its answer allows"),
        Step(
            write.place,
            f"B writes {write.dataset}, as its answer allowed: the two together do not hold what both checked",
        ),
    )


def held_while(begin: Place, held: Effect, slow: Effect, what: str, others: Iterable[Effect] = ()) -> tuple[Step, ...]:
    """Locks are held while something slow happens; `others`: what is waited for in the same transaction."""
    rows = held.dataset or "what it wrote"
    again = tuple(dict.fromkeys(Step((*e.chain, e.place)[0], "so it is during this call") for e in others))
    if held.verb == "insert":
        return (
            Step(begin, "the transaction begins"),
            *way(held),
            Step(held.place, f"a row of {rows} is inserted: nobody sees it before the commit"),
            *way(slow),
            Step(slow.place, f"{what} is waited for, with the connection taken; it knows of a row that may yet vanish"),
            *again,
            Step(begin, "when the answer fails to come, connections run out; when the commit fails, the row is gone"),
        )
    return (
        Step(begin, "the transaction begins"),
        *way(held),
        Step(held.place, f"{rows} is locked until the commit"),
        *way(slow),
        Step(slow.place, f"{what} is waited for, with the locks held and the connection taken"),
        *again,
        Step(
            begin, f"others that need {rows} queue up behind it; when the answer fails to come, all of them stand still"
        ),
    )


def grows(begin: Place, read: Effect, write: Effect) -> tuple[Step, ...]:
    """Never ending: the work of one transaction grows with the table."""
    return (
        Step(begin, "the transaction begins"),
        *way(read),
        Step(read.place, f"all rows of {read.dataset} that there are by now are read"),
        *way(write),
        Step(write.place, "each of them is changed, and stays locked"),
        Step(begin, "hours later, or at the first failure: nothing is committed, and all of it begins anew"),
    )


def half_done(begin: Place, failed: Effect, handler: Place, other: Effect) -> tuple[Step, ...]:
    """A failure is caught while the transaction is open."""
    return (
        Step(begin, "the transaction begins"),
        *way(other),
        Step(other.place, f"{other.kind.value} {other.dataset or other.verb}, in the same transaction"),
        *way(failed),
        Step(failed.place, f"{failed.dataset or 'the write'} fails"),
        Step(handler, "the failure is caught here, inside the transaction, and nothing is rolled back"),
        Step(begin, "the transaction goes on to its end"),
    )


def refused(begin: Place, write: Effect, why: str, code: str) -> tuple[Step, ...]:
    """The database refuses one of two transactions that met."""
    return (
        Step(begin, f"A begins; {why}"),
        *way(write),
        Step(write.place, "B, in the same rows, commits first"),
        Step(write.place, f"the database refuses A: {code}"),
        Step(begin, "nothing begins A again: its work is not done"),
    )


def crash_between(first: Effect, second: Effect, what: str) -> tuple[Step, ...]:
    """A crash between two writes that belong together."""
    return (
        *way(first),
        Step(first.place, f"{first.verb} {first.dataset}: committed at once"),
        Step(first.place, "the process dies, or what stands between raises"),
        *way(second),
        Step(second.place, f"{second.verb} {second.dataset} never happens: what is left is {what}"),
    )


def torn(first: Effect, second: Effect, theirs: Effect, symbol: str, use: Effect) -> tuple[Step, ...]:
    """Two reads, and a commit between them that changes what both speak of."""
    return (
        *way(first),
        Step(first.place, f"A reads {first.dataset}, as it was before"),
        Step(
            theirs.place, f"B ({symbol}) changes {first.dataset} and {second.dataset} in one transaction, and commits"
        ),
        *way(second),
        Step(second.place, f"A reads {second.dataset}, as it is after"),
        Step(use.place, f"A writes {use.dataset or 'a result'} from the two: it fits no moment in time"),
    )


def crossed(
    operation: Operation, first: Effect, second: Effect, them: Operation, theirs: Effect, theirs_second: Effect
) -> tuple[Step, ...]:
    """Two transactions lock the same two things in opposite orders."""
    return (
        *way(first),
        Step(first.place, f"A ({operation.symbol}) locks {first.dataset}"),
        *way(theirs),
        Step(theirs.place, f"B ({them.symbol}) locks {theirs.dataset}"),
        *way(second),
        Step(second.place, f"A waits for {second.dataset}"),
        *way(theirs_second),
        Step(
            theirs_second.place,
            f"B waits for {theirs_second.dataset}: neither goes on, and the database aborts one (40P01)",
        ),
    )


def crossed_calls(first: Effect, second: Effect, one: str, other: str) -> tuple[Step, ...]:
    """Two calls of one function lock the same two rows, each in the order of its arguments."""
    return (
        Step(first.place, f"A locks the row of {first.dataset} that {one} names"),
        Step(first.place, f"B, called with the two the other way round, locks the one that is A's {other}"),
        Step(second.place, "A waits for B's row"),
        Step(second.place, "B waits for A's: neither goes on, and the database aborts one of them (40P01)"),
    )


def crossed_loop(loop: Place, lock: Effect) -> tuple[Step, ...]:
    """Two transactions lock the same rows one by one, each in its own order."""
    return (
        Step(loop, "A goes through its rows as they come, B through its own"),
        *way(lock),
        Step(lock.place, f"A locks row 1 of {lock.dataset}, B locks row 2"),
        Step(lock.place, "A waits for row 2, B for row 1: the database aborts one of them (40P01)"),
    )


def way(effect: Effect) -> tuple[Step, ...]:
    """The calls that lead to an effect, outermost first."""
    return tuple(Step(place, "calls") for place in effect.chain)


def overtaken(read: Place, slow: Effect | None, theirs: Effect, write: Effect, what: str) -> tuple[Step, ...]:
    """Too old: another writes between the read and the write, where something slow may stand."""
    waits = (*way(slow), Step(slow.place, "A waits here, for milliseconds or for minutes")) if slow is not None else ()
    return (
        Step(read, "A reads the whole row"),
        *waits,
        Step(theirs.place, f"B writes {what}"),
        Step(write.place, f"A writes the whole row as it was: {what} has its old value again"),
    )


def early(begin: Place, publish: Effect, what: str, *, read: bool, begun: bool = True) -> tuple[Step, ...]:
    """A message leaves inside a transaction: it arrives before the commit, or although there never is one. `read`:
    whether its consumer looks for the rows; `begun`: whether the transaction begins there, or is open already."""
    rolled_back = "the transaction rolls back, and the message stands for nothing"
    return (
        Step(begin, "the transaction begins here" if begun else "a transaction is open here: a caller has begun it"),
        *way(publish),
        Step(publish.place, f"{what} leaves while nothing is committed"),
        Step(begin, f"the consumer runs at once and does not find the rows; or {rolled_back}" if read else rolled_back),
    )


def endless(call: Effect, what: str, once: bool = False) -> tuple[Step, ...]:
    """A call that never comes back, in a process that has other work, or (`once`) in a program that ends."""
    if once:
        return (
            *way(call),
            Step(call.place, f"{what} is waited for, with no limit"),
            Step(call.place, "the other side hangs: the program stands still, until somebody ends it"),
        )
    return (
        *way(call),
        Step(call.place, f"{what} is waited for, with no limit"),
        Step(
            call.place,
            "the other side hangs: the connection stays open, and this thread or worker with it, until something "
            "from outside ends it",
        ),
        Step(call.place, "further work piles up behind it, until no worker is left"),
    )
