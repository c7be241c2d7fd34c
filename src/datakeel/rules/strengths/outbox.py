"""`outbox`: messages wait in a table that is written with the change, and a relay sends them."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.rules.facts.derivation import outbox_writes, record_writes, together
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.relays import relayed
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("derive", unless=("outbox-relay-defect",), rank=1)
def outbox(survey: Survey) -> Iterator[Seen]:
    """A message is written in the transaction of the change that it tells of, and a relay sends it."""
    sent = relayed(survey)
    for operation in survey.operations if sent else ():
        for message in outbox_writes(operation):
            if message.verb != "insert" or message.dataset not in sent:
                continue
            for change in record_writes(operation):
                if together(operation, change, message) and operation.meet_here(change, message):
                    said = f"{message.dataset} is written in one transaction with {change.dataset}"
                    yield seen(operation, here(message), said, message.dataset, change.dataset)
                    break
    for relay, read in sent.values():
        yield seen(relay, here(read), f"the relay reads {read.dataset}, sends, and marks what is sent", read.dataset)
