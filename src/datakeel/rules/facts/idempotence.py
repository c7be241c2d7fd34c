"""What a second time does: nothing more, or the same again."""

from __future__ import annotations

import re

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.derivation import OUTBOX

_MONEY = (
    r"charg|pay(?!load)|refund|transfer|payout|captur|withdraw|deposit|credit|debit|invoice|purchase|order|checkout"
    r"|book(?!mark)|balance|ledger|stock|voucher|points|reserv|subscri|top_?up|redeem|sms|send_message|ship"
)
MONEY = re.compile(_MONEY, re.I)
_ASKING = (
    r"search|query|graphql|token|oauth|auth|login|verify|valid|lookup|export|rpc|batch_?get|check|estimate|quote"
    r"|preview|compute|embed|completion|translate|classif|predict|render|convert|parse|hook|callback|notif|slack"
    r"|telemetry|metric|track|log|ping|heartbeat|event|ingest|report|status|sync|refresh|fetch|get_|list_|describe"
    r"|cancel|delete|remove|revoke|close|disable|statement|scan|analy"
)
ASKING = re.compile(_ASKING, re.I)

AMOUNT = re.compile(
    r"balance|amount|total|count(?!ry)|quantit|qty|stock|points|credit|debit|score|used|spent|sold|paid|hits|views",
    re.I,
)


def words_of(operation: Operation, effect: Effect) -> str:
    """What the code calls the step: the address, and the functions on the way to it."""
    names = f"{operation.symbol} {effect.callee.rpartition('.')[2]} {effect.text}"
    return re.sub(r"https?://[^/]*", "", names)


def adds_up(operation: Operation, effect: Effect, system: System) -> bool | None:
    """Whether the effect happens once more when it is repeated, to somebody's harm; None where nothing tells."""
    if effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE:
        if effect.idempotent != Answer.NO:
            return False
        said = words_of(operation, effect)
        if effect.technology == "stripe" or MONEY.search(said):
            return True
        return False if ASKING.search(said) else None
    if effect.kind == Kind.WRITE and effect.store in (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN):
        if not inserted(effect, system) and not any(a.how == "atomic" for a in effect.assigned):
            return False
        return MONEY.search(" ".join((effect.dataset, *(a.column for a in effect.assigned)))) is not None
    if effect.kind == Kind.PUBLISH:
        return None if effect.store in (StoreKind.QUEUE, StoreKind.LOG) and effect.verb != "task" else False
    return None if effect.store == StoreKind.MAIL else False


def inserted(effect: Effect, system: System) -> bool:
    """Whether a row is added each time: no conflict is answered, and no unique key refuses the second one."""
    if effect.verb != "insert" or effect.conflict or OUTBOX.search(effect.dataset):
        return False
    dataset = system.dataset_of(effect)
    if dataset is None or not dataset.schema.columns:
        return False  # an unknown table is taken to have a key
    given = frozenset(a.column for a in effect.assigned)
    return dataset.schema.unique_within(given - set(dataset.schema.primary_key())) is None
