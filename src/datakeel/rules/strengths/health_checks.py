"""`health-checks`: a process says whether it can work."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

PATH = re.compile(
    r"/(_?health|healthz|health[-_]?checks?|_?heartbeat_*|_?ready|readyz|readiness|_?live|livez|liveness|status/health)(?=[/\s]|$)",
    re.I,
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


@strength("operate")
def health_checks(survey: Survey) -> Iterator[Seen]:
    """A process says whether it can work: what it needs is asked, not only whether it runs."""
    for operation, entry in survey.entries:
        if entry.kind == "request" and PATH.search(entry.name) and (asked := needs(operation)):
            yield seen(operation, entry.place, f"{entry.name} asks {asked}")


def needs(operation: Operation) -> str:
    """What the answer rests on."""
    asked = {e.store for e in operation.of(Kind.READ, Kind.CALL)}
    return " and ".join(word for store, word in STORES.items() if store in asked)
