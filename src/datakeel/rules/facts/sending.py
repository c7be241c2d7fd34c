"""How a client says that a message was not taken: by a future, by a callback, in its answer, or not before it is asked
to."""

from __future__ import annotations

from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System

WAITS = ("flush", "delivery", "result", "tasks")
NOBODY = ("0", "'0'")


def reported(publish: Effect) -> str:
    """How its client reports a failure: ``future``, ``callback``, ``answer`` (a batch, part of which may fail),
    ``return`` (a broker gives back what it cannot route, where the sender wants to know); empty where it raises, or
    nobody wants to know."""
    option, mandatory = publish.option("reports"), publish.option("mandatory")
    if option is None or option.value == "'at-once'":
        return ""
    how = option.value.strip("'")
    return "" if how == "return" and (mandatory is None or mandatory.value != "True") else how


def asked(publish: Effect) -> bool:
    """Whether the code takes what the report would come in; or says that nobody shall report, or sends in a
    transaction, whose commit raises."""
    acks, transaction = publish.option("acks"), publish.option("transaction")
    if (acks is not None and acks.value in NOBODY) or (
        transaction is not None and transaction.value not in ("None", "")
    ):
        return True
    if reported(publish) == "callback":
        given = [o for o in publish.options if o.word == "delivery-report"]
        return not given or any(o.value != "None" for o in given)
    return publish.result_used


def waited_for(operation: Operation, publish: Effect) -> bool:
    """Whether the function goes on to wait until what it has sent is sent."""
    return any(
        e.verb in WAITS and (e.number > publish.number or e.inside("loop") is not None) for e in operation.of(Kind.WAIT)
    )


def heard(system: System, publish: Effect) -> bool:
    """Whether anything asks the broker to tell what becomes of messages that are sent through such a client."""
    return any(
        e.verb == "report-delivery" and e.technology == publish.technology
        for o in system.operations
        for e in o.of(Kind.ALTER)
    )
