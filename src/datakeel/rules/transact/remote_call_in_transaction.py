"""`remote-call-in-transaction`: the world outside is waited for while a transaction holds locks."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Transaction
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import begun_here, effects_of, lock_before, locks_of
from datakeel.rules.facts.guards import here, now
from datakeel.rules.facts.slow import SLOW_STORES, words
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import held_while


@rule(Severity.MAJOR)
def remote_call_in_transaction(operation: Operation, system: System) -> Iterator[Hit]:
    """A remote service, another program or a mail server is waited for while a transaction holds locks."""
    calls = [e for e in operation.effects if e.store in SLOW_STORES and e.kind != Kind.WAIT and now(e)]
    lent = [t for t in operation.transactions if t.call is not None]  # a callee's, round what it is handed
    for transaction in (*begun_here(operation, system), *lent) if calls else ():
        waits = list(waiting(operation, transaction, calls))
        if waits:  # a transaction that is open too long is one cause, whatever it waits for
            yield hit(operation, transaction, *min(waits, key=lambda w: w[0].verb == "insert"), waits)


def waiting(operation: Operation, transaction: Transaction, calls: list[Effect]) -> Iterator[tuple[Effect, Effect]]:
    """The calls that are made while a transaction holds locks, each with what is held; each place once."""
    told: set[Place] = set()
    inside = list(effects_of(transaction, calls))
    locks = locks_of(operation, transaction) if inside else []
    for call in inside:
        held = lock_before(operation, locks, call) if call.place not in told else None
        if held is not None and (transaction.call is None or operation.meet_here(held, call)):
            told.add(call.place)
            yield held, call


def hit(
    operation: Operation, transaction: Transaction, held: Effect, call: Effect, waits: list[tuple[Effect, Effect]]
) -> Hit:
    what = words(call)
    begin = transaction.place or operation.place
    unseen = held.verb == "insert"
    return Hit(
        place=here(call),
        message=f"the transaction that inserts {held.dataset or 'a row'} stays open while {what} is waited for, "
        "and its connection is taken that long"
        if unseen
        else f"rows of {held.dataset or 'the database'} stay locked while {what} is waited for: "
        "everybody who needs them waits too",
        story=held_while(begin, held, call, what, [other for _, other in waits if other is not call]),
        rests_on=(held, call),
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
