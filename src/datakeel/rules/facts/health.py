"""How a process says whether it can work."""

from __future__ import annotations

import re

from datakeel.model.effect import Kind, StoreKind
from datakeel.model.operation import Operation

PATH = re.compile(
    r"/(_?health|healthz|health[-_]?checks?|_?heartbeat_*|_?ready|readyz|readiness|_?live|livez|liveness|status/health)(?=[/\s]|$)",
    re.I,
)
ANSWERS = re.compile(
    r"health|ready|readi|alive|liveness|heartbeat|ping|status|/up\b|/live\b|probe|monitor|version", re.I
)
STORES = {
    StoreKind.RELATIONAL: "the database",
    StoreKind.DOCUMENT: "the document store",
    StoreKind.CACHE: "the cache",
    StoreKind.KEY_VALUE: "the key-value store",
    StoreKind.QUEUE: "the queue",
    StoreKind.LOG: "the log",
    StoreKind.SEARCH: "the search index",
}


def needs(operation: Operation) -> str:
    """What an operation's answer rests on."""
    asked = {e.store for e in operation.of(Kind.READ, Kind.CALL)}
    return " and ".join(word for store, word in STORES.items() if store in asked)
