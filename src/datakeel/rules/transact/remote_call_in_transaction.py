"""`remote-call-in-transaction`: the world outside is waited for while a transaction holds locks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from datakeel.finding import Fix, Severity
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Transaction
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import begun_here, effects_of, lock_before, locks_of
from datakeel.rules.facts.decisions import own_text
from datakeel.rules.facts.derivation import about
from datakeel.rules.facts.guards import here, now
from datakeel.rules.facts.limits import limited, unlimited
from datakeel.rules.facts.slow import SLOW_STORES, words
from datakeel.rules.facts.stakes import valuable
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import held_while

FAR = 4  # calls to where another service is asked
NEW = ("insert", "get-or-create", "link")  # a row that is found as it is stays unlocked; a new one nobody sees yet


@rule(Severity.MAJOR, sure=False)
def remote_call_in_transaction(operation: Operation, system: System) -> Iterator[Hit]:
    """A remote service, another program or a mail server is waited for while a transaction holds locks."""
    calls = [e for e in operation.effects if e.store in SLOW_STORES and e.kind != Kind.WAIT and now(e)]
    lent = [t for t in operation.transactions if t.call is not None]  # a callee's, round what it is handed
    for transaction in (*begun_here(operation, system), *lent) if calls else ():
        waits = list(waiting(operation, transaction, calls))
        if waits:  # a transaction that is open too long is one cause, whatever it waits for
            held, call = min(waits, key=lambda w: (doubts(operation, *w), plain(operation, *w)))
            yield hit(operation, transaction, held, call, waits)


def waiting(operation: Operation, transaction: Transaction, calls: list[Effect]) -> Iterator[tuple[Effect, Effect]]:
    """The calls that are made while a transaction holds locks, each with what is held; each place once, by its plainest
    way."""
    found: dict[Place, tuple[Effect, Effect]] = {}
    inside = list(effects_of(transaction, calls))
    locks = locks_of(operation, transaction) if inside else []
    locks.sort(key=lambda e: (fresh(e), hidden(operation, e)))
    for call in inside:
        held = lock_before(operation, locks, call)
        if held is not None and (transaction.call is None or operation.meet_here(held, call)):
            known = found.get(call.place)
            if known is None or plain(operation, held, call) < plain(operation, *known):
                found[call.place] = held, call
    yield from found.values()


def plain(operation: Operation, held: Effect, call: Effect) -> tuple[bool, int, int]:
    """What is plain to see comes first: a row that others need, few conditions in functions that are called, an answer
    that decides nothing, a short way."""
    return fresh(held), conditions(operation, held, call) + meant(operation, call), len(call.chain)


def conditions(operation: Operation, held: Effect, call: Effect) -> int:
    """How many conditions in functions that are called lead to the lock and to the call. (A module that sends mail asks
    conditions of its own: whether there is an address, a server, a wish for it.)"""
    own = (call.place.path,) if call.store == StoreKind.MAIL else ()
    return hidden(operation, held) + hidden(operation, call, *own)


def hidden(operation: Operation, effect: Effect, *but: str) -> int:
    """How many branches lead to an effect inside the functions that are called, of other files than these: what is
    known here may rule them out."""
    if not effect.chain:
        return 0  # what stands round it elsewhere is a context manager's
    branches = (s.place for s in effect.scopes if s.kind == "branch" and s.place is not None)
    return sum(not own_text(place, operation) and place.path not in but for place in branches)


def doubts(operation: Operation, held: Effect, call: Effect) -> int:
    """What speaks against anybody waiting, or against another place for the call: a command that somebody runs, when
    little else goes on; a row that may be as it was; rows that nobody sees yet, and that the other side is not told of;
    a row that was locked for the sake of the call, and that nobody needs for goods or money; a way of many conditions,
    or of many calls, which what is known here may rule out; an answer that comes within a limit and decides what is
    written."""
    by_hand = bool(operation.entries) and all(e.kind == "command" for e in operation.entries)
    if (
        by_hand
        or unseen(held, call)
        or perhaps_unchanged(held)
        or (call.store != StoreKind.MAIL and len(call.chain) > FAR)
    ):
        return 2
    if held.kind == Kind.READ and not valuable(held.dataset) and not changed_before(operation, call):
        return 2  # the lock is there for the call: one at a time asks, and keeps what is answered
    return min(conditions(operation, held, call) + meant(operation, call), 2)


def perhaps_unchanged(held: Effect) -> bool:
    """Whether an object is only brought into a session (SQLAlchemy's `merge`), and nothing of it is seen to be changed:
    then nothing is written. (Of nine such findings in public code none was true.)"""
    return held.verb == "save" and held.technology == "sqlalchemy" and not held.assigned


def changed_before(operation: Operation, call: Effect) -> bool:
    """Whether the transaction has changed rows when a call is made."""
    return any(
        not fresh(e)
        and e.transaction == call.transaction
        and e.number < call.number
        and not operation.exclusive(e, call)
        for e in operation.of(Kind.WRITE)
    )


def fresh(held: Effect) -> bool:
    """Whether only a row is locked that nobody looks for yet: the transaction has made it, whatever it changes of it
    afterwards. An insert that says what is to be done where its key is there already expects others of that key: these
    wait for its end."""
    own = held.rows is not None and held.rows.root.startswith("new:") and not held.rows.path
    return (own or held.verb in NEW) and not (held.verb == "insert" and held.conflict)


def unseen(held: Effect, call: Effect) -> bool:
    """Whether only new rows are locked, and the other side is not told of them, or answers about them."""
    if not fresh(held):
        return False
    asked = call.store == StoreKind.REMOTE and call.result_used
    return asked or not about(held, (*call.payload, *call.key_sources))


def meant(operation: Operation, call: Effect) -> bool:
    """Whether the answer decides what is written, and does not come late: who asks under the lock wants it so."""
    option = call.option("timeout")
    ends = limited(call) or (option is not None and option.value != "" and not unlimited(option))
    return ends and any(
        e.transaction == call.transaction and e.number > call.number and rests_on(e, call)
        for e in operation.of(Kind.WRITE)
    )


def rests_on(write: Effect, call: Effect) -> bool:
    """Whether what is written, or whether it is, was computed from an answer."""
    sources = chain(write.computed_from, *(g.sources for g in write.guards))
    return any(s.number == call.number and s.kind != "new" for s in sources)


def hit(
    operation: Operation, transaction: Transaction, held: Effect, call: Effect, waits: list[tuple[Effect, Effect]]
) -> Hit:
    what = words(call)
    begin = transaction.place or operation.place
    unseen = fresh(held)
    return Hit(
        place=here(call),
        message=f"the transaction that inserts {held.dataset or 'a row'} stays open while {what} is waited for, "
        "and its connection is taken that long"
        if unseen
        else f"rows of {held.dataset or 'the database'} stay locked while {what} is waited for: "
        "everybody who needs them waits too",
        story=held_while(begin, held, call, what, [other for _, other in waits if other is not call]),
        rests_on=(held, call),
        doubts=doubts(operation, held, call),
        datasets=(held.dataset,) if held.dataset else (),
        severity=Severity.MINOR if unseen else None,
        fix=Fix(
            title=f"call {what} before the transaction begins or after it commits",
            text=cure(call, held),
        ),
    )


def cure(call: Effect, held: Effect) -> str:
    if held.technology == "django":
        return f"transaction.on_commit(lambda: …)  # {words(call)}\n# or move it before `with transaction.atomic():`"
    if call.store == StoreKind.MAIL:
        return "…  # commit first, then send; or write the mail to an outbox table in the transaction"
    return "…  # commit first, then call; or write what is to be done to an outbox table in the transaction"
