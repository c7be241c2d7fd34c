"""What may be lost: by declaration, or by what its name says that it is."""

from __future__ import annotations

import re

from datakeel.model.effect import Effect, StoreKind
from datakeel.model.system import System

NAMES = re.compile(
    r"(^|[^a-z])(logs?|logging|metrics?|telemetry|traces?|tracing|tracker|spans?|heartbeats?|stats|statistics|analytics|"
    r"clicks?|clickstream|impressions?|presence|debug|progress|typing|notify|pings?|health|cache)([^a-z]|$)",
    re.I,
)

FLEETING = ("redis", "mqtt")  # a queue of theirs is publish/subscribe


def losable(system: System, name: str) -> bool:
    """Whether a dataset's content may be lost.

    >>> [losable(System(), n) for n in ("app.metrics", "orders", "catalogs")]
    [True, False, False]
    """
    dataset = system.dataset(name) if name else None
    return bool(NAMES.search(name)) or (dataset is not None and dataset.losable)


def kept_nowhere(message: Effect) -> bool:
    """Whether a message goes to a channel that keeps none: who does not listen at that moment never gets it, and there
    is no state that could differ from a row."""
    return message.technology in FLEETING and message.store == StoreKind.QUEUE


def for_devices(message: Effect) -> bool:
    """Whether a message goes to machines and screens, which ask no database of the sender's about it."""
    return message.technology == "mqtt"
