"""What a system must do, as its people say it: the nouns of ``system.yaml``.

Quantities are plain numbers in base units (a second, a byte, per second); their texts (``2M/s``, ``15 min``, ``2 TB``)
are read and written by `requirements.units`. What was not said is None, or empty: nothing here assumes.
"""

from datakeel.requirements.nouns import (
    Access,
    Aggregate,
    Availability,
    Batch,
    Document,
    Domain,
    Event,
    Existing,
    Field,
    Graph,
    Invariant,
    Latency,
    Replicated,
    Requirements,
    Saga,
    Series,
    Service,
    Step,
    Stream,
    Table,
    Total,
    View,
    Workload,
)
from datakeel.requirements.reader import read
from datakeel.requirements.writer import text

__all__ = [
    "Access",
    "Aggregate",
    "Availability",
    "Batch",
    "Document",
    "Domain",
    "Event",
    "Existing",
    "Field",
    "Graph",
    "Invariant",
    "Latency",
    "Replicated",
    "Requirements",
    "Saga",
    "Series",
    "Service",
    "Step",
    "Stream",
    "Table",
    "Total",
    "View",
    "Workload",
    "read",
    "text",
]
