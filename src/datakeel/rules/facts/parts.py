"""The parts of a partitioned table that the program itself makes and drops as time goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System

HOLE = "\ufffc"
MADE = re.compile(r"\bATTACH\s+PARTITION\b|\bPARTITION\s+OF\b", re.I)
DROPPED = re.compile(r"\bDETACH\s+PARTITION\b|\bDROP\s+TABLE\b", re.I)
KEYED = re.compile(r"\bPRIMARY\s+KEY\b|\bUNIQUE\b|\bINCLUDING\s+(ALL|INDEXES)\b", re.I)


def made(dataset: Dataset, system: System) -> Effect | None:
    """The statement by which a program that is started makes a part of the table, or of one that is not known."""
    return next((e for o, e in altering(dataset, system) if o.entries and not e.chain and MADE.search(e.text)), None)


def dropped(dataset: Dataset, system: System) -> bool:
    """Whether something that may be started drops a part, or puts it aside."""
    return any((o.entries or o.decorated) and DROPPED.search(e.text) for o, e in altering(dataset, system))


def keyless(dataset: Dataset, system: System) -> bool:
    """Whether the program makes all parts, and gives none of them a key of its own."""
    if dataset.partitions or made(dataset, system) is None:
        return False
    return not any(KEYED.search(e.text) for _, e in altering(dataset, system))


def altering(dataset: Dataset, system: System) -> Iterator[tuple[Operation, Effect]]:
    """What the product's code defines of the table, or of one that is not known."""
    for operation in system.operations:
        for effect in operation.of(Kind.ALTER) if operation.role == Role.PRODUCT else ():
            if HOLE in effect.text or dataset.name in effect.text:
                yield operation, effect
