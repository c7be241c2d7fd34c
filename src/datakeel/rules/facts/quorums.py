"""How many copies answer a read or a write of a store without a leader, and whether the two must share one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, Option, StoreKind, When
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.replicas import CHANGES, reached, same

FIXED = {"ANY": 0, "ONE": 1, "LOCAL_ONE": 1, "TWO": 2, "THREE": 3}
MAJORITY = ("QUORUM", "LOCAL_QUORUM", "EACH_QUORUM", "SERIAL", "LOCAL_SERIAL")
COPIES = 3  # of a keyspace whose replication is not seen
FACTOR = re.compile(r"replication_factor\W+(\d+)", re.I)


def level(effect: Effect) -> Option | None:
    """The consistency level of a statement; None where it is not known, or a profile may say another."""
    elsewhere = effect.option("profile")
    if elsewhere is not None and elsewhere.value != "None":
        return None
    found = effect.option("consistency")
    known = found is not None and (found.value in FIXED or found.value in MAJORITY or found.value == "ALL")
    return found if known else None


def answering(value: str, copies: int) -> int:
    """How many of a row's copies answer at a level.

    >>> answering("LOCAL_QUORUM", 3), answering("ONE", 3), answering("ALL", 3)
    (2, 1, 3)
    """
    if value in FIXED:
        return min(FIXED[value], copies)
    return copies if value == "ALL" else copies // 2 + 1


def copies_of(system: System) -> int | None:
    """The smallest replication factor that the project gives to a keyspace; None where none is seen."""
    made = (e for o in system.operations for e in o.of(Kind.ALTER) if e.store == StoreKind.WIDE_COLUMN)
    return min((int(match[1]) for e in made if (match := FACTOR.search(e.text))), default=None)


def read_back(operation: Operation) -> Iterator[tuple[Effect, Effect]]:
    """What a flow writes and then reads of the same rows, at levels that are known. What writes on a condition agrees
    with the other copies in a way of its own."""
    reads = [r for r in operation.of(Kind.READ) if r.store == StoreKind.WIDE_COLUMN and r.dataset and level(r)]
    for read in reads:
        before = (w for w in operation.of(Kind.WRITE) if w.dataset == read.dataset and w.number < read.number)
        plain = (w for w in before if w.when == When.NOW and w.verb in CHANGES and w.option("if") is None and level(w))
        write = next((w for w in plain if same(operation, w, read) and reached(operation, w, read)), None)
        if write is not None and read.when == When.NOW:
            yield write, read
