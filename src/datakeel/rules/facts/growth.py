"""Whether a table grows without end, as far as what writes it tells.

A row for each thing that happens (a request, a message, a job) is a table that grows with time; a row for each thing
that there is (a plan, a region, a setting, a user of a team) is one that grows with the business, or not at all. Only
the first kind is told here: by a writer that inserts whenever it is called from outside, and by a name that says what
happens; or by a writer that inserts what comes in messages.
"""

from __future__ import annotations

import re

from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.survey import of_tests

HAPPENS = re.compile(
    r"(^|_|(?<=[a-z]))(action|activity|alert|answer|appointment|attempt|audit|booking|call|change|charge|click|comment|"
    r"deliver(y|ie)|download|entr(y|ie)|event|execution|feed_?item|finding|flip|hit|histor(y|ie)|impression|incident|invoice|issue|job|"
    r"journal|like|line|log|log_?record|measurement|message|metric|notification|observation|order|order_?item|"
    r"order_?line|outbox|page_?view|payment|ping|post|reading|receipt|record|refund|reply|request|reservation|response|"
    r"result|revision|run|saga|sample|scan|session|shipment|sms|span|submission|task|telemetry|ticket|trace|transaction|transition|"
    r"transfer|upload|view|visit|vote)s?$",
    re.I,
)
SERIES = re.compile(
    r"(^|_)(logs?|metrics?|readings?|measurements?|telemetry|traces?|pings?|visits?|hits?|clicks?|impressions?|page_?views?|samples?)$",
    re.I,
)
TIME = re.compile(r"^(timestamp|datetime|date)")
SWITCH = re.compile(r"^(is_)?(enabled|disabled|active)$")
OUTSIDE = ("request", "consumer", "task", "event")
MESSAGES = ("consumer", "event")
APPENDS = ("insert", "copy", "save")  # a get-or-create or an upsert makes a row for each key, and no more
MOMENT = re.compile(r"^(recorded|received|occurr?ed|happened|created|sent|logged|processed)(_?(at|on|time))?$", re.I)


def appended(name: str, dataset: Dataset | None, system: System) -> Effect | None:
    """The write by which a table of what happens grows (its schema may be unknown); None where nothing says that it
    does."""
    if not name or (dataset is not None and (dataset.kind != "table" or dataset.bounded or switched(dataset))):
        return None
    kinds = OUTSIDE if HAPPENS.search(name) else MESSAGES
    for operation, write in system.writers(name):
        adding = adds(write) or (write.conflict == "ignore" and dataset is not None and dated(dataset))
        if write.store == StoreKind.RELATIONAL and adding and started_by(operation, kinds):
            return write
    return None


def dated(dataset: Dataset) -> bool:
    """Whether each row says when it happened: one that is there already is a thing that came twice."""
    return any(TIME.match(c.type) and MOMENT.match(c.name) for c in dataset.schema.columns)


def switched(dataset: Dataset) -> bool:
    """Whether its rows are switched on and off: they are settings, whatever they are named."""
    return any(SWITCH.search(c.name) for c in dataset.schema.columns)


def kept(name: str, system: System) -> bool:
    """Whether nothing of the product removes what was added."""
    removes = ("delete", "truncate")
    return not any(w.verb in removes and o.role == Role.PRODUCT for o, w in system.writers(name))


def adds(write: Effect) -> bool:
    return write.verb in APPENDS and not write.conflict and (write.verb != "save" or new(write))


def new(write: Effect) -> bool:
    """Whether what is saved was made here."""
    return write.rows is not None and write.rows.root.startswith("new:") and not write.rows.path


def started_by(operation: Operation, kinds: tuple[str, ...]) -> bool:
    """Whether it runs as often as somebody outside wants: not by hand, not once, not in a test."""
    if operation.role != Role.PRODUCT or of_tests(operation.place.path):
        return False
    return any(e.kind in kinds for e in operation.entries)


def series(dataset: Dataset) -> bool:
    """Whether it holds dated records, and is named as what only grows."""
    return bool(SERIES.search(dataset.name.rpartition(".")[2])) and any(
        TIME.match(c.type) for c in dataset.schema.columns
    )
