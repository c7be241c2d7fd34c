"""Which datasets are event logs: append-only rows of streams, each with its place in its stream."""

from __future__ import annotations

import re

from datakeel.model.dataset import Dataset, Index

NAME = re.compile(r"(^|_)(events?|event_store|event_log|journal|ledger_entries|stream_events?)$", re.I)
STREAM = re.compile(r"^(stream|aggregate|entity|account|order)(_?id|_?uuid|_name|_key)?$", re.I)
VERSION = re.compile(
    r"^(version|sequence(_number)?|seq|revision|stream_version|aggregate_version|position|expected_version)$", re.I
)


def event_log(dataset: Dataset | None) -> bool:
    """Whether a table is an event log: named so, with a stream's key and a place in the stream."""
    return (
        dataset is not None
        and bool(NAME.search(dataset.name))
        and stream_column(dataset) is not None
        and version_column(dataset) is not None
    )


def stream_column(dataset: Dataset) -> str | None:
    return next((c.name for c in dataset.schema.columns if STREAM.match(c.name)), None)


def version_column(dataset: Dataset) -> str | None:
    """The place in the stream; rather that than the place in the whole log, which a row's own key counts."""
    named = [c.name for c in dataset.schema.columns if VERSION.match(c.name)]
    return next((n for n in named if (n,) != dataset.schema.primary_key()), next(iter(named), None))


def stream_key(dataset: Dataset) -> Index | None:
    """The unique key over a stream and the place in it."""
    wanted = {stream_column(dataset), version_column(dataset)}
    return next((i for i in dataset.schema.unique_keys() if set(i.columns) == wanted), None)
