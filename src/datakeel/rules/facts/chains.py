"""Changes at other services that follow each other in one run: which they are, and what undoes the first when the
second fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Guard, Kind, StoreKind, When
from datakeel.model.operation import Operation
from datakeel.rules.facts.derivation import MARK, OUTBOX, RECORDS, answers
from datakeel.rules.facts.idempotence import ASKING, MONEY
from datakeel.rules.facts.words import host

# who is told of something can be told late, or not at all
TELLING = re.compile(r"sms|mail|notif|message|slack|twilio|push|webhook|alert|comment|chat|telegram|discord", re.I)
UNDOES = re.compile(
    r"cancel|refund|void|release|revert|undo|rollback|roll_back|compensat|restor|reverse|unreserv|delete|remove", re.I
)
BAD = re.compile(r"err|fail|declin|reject|refus|denied", re.I)
ACTS = (Kind.CALL, Kind.WRITE, Kind.PUBLISH)
SAGA = re.compile(r"saga|workflow|process_manager|step|intent|attempt|journal|task|job", re.I)


def said(effect: Effect) -> str:
    """What the code calls the step: the function that makes the call, and the address."""
    return f"{effect.callee.rpartition('.')[2]} {effect.text}"


def changes(effect: Effect) -> int:
    """How surely a call changes what another service keeps: 2 when its words say so, 1 when they say nothing, 0 when it
    asks, tells, carries a key by which it can be repeated, or is no such call."""
    if effect.kind != Kind.CALL or effect.store != StoreKind.REMOTE or effect.when != When.NOW:
        return 0
    words = said(effect)
    if effect.idempotent == Answer.YES or TELLING.search(words) or effect.technology in ("slack", "twilio", "sendgrid"):
        return 0
    sure = effect.technology == "stripe" or bool(MONEY.search(words))
    if effect.idempotent == Answer.UNKNOWN:
        return 2 if sure and effect.verb == "rpc" and not ASKING.search(effect.text) else 0
    if sure:
        return 2
    return 0 if ASKING.search(re.sub(r"https?://[^/]*", "", words)) else 1


def chains(operation: Operation) -> Iterator[tuple[Effect, Effect]]:
    """Two changes at different services, the one after the other in the same run."""
    calls = [e for e in operation.of(Kind.CALL) if changes(e)]
    for index, first in enumerate(calls):
        for second in calls[index + 1 :]:
            apart = elsewhere(first, second) and not undoing(second) and not answers(operation, first, second)
            if apart and not operation.exclusive(first, second) and operation.meet_here(first, second):
                yield first, second


def undoing(effect: Effect) -> bool:
    """Whether a call takes something back: it is the cure, not a further step."""
    return bool(UNDOES.search(said(effect)))


def elsewhere(first: Effect, second: Effect) -> bool:
    """Whether two calls go to different services, as far as their addresses, clients and technologies say."""
    if first.technology != second.technology:
        return True
    if first.technology == "stripe":
        return False
    here, there = place_of(first), place_of(second)
    if here and there:
        return here != there
    if first.technology == "grpc" and first.connection and second.connection:
        return first.connection != second.connection
    mine, theirs = first.callee.rpartition(".")[0], second.callee.rpartition(".")[0]
    return bool(mine and theirs) and mine != theirs


def place_of(effect: Effect) -> str:
    """The host, where it is known whole."""
    name = host(effect) if "://" in effect.text else ""
    return "" if "…" in name else name


def undone(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether something answers to a failure of the second change: a handler that does more than log, a test of its
    answer that leads to a further change, a stack of what is to be undone; or whether what was done is written down
    where another run finds it."""
    tries = {s.number for s in second.scopes if s.kind == "try" and s.arm == "body"}
    if any(h.number in tries and {"call", "assign", "continue"} & set(h.does) for h in operation.handlers):
        return True
    for effect in operation.effects:
        if effect.number in (first.number, second.number) or effect.kind in (Kind.LOG, Kind.CLOCK, Kind.READ):
            continue
        if any(
            s.kind == "try" and s.number in tries and s.arm.startswith(("handler", "finally")) for s in effect.scopes
        ):
            return True
        if effect.when == When.AT_EXIT and effect.kind in (Kind.CALL, Kind.PUBLISH):
            return True
        if effect.number > second.number and any(refused(g, second) for g in effect.guards) and effect.kind in ACTS:
            return True
        if first.number < effect.number < second.number and noted(effect):
            return True
    return False


def refused(guard: Guard, call: Effect) -> bool:
    """Whether a condition holds where a call's answer says that it failed: ``not paid.accepted``, ``status != 200``."""
    asked = [s for s in guard.sources if s.number == call.number and s.kind in ("read", "result")]
    if not asked:
        return False
    if guard.test == "exception":
        return True
    if any(BAD.search(name) for s in asked for name in s.path[-1:]) or BAD.search(guard.text):
        return guard.polarity
    return guard.polarity == (guard.test in ("!=", ">", ">=", "is-none", "in"))


def noted(effect: Effect) -> bool:
    """Whether a write says how far the whole has come: a state, a step of a saga, an entry of an outbox."""
    if effect.kind != Kind.WRITE or effect.store not in RECORDS:
        return False
    if OUTBOX.search(effect.dataset) or SAGA.search(effect.dataset):
        return True
    return any(MARK.search(a.column) for a in effect.assigned)
