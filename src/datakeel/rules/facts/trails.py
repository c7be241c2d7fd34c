"""Rows that only tell what happened: a missing or second one of them breaks nothing."""

from __future__ import annotations

TRAILS = (
    "log",
    "logs",
    "logrecord",
    "logentry",
    "history",
    "historyentry",
    "historyentries",
    "outstandingtoken",
    "audit",
    "audit_trail",
    "event",
    "events",
    "journal",
    "journals",
    "notification",
    "notifications",
    "activity",
    "activities",
    "record",
    "records",
    "attempt",
    "attempts",
)


def is_trail(dataset: str) -> bool:
    """Whether a dataset's name says that it keeps a trail.

    >>> is_trail("alerts_alertgrouplogrecord"), is_trail("orders")
    (True, False)
    """
    return dataset.lower().endswith(TRAILS)
