"""How a table's rows are spread over nodes, and whether a query names the partition that it wants."""

from __future__ import annotations

from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, StoreKind

RANGES = ("<", "<=", ">", ">=", "between")
FIXED = ("=", "in")
SERVING = ("request", "consumer", "task", "event")


def hashed(dataset: Dataset | None) -> tuple[str, ...]:
    """The columns by whose hash a table's rows are spread; none where they are not, or it is not known."""
    partitioning = dataset.schema.partitioning if dataset is not None else None
    return partitioning.columns if partitioning is not None and partitioning.kind in ("hash", "key") else ()


def compared(read: Effect, operators: tuple[str, ...]) -> frozenset[str]:
    """The columns that a query compares so."""
    predicates = read.predicates
    return frozenset(p.column.rpartition(".")[2] for p in predicates if p.operator in operators)


def scans(read: Effect) -> bool:
    """Whether a read goes through a whole DynamoDB table."""
    return read.store == StoreKind.DOCUMENT and any(o.name == "scan" and o.value == "True" for o in read.options)
